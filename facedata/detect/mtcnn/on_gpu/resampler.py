"""What the exhaustive search sees of a photo, made on the device: averages over rectangles.

The numbers of :class:`facedata.detect.mtcnn.pooling.Pooling`: sums are whole numbers, and divided once.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ....types import Float32Array, UInt8Image

_CROPS = 2048
"""The most crops that are cut out at once: some 200 MB."""


class DeviceResampler:
    """A photo's table of sums, in the place of the detector's own resampler.

    What P-Net and R-Net see stays on the device.

    Args:
        image: ``(h, w, 3)`` uint8 RGB, of at most eight million pixels (sums are 32 bits wide).
        pixels: the same on the device.
    """

    def __init__(self, image: UInt8Image, pixels: Tensor) -> None:
        self.image = image
        height, width = image.shape[:2]
        self._sums = torch.zeros((height + 1, width + 1, 3), dtype=torch.int32, device=pixels.device)
        rows = pixels.to(torch.int32).cumsum(dim=0, dtype=torch.int32)
        self._sums[1:, 1:] = rows.cumsum(dim=1, dtype=torch.int32)

    def resize(self, width: int, height: int) -> Tensor:
        """Return the photo at another size, ``(height, width, 3)`` float32 in 0 … 255."""
        whole = np.array([[0, 0, self.image.shape[1], self.image.shape[0]]])
        return self._average(torch.from_numpy(whole).to(self._sums.device), width, height)[0]

    def crops(self, boxes: Float32Array, size_px: int) -> tuple[Tensor | Float32Array, Float32Array]:
        """Cut boxes out at one size; boxes that lie outside the photo are dropped.

        Args:
            boxes: ``(n, 4)`` or more columns, x0 y0 x1 y1; 1-based, as in the MATLAB code of MTCNN's authors.
            size_px: side of each crop.

        Returns:
            ``(m, size_px, size_px, 3)`` float32 in 0 … 255, and the boxes that are left. Crops of 48 px are
            an array, since faces keep them.
        """
        height, width = self.image.shape[:2]
        edges = np.trunc(boxes[:, :4]).astype(np.int64)
        low, high = np.maximum(edges[:, :2], 1) - 1, np.minimum(edges[:, 2:], (width, height))
        inside = (high > low).all(axis=1)
        places = torch.from_numpy(np.column_stack([low, high])[inside]).to(self._sums.device)
        parts = [self._average(some, size_px, size_px) for some in places.split(_CROPS)]  # type: ignore[no-untyped-call]
        crops = torch.cat(parts)
        return (crops.cpu().numpy() if size_px == 48 else crops), boxes[inside]

    def _average(self, boxes: Tensor, width: int, height: int) -> Tensor:
        """Return ``(n, height, width, 3)`` float32: of each box, the means of so many rectangles."""
        left, right = spread(boxes[:, 0], boxes[:, 2], width)
        top, bottom = spread(boxes[:, 1], boxes[:, 3], height)
        table = self._sums
        sums = table[bottom[:, :, None], right[:, None]] - table[top[:, :, None], right[:, None]]
        sums -= table[bottom[:, :, None], left[:, None]] - table[top[:, :, None], left[:, None]]
        area = (bottom - top)[:, :, None] * (right - left)[:, None]
        return sums.to(torch.float32) / area[..., None].to(torch.float32)


def spread(start: Tensor, end: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return each bin's first pixel and the one after its last, ``(n, count)``; bins may overlap by one."""
    length, steps = (end - start)[:, None], torch.arange(count, device=start.device)
    first = torch.div(steps * length, count, rounding_mode="floor")
    last = torch.div((steps + 1) * length + count - 1, count, rounding_mode="floor")
    return start[:, None] + first, start[:, None] + last
