"""The template ``square``: the face box, rotated upright, in a black square."""

from __future__ import annotations

import numpy as np

from ..types import Face
from .align import BoxRule, Placement, Template


def square(face: Face, size_px: int = 240, margin: float = 0.0) -> Placement:
    """Place a face upright in a black square, its eyes' midpoint on the vertical centre line.

    The photo is rotated about the midpoint of the eyes until they are level. The face box keeps its width
    and height; only its centre rotates. The box is then widened on one side until the eyes' midpoint lies on
    its vertical centre line, scaled without distortion until its longer side fills the square, and centred.

    Args:
        face: box and landmarks in photo pixels.
        size_px: side of the crop.
        margin: first grow the box by this fraction of its side, on each side.
    """
    x0, y0, x1, y1 = face.box.astype(np.float64)
    eyes = face.landmarks[:2].astype(np.float64)
    middle = eyes.mean(axis=0)
    angle = np.radians(-face.tilt_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
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


TEMPLATE = Template(square, 240, takes_margin=True, box_rule=BoxRule(0.0, level_eyes=True, stretch=False))
"""An entry of :data:`facedata.config.TEMPLATES`."""
