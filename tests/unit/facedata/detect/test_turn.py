"""When the other turns are tried, and which one is taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from facedata.detect.doubt import MAY_BE_TURNED
from facedata.detect.find import SearchRegion
from facedata.detect.quarter_turns import turn_box, turn_image, turn_points
from facedata.detect.search import SearchRule
from facedata.detect.turn import find_upright_faces, is_contradictory
from facedata.errors import DetectorError
from facedata.photos.picture import Picture
from facedata.testing import landmarks_in
from facedata.types import CloserLook, Face, UInt8Image

BOX = (30.0, 20.0, 70.0, 72.0)
WIDTH, HEIGHT = 160, 110


def face(score: float = 0.99, doubt: float | None = None, tilt_deg: float = 4.0) -> Face:
    look = None if doubt is None else CloserLook(doubt)
    return Face(np.array(BOX, np.float32), score, landmarks_in(BOX, tilt_deg), look=look)


def photo(corner: int = 200) -> UInt8Image:
    """A photo whose upper left corner alone is bright: it tells how the photo is turned."""
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    image[:10, :10] = corner
    return image


class CornerDetector:
    """Answers by where the bright corner is: by how far the image is from upright, counter-clockwise."""

    name = "corner"

    def __init__(self, answers: dict[int, Any]) -> None:
        self.answers = answers
        self.seen: list[int] = []

    def detect(
        self, images: Sequence[UInt8Image], rules: Sequence[SearchRule] | None = None
    ) -> list[list[Face]]:
        return [self._answer(image) for image in images]

    def _answer(self, image: UInt8Image) -> list[Face]:
        for lying_deg in (0, 90, 180, 270):
            if turn_image(image, lying_deg)[0, 0, 0] == 200:
                self.seen.append(lying_deg)
                answer = self.answers.get(lying_deg, [])
                if isinstance(answer, Exception):
                    raise answer
                return list(answer)
        raise AssertionError("no bright corner")


def search(image: UInt8Image, detector: CornerDetector, rule: SearchRule | None = None) -> Any:
    picture = Picture.of_pixels(image)
    region = SearchRegion(picture, (0, 0, *picture.size), rule or SearchRule("largest", 0.9, 20.0))
    (outcome,) = find_upright_faces([region], detector)
    return outcome


@pytest.mark.parametrize("lying_deg", [0, 90, 180, 270])
def test_a_lying_photo_is_found_out_and_its_face_is_in_its_own_pixels(lying_deg: int) -> None:
    upright, back = photo(), (360 - lying_deg) % 360
    (found,) = search(turn_image(upright, back), CornerDetector({0: [face()]}))
    size = (WIDTH, HEIGHT)
    assert found.turned_deg == lying_deg
    np.testing.assert_array_equal(found.box, turn_box(face().box, back, size))
    np.testing.assert_array_equal(found.landmarks, turn_points(face().landmarks, back, size))


def test_a_plainly_upright_face_is_looked_for_once() -> None:
    detector = CornerDetector({0: [face(doubt=-9.0)], 90: [face(1.0, -20.0)]})
    (found,) = search(photo(), detector)
    assert (found.turned_deg, detector.seen) == (0, [0])


def test_a_face_in_doubt_is_looked_for_at_every_turn_and_the_surest_wins() -> None:
    detector = CornerDetector(
        {0: [face(0.97, MAY_BE_TURNED + 1)], 90: [face(0.95, -6.0)], 180: [face(0.99, -3.0)]}
    )
    (found,) = search(photo(), detector)
    assert set(detector.seen) == {0, 90, 180, 270}
    assert (found.turned_deg, found.score) == (270, 0.95)


@pytest.mark.parametrize("other", [MAY_BE_TURNED + 0.5, MAY_BE_TURNED - 0.1])
def test_a_face_that_is_hardly_surer_turns_nothing(other: float) -> None:
    detector = CornerDetector({0: [face(doubt=MAY_BE_TURNED + 0.6)], 180: [face(doubt=other)]})
    (found,) = search(photo(), detector)
    assert found.turned_deg == 0


def test_eyes_below_the_mouth_are_a_contradiction() -> None:
    upside_down = replace(face(), landmarks=turn_points(face().landmarks, 180, (100, 92)))
    swapped = replace(face(), landmarks=face().landmarks[[3, 4, 2, 0, 1]])
    assert not is_contradictory(face())
    assert is_contradictory(upside_down)
    assert is_contradictory(swapped)
    assert not is_contradictory(replace(upside_down, turned_deg=180))
    (found,) = search(photo(), CornerDetector({0: [upside_down], 180: [face(0.93)]}))
    assert found.turned_deg == 180


@pytest.mark.parametrize(
    ("tilt_deg", "contradictory"), [(0, False), (53, False), (-53, False), (75, True), (180, True)]
)
def test_a_tilt_is_a_contradiction_from_sixty_degrees_on(tilt_deg: float, contradictory: bool) -> None:
    assert is_contradictory(face(tilt_deg=tilt_deg)) is contradictory


def test_nobody_at_any_turn_stays_nobody() -> None:
    detector = CornerDetector({})
    assert search(photo(), detector) == []
    assert sorted(detector.seen) == [0, 90, 180, 270]


def test_a_small_face_in_doubt_turns_no_photo() -> None:
    """The face on a book that lies on a table."""
    small = replace(face(doubt=0.0), box=np.array([30, 20, 50, 45], np.float32))
    image = np.zeros((900, 900, 3), np.uint8)
    image[:10, :10] = 200
    assert search(image, CornerDetector({90: [small]})) == []
    (found,) = search(image, CornerDetector({90: [replace(small, look=CloserLook(-6.0))]}))
    assert found.turned_deg == 270


def test_a_detector_that_fails_at_a_turn_leaves_what_was_found() -> None:
    doubtful = face(doubt=MAY_BE_TURNED + 2)
    (found,) = search(photo(), CornerDetector({0: [doubtful], 90: RuntimeError("boom")}))
    assert found.turned_deg == 0
    outcome = search(photo(), CornerDetector({0: RuntimeError("boom"), 90: [face()]}))
    assert isinstance(outcome, DetectorError)


@pytest.mark.parametrize("lying_deg", [90, 180, 270])
def test_a_given_box_is_turned_along(lying_deg: int) -> None:
    """Two faces as sure: the one that the box names, in the photo as it is, has to be taken."""
    other = np.array([90, 30, 140, 92], np.float32)
    there = Face(other, 0.99, landmarks_in(other.tolist(), 0.0))
    back, size = 360 - lying_deg, (WIDTH, HEIGHT)
    seen: list[Any] = []

    class Noting(CornerDetector):
        def detect(
            self, images: Sequence[UInt8Image], rules: Sequence[SearchRule] | None = None
        ) -> list[list[Face]]:
            seen.extend(rule.given_box for rule in rules or [])
            return super().detect(images, rules)

    box = turn_box(other, back, size).tolist()
    rule = SearchRule("largest", 0.9, 20.0, given_box=(box[0], box[1], box[2], box[3]))
    faces = search(turn_image(photo(), back), Noting({0: [face(), there]}), rule)
    chosen, _, _ = rule.choose(faces, turn_image(photo(), back).shape[1::-1])
    assert chosen is not None
    assert (chosen.turned_deg, chosen.box.tolist()) == (lying_deg, box)
    assert tuple(other.tolist()) in seen


def test_several_faces_turn_no_photo_in_which_only_one_is_wanted() -> None:
    two = [face(), replace(face(), box=np.array([90, 30, 140, 92], np.float32))]
    detector = CornerDetector({0: two, 180: [face()]})
    assert len(search(photo(), detector, SearchRule("only", 0.9, 20.0))) == 2
    assert detector.seen == [0]


@pytest.mark.parametrize("rule", ["only", "score", "all", "center"])
def test_every_rule_turns(rule: str) -> None:
    box = np.array([60, 30, 100, 80], np.float32)
    there = Face(box, 0.99, landmarks_in(box.tolist(), 0.0))
    faces = search(turn_image(photo(), 180), CornerDetector({0: [there]}), SearchRule(rule, 0.9, 20.0))
    assert [one.turned_deg for one in faces] == [180]
