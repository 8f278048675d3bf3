"""Whether a crop shows halves of two faces: a box between two people who stand cheek to cheek.

A detector sees a face in two halves of different people and is often sure of it (LFW's John_McEnroe_0001:
.966). What gives it away is that an eye and the corner of the mouth below it belong to another face, too.
"""

from __future__ import annotations

import numpy as np

from ...types import Float64Array
from .face_in_photo import FaceInPhoto

_LEFT_EYE, _RIGHT_EYE = np.array([0.28, 0.39]), np.array([0.73, 0.39])
_LEFT_MOUTH, _RIGHT_MOUTH = np.array([0.32, 0.76]), np.array([0.70, 0.76])
"""Where a face's points lie in its box, as shares of its sides: the median of LFW, CelebA and keypoints."""

_USUAL = np.array([0.12, 0.07])
"""How far from there they may lie: by x, since faces turn aside, and by y, since they nod."""
_FAR = 4.0
"""A point this many times as far as usual is another face's."""

_QUARTER = np.array([[0.0, 1.0], [-1.0, 0.0]])


def measure_unshared(face: FaceInPhoto) -> float:
    """Return how far a face's points are from being those of another face found in the photo.

    If a face's eye on one side, and the corner of its mouth below, are where another box has its eye and
    corner of the other side, the two share them. The distance counts by x in 12%, by y in 7% of the other
    box's side; of the two points the farther counts, and of all other boxes the nearest. The result is a
    quarter of it, at most 1.

    Of two faces that share an eye, one is real: the one of which the detector is surer. So other boxes count
    only if their score is as high. Where the detector found no face but the one between, this cannot tell.

    Returns:
        0 … 1, 0 if eye and corner are exactly another face's; NaN if points, boxes or scores are unknown.
    """
    is_box = np.isfinite(face.all_boxes).all(axis=1) & np.isfinite(face.all_scores)
    boxes, scores = face.all_boxes[is_box], face.all_scores[is_box]
    side = float(np.sqrt(np.abs((face.box[2:] - face.box[:2]).prod())))
    is_this = np.abs(boxes - face.box).max(axis=1, initial=0.0) <= 0.1 * side  # False for NaN
    if not (is_this.any() and np.isfinite(face.landmarks).all()):
        return float("nan")
    is_surer = ~is_this & (scores >= scores[is_this].max()) & (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
    if not is_surer.any():
        return 1.0
    points, others = _turn_upright(face.landmarks, boxes[is_surer])
    inside = (points[None] - others[:, None, :2]) / (others[:, 2:] - others[:, :2])[:, None]
    right = np.maximum(_distance(inside[:, 1], _LEFT_EYE), _distance(inside[:, 4], _LEFT_MOUTH))
    left = np.maximum(_distance(inside[:, 0], _RIGHT_EYE), _distance(inside[:, 3], _RIGHT_MOUTH))
    return float(min(np.minimum(left, right).min() / _FAR, 1.0))


def _distance(points: Float64Array, expected: Float64Array) -> Float64Array:
    x, y = ((points - expected) / _USUAL).T
    distances: Float64Array = np.hypot(x, y)
    return distances


def _turn_upright(points: Float64Array, boxes: Float64Array) -> tuple[Float64Array, Float64Array]:
    """Turn points and boxes by quarter turns until the face that has the points is upright."""
    along = points[1] - points[0]
    turns = round(float(np.degrees(np.arctan2(along[1], along[0]))) / 90) % 4
    matrix = np.linalg.matrix_power(_QUARTER, turns)
    corners = np.stack([boxes[:, :2] @ matrix.T, boxes[:, 2:] @ matrix.T])
    return points @ matrix.T, np.concatenate([corners.min(axis=0), corners.max(axis=0)], axis=1)
