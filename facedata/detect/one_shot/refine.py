"""Exact eyes for detectors that find faces well and their points coarsely: MTCNN's O-Net on each face.

O-Net sees each face and its mirror image, cut out somewhat tighter than MTCNN does, and the two answers are
averaged: what it gets wrong on one side it gets wrong on the other side of the mirror image. The two
constants were measured on 294 frames with labelled eyes; there is a plateau around them (docs/benchmarks.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...types import Face, Float32Array, Int64Array
from ..boxes import distinct, shifted, squared
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
"""Where O-Net gives less, it sees no face, and its points and box mean nothing."""
_LEAST_SCORE = 0.6


@dataclass(frozen=True, eq=False)
class Candidates:
    """What a detector found in one image, in its pixels; any order, n may be 0.

    Attributes:
        boxes: ``(n, 4)`` float32, x0 y0 x1 y1.
        scores: ``(n,)`` float32, 0 … 1.
        landmarks: ``(n, 5, 2)`` float32, as in :class:`facedata.types.Face`.
    """

    boxes: Float32Array
    scores: Float32Array
    landmarks: Float32Array


def refine(networks: CascadeNetworks, found: Sequence[tuple[Halves, Candidates]]) -> list[list[Face]]:
    """Return each image's faces, boxes and points from O-Net where it sees a face too.

    Args:
        networks: those of MTCNN; only O-Net is used.
        found: images, uint8 RGB, each with what a detector found in it.

    Returns:
        For each image its faces, surest first, each of them once. The score is the detector's or O-Net's,
        whichever is surer.
    """
    answers = _ask(networks, [(image, box) for image, candidates in found for box in candidates.boxes])
    faces, at = [], 0
    for _, candidates in found:
        here = slice(at, at + len(candidates.boxes))
        at = here.stop
        faces.append(_faces(candidates, *(answer[here] for answer in answers)))
    return faces


def _ask(
    networks: CascadeNetworks, wanted: Sequence[tuple[Halves, Float32Array]]
) -> tuple[Float32Array, Float32Array, Float32Array]:
    """Return O-Net's scores ``(n,)``, boxes ``(n, 4)`` and landmarks ``(n, 5, 2)``."""
    if not wanted:
        return np.empty(0, np.float32), np.empty((0, 4), np.float32), np.empty((0, 5, 2), np.float32)
    cuts = [image.cut(_place(box), _CROP_PX) for image, box in wanted]
    crops, places = np.stack([crop for crop, _ in cuts]), np.stack([place for _, place in cuts])
    scores, shifts, points = networks.onet(crops)
    mirrored_scores, mirrored_shifts, mirrored_points = networks.onet(crops[:, :, ::-1])
    shifts += mirrored_shifts[:, [2, 1, 0, 3]] * _MIRROR[[0, 1, 0, 1]]
    points += _MIRROR_AT + _MIRROR * mirrored_points[:, _MIRRORED_POINTS]
    sides = places[:, 2:] - places[:, :2]
    half = np.float32(0.5)
    landmarks: Float32Array = points * half * sides[:, None] + places[:, None, :2]
    scores = (scores + mirrored_scores) * half
    return scores, shifted(places, shifts * half), landmarks


def _place(box: Float32Array) -> Float32Array:
    """Return the square that O-Net sees of a box."""
    x0, y0, x1, y1 = squared(box[None])[0]
    side = (x1 - x0) * _SHARE
    left, top = (x0 + x1 - side) / 2, (y0 + y1 - side) / 2 + side * _LOWER
    return np.array([left, top, left + side, top + side], np.float32)


def _faces(
    candidates: Candidates, scores: Float32Array, boxes: Float32Array, landmarks: Float32Array
) -> list[Face]:
    seen = scores >= _SEEN
    boxes = np.where(seen[:, None], boxes, candidates.boxes)
    landmarks = np.where(seen[:, None, None], landmarks, candidates.landmarks)
    surer = np.maximum(scores, candidates.scores)
    sure: Int64Array = np.flatnonzero(surer >= _LEAST_SCORE)
    faces = [Face(boxes[index], float(surer[index]), landmarks[index]) for index in sure]
    return [faces[index] for index in distinct(faces)]
