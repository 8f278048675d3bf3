"""From an opened photo and a face in it to the crop, on as few pixels as the crop needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..detect.find import SEARCHED_PX
from ..photos.picture import Picture
from ..types import Crop, Face
from .align import Placement, place, warp


@dataclass(frozen=True)
class CropShape:
    """What a crop is to look like.

    Attributes:
        template: one of :data:`facedata.crops.align.DEFAULT_SIZES`.
        size_px: its side.
        margin: as in :func:`facedata.crops.align.square`.
    """

    template: str = "square"
    size_px: int = 240
    margin: float = 0.0


def cut_crop(picture: Picture, face: Face, shape: CropShape) -> Crop:
    """Cut one face out of a photo.

    It depends on the photo, the face and the shape alone, so that a ledger's face gives the crop it gave when
    it was found. The pixels come from a reduced decoding of the photo where the crop has no use for more, but
    never a smaller one than the photo is searched on first, which is there already.

    Raises:
        ImageError: the photo cannot be decoded.
    """
    placement = place(face, shape.template, shape.size_px, shape.margin)
    reduction = _reduction(picture, placement)
    matrix = picture.reduced(placement.matrix, reduction)
    image = warp(picture.at(reduction), Placement(matrix, placement.window), shape.size_px)
    return Crop(image, placement.matrix, face)


def _reduction(picture: Picture, placement: Placement) -> int:
    """Return the largest reduction from which nothing is enlarged that need not be."""
    scale = float(np.linalg.norm(placement.matrix[:, :2], 2))
    fitting = [r for r in picture.header.reductions if r * scale <= 1]
    return min(max(fitting, default=1), picture.largest_reduction(SEARCHED_PX))
