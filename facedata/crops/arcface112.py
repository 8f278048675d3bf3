"""The template ``arcface112``: five landmarks as near as possible to where ArcFace's networks expect them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..types import Face, Float64Array
from .align import Placement, Template

ARCFACE_POINTS = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)
"""Where ArcFace's training crops of 112 px have eyes, nose and mouth corners; ``(5, 2)`` float64, x y."""

_LEAST_FIT = 0.01
"""Least correlation of five landmarks with :data:`ARCFACE_POINTS`; of mirrored ones it is still 0.23."""


def arcface112(face: Face, size_px: int = 112) -> Placement:
    """Place a face by its five landmarks, as the crops that ArcFace's networks are trained on.

    The matrix is the rotation, scale and shift (no reflection) that bring the landmarks nearest to
    :data:`ARCFACE_POINTS`, by the sum of squared distances: Umeyama, Least-squares estimation of
    transformation parameters between two point patterns, PAMI 1991; in two dimensions it is one complex
    number and a shift. The window is the whole crop; pixels outside the photo are black.

    As in insightface, the points are multiplied by ``size_px / 112``, here even if the side is a multiple of
    128 (insightface adds a border then). Landmarks that do not resemble the points at all would shrink the
    photo to a dot: then the box's longer side fills the crop, without rotation.

    Args:
        face: landmarks in photo pixels, not all at one point.
        size_px: side of the crop.
    """
    points = ARCFACE_POINTS * (size_px / 112)
    crop_centre, photo_centre = points.mean(axis=0), face.landmarks.astype(np.float64).mean(axis=0)
    target, actual = _complex(points - crop_centre), _complex(face.landmarks - photo_centre)
    spread = float(np.vdot(actual, actual).real)
    factor = complex(np.vdot(actual, target)) / spread
    if abs(factor) < _LEAST_FIT * np.sqrt(np.vdot(target, target).real / spread):
        x0, y0, x1, y1 = face.box.astype(np.float64)
        linear = size_px / max(x1 - x0, y1 - y0) * np.eye(2)
        crop_centre, photo_centre = np.full(2, (size_px - 1) / 2), np.array([x0 + x1, y0 + y1]) / 2
    else:
        linear = np.array([[factor.real, -factor.imag], [factor.imag, factor.real]])
    shift = crop_centre - linear @ photo_centre
    return Placement(np.column_stack([linear, shift]), (0, 0, size_px, size_px))


def _complex(points: Float64Array) -> NDArray[np.complex128]:
    return np.asarray(points[:, 0] + 1j * points[:, 1], np.complex128)


TEMPLATE = Template(arcface112, 112, points=ARCFACE_POINTS)
"""An entry of :data:`facedata.config.TEMPLATES`."""
