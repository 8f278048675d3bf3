"""Large photos are searched on few pixels first, and on more where that is not enough."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from facedata.config import TEMPLATES
from facedata.crops.cut import CropShape, cut_crop, make_shape
from facedata.detect.choose import box_iou
from facedata.detect.find import SearchRegion, find_faces
from facedata.detect.mtcnn.detector import Mtcnn
from facedata.detect.search import SearchRule
from facedata.errors import DetectorError
from facedata.painted import paint
from facedata.photos.picture import Picture
from facedata.types import Face, UInt8Image


@pytest.fixture(scope="module")
def detector() -> Mtcnn:
    return Mtcnn()


class Watched:
    """A detector that notes the size of what it is shown."""

    name = "watched"

    def __init__(self, detector: Mtcnn) -> None:
        self.detector = detector
        self.shown: list[tuple[int, int]] = []

    def detect(self, images: Sequence[UInt8Image], rules: Any = None) -> list[list[Face]]:
        self.shown += [(image.shape[1], image.shape[0]) for image in images]
        return self.detector.detect(images, rules)


def photo_on(width: int, height: int, face_px: int) -> tuple[bytes, tuple[int, int, int]]:
    """A painted portrait of about that size on a grey ground, as a JPEG; and where the portrait lies."""
    portrait = paint(0, 0, seed=1).image
    scale = 2 * face_px / min(portrait.shape[:2])
    small = cv2.resize(portrait, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    whole = np.full((height, width, 3), 128, np.uint8)
    x, y = (width - small.shape[1]) // 3, (height - small.shape[0]) // 3
    whole[y : y + small.shape[0], x : x + small.shape[1]] = small
    stream = io.BytesIO()
    Image.fromarray(whole).save(stream, "JPEG", quality=95)
    return stream.getvalue(), (x, y, small.shape[0])


def wanted(picture: Picture, rule: str = "largest", **changes: Any) -> SearchRegion:
    return SearchRegion(picture, (0, 0, *picture.size), SearchRule(rule, 0.9, 20.0, **changes))


def test_a_large_face_is_found_in_a_reduced_decoding(detector: Mtcnn) -> None:
    data, _ = photo_on(2600, 2000, 600)
    watched = Watched(detector)
    (found,) = find_faces([wanted(Picture(data))], watched)
    assert watched.shown == [(650, 500)]
    (whole,) = find_faces([wanted(Picture(data), rule="only")], detector)
    assert isinstance(found, list)
    assert isinstance(whole, list)
    assert box_iou(found[0].box, whole[0].box) > 0.85
    side = float((whole[0].box[2:] - whole[0].box[:2]).max())
    assert np.abs(found[0].landmarks - whole[0].landmarks).max() < 0.03 * side


def test_a_small_face_is_looked_for_in_more_pixels(detector: Mtcnn) -> None:
    data, _ = photo_on(2600, 2000, 60)
    watched = Watched(detector)
    (found,) = find_faces([wanted(Picture(data))], watched)
    assert watched.shown == [(650, 500), (2600, 2000)]
    assert isinstance(found, list)
    assert len(found) == 1


def test_every_face_is_looked_for_in_every_pixel(detector: Mtcnn) -> None:
    data, _ = photo_on(1400, 1000, 300)
    watched = Watched(detector)
    find_faces([wanted(Picture(data), rule="only")], watched)
    assert watched.shown == [(1400, 1000)]


def test_a_given_box_means_the_same_face_reduced(detector: Mtcnn) -> None:
    picture = Picture(photo_on(2600, 2000, 500)[0])
    (largest,) = find_faces([wanted(picture)], detector)
    assert isinstance(largest, list)
    x0, y0, x1, y1 = largest[0].box.tolist()
    watched = Watched(detector)
    (found,) = find_faces([wanted(picture, given_box=(x0, y0, x1, y1))], watched)
    assert watched.shown == [(650, 500)]  # nothing could overlap it better
    assert isinstance(found, list)
    assert box_iou(found[0].box, largest[0].box) > 0.95


def test_only_the_photo_that_breaks_the_detector_fails(detector: Mtcnn) -> None:
    class Breaking(Watched):
        def detect(self, images: Sequence[UInt8Image], rules: Any = None) -> list[list[Face]]:
            if any(image.shape[1] == 700 for image in images):
                raise RuntimeError("boom")
            return super().detect(images, rules)

    pictures = [Picture(photo_on(width, 600, 200)[0]) for width in (640, 700)]
    good, bad = find_faces([wanted(picture) for picture in pictures], Breaking(detector))
    assert isinstance(good, list)
    assert isinstance(bad, DetectorError)
    assert "RuntimeError: boom" in str(bad)


class Recording:
    """A detector that gives what it is told to, by the width of what it sees; notes each batch's pixels."""

    name = "told"

    def __init__(self, answers: dict[int, Any]) -> None:
        self.answers = answers
        self.pixels: list[int] = []

    def detect(self, images: Sequence[UInt8Image], rules: Any = None) -> list[list[Face]]:
        self.pixels.append(sum(image.shape[0] * image.shape[1] for image in images))
        return [self.answers.get(image.shape[1], []) for image in images]


