"""Whether two crops show the same picture: laid on each other and compared pixel by pixel.

A picture that was saved again is cut a little beside, as the detector saw it. So the second crop is first
laid on the first, by the affine map that makes the squared differences of the two, at the same mean and
contrast, as small as it can (Lucas and Kanade, 1981; with both pictures' slopes: Benhimane and Malis, 2004),
coarse to fine. Then two things are measured where both show something:

- how well their details correlate: 1 if they are the same. Noise, blur and JPEG lower it a little; two photos
  of a burst can reach .88, so it is not enough;
- how far details are from each other, in pixels, as the slopes tell. Nothing moves in a copy, however poor;
  between two photos of a burst, a head turns and a mouth opens.

The likeness is ``correlation / (1 + distance²)``. Places darker than 4 of 255 are outside the photo, or tell
nothing, and do not count.
"""

from __future__ import annotations

import cv2
import numpy as np

from ...types import BoolArray, Float32Array, Float64Array, UInt8Image

LIKENESS = 0.6
"""Two saves of one picture are at least so alike; docs/check.md says how it was chosen."""

SIDE_PX = 96
"""Crops are compared at this size: a face that was saved at half its size has no more."""

_COARSE = 3
_COARSE_STEPS, _FINE_STEPS = 8, 8
_COARSE_LIKENESS = 0.86
"""Copies correlate by .93 and more when they are laid on each other coarsely."""
_BLACK = 4
_LEAST_SEEN = 0.25
_LEAST_CONTRAST = 1.0
_SMOOTH, _FINE, _BROAD, _AROUND = 0.8, 1.0, 3.0, 6.0
"""Widths in pixels, sigma of a Gaussian; details are what is between fine and broad."""
_REACH = 7
_FLOOR = 0.25
_MOST_STRETCH, _MOST_SCALE, _MOST_SHIFT = 1.25, 1.35, 0.2


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
    place = _register(left, right)
    return 0.0 if place is None else _likeness(left, right, place)


