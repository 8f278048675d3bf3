"""An image at full size, at half, at a quarter …, from which to shrink it fast and without aliasing.

Halving is an average over 2 x 2 pixels, which OpenCV does ten times faster than its area filter at any other
factor.
"""

from __future__ import annotations

import cv2
import numpy as np

from ..types import Float32Array, UInt8Image


class Halves:
    """An image and its halves, each made when it is first needed.

    A pixel covers 2 x 2 pixels of the next larger image; an odd last row or column is dropped, so that
    lengths are halved exactly.

    Args:
        image: ``(h, w, 3)`` uint8.
    """

    def __init__(self, image: UInt8Image) -> None:
        self._levels = [image]

    @property
    def size(self) -> tuple[int, int]:
        """The image's width and height in pixels."""
        return self._levels[0].shape[1], self._levels[0].shape[0]

    def at(self, times: int) -> UInt8Image:
        """Return the image halved this many times, or fewer if a side would fall below two pixels."""
        while len(self._levels) <= times:
            last = self._levels[-1]
            height, width = last.shape[0] // 2, last.shape[1] // 2
            if min(height, width) < 2:
                return last
            even = last[: 2 * height, : 2 * width]
            self._levels.append(
                np.asarray(cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
            )
        return self._levels[times]

    def shrink(self, width: int, height: int) -> UInt8Image:
        """Return the image at a width and height in pixels."""
        times = _times(max(self.size), max(width, height))
        return np.asarray(
            cv2.resize(self.at(times), (width, height), interpolation=cv2.INTER_LINEAR), np.uint8
        )

    def cut(self, box: Float32Array, size_px: int) -> tuple[UInt8Image, Float32Array]:
        """Cut a box out at one size; pixels outside the image are black.

        Args:
            box: ``(4,)``, x0 y0 x1 y1 in pixels of the image; its edges are rounded to pixels of the halved
                image that it is cut from.
            size_px: side of the crop.

        Returns:
            The crop, ``(size_px, size_px, 3)`` uint8, and the rounded box, ``(4,)``.
        """
        times = _times(float((box[2:] - box[:2]).max()), size_px)
        image = self.at(times)
        scale = np.float32(2 ** min(times, len(self._levels) - 1))
        height, width = image.shape[:2]
        x0, y0, x1, y1 = (int(v) for v in np.rint(box / scale))
        x1, y1 = max(x1, x0 + 1), max(y1, y0 + 1)
        rounded = np.array([x0, y0, x1, y1], np.float32) * scale
        left, top, right, bottom = max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)
        if left >= right or top >= bottom:
            return np.zeros((size_px, size_px, 3), np.uint8), rounded
        part = image[top:bottom, left:right]
        if (left, top, right, bottom) != (x0, y0, x1, y1):
            part = np.asarray(
                cv2.copyMakeBorder(part, top - y0, y1 - bottom, left - x0, x1 - right, cv2.BORDER_CONSTANT),
                np.uint8,
            )
        return np.asarray(
            cv2.resize(part, (size_px, size_px), interpolation=cv2.INTER_LINEAR), np.uint8
        ), rounded


def _times(length: float, target: float) -> int:
    """Return how often a length can be halved and still be at least the target."""
    times = 0
    while length >= 2 * target:
        length /= 2
        times += 1
    return times
