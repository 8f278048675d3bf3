"""Ways to make a picture worse, each deterministic and by degrees."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from facedata.types import UInt8Image

Degrade = Callable[[UInt8Image, float], UInt8Image]
"""From an RGB picture and a strength, of which 0 leaves it as it is, to a worse picture of the same size."""


def blur(image: UInt8Image, strength: float) -> UInt8Image:
    """A lens out of focus: a Gaussian whose sigma is so many hundredths of the picture's side."""
    if strength == 0:
        return image
    return np.asarray(cv2.GaussianBlur(image, (0, 0), strength / 100 * image.shape[1]), np.uint8)


def move(image: UInt8Image, strength: float) -> UInt8Image:
    """A camera that moved aside by so many hundredths of the picture's side."""
    return _moved(image, strength, 0)


def move_down(image: UInt8Image, strength: float) -> UInt8Image:
    """A camera that moved down."""
    return _moved(image, strength, 90)


def move_aslant(image: UInt8Image, strength: float) -> UInt8Image:
    """A camera that moved along the diagonal."""
    return _moved(image, strength, 45)


def _moved(image: UInt8Image, strength: float, angle_deg: float) -> UInt8Image:
    if strength == 0:
        return image
    length = max(3, round(strength / 100 * image.shape[1]) // 2 * 2 + 1)
    kernel = np.zeros((length, length), np.float32)
    kernel[length // 2] = 1
    turn = cv2.getRotationMatrix2D((length // 2, length // 2), angle_deg, 1)
    kernel = cv2.warpAffine(kernel, turn, (length, length))
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), np.uint8)


def shrink(image: UInt8Image, strength: float) -> UInt8Image:
    """A picture with so many times fewer pixels along its side, enlarged again."""
    side = max(2, round(image.shape[1] / (1 + strength)))
    small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    size = (image.shape[1], image.shape[0])
    return np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_LINEAR), np.uint8)


def darken(image: UInt8Image, strength: float) -> UInt8Image:
    """Too short an exposure: 1 is black."""
    return _clipped(image * (1 - strength))


def burn_out(image: UInt8Image, strength: float) -> UInt8Image:
    """Too long an exposure: 1 is ten times as bright."""
    return _clipped(image * (1 + 9 * strength))


def flatten(image: UInt8Image, strength: float) -> UInt8Image:
    """Haze: 1 is all grey."""
    return _clipped(image * (1 - strength) + 150 * strength)


def _clipped(values: object) -> UInt8Image:
    return np.clip(np.asarray(values, np.float64), 0, 255).astype(np.uint8)
