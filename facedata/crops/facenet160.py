"""The template ``facenet160``: the box and a little more, stretched over the crop, not turned."""

from __future__ import annotations

import numpy as np

from ..types import Face
from .align import Placement, Template

_MARGIN = 16 / (160 - 32)
"""What is added on each side of the box, as a fraction of the box's side: 16 of 160 crop pixels."""


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
    low = np.array([x0, y0]) - _MARGIN * sides
    scale = size_px / (sides * (1 + 2 * _MARGIN))
    # the grown box's edge is the crop's, half a pixel before the first pixel's centre
    return Placement(np.column_stack([np.diag(scale), -0.5 - scale * low]), (0, 0, size_px, size_px))


TEMPLATE = Template(facenet160, 160)
"""A row of :data:`facedata.config.TEMPLATES`."""
