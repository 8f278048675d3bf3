"""Whether two crops show the same picture: laid on each other and compared pixel by pixel.

Two things are measured where both show something:

- how well their details correlate: 1 if they are the same. Noise, blur and JPEG lower it a little; two photos
  of a burst can reach .88, so it is not enough;
- how far details are from each other, in pixels, as the slopes tell. Nothing moves in a copy, however poor;
  between two photos of a burst, a head turns and a mouth opens.

The likeness is ``correlation / (1 + distance²)``.
"""

from __future__ import annotations

import cv2
import numpy as np

from ...types import Float32Array, UInt8Image
from .registration import (
    BLACK,
    LEAST_SEEN,
    REACH_PX,
    SIDE_PX,
    blur,
    blur_seen,
    erode_seen,
    lay_on,
    move_picture,
    slopes_of,
)

LIKENESS = 0.72
"""Two saves of one picture are at least so alike; docs/check.md says how it was chosen."""

_LEAST_DETAIL = 0.1
_FINE, _BROAD, _AROUND = 1.0, 3.0, 6.0
"""Widths in pixels, sigma of a Gaussian; details are what is between fine and broad."""
_FLOOR = 0.25


def shrink_crop(crop: UInt8Image) -> UInt8Image:
    """Return an ``(h, w, 3)`` uint8 RGB crop as it is compared: ``(SIDE_PX, SIDE_PX)`` uint8, grey."""
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    # the area filter repeats pixels where it enlarges
    how = cv2.INTER_AREA if min(grey.shape) >= SIDE_PX else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(grey, (SIDE_PX, SIDE_PX), interpolation=how), np.uint8)


def compare_pictures(left: UInt8Image, right: UInt8Image) -> float:
    """Return how alike two pictures are, 0 to 1; 0 where nothing can be told, as of crops of one brightness.

    Args:
        left: a crop, of :func:`shrink_crop`; mirrored, if mirror images are looked for.
        right: the other crop.
    """
    place = lay_on(left, right)
    return 0.0 if place is None else _likeness(left, right, place)


def _likeness(left: UInt8Image, right: UInt8Image, place: Float32Array) -> float:
    moved = move_picture(right.astype(np.float32), place)
    weight = erode_seen((left >= BLACK) & (moved >= BLACK), REACH_PX)
    if weight.mean() < LEAST_SEEN:
        return 0.0
    first, second = (_details(image, weight) for image in (left.astype(np.float32), moved))
    power = np.sqrt(np.vdot(first, first) * np.vdot(second, second)) / weight.sum()
    if power < _LEAST_DETAIL:
        return 0.0
    correlation = float(np.vdot(first, second) / weight.sum() / power)
    distance = _distance(_even(first, weight), _even(second, weight), weight)
    return float(np.clip(correlation / (1 + distance**2), 0, 1))


def _distance(first: Float32Array, second: Float32Array, weight: Float32Array) -> float:
    """Return how far details are from each other, in pixels: the root of the mean square, at most 3."""
    change = second - first
    x, y = slopes_of(first + second)
    xx, yy, xy = _average(x * x) + 1e-4, _average(y * y) + 1e-4, _average(x * y)
    along, down = _average(x * change), _average(y * change)
    squared = ((yy * along - xy * down) ** 2 + (xx * down - xy * along) ** 2) / (xx * yy - xy * xy) ** 2
    # a place counts as much as it has slopes in every direction
    slopes = (xx + yy - np.sqrt((xx - yy) ** 2 + 4 * xy**2)) * weight
    return float(np.sqrt(np.vdot(np.minimum(squared, 9), slopes) / slopes.sum()))


def _details(image: Float32Array, weight: Float32Array) -> Float32Array:
    """Return what is finer than broad and broader than fine, from the pixels that are seen; 0 elsewhere."""
    fine, broad = (blur_seen(image, weight, width) for width in (_FINE, _BROAD))
    return np.asarray((fine - broad) * weight, np.float32)


def _even(details: Float32Array, weight: Float32Array) -> Float32Array:
    """Return details at the same strength everywhere, so that faint ones count too, but noise does not."""
    floor = _FLOOR * np.sqrt(np.vdot(details, details) / weight.sum())
    strength = np.sqrt(_average(details * details) / (_average(weight) + 1e-3))
    return np.asarray(details / (strength + floor), np.float32)


def _average(values: Float32Array) -> Float32Array:
    return blur(values, _AROUND)
