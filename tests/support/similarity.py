"""How much two pictures look the same."""

from __future__ import annotations

import cv2
import numpy as np

from facedata.types import Float64Array, UInt8Image


def mean_ssim(one: UInt8Image, other: UInt8Image) -> float:
    """Return the mean structural similarity of two pictures (Wang et al., 2004), of their grey."""
    x, y = (cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float64) for image in (one, other))

    def blur(values: Float64Array) -> Float64Array:
        return np.asarray(cv2.GaussianBlur(values, (11, 11), 1.5), np.float64)

    mean_x, mean_y, first, second = blur(x), blur(y), (0.01 * 255) ** 2, (0.03 * 255) ** 2
    spread_x, spread_y = blur(x * x) - mean_x**2, blur(y * y) - mean_y**2
    both = blur(x * y) - mean_x * mean_y
    share = (2 * mean_x * mean_y + first) * (2 * both + second)
    return float((share / ((mean_x**2 + mean_y**2 + first) * (spread_x + spread_y + second))).mean())
