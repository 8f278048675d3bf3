"""Which face is meant, and what cannot be a face."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facedata.crops.find_crops import find_crops
from facedata.detect.base import check_faces
from facedata.detect.choose import box_iou, choose
from facedata.errors import DetectorError, UsageError
from facedata.testing import landmarks_in
from facedata.types import Face, Status


def face(x0: float, y0: float, side: float, score: float = 0.99) -> Face:
    box = np.array([x0, y0, x0 + side, y0 + side], np.float32)
    return Face(box, score, landmarks_in(box.tolist(), 0.0))


SMALL_IN_THE_MIDDLE, LARGE_AT_THE_EDGE = face(90, 90, 20, 0.95), face(0, 0, 60, 0.99)
BOTH = [SMALL_IN_THE_MIDDLE, LARGE_AT_THE_EDGE]


@pytest.mark.parametrize(
    ("rule", "chosen"),
    [
        ("largest", LARGE_AT_THE_EDGE),
        ("center", SMALL_IN_THE_MIDDLE),
        ("score", LARGE_AT_THE_EDGE),
        ("only", None),
    ],
)
def test_each_rule_chooses_its_face(rule: str, chosen: Face | None) -> None:
    found, status, _ = choose(BOTH, rule, (200, 200))
    assert found is chosen
    assert status is (Status.KEPT if chosen else Status.UNSELECTED)


def test_center_refuses_when_no_face_covers_the_centre() -> None:
    found, status, reason = choose([LARGE_AT_THE_EDGE], "center", (200, 200))
    assert (found, status, reason) == (None, Status.UNSELECTED, "no face covers the photo's centre")


def test_a_given_box_wins_over_the_rule() -> None:
    assert choose(BOTH, "largest", (200, 200), given_box=(85, 85, 115, 115))[0] is SMALL_IN_THE_MIDDLE
    assert choose(BOTH, "largest", (200, 200), given_box=(150, 150, 160, 160))[1] is Status.UNSELECTED


@pytest.mark.parametrize(
    ("faces", "limits", "status"),
    [
        ([], {}, Status.NO_FACE),
        ([face(0, 0, 50, 0.8)], {"min_score": 0.9}, Status.LOW_SCORE),
        ([face(0, 0, 15)], {"min_face": 20}, Status.TOO_SMALL),
        ([face(0, 0, 15), face(0, 0, 90, 0.8)], {"min_score": 0.9, "min_face": 20}, Status.TOO_SMALL),
    ],
)
def test_each_reason_has_its_status(faces: list[Face], limits: dict[str, float], status: Status) -> None:
    found, was, reason = choose(faces, "largest", (200, 200), **limits)  # type: ignore[arg-type]
    assert found is None
    assert was is status
    assert reason


@given(
    st.permutations([face(10, 10, 50), face(90, 10, 50), face(10, 90, 50), face(70, 70, 50, 0.98)]),
    st.sampled_from(["largest", "center", "score"]),
)
def test_the_order_of_the_faces_does_not_matter(faces: list[Face], rule: str) -> None:
    assert (
        choose(faces, rule, (150, 150))[0]
        is choose(sorted(faces, key=lambda f: f.box.tolist()), rule, (150, 150))[0]
    )


def test_an_unknown_rule_is_an_error_and_not_the_largest() -> None:
    with pytest.raises(ValueError, match="smallest"):
        choose(BOTH, "smallest", (200, 200))


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("face", "smallest"), ("template", "round"), ("detector", "dlib"), ("device", "tpu")),
        *(("device", "auto"), ("size", 0), ("size", 15), ("size", 4097), ("size", 64.5), ("margin", -1)),
        *(("min_face", 0), ("min_score", 1.5)),
    ],
)
def test_find_crops_refuses_what_prepare_would(option: str, value: object) -> None:
    with pytest.raises(UsageError, match=f"(?=.*{option.replace('_', '-')})(?=.*{value})"):
        find_crops(np.zeros((50, 50, 3), np.uint8), **{option: value})  # type: ignore[arg-type]


def test_iou_of_known_boxes() -> None:
    assert box_iou(np.array([0, 0, 10, 10]), np.array([5, 0, 15, 10])) == pytest.approx(1 / 3)
    assert box_iou(np.array([0, 0, 10, 10]), np.array([10, 0, 20, 10])) == 0


@pytest.mark.parametrize(
    ("box", "match"),
    [
        ([np.nan, 0, 10, 10], "not finite"),
        ([0, 0, np.inf, 10], "not finite"),
        ([10, 0, 10, 10], "empty box"),
        ([300, 300, 340, 340], "outside"),
        ([-500, 0, 10, 10], "outside"),
    ],
)
def test_nonsense_is_refused(box: list[float], match: str) -> None:
    good = face(10, 10, 50)
    check_faces([good], 100, 100)
    with pytest.raises(DetectorError, match=match):
        check_faces([good, Face(np.array(box, np.float32), 0.9, good.landmarks)], 100, 100)


def test_eyes_at_one_point_are_refused() -> None:
    with pytest.raises(DetectorError, match="one point"):
        check_faces([Face(face(10, 10, 50).box, 0.9, np.full((5, 2), 30, np.float32))], 100, 100)
