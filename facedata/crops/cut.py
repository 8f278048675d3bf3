"""From an opened photo and a face in it to the crop, on as few pixels as the crop needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..config import TEMPLATES
from ..detect.find import SEARCHED_PX
from ..options import named
from ..photos.picture import Picture
from ..types import Crop, Face
from . import square
from .align import Placement, Template, warp


@dataclass(frozen=True)
class CropShape:
    """What crops look like; picklable, so that workers need no table of templates.

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
        """Return where a face, in photo pixels, lies in its crop."""
        if self.template.takes_margin:
            return self.template.place(face, self.size_px, self.margin)
        return self.template.place(face, self.size_px)


def make_shape(template: str, size_px: int | None = None, margin: float = 0.0) -> CropShape:
    """Return what crops of a template look like.

    Args:
        template: a name in :data:`facedata.config.TEMPLATES`.
        size_px: the crop's side; None for the template's own.
        margin: as in :class:`CropShape`.
    """
    row: Template = named(TEMPLATES, template)
    return CropShape(row, size_px or row.size_px, margin)


def cut_crop(picture: Picture, face: Face, shape: CropShape) -> Crop:
    """Cut one face out of a photo.

    The crop depends on the photo, the face and the shape alone, so that a ledger's face gives the crop it
    gave when it was found. The pixels come from a reduced decoding of the photo where the crop has no use
    for more, but never from a smaller one than the photo is searched on first, which is there already.

    Raises:
        ImageError: the photo cannot be decoded.
    """
    placement = shape.place(face)
    scale = float(np.linalg.norm(placement.matrix[:, :2], 2))
    # the largest reduction from which nothing is enlarged that need not be
    fitting = [reduction for reduction in picture.header.reductions if reduction * scale <= 1]
    reduction = min(max(fitting, default=1), picture.largest_reduction(SEARCHED_PX))
    matrix = picture.reduced_matrix(placement.matrix, reduction)
    image = warp(picture.at(reduction), Placement(matrix, placement.window), shape.size_px)
    return Crop(image, placement.matrix, face)
