"""Averages over rectangles of one image, from a table of sums: the resampling that MTCNN was tuned with.

It gives the same as torch's ``interpolate(mode="area")`` (adaptive average pooling), at a cost that does not
depend on the size of the rectangles. Crow, "Summed-area tables for texture mapping", 1984.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ...types import Float32Array, Int64Array, UInt8Image


class Pooling:
    """An image's table of sums.

    Args:
        image: ``(h, w, 3)`` uint8, of at most eight million pixels (sums are 32 bits wide).
    """

    def __init__(self, image: UInt8Image) -> None:
        self.height, self.width = image.shape[:2]
        self._sums = cv2.integral(image, sdepth=cv2.CV_32S)

    def resize(self, width: int, height: int) -> Float32Array:
        """Return the image at another size, ``(height, width, 3)`` float32 in 0 … 255."""
        top, bottom = _bins(np.array([0]), np.array([self.height]), height)
        left, right = _bins(np.array([0]), np.array([self.width]), width)
        low = self._sums[:, right[0]] - self._sums[:, left[0]]
        sums = low[bottom[0]] - low[top[0]]
        return _mean(sums, (bottom - top)[0], (right - left)[0])

    def crops(self, boxes: Int64Array, size_px: int) -> Float32Array:
        """Return rectangles of the image at one size.

        Args:
            boxes: ``(n, 4)``, x0 y0 x1 y1 in whole pixels, not empty, inside the image.
            size_px: side of each crop.

        Returns:
            ``(n, size_px, size_px, 3)`` float32 in 0 … 255.
        """
        left, right = _bins(boxes[:, 0], boxes[:, 2], size_px)
        top, bottom = _bins(boxes[:, 1], boxes[:, 3], size_px)
        table = self._sums
        sums = (
            table[bottom[:, :, None], right[:, None, :]]
            - table[top[:, :, None], right[:, None, :]]
            - table[bottom[:, :, None], left[:, None, :]]
            + table[top[:, :, None], left[:, None, :]]
        )
        return _mean(sums, bottom - top, right - left)


def _mean(sums: NDArray[Any], heights: Int64Array, widths: Int64Array) -> Float32Array:
    area = (heights[..., :, None] * widths[..., None, :])[..., None].astype(np.float32)
    return np.asarray(sums.astype(np.float32) / area, np.float32)


def _bins(start: Int64Array, end: Int64Array, count: int) -> tuple[Int64Array, Int64Array]:
    """Return each bin's first pixel and the one after its last, ``(n, count)``; bins may overlap by one."""
    length = (end - start)[:, None]
    steps = np.arange(count)
    first = start[:, None] + steps * length // count
    last = start[:, None] - (-(steps + 1) * length // count)
    return first, last
