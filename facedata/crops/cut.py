"""From an opened photo and a face in it to the crop, decoding as few pixels as the crop needs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..config import TEMPLATES
from ..detect.find import SEARCHED_PX
from ..options import look_up
from ..photos.picture import Picture
from ..types import Crop, Face, Float64Array
from . import square
from .align import Placement, Template, warp


@dataclass(frozen=True)
class CropShape:
    """The template, size and margin of crops; picklable, so that workers need no table of templates.

    Attributes:
        template: how a face lies in its crop.
        size_px: the crop's side.
        margin: as in :func:`facedata.crops.square.square`; 0 where the template takes none.

    Raises:
        ValueError: the template takes no margin.
    """

    template: Template = square.TEMPLATE
    size_px: int = 240
    margin: float = 0.0

    def __post_init__(self) -> None:
        if self.margin and not self.template.takes_margin:
            raise ValueError(f"the template {self.template.place.__name__} takes no margin")

    def place(self, face: Face) -> Placement:
        """Return where a face, in photo pixels, lies in its crop; templates see it turned upright."""
        margin = (self.margin,) if self.template.takes_margin else ()
        if not face.turned_deg:
            return self.template.place(face, self.size_px, *margin)
        # turned about the photo's first pixel: coordinates change places and signs, and stay exact
        cos, sin = {90: (0, 1), 180: (-1, 0), 270: (0, -1)}[face.turned_deg]
        turn = np.array([[cos, -sin], [sin, cos]], np.float32)
        corners = face.box.reshape(2, 2) @ turn.T
        box = np.concatenate([corners.min(axis=0), corners.max(axis=0)])
        upright = replace(face, box=box, landmarks=face.landmarks @ turn.T, turned_deg=0)
        placement = self.template.place(upright, self.size_px, *margin)
        matrix = np.column_stack([placement.matrix[:, :2] @ turn, placement.matrix[:, 2]])
        return replace(placement, matrix=matrix)


def make_shape(template: str, size_px: int | None = None, margin: float = 0.0) -> CropShape:
    """Return the shape of a template's crops.

    Args:
        template: a name in :data:`facedata.config.TEMPLATES`.
        size_px: the crop's side; None for the template's own.
        margin: as in :class:`CropShape`.
    """
    row: Template = look_up(TEMPLATES, template)
    return CropShape(row, size_px or row.size_px, margin)


def usual_points(settings: Mapping[str, Any]) -> Float64Array | None:
    """Return where the template puts the five points of finished crops, of which the ledger knows no face.

    Args:
        settings: those of a set.

    Returns:
        ``(5, 2)`` float64 in pixels of the crop; None for a set whose faces were found, or whose template has
        no usual points.
    """
    if not settings.get("as_crops"):
        return None
    row: Template = look_up(TEMPLATES, settings["template"])
    return None if row.points is None else row.points * (settings["size"] / row.size_px)


def cut_crop(picture: Picture, face: Face, shape: CropShape) -> Crop:
    """Cut one face out of a photo.

    The crop depends only on the photo, the face and the shape, so a face from the ledger gives the same crop
    as when it was found. The photo is decoded at a reduced size if the crop needs no more pixels, but never
    at a smaller size than it is searched at first, which is decoded already.

    Raises:
        ImageError: the photo cannot be decoded.
    """
    placement = shape.place(face)
    scale = _largest_stretch(placement.matrix)
    # reductions that do not enlarge the reduced photo's pixels
    fitting = [reduction for reduction in picture.header.reductions if reduction * scale <= 1]
    reduction = min(max(fitting, default=1), picture.largest_reduction(SEARCHED_PX))
    matrix = picture.reduced_matrix(placement.matrix, reduction)
    image = warp(picture.at(reduction), Placement(matrix, placement.window), shape.size_px)
    return Crop(image, placement.matrix, face)


def _largest_stretch(matrix: Float64Array) -> float:
    """Return by how much a ``(2, 3)`` matrix lengthens what it lengthens most: its largest singular value."""
    (a, b, _), (c, d, _) = matrix.tolist()
    squares = a * a + b * b + c * c + d * d
    return math.sqrt((squares + math.hypot(a * a + b * b - c * c - d * d, 2 * (a * c + b * d))) / 2)
