"""Crops of many faces at once: one bilinear interpolation each, as :func:`facedata.crops.align.warp`.

OpenCV's warp rounds its weights to a few bits; here they are float32. Pixels differ by a level or two.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ...crops.align import Placement
from ...types import Float64Array, Int64Array, UInt8Image

_REACH_PX = 2
"""How far around the part that a crop shows pixels are taken along."""


def can_warp(placement: Placement) -> bool:
    """Return whether one interpolation will do: what is shrunk to half or less needs a filter first."""
    return float(np.sqrt(abs(np.linalg.det(placement.matrix[:, :2])))) > 0.5


def warp_all(
    images: Sequence[UInt8Image], placements: Sequence[Placement], size_px: int, device: torch.device
) -> Tensor:
    """Cut one crop out of each photo.

    Args:
        images: ``(h, w, 3)`` uint8 RGB, at least one.
        placements: where the face of each lies in its crop; all as :func:`can_warp` wants them.
        size_px: side of the crops.
        device: where to do it.

    Returns:
        ``(n, size_px, size_px, 3)`` uint8 RGB on the device. Black outside the photo and the window.
    """
    backs, parts = [], []
    for image, placement in zip(images, placements, strict=True):
        turn = np.linalg.inv(placement.matrix[:, :2])
        back = np.column_stack([turn, -turn @ placement.matrix[:, 2]])
        left, top, right, bottom = find_part(back, size_px, image)
        parts.append(image[top:bottom, left:right])
        back[:, 2] -= (left, top)
        backs.append(back)
    sides = np.array([(part.shape[1], part.shape[0]) for part in parts], np.int64)
    counts = sides.prod(axis=1)
    whole = torch.empty((int(counts.sum()), 3), dtype=torch.uint8, pin_memory=device.type == "cuda")
    np.concatenate([part.reshape(-1, 3) for part in parts], out=whole.numpy())
    pixels = whole.to(device, non_blocking=True)
    starts = np.concatenate([[0], counts.cumsum()[:-1]])
    return sample(
        pixels, torch.from_numpy(np.column_stack([starts, sides])).to(device),
        torch.from_numpy(np.stack(backs)).to(device),
        torch.from_numpy(np.array([one.window for one in placements], np.int64)).to(device), size_px,
    )  # fmt: skip


def find_part(back: Float64Array, size_px: int, image: UInt8Image) -> Int64Array:
    """Return x0 y0 x1 y1 of the photo's part that a crop shows, and some pixels around it; never empty."""
    edge, (height, width) = size_px - 0.5, image.shape[:2]
    outline = np.array([[-0.5, -0.5], [edge, -0.5], [-0.5, edge], [edge, edge]])
    seen = outline @ back[:, :2].T + back[:, 2]
    low = np.clip(np.floor(seen.min(axis=0)) - _REACH_PX, 0, (width - 1, height - 1))
    high = np.clip(np.ceil(seen.max(axis=0)) + _REACH_PX + 1, low + 1, (width, height))
    return np.concatenate([low, high]).astype(np.int64)


def sample(pixels: Tensor, parts: Tensor, backs: Tensor, windows: Tensor, size_px: int) -> Tensor:
    """Interpolate.

    Args:
        pixels: those of all parts, one after the other, ``(p, 3)`` uint8.
        parts: ``(n, 3)``, of each the place of its first pixel, its width and its height.
        backs: ``(n, 2, 3)`` float64, crop pixels to pixels of the part.
        windows: ``(n, 4)``, x0 y0 x1 y1 in crop pixels; black outside.
        size_px: side of the crops.
    """
    place = torch.arange(size_px, device=pixels.device)
    x, y = (
        backs[:, axis, 0, None, None] * place + backs[:, axis, 1, None, None] * place[:, None]
        + backs[:, axis, 2, None, None]
        for axis in (0, 1)
    )  # fmt: skip
    left, top = torch.floor(x), torch.floor(y)
    across, down = (x - left).to(torch.float32), (y - top).to(torch.float32)
    start, width, height = (parts[:, column, None, None] for column in range(3))
    columns, rows = left.to(torch.int64), top.to(torch.int64)
    crop: Tensor | None = None
    for step_y, share_y in ((0, 1 - down), (1, down)):
        for step_x, share_x in ((0, 1 - across), (1, across)):
            at_x, at_y = columns + step_x, rows + step_y
            inside = (at_x >= 0) & (at_x < width) & (at_y >= 0) & (at_y < height)
            at = torch.where(inside, start + at_y * width + at_x, start)
            share = torch.where(inside, share_x * share_y, 0.0)
            seen = pixels[at].to(torch.float32) * share[..., None]
            crop = seen if crop is None else crop + seen
    x0, y0, x1, y1 = (windows[:, column, None, None] for column in range(4))
    shown = (place >= x0) & (place < x1) & (place[:, None] >= y0) & (place[:, None] < y1)
    return torch.where(shown[..., None], torch.round(crop), 0.0).to(torch.uint8)  # type: ignore[arg-type]
