"""Faces at known pixels, and the warp done slowly."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from facedata.crops.align import Placement
from facedata.testing import landmarks_in
from facedata.types import Face, Float64Array, UInt8Image


def face(box: tuple[float, ...], tilt_deg: float = 0.0, middle: tuple[float, float] = (100, 90)) -> Face:
    """A face whose eyes lie 40 px apart about a midpoint, the right one lower by the tilt."""
    half = 20 * np.array([np.cos(np.radians(tilt_deg)), np.sin(np.radians(tilt_deg))])
    eyes = np.array([np.subtract(middle, half), np.add(middle, half)])
    return Face(np.array(box, np.float32), 1.0, np.concatenate([eyes, np.ones((3, 2))]).astype(np.float32))


def mapped(matrix: Float64Array, points: object) -> Float64Array:
    there: Float64Array = np.asarray(points, np.float64) @ matrix[:, :2].T + matrix[:, 2]
    return there


faces = st.builds(
    face,
    st.tuples(st.floats(0, 80), st.floats(0, 80), st.floats(120, 400), st.floats(120, 400)),
    st.floats(-90, 90),
    st.tuples(st.floats(40, 200), st.floats(40, 200)),
)


def in_box(box: tuple[float, ...], tilt_deg: float = 0.0) -> Face:
    """A face whose five landmarks lie in its box as a face's do."""
    return Face(np.array(box, np.float32), 1.0, landmarks_in(box, tilt_deg))


def moved(points: Float64Array, scale: float, turn_deg: float, shift: tuple[float, float]) -> Float64Array:
    """Scale, turn and shift points."""
    angle = np.radians(turn_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    there: Float64Array = scale * points @ turn.T + shift
    return there


def with_points(points: Float64Array) -> Face:
    low, high = points.min(axis=0) - 20, points.max(axis=0) + 20
    return Face(np.array([*low, *high], np.float32), 1.0, points.astype(np.float32))


def slow_warp(image: UInt8Image, placement: Placement, size: int) -> Float64Array:
    """Bilinear, pixel by pixel, in float64."""
    inverse = np.linalg.inv(np.vstack([placement.matrix, [0, 0, 1]]))
    padded = np.pad(image.astype(np.float64), ((1, 2), (1, 2), (0, 0)))
    crop = np.zeros((size, size, 3))
    x0, y0, x1, y1 = placement.window
    for row in range(y0, y1):
        for column in range(x0, x1):
            x, y, _ = inverse @ (column, row, 1)
            if -1 < x < image.shape[1] and -1 < y < image.shape[0]:
                i, j = int(np.floor(y)), int(np.floor(x))
                v, u = y - i, x - j
                part = padded[i + 1 : i + 3, j + 1 : j + 3]
                crop[row, column] = (
                    part[0, 0] * (1 - v) * (1 - u)
                    + part[0, 1] * (1 - v) * u
                    + part[1, 0] * v * (1 - u)
                    + part[1, 1] * v * u
                )
    return crop
