"""Boxes of candidates: squaring, shifting, suppressing. Pure functions on ``(n, 4)`` arrays.

Boxes are x0 y0 x1 y1 in pixels of the image searched.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..types import Face, Float32Array, Int64Array

SAME_FACE = 0.7
"""If this share of a box lies in a better one, it is the same face, and is suppressed."""


def square_boxes(boxes: Float32Array) -> Float32Array:
    """Grow each box about its centre to a square of its longer side."""
    sides = boxes[:, 2:4] - boxes[:, :2]
    longer = sides.max(axis=1, keepdims=True)
    low = boxes[:, :2] + (sides - longer) / 2
    square: Float32Array = np.column_stack([low, low + longer]).astype(np.float32)
    return square


def shift_boxes(boxes: Float32Array, shifts: Float32Array) -> Float32Array:
    """Move each edge by its shift, a fraction of the box's side."""
    moved: Float32Array = boxes + shifts * (boxes[:, 2:] - boxes[:, :2])[:, [0, 1, 0, 1]]
    return moved


def suppress(boxes: Float32Array, overlap: float, *, of_smaller: bool = False) -> Int64Array:
    """Return the indices that greedy non-maximum suppression keeps of boxes sorted best first.

    Args:
        boxes: ``(n, 4)``, the best first; n up to a few hundred (the work grows with its square).
        overlap: a box that overlaps a better one by more is dropped.
        of_smaller: measure overlap against the smaller of two boxes, not against their union.
    """
    count = len(boxes)
    if count < 2:
        return np.arange(count, dtype=np.int64)
    low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    inside = np.clip(high - low, 0, None).prod(axis=2)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    against = np.minimum(areas[:, None], areas) if of_smaller else areas[:, None] + areas - inside
    over = inside > overlap * against
    alive = np.ones(count, bool)
    kept = []
    for index in range(count):
        if alive[index]:
            kept.append(index)
            alive &= ~over[index]
    return np.array(kept, np.int64)


def find_distinct(faces: Sequence[Face]) -> list[int]:
    """Return the indices of distinct faces: of boxes that mostly lie in one another, the best score wins.

    Best score first; the order of ``faces`` does not matter.
    """
    ranked = sorted(range(len(faces)), key=lambda at: (-faces[at].score, faces[at].box.tolist()))
    boxes = np.array([faces[at].box for at in ranked], np.float32).reshape(-1, 4)
    return [ranked[index] for index in suppress(boxes, SAME_FACE, of_smaller=True)]
