"""The template ``facenet160``: the box plus a margin, stretched over the crop, without rotation."""

from __future__ import annotations

import numpy as np

from ..types import Face
from .align import BoxRule, Placement, Template

_MARGIN = 16 / (160 - 32)
"""The margin on each side of the box, as a fraction of the box's side: 16 of 160 crop pixels."""


def facenet160(face: Face, size_px: int = 160) -> Placement:
    """Stretch a face's box, plus a margin, over the whole crop, without rotation, as FaceNet's sets do.

    The box grows by an eighth of its width left and right, and of its height above and below: of a crop of
    160 px, the box takes 128 and the margin 32. It is stretched to a square, so faces become wider.

    Two things differ from davidsandberg/facenet's ``align_dataset_mtcnn``: its 32 px are photo pixels,
    whatever the face's size (facenet-pytorch scales them, as here); and it clips a box at the photo's edge
    and stretches the rest, while here pixels outside the photo are black.

    Args:
        face: box in photo pixels.
        size_px: side of the crop.
    """
    x0, y0, x1, y1 = face.box.astype(np.float64)
    sides = np.array([x1 - x0, y1 - y0])
    low = np.array([x0, y0]) - _MARGIN * sides
    scale = size_px / (sides * (1 + 2 * _MARGIN))
    # the grown box's edge falls on the crop's edge, half a pixel before the first pixel's centre
    return Placement(np.column_stack([np.diag(scale), -0.5 - scale * low]), (0, 0, size_px, size_px))


TEMPLATE = Template(facenet160, 160, box_rule=BoxRule(_MARGIN, level_eyes=False, stretch=True))
"""An entry of :data:`facedata.config.TEMPLATES`."""