def _register(left: UInt8Image, right: UInt8Image) -> Float32Array | None:
    """Return the ``(2, 3)`` map from left to right pixels; None if it is none that a detector would cause."""
    side = SIDE_PX // _COARSE
    small_left, small_right = (
        np.asarray(cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
        for image in (left, right)
    )
    place = np.eye(2, 3, dtype=np.float32)
    shift, _ = cv2.phaseCorrelate(small_left.astype(np.float32), small_right.astype(np.float32), _WINDOW)
    if max(map(abs, shift)) < _MOST_SHIFT * side:
        place[:, 2] = shift
    found, likeness = _align(small_left, small_right, place, _COARSE_STEPS)
    if found is None or likeness < _COARSE_LIKENESS:
        return None
    # the same map in finer pixels, whose centres lie elsewhere
    offset = (_COARSE - 1) / 2
    found[:, 2] = found[:, 2] * _COARSE + offset - found[:, :2].sum(axis=1) * offset
    found, _ = _align(left, right, found, _FINE_STEPS)
    return found if found is not None and _is_plausible(found) else None


def _align(
    left: UInt8Image, right: UInt8Image, place: Float32Array, steps: int
) -> tuple[Float32Array | None, float]:
    """Improve a map from left to right pixels; return it, and how well the pictures correlate.

    None and 0 if too little is seen of both, or if it leads nowhere.
    """
    fixed, moving = (_blur(image.astype(np.float32), _SMOOTH) for image in (left, right))
    reach = _REACH if len(left) == SIDE_PX else _REACH // 2
    fixed_seen, moving_seen = (_erode(image >= _BLACK, reach) for image in (left, right))
    middle = (len(left) - 1) / 2
    down, along = np.mgrid[: len(left), : len(left)].astype(np.float32) - np.float32(middle)
    correlation = 0.0
    for _ in range(steps):
        weight = fixed_seen * _move(moving_seen, place)
        first, second = (_normalise(image, weight) for image in (fixed, _move(moving, place)))
        if first is None or second is None:
            return None, 0.0
        correlation = float(np.vdot(first, second * weight) / weight.sum())
        x, y = (slope * weight for slope in _slopes(first + second))
        slopes = np.stack([x * along, x * down, x, y * along, y * down, y]).reshape(6, -1)
        change = slopes @ ((first - second) * weight).ravel()
        # a little more on the diagonal, so that there is a solution whatever the picture
        square = (slopes @ slopes.T).astype(np.float64) + 1e-3 * np.eye(6)
        move = np.linalg.solve(square, change).reshape(2, 3)
        is_done = bool(np.abs(move @ (middle, middle, 1)).max() < 0.02)
        move[:, 2] -= move[:, :2] @ (middle, middle)
        place = (_square(place) @ (np.eye(3) + _square(move) - np.diag((0, 0, 1)))).astype(np.float32)[:2]
        if not np.isfinite(place).all() or np.abs(place[:, :2] - np.eye(2)).max() > 1:
            return None, 0.0
        if is_done:
            break
    return place, correlation


def _square(place: Float32Array | Float64Array) -> Float64Array:
    return np.vstack([place, (0, 0, 1)]).astype(np.float64)


def _normalise(image: Float32Array, weight: Float32Array) -> Float32Array | None:
    """Return an image with mean 0 and variance 1 where it is seen; None if there is too little."""
    area = float(weight.sum())
    if area < _LEAST_SEEN * weight.size:
        return None
    centred = np.asarray(image - np.float32(np.vdot(image, weight) / area), np.float32)
    contrast = float(np.sqrt(np.vdot(centred * centred, weight) / area))
    return centred / np.float32(contrast) if contrast >= _LEAST_CONTRAST else None


def _is_plausible(place: Float32Array) -> bool:
    large, small = np.linalg.svd(place[:, :2], compute_uv=False)
    middle = np.full(2, (SIDE_PX - 1) / 2)
    shift = np.abs(place[:, :2] @ middle + place[:, 2] - middle).max() / SIDE_PX
    is_like_that = small * _MOST_SCALE > 1 and large < _MOST_SCALE and large < _MOST_STRETCH * small
    return bool(is_like_that and shift < _MOST_SHIFT)


def _likeness(left: UInt8Image, right: UInt8Image, place: Float32Array) -> float:
    moved = _move(right.astype(np.float32), place)
    weight = _erode((left >= _BLACK) & (moved >= _BLACK), _REACH)
    if weight.mean() < _LEAST_SEEN:
        return 0.0
    first, second = (_details(image, weight) for image in (left.astype(np.float32), moved))
    power = np.sqrt(np.vdot(first, first) * np.vdot(second, second)) / weight.sum()
    if power < _LEAST_CONTRAST / 10:
        return 0.0
    correlation = float(np.vdot(first, second) / weight.sum() / power)
    distance = _distance(_even(first, weight), _even(second, weight), weight)
    return float(np.clip(correlation / (1 + distance**2), 0, 1))


def _distance(first: Float32Array, second: Float32Array, weight: Float32Array) -> float:
    """Return how far details are from each other, in pixels: the root of the mean square, at most 3."""
    change = second - first
    x, y = _slopes(first + second)
    xx, yy, xy = _average(x * x) + 1e-4, _average(y * y) + 1e-4, _average(x * y)
    along, down = _average(x * change), _average(y * change)
    squared = ((yy * along - xy * down) ** 2 + (xx * down - xy * along) ** 2) / (xx * yy - xy * xy) ** 2
    # a place counts as much as it has slopes in every direction
    slopes = (xx + yy - np.sqrt((xx - yy) ** 2 + 4 * xy**2)) * weight
    return float(np.sqrt(np.vdot(np.minimum(squared, 9), slopes) / slopes.sum()))


def _slopes(doubled: Float32Array) -> tuple[Float32Array, Float32Array]:
    """Return the slopes along and down of the mean of two images, of which the sum is given, per pixel."""
    along, down = (cv2.Sobel(doubled, cv2.CV_32F, *axis, scale=1 / 16) for axis in ((1, 0), (0, 1)))
    return np.asarray(along, np.float32), np.asarray(down, np.float32)


def _details(image: Float32Array, weight: Float32Array) -> Float32Array:
    """Return what is finer than broad and broader than fine, from the pixels that are seen; 0 elsewhere."""
    fine, broad = (
        _blur(image * weight, width) / np.maximum(_blur(weight, width), 1e-3) for width in (_FINE, _BROAD)
    )
    return np.asarray((fine - broad) * weight, np.float32)


def _even(details: Float32Array, weight: Float32Array) -> Float32Array:
    """Return details at the same strength everywhere, so that faint ones count too, but noise does not."""
    floor = _FLOOR * np.sqrt(np.vdot(details, details) / weight.sum())
    strength = np.sqrt(_average(details * details) / (_average(weight) + 1e-3))
    return np.asarray(details / (strength + floor), np.float32)


def _average(values: Float32Array) -> Float32Array:
    return _blur(values, _AROUND)


def _blur(values: Float32Array, width: float) -> Float32Array:
    return np.asarray(cv2.GaussianBlur(values, (0, 0), width), np.float32)


def _move(image: Float32Array, place: Float32Array) -> Float32Array:
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(image, place, image.shape[::-1], flags=how), np.float32)


def _erode(seen: BoolArray, reach: int) -> Float32Array:
    """Return 1 where all is seen that a filter reaches, else 0; beyond the edge nothing is seen."""
    tool = np.ones((reach, reach), np.uint8)
    eroded = cv2.erode(seen.astype(np.float32), tool, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(eroded, np.float32)


_WINDOW = cv2.createHanningWindow((SIDE_PX // _COARSE,) * 2, cv2.CV_32F)
