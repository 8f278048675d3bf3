"""A box between two faces is told from the faces beside it; all at known places."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facedata.checks.quality.face_in_photo import FaceInPhoto
from facedata.checks.quality.straddling import measure_unshared
from facedata.config import CheckConfig
from facedata.types import Float64Array

_STRADDLES = CheckConfig().straddling
_SHAPE = np.array([(0.28, 0.39), (0.73, 0.39), (0.5, 0.59), (0.32, 0.76), (0.70, 0.76)])
_LEFT, _RIGHT = np.array([100.0, 100, 180, 200]), np.array([175.0, 106, 255, 210])
"""Two faces, cheek to cheek."""


def _points(box: Float64Array) -> Float64Array:
    points: Float64Array = box[:2] + _SHAPE * (box[2:] - box[:2])
    return points


def _face(
    points: Float64Array,
    box: Float64Array,
    others: list[Float64Array],
    score: float = 0.966,
    surer: float = 0.99,
) -> FaceInPhoto:
    boxes = np.array([*others, box])
    scores = np.array([*[surer] * len(others), score])
    return FaceInPhoto(points, np.full((2, 3), np.nan), box, 400, 300, boxes, scores, 0.0)


def _between(others: list[Float64Array], **about: float) -> FaceInPhoto:
    """Return the face that a detector sees between the two: half of it is one's, half the other's."""
    left, right = _points(_LEFT), _points(_RIGHT)
    eyes_mouth = np.array([left[1], right[0], left[4], right[3]])
    points = np.insert(eyes_mouth, 2, eyes_mouth.mean(axis=0), axis=0)
    return _face(points, (_LEFT + _RIGHT) / 2, others, **about)


@pytest.mark.parametrize("others", [[_LEFT, _RIGHT], [_LEFT], [_RIGHT]], ids=["both", "left", "right"])
def test_a_box_between_two_faces_shares_an_eye_with_each(others: list[Float64Array]) -> None:
    assert measure_unshared(_between(others)) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("box", [_LEFT, _RIGHT])
def test_the_two_faces_themselves_do_not_straddle(box: Float64Array) -> None:
    between = (_LEFT + _RIGHT) / 2
    other = _RIGHT if box is _LEFT else _LEFT
    assert measure_unshared(_face(_points(box), box, [other], surer=1.0)) > _STRADDLES
    # the detector is surer of a face than of what lies between
    assert measure_unshared(_face(_points(box), box, [other, between], score=0.999, surer=0.99)) == 1


def test_only_faces_of_which_the_detector_is_as_sure_count() -> None:
    assert measure_unshared(_between([_LEFT], score=0.99, surer=0.99)) < _STRADDLES
    assert measure_unshared(_between([_LEFT], score=0.995, surer=0.99)) == 1


@given(st.floats(-0.25, 0.25), st.floats(-0.5, 0.5), st.floats(0.75, 1.3), st.sampled_from([-1, 1]))
def test_a_neighbour_that_overlaps_a_quarter_is_no_straddling(
    overlap: float, higher: float, larger: float, side: int
) -> None:
    width, height = (_LEFT[2:] - _LEFT[:2]) * larger
    x = _LEFT[2] - overlap * 80 if side == 1 else _LEFT[0] + overlap * 80 - width
    y = _LEFT[1] + higher * 100
    neighbour = np.array([x, y, x + width, y + height])
    assert measure_unshared(_face(_points(_LEFT), _LEFT, [neighbour])) > _STRADDLES


@given(st.floats(0.05, 40), st.integers(-2000, 2000), st.integers(0, 3))
def test_scale_place_and_quarter_turns_do_not_count(scale: float, shift: int, quarters: int) -> None:
    face = _between([_LEFT + 8, _RIGHT])
    turn = np.linalg.matrix_power(np.array([[0.0, -1], [1, 0]]), quarters)

    def moved(points: Float64Array) -> Float64Array:
        return np.asarray(points @ turn.T * scale + shift, np.float64)

    def moved_boxes(boxes: Float64Array) -> Float64Array:
        corners = np.stack([moved(boxes[..., :2]), moved(boxes[..., 2:])])
        return np.concatenate([corners.min(axis=0), corners.max(axis=0)], axis=-1)

    other = FaceInPhoto(
        moved(face.landmarks), face.matrix, moved_boxes(face.box), 400, 300, moved_boxes(face.all_boxes),
        face.all_scores, 0.0,
    )  # fmt: skip
    assert measure_unshared(other) == pytest.approx(measure_unshared(face), abs=1e-4)


def test_a_face_alone_shares_nothing() -> None:
    assert measure_unshared(_face(_points(_LEFT), _LEFT, [])) == 1


@pytest.mark.parametrize("unknown", ["landmarks", "box", "all_boxes", "all_scores", "no boxes"])
def test_what_is_unknown_tells_nothing(unknown: str) -> None:
    values = dict(vars(_between([_LEFT])))
    if unknown == "no boxes":
        values |= {"all_boxes": np.zeros((0, 4)), "all_scores": np.zeros(0)}
    else:
        values[unknown] = np.full_like(values[unknown], np.nan)
    assert np.isnan(measure_unshared(FaceInPhoto(**values)))


def test_boxes_without_an_inside_do_not_count() -> None:
    flat = np.array([150.0, 100, 150, 200])
    assert measure_unshared(_face(_points(_LEFT), _LEFT, [flat])) == 1
