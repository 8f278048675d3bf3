"""Crop templates: from a face to one affine matrix, and from a matrix to a crop. Pure functions.

A matrix is ``(2, 3)`` float64 and maps photo pixels to crop pixels, ``matrix @ [x, y, 1]``, pixel centres
at whole numbers in both. Each crop is one warp straight from the decoded photo.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ..types import Face, Float64Array, UInt8Image

DEFAULT_SIZES = {"square": 240, "arcface112": 112, "facenet160": 160}
"""Every template, and the side of its crops in pixels where nobody asks for another."""

ARCFACE_POINTS = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)
"""Where ArcFace's training crops of 112 px have eyes, nose and mouth corners; ``(5, 2)`` float64, x y."""

_LEAST_FIT = 0.01
"""Least correlation of five landmarks with :data:`ARCFACE_POINTS`; of mirrored ones it is still 0.23."""

_FACENET_MARGIN = 16 / (160 - 32)
"""What facenet160 adds on each side of the box, as a fraction of the box's side: 16 of 160 crop pixels."""


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
    """Place a face by a template's name.

    Args:
        face: box and landmarks in photo pixels.
        template: one of :data:`DEFAULT_SIZES`.
        size_px: side of the crop.
        margin: as in :func:`square`; the other templates have their own, and take 0 only.

    Raises:
        ValueError: there is no such template, or it takes no margin.
    """
    if template == "square":
        return square(face, size_px, margin)
    if template not in DEFAULT_SIZES:
        raise ValueError(f"there is no template {template!r}; there are {', '.join(DEFAULT_SIZES)}")
    if margin:
        raise ValueError(f"the template {template} takes no margin")
    return arcface112(face, size_px) if template == "arcface112" else facenet160(face, size_px)


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


def arcface112(face: Face, size_px: int = 112) -> Placement:
    """Place a face by its five landmarks, as the crops that ArcFace's networks are trained on.

    The turn, scale and shift (no reflection) that bring the landmarks nearest to :data:`ARCFACE_POINTS`, by
    the sum of squared distances: Umeyama, Least-squares estimation of transformation parameters between two
    point patterns, PAMI 1991; in two dimensions one complex number and a shift solve it. The whole crop is
    the window; what lies outside the photo is black.

    As in insightface, the points are multiplied by ``size_px / 112``; unlike there, also where the side is a
    multiple of 128 (they add a border then). Landmarks that resemble the points in no way would shrink the
    photo to a dot: there the box's longer side fills the crop, not turned.

    Args:
        face: landmarks in photo pixels, not all at one point.
        size_px: side of the crop.
    """
    points = ARCFACE_POINTS * (size_px / 112)
    there, here = points.mean(axis=0), face.landmarks.astype(np.float64).mean(axis=0)
    wanted, found = _complex(points - there), _complex(face.landmarks - here)
    spread = float(np.vdot(found, found).real)
    factor = complex(np.vdot(found, wanted)) / spread
    if abs(factor) < _LEAST_FIT * np.sqrt(np.vdot(wanted, wanted).real / spread):
        return _upright(face, size_px)
    linear = np.array([[factor.real, -factor.imag], [factor.imag, factor.real]])
    return Placement(np.column_stack([linear, there - linear @ here]), (0, 0, size_px, size_px))


def facenet160(face: Face, size_px: int = 160) -> Placement:
    """Place a face's box, grown a little, over the whole crop, not turned, as FaceNet's aligned sets.

    The box grows by an eighth of its width left and right, and of its height above and below: of a crop of
    160 px the box then takes 128 and the margin 32. It is stretched to a square, so faces become wider.

    Differs from davidsandberg/facenet's ``align_dataset_mtcnn`` in two things: there the 32 px are photo
    pixels, whatever the face's size (facenet-pytorch scales them, as here); and there a box that reaches over
    the photo's edge is cut off and what is left stretched, while here what lies outside the photo is black.

    Args:
        face: box in photo pixels.
        size_px: side of the crop.
    """
    x0, y0, x1, y1 = face.box.astype(np.float64)
    sides = np.array([x1 - x0, y1 - y0])
    low = np.array([x0, y0]) - _FACENET_MARGIN * sides
    scale = size_px / (sides * (1 + 2 * _FACENET_MARGIN))
    # the grown box's edge is the crop's, half a pixel before the first pixel's centre
    return Placement(np.column_stack([np.diag(scale), -0.5 - scale * low]), (0, 0, size_px, size_px))


def _upright(face: Face, size_px: int) -> Placement:
    x0, y0, x1, y1 = face.box.astype(np.float64)
    scale = size_px / max(x1 - x0, y1 - y0)
    shift = (size_px - 1) / 2 - scale * np.array([x0 + x1, y0 + y1]) / 2
    return Placement(np.column_stack([scale * np.eye(2), shift]), (0, 0, size_px, size_px))


def _complex(points: Float64Array) -> NDArray[np.complex128]:
    return np.asarray(points[:, 0] + 1j * points[:, 1], np.complex128)


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
    # landmarks may be nonsense, and the crop a dot: never pad to more than the photo's longer side
    factor = min(int(1 / _scale(matrix)), max(part.shape))
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
