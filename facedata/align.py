"""Crop templates: from a face to one affine matrix, and from a matrix to a crop. Pure functions.

A matrix is ``(2, 3)`` float64 and maps photo pixels to crop pixels, ``matrix @ [x, y, 1]``, pixel centres
at whole numbers in both. Each crop is one warp straight from the decoded photo.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .types import Face, Float64Array, UInt8Image

DEFAULT_SIZES = {"square": 240}


@dataclass(frozen=True, eq=False)
class Placement:
    """Where a face lies in its crop.

    Attributes:
        matrix: ``(2, 3)`` float64, photo pixels to crop pixels.
        window: x0 y0 x1 y1 in whole crop pixels (half-open); outside it the crop is black.
    """

    matrix: Float64Array
    window: tuple[int, int, int, int]


def place(face: Face, template: str, size_px: int, margin: float = 0.0) -> Placement:
    """Place a face by a template's name; ``size_px`` is the crop's side, ``margin`` as in :func:`square`."""
    if template != "square":
        raise ValueError(f"there is no template {template!r}; there are {', '.join(DEFAULT_SIZES)}")
    return square(face, size_px, margin)


def square(face: Face, size_px: int = 240, margin: float = 0.0) -> Placement:
    """Place a face upright in a black square, its eyes' midpoint on the vertical centre line.

    In the frame turned about the midpoint of the eyes so that they are level, the rectangle is the face
    box at its own width and height, its centre turned with the photo; it is widened on the nearer side
    until the eyes' midpoint lies on its vertical centre line, scaled undeformed so that its longer side
    fills the square, and centred.

    Args:
        face: box and landmarks in photo pixels.
        size_px: side of the crop.
        margin: grow the box first by this fraction of its side, on each side.
    """
    x0, y0, x1, y1 = face.box.astype(np.float64)
    eyes = face.landmarks[:2].astype(np.float64)
    middle = eyes.mean(axis=0)
    turn = _rotation(np.radians(-face.tilt_deg))
    centre = turn @ (np.array([x0 + x1, y0 + y1]) / 2 - middle)  # relative to the eyes' midpoint
    width, height = (x1 - x0) * (1 + 2 * margin), (y1 - y0) * (1 + 2 * margin)
    half_width = abs(centre[0]) + width / 2
    scale = size_px / max(2 * half_width, height)
    pivot = np.array([0.0, centre[1]])  # the rectangle's centre, relative to the eyes' midpoint
    crop_centre = (size_px - 1) / 2
    linear = scale * turn
    shift = crop_centre - scale * pivot - linear @ middle
    half = scale * np.array([half_width, height / 2])
    # a pixel centre c covers c ± 1/2: the rectangle's edges, rounded to whole pixels
    low = np.clip(np.rint(crop_centre - half + 0.5), 0, size_px - 1).astype(int)
    high = np.clip(np.rint(crop_centre + half + 0.5), low + 1, size_px).astype(int)
    return Placement(np.column_stack([linear, shift]), (int(low[0]), int(low[1]), int(high[0]), int(high[1])))


def warp(image: UInt8Image, placement: Placement, size_px: int) -> UInt8Image:
    """Cut a ``(size_px, size_px, 3)`` uint8 RGB crop from an ``(h, w, 3)`` uint8 RGB photo.

    One bilinear interpolation; when the scale is under one half, the photo's part is first shrunk by an
    area filter so that nothing aliases. What lies outside the photo or the window is black.
    """
    x0, y0, x1, y1 = placement.window
    part, matrix = _shrunk(*_cut(image, placement.matrix, size_px))
    matrix = matrix.copy()
    matrix[:, 2] -= (x0, y0)
    inside = cv2.warpAffine(
        part,
        matrix,
        (x1 - x0, y1 - y0),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(0, 0, 0),
    )
    crop = np.zeros((size_px, size_px, 3), np.uint8)
    crop[y0:y1, x0:x1] = inside
    return crop


def _cut(image: UInt8Image, matrix: Float64Array, size_px: int) -> tuple[UInt8Image, Float64Array]:
    """Return the photo's part that the crop can see, and the matrix from there."""
    back = cv2.invertAffineTransform(matrix)
    edge = size_px - 0.5
    corners = np.array([[-0.5, -0.5], [edge, -0.5], [-0.5, edge], [edge, edge]])
    seen = corners @ back[:, :2].T + back[:, 2]
    height, width = image.shape[:2]
    reach = 2 + 1 / _scale(matrix)  # what interpolation and the area filter see beyond the edge
    x0, y0 = np.clip(np.floor(seen.min(axis=0) - reach), 0, (width - 1, height - 1)).astype(int)
    x1, y1 = np.clip(np.ceil(seen.max(axis=0) + reach) + 1, (x0 + 1, y0 + 1), (width, height)).astype(int)
    moved = matrix.copy()
    moved[:, 2] += matrix[:, :2] @ (x0, y0)
    return image[y0:y1, x0:x1], moved


def _shrunk(part: UInt8Image, matrix: Float64Array) -> tuple[UInt8Image, Float64Array]:
    factor = int(1 / _scale(matrix))
    if factor < 2:
        return part, matrix
    height, width = -(-part.shape[0] // factor), -(-part.shape[1] // factor)
    pad = (height * factor - part.shape[0], width * factor - part.shape[1])
    if any(pad):
        part = np.asarray(cv2.copyMakeBorder(part, 0, pad[0], 0, pad[1], cv2.BORDER_REPLICATE), np.uint8)
    small = cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA)
    # pixel centres: x_part = factor * x_small + (factor - 1) / 2
    moved = matrix.copy()
    moved[:, 2] += matrix[:, :2].sum(axis=1) * (factor - 1) / 2
    moved[:, :2] *= factor
    return np.asarray(small, np.uint8), moved


def _scale(matrix: Float64Array) -> float:
    return float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))


def _rotation(angle: float) -> Float64Array:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, -sin], [sin, cos]])
