"""Boxes of many photos at once, on the device: squaring, shifting, suppressing.

The same numbers as :mod:`facedata.detect.boxes`, float32 step for step.
"""

from __future__ import annotations

import torch
from torch import Tensor


def square(boxes: Tensor) -> Tensor:
    """Grow each of ``(..., 4)`` boxes about its centre to a square of its longer side."""
    sides = boxes[..., 2:] - boxes[..., :2]
    longer = sides.amax(dim=-1, keepdim=True)
    low = boxes[..., :2] + (sides - longer) / 2
    return torch.cat([low, low + longer], dim=-1)


def shift(boxes: Tensor, shifts: Tensor) -> Tensor:
    """Move each edge of ``(..., 4)`` boxes by its shift, a fraction of the box's side."""
    sides = boxes[..., 2:] - boxes[..., :2]
    return boxes + shifts * torch.cat([sides, sides], dim=-1)


def suppress(boxes: Tensor, alive: Tensor, overlap: float, *, of_smaller: bool = False) -> Tensor:
    """Return which boxes greedy non-maximum suppression keeps, in every photo on its own.

    Args:
        boxes: ``(n, k, 4)``, those of each photo best first.
        alive: ``(n, k)`` bool, which of them there are.
        overlap: a box that overlaps a better one by more is dropped.
        of_smaller: measure overlap against the smaller of two boxes, not against their union.

    Returns:
        ``(n, k)`` bool.
    """
    low = torch.maximum(boxes[:, :, None, :2], boxes[:, None, :, :2])
    high = torch.minimum(boxes[:, :, None, 2:], boxes[:, None, :, 2:])
    inside = (high - low).clamp(min=0)
    shared = inside[..., 0] * inside[..., 1]
    sides = boxes[..., 2:] - boxes[..., :2]
    areas = sides[..., 0] * sides[..., 1]
    one, other = areas[:, :, None], areas[:, None]
    against = torch.minimum(one, other) if of_smaller else one + other - shared
    over = (shared > overlap * against).triu(diagonal=1)  # row: the better one
    kept = alive
    while True:  # a box is kept unless a better one that is kept overlaps it: the only such choice is reached
        before, kept = kept, alive & ~(over & kept[:, :, None]).any(dim=1)
        if torch.equal(before, kept):
            return kept
