"""Exact eyes for detectors whose landmarks are only rough: MTCNN's O-Net, run on each face.

O-Net sees each face and its mirror image, cut out somewhat tighter than in MTCNN, and the two results are
averaged: an error on one side is on the other side in the mirror image. The two constants were tuned on 294
frames with labelled eyes and lie on a plateau (docs/benchmarks.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...types import CloserLook, Face, Float32Array, Int64Array
from ..boxes import find_distinct, shift_boxes, square_boxes
from ..doubt import measure_doubt
from ..mtcnn.networks import CascadeNetworks
from ..pyramid import Halves

_CROP_PX = 48
_SHARE = 0.85
"""Side of the crop, as a share of the longer side of the detector's box."""
_LOWER = 0.02
"""How far the crop lies below the box's centre, as a share of its own side."""
_MIRRORED_POINTS = [1, 0, 2, 4, 3]
_MIRROR = np.array([-1, 1], np.float32)
_MIRROR_AT = np.array([1, 0], np.float32)
_SEEN = 0.5
"""Below this score O-Net sees no face, and its points and box mean nothing."""
_LEAST_SCORE = 0.6
_TIGHTER_DOUBT = np.float32(1.5)
"""O-Net sees faces cut out tighter here, and well centred: it is surer of all of them, upright or not."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """The faces a detector found in one image, in its pixels; in any order, n may be 0.

    Attributes:
        boxes: ``(n, 4)`` float32, x0 y0 x1 y1.
        scores: ``(n,)`` float32, 0 … 1.
        landmarks: ``(n, 5, 2)`` float32, as in :class:`facedata.types.Face`.
    """

    boxes: Float32Array
    scores: Float32Array
    landmarks: Float32Array


def refine(networks: CascadeNetworks, found: Sequence[tuple[Halves, Candidates]]) -> list[list[Face]]:
    """Return each image's faces, with boxes and points from O-Net where it sees a face too.

    Args:
        networks: those of MTCNN; only O-Net is used.
        found: images, uint8 RGB, each with the faces a detector found in it.

    Returns:
        For each image its distinct faces, best score first. A score is the detector's or O-Net's, whichever
        is higher.
    """
    cuts = []
    for image, candidates in found:
        for box in candidates.boxes:
            x0, y0, x1, y1 = square_boxes(box[None])[0]
            side = (x1 - x0) * _SHARE
            left, top = (x0 + x1 - side) / 2, (y0 + y1 - side) / 2 + side * _LOWER
            cuts.append(image.cut(np.array([left, top, left + side, top + side], np.float32), _CROP_PX))
    if not cuts:
        return [[] for _ in found]
    crops, places = np.stack([crop for crop, _ in cuts]), np.stack([place for _, place in cuts])
    scores, shifts, points = networks.onet(crops)
    mirrored_scores, mirrored_shifts, mirrored_points = networks.onet(crops[:, :, ::-1])
    shifts += mirrored_shifts[:, [2, 1, 0, 3]] * _MIRROR[[0, 1, 0, 1]]
    unmirrored = _MIRROR_AT + _MIRROR * mirrored_points[:, _MIRRORED_POINTS]
    differences = np.abs(points - unmirrored).max(axis=(1, 2))
    points += unmirrored
    half = np.float32(0.5)
    boxes = shift_boxes(places, shifts * half)
    doubts = measure_doubt(scores, mirrored_scores, differences, boxes) + _TIGHTER_DOUBT
    scores = (scores + mirrored_scores) * half
    landmarks: Float32Array = points * half * (places[:, 2:] - places[:, :2])[:, None] + places[:, None, :2]
    faces, at = [], 0
    for _, candidates in found:
        here = slice(at, at + len(candidates.boxes))
        at = here.stop
        seen = scores[here] >= _SEEN
        best_boxes = np.where(seen[:, None], boxes[here], candidates.boxes)
        best_landmarks = np.where(seen[:, None, None], landmarks[here], candidates.landmarks)
        surer = np.maximum(scores[here], candidates.scores)
        sure: Int64Array = np.flatnonzero(surer >= _LEAST_SCORE)
        looks = [CloserLook(float(doubt)) for doubt in doubts[here]]
        all_faces = [
            Face(best_boxes[index], float(surer[index]), best_landmarks[index], look=looks[index])
            for index in sure
        ]
        faces.append([all_faces[index] for index in find_distinct(all_faces)])
    return faces
