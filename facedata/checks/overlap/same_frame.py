"""Crops of two templates or sizes in one frame: the inside of the face, from the brows to the mouth.

Each crop's landmarks say where that is, as the ledger has them and the matrix that made the crop. So a crop
need not be cut again from its photo, and the inside of a face is in every template's crops. The map is
affine, the best for the five points by least squares: some templates stretch faces, and whatever affine map
made a crop, this one undoes it.
"""

from __future__ import annotations

import cv2
import numpy as np

from ...crops.align import Placement, warp
from ...crops.arcface112 import ARCFACE_POINTS, arcface112
from ...sets.prepared import PreparedSet
from ...types import Face, Float32Array, Float64Array, UInt8Image

FRAME_PX = 64
_FIRST = (24, 36)
"""Where the frame begins in the template ``arcface112``: x, y. Eyes, nose and mouth are in it."""

_FARTHEST_PX, _LEAST_AREA = 1e5, 1e-3
"""Landmarks beyond the first, or all nearly on a line, say nothing."""


def crop_frame(prepared: PreparedSet) -> tuple[str, int, float]:
    """Return what must be the same for crops of the same picture to be the same picture."""
    settings = prepared.info["settings"]
    return settings.get("template", "square"), prepared.size_px, float(settings.get("margin", 0.0))


def place_rigidly(landmarks: Float32Array) -> Float64Array:
    """Return where the template ``arcface112`` puts a face's points: turned, scaled and moved, not stretched.

    So a crop meets its like among finished crops of that template, of which no other points are known than
    the template's.

    Args:
        landmarks: ``(5, 2)`` float32, in pixels of the photo.

    Returns:
        ``(5, 2)`` float64, in pixels of a crop of 112 px; NaN for points that are unknown or all at one spot.
    """
    if not np.isfinite(landmarks).all() or not np.ptp(landmarks, axis=0).any():
        return np.full((5, 2), np.nan)
    extent = np.concatenate([landmarks.min(axis=0), landmarks.max(axis=0)])
    matrix = arcface112(Face(extent, 1.0, landmarks)).matrix
    return np.asarray(landmarks @ matrix[:, :2].T + matrix[:, 2], np.float64)


def cut_inside(
    crop: UInt8Image, landmarks: Float32Array, wanted: Float64Array = ARCFACE_POINTS
) -> UInt8Image | None:
    """Return the inside of the face on a crop, ``(64, 64, 3)`` uint8 RGB; None if it cannot be told.

    Args:
        crop: ``(h, w, 3)`` uint8 RGB.
        landmarks: ``(5, 2)`` float32, in pixels of the crop.
        wanted: ``(5, 2)`` float64, where they are to be, in pixels of a crop of ``arcface112``.
    """
    points = np.column_stack([landmarks, np.ones(5)]).astype(np.float64)
    if not (np.isfinite(points).all() and np.isfinite(wanted).all()) or np.abs(points).max() > _FARTHEST_PX:
        return None
    found, _, rank, _ = np.linalg.lstsq(points, wanted - _FIRST, rcond=None)
    if rank < 3 or np.abs(np.linalg.det(found[:2])) < _LEAST_AREA:
        return None
    matrix = np.ascontiguousarray(found.T)
    try:
        return warp(crop, Placement(matrix, (0, 0, FRAME_PX, FRAME_PX)), FRAME_PX)
    except cv2.error:  # landmarks far outside the crop, which only a damaged ledger has
        return None


def grey(crop: UInt8Image) -> UInt8Image:
    """Return the brightness of an ``(h, w, 3)`` uint8 RGB crop, ``(h, w)`` uint8."""
    return np.asarray(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), np.uint8)
