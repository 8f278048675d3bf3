"""How two crops of one picture lie on each other: the map from one's pixels to the other's.

A picture that was saved again is cut a little beside, as the detector saw it. The map is the affine one that
makes the squared differences of the two, at the same mean and contrast, as small as it can (Lucas and Kanade,
1981; with both pictures' slopes: Benhimane and Malis, 2004), coarse to fine. Places darker than 4 of 255 are
outside the photo, or tell nothing, and do not count.
"""

from __future__ import annotations

import cv2
import numpy as np

from ...types import BoolArray, Float32Array, Float64Array, UInt8Image

SIDE_PX = 96
"""Crops are compared at this size: a face that was saved at half its size has no more."""

BLACK = 4
"""Darker pixels are not seen."""

LEAST_SEEN = 0.25
"""So much of a crop has to be seen in both."""

REACH_PX = 7
"""What filters read around a pixel."""

_COARSE = 3
_COARSE_STEPS, _FINE_STEPS = 8, 8
_COARSE_LIKENESS = 0.86
"""Copies correlate by .93 and more when they are laid on each other coarsely."""
_LEAST_CONTRAST = 1.0
_SMOOTH = 0.8
_MOST_STRETCH, _MOST_SCALE, _MOST_SHIFT = 1.25, 1.35, 0.2


def lay_on(left: UInt8Image, right: UInt8Image) -> Float32Array | None:
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
    if found is None:
        return None
    large, small = np.linalg.svd(found[:, :2], compute_uv=False)
    middle = np.full(2, (SIDE_PX - 1) / 2)
    moved = np.abs(found[:, :2] @ middle + found[:, 2] - middle).max() / SIDE_PX
    is_like_that = small * _MOST_SCALE > 1 and large < _MOST_SCALE and large < _MOST_STRETCH * small
    return found if is_like_that and moved < _MOST_SHIFT else None


def _align(
    left: UInt8Image, right: UInt8Image, place: Float32Array, steps: int
) -> tuple[Float32Array | None, float]:
    """Improve a map from left to right pixels; return it, and how well the pictures correlate.

    None and 0 if too little is seen of both, or if it leads nowhere.
    """
    reach = REACH_PX if len(left) == SIDE_PX else REACH_PX // 2
    fixed_seen, moving_seen = (erode_seen(image >= BLACK, reach) for image in (left, right))
    fixed, moving = (
        blur_seen(image.astype(np.float32), seen, _SMOOTH)
        for image, seen in ((left, fixed_seen), (right, moving_seen))
    )
    middle = (len(left) - 1) / 2
    down, along = np.mgrid[: len(left), : len(left)].astype(np.float32) - np.float32(middle)
    correlation = 0.0
    for _ in range(steps):
        weight = fixed_seen * move_picture(moving_seen, place)
        first, second = (_normalise(image, weight) for image in (fixed, move_picture(moving, place)))
        if first is None or second is None:
            return None, 0.0
        correlation = float(np.vdot(first, second * weight) / weight.sum())
        x, y = (slope * weight for slope in slopes_of(first + second))
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
    if area < LEAST_SEEN * weight.size:
        return None
    centred = np.asarray(image - np.float32(np.vdot(image, weight) / area), np.float32)
    contrast = float(np.sqrt(np.vdot(centred * centred, weight) / area))
    return centred / np.float32(contrast) if contrast >= _LEAST_CONTRAST else None


def slopes_of(doubled: Float32Array) -> tuple[Float32Array, Float32Array]:
    """Return the slopes along and down of the mean of two images, of which the sum is given, per pixel."""
    along, down = (cv2.Sobel(doubled, cv2.CV_32F, *axis, scale=1 / 16) for axis in ((1, 0), (0, 1)))
    return np.asarray(along, np.float32), np.asarray(down, np.float32)


def blur_seen(image: Float32Array, weight: Float32Array, width: float) -> Float32Array:
    """Blur an image as if there were nothing but what is seen."""
    return np.asarray(blur(image * weight, width) / np.maximum(blur(weight, width), 1e-3), np.float32)


def blur(values: Float32Array, width: float) -> Float32Array:
    """Blur an image by a Gaussian whose sigma is a width in pixels."""
    return np.asarray(cv2.GaussianBlur(values, (0, 0), width), np.float32)


def move_picture(image: Float32Array, place: Float32Array) -> Float32Array:
    """Return the right picture's pixels where the left one has them, by a map from left to right pixels."""
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(image, place, image.shape[::-1], flags=how), np.float32)


def erode_seen(seen: BoolArray, reach: int) -> Float32Array:
    """Return 1 where all is seen that a filter reaches, else 0; beyond the edge nothing is seen."""
    tool = np.ones((reach, reach), np.uint8)
    eroded = cv2.erode(seen.astype(np.float32), tool, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(eroded, np.float32)


_WINDOW = cv2.createHanningWindow((SIDE_PX // _COARSE,) * 2, cv2.CV_32F)