def a_face(side: float, score: float = 0.95, kind: type[np.floating[Any]] = np.float32) -> Face:
    points = np.array([[0.3, 0.4], [0.7, 0.41], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]], kind)
    return Face(np.array([10, 10, 10 + side, 10 + side], kind), score, points * side + 10)  # type: ignore[arg-type]


def test_a_finer_search_that_leaves_the_choice_open_is_not_the_last() -> None:
    """At a quarter of the size there is a face, at half of it none that is sure: the whole photo decides."""
    picture = Picture(photo_on(2600, 2000, 100)[0])
    detector = Recording({650: [a_face(31)], 1300: [a_face(62, score=0.85)], 2600: [a_face(124)]})
    (found,) = find_faces([wanted(picture)], detector)
    assert isinstance(found, list)
    assert [one.score for one in found] == [0.95]
    assert len(detector.pixels) == 3


def test_photos_without_a_face_are_not_all_decoded_whole_at_once() -> None:
    """A folder of landscapes from a telephone: each batch of them took gigabytes."""
    stream = io.BytesIO()
    Image.fromarray(np.full((3000, 4000, 3), 99, np.uint8)).save(stream, "JPEG")
    pictures = [Picture(stream.getvalue()) for _ in range(5)]
    detector = Recording({})
    assert find_faces([wanted(picture) for picture in pictures], detector) == [[]] * 5
    assert detector.pixels == [5 * 1000 * 750] + [4000 * 3000] * 5
    assert not any(1 in picture._decoded for picture in pictures)
    assert pictures[0].at(1).shape == (3000, 4000, 3)  # it comes again when it is asked for


@pytest.mark.parametrize(
    "nonsense",
    [
        None,
        "faces",
        [None],
        [Face(np.zeros(3, np.float32), 0.9, np.zeros((5, 2), np.float32))],
        [Face(np.array([1, 1, 9, 9], np.float32), 0.9, np.ones((4, 2), np.float32))],
        [Face(np.array([1, 1, 9, 9], np.float32), None, np.ones((5, 2), np.float32))],  # type: ignore[arg-type]
        [Face(np.array([1, np.nan, 9, 9], np.float32), 0.9, np.ones((5, 2), np.float32))],
    ],
)
def test_whatever_a_detector_returns_only_that_photo_fails(nonsense: Any) -> None:
    pictures = [Picture.of_pixels(np.zeros((100, width, 3), np.uint8)) for width in (100, 120)]
    good, bad = find_faces([wanted(one) for one in pictures], Recording({100: [a_face(50)], 120: nonsense}))
    assert isinstance(good, list)
    assert len(good) == 1
    assert isinstance(bad, DetectorError)


def test_a_detector_that_leaves_photos_out_is_asked_one_by_one() -> None:
    class Forgetful(Recording):
        def detect(self, images: Sequence[UInt8Image], rules: Any = None) -> list[list[Face]]:
            return [one for one in super().detect(images, rules) if one]

    pictures = [Picture.of_pixels(np.zeros((100, width, 3), np.uint8)) for width in (100, 120)]
    good, bad = find_faces([wanted(one) for one in pictures], Forgetful({100: [a_face(50)]}))
    assert isinstance(good, list)
    assert len(good) == 1
    assert "gave 0 answers for 1 photos" in str(bad)


def test_faces_come_in_the_ledgers_precision() -> None:
    """A crop is cut from the face that was found, and cut again from the one in the ledger."""
    picture = Picture.of_pixels(np.zeros((100, 100, 3), np.uint8))
    (found,) = find_faces([wanted(picture)], Recording({100: [a_face(50.123456789, kind=np.float64)]}))
    assert isinstance(found, list)
    assert {str(found[0].box.dtype), str(found[0].landmarks.dtype)} == {"float32"}


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_crop_does_not_depend_on_how_its_photo_was_searched(template: str) -> None:
    data, (x, y, side) = photo_on(2600, 2000, 260)
    box = np.array([x + side / 4, y + side / 5, x + side * 3 / 4, y + side * 0.9], np.float32)
    eyes = [[0.3, 0.4], [0.7, 0.42], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]]
    face = Face(box, 1.0, (np.array(eyes, np.float32) * (box[2:] - box[:2]) + box[:2]).astype(np.float32))
    searched = Picture(data)
    for reduction in (4, 2, 1):
        searched.at(reduction)
    shape = make_shape(template)
    one, other = (cut_crop(picture, face, shape).image for picture in (searched, Picture(data)))
    np.testing.assert_array_equal(one, other)


def test_a_crop_from_a_reduced_decoding_shows_what_one_from_the_whole_shows() -> None:
    data, (x, y, side) = photo_on(4000, 3000, 1000)
    box = np.array([x + side / 4, y + side / 5, x + side * 3 / 4, y + side * 0.9], np.float32)
    eyes = np.array([[0.3, 0.4], [0.7, 0.45], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]], np.float32)
    face = Face(box, 1.0, eyes * (box[2:] - box[:2]) + box[:2])
    reduced = Picture(data)
    quick = cut_crop(reduced, face, CropShape())
    exact = cut_crop(Picture.of_pixels(Picture(data).at(1)), face, CropShape())
    assert 1 not in reduced._decoded  # it was not decoded whole
    difference = np.abs(quick.image.astype(int) - exact.image.astype(int))
    assert difference.mean() < 1.5
    np.testing.assert_array_equal(quick.matrix, exact.matrix)
