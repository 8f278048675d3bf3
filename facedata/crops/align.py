"""Where a face lies in its crop, and the crop itself: one warp straight from the decoded photo.

A matrix is ``(2, 3)`` float64 and maps photo pixels to crop pixels, ``matrix @ [x, y, 1]``, pixel centres
at whole numbers in both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np

from ..types import Float64Array, UInt8Image


@dataclass(frozen=True, eq=False)
class Placement:
    """Where a face lies in its crop.

    Attributes:
        matrix: ``(2, 3)`` float64, photo pixels to crop pixels.
        window: x0 y0 x1 y1 in whole crop pixels (half-open); outside it the crop is black.
    """

    matrix: Float64Array
    window: tuple[int, int, int, int]


@dataclass(frozen=True)
class BoxRule:
    """How a template that goes by the face's box places it, as numbers for other programs (docs/deploy.md).

    Attributes:
        margin: the box grows by this fraction of its side, on each side, and by a set's own margin besides.
        level_eyes: the photo is turned about the eyes' midpoint until they are level, and the box is widened
            on one side until that midpoint is on its vertical centre line.
        stretch: the box is stretched over the crop; else it is scaled until its longer side fills the crop,
            centred, and what lies outside it is black.
    """

    margin: float
    level_eyes: bool
    stretch: bool


@dataclass(frozen=True)
class Template:
    """How faces lie in their crops: an entry of :data:`facedata.config.TEMPLATES`.

    Attributes:
        place: a function of (:class:`facedata.types.Face`, side of the crop in pixels) that returns the
            :class:`Placement`; of (face, side, margin) if it takes one. Workers import it by its name.
        size_px: side of the crops unless another is asked for.
        takes_margin: whether the box can be grown by a margin, a fraction of its side on each side.
        points: ``(5, 2)`` float64, x y: where crops of ``size_px`` have the eyes, the nose and the corners of
            the mouth, about; None where that differs from face to face.
        box_rule: how it goes by the box; None if it goes by the points, or by a rule of its own.
    """

    place: Callable[..., Placement]
    size_px: int
    takes_margin: bool = False
    points: Float64Array | None = field(default=None, compare=False)
    box_rule: BoxRule | None = None


def warp(image: UInt8Image, placement: Placement, size_px: int) -> UInt8Image:
    """Cut a ``(size_px, size_px, 3)`` uint8 RGB crop from an ``(h, w, 3)`` uint8 RGB photo.

    One bilinear interpolation; if the scale is at most one half, the photo's part is first shrunk by an area
    filter to avoid aliasing. Pixels outside the photo or the window are black.
    """
    matrix, scale = placement.matrix.copy(), float(np.sqrt(abs(np.linalg.det(placement.matrix[:, :2]))))
    # the photo's part that the crop shows, plus the pixels around it that the filters read
    back = cv2.invertAffineTransform(matrix)
    edge, reach = size_px - 0.5, 2 + 1 / scale
    corners = np.array([[-0.5, -0.5], [edge, -0.5], [-0.5, edge], [edge, edge]])
    seen = corners @ back[:, :2].T + back[:, 2]
    height, width = image.shape[:2]
    left, top = np.clip(np.floor(seen.min(axis=0) - reach), 0, (width - 1, height - 1)).astype(int)
    right, bottom = np.clip(
        np.ceil(seen.max(axis=0) + reach) + 1, (left + 1, top + 1), (width, height)
    ).astype(int)
    part = image[top:bottom, left:right]
    matrix[:, 2] += matrix[:, :2] @ (left, top)
    # nonsense landmarks can shrink the photo to a dot: never pad to more than its longer side
    factor = min(int(1 / scale), max(part.shape))
    if factor >= 2:
        height, width = -(-part.shape[0] // factor), -(-part.shape[1] // factor)
        pad = (height * factor - part.shape[0], width * factor - part.shape[1])
        if any(pad):
            part = np.asarray(cv2.copyMakeBorder(part, 0, pad[0], 0, pad[1], cv2.BORDER_REPLICATE), np.uint8)
        part = np.asarray(cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        # pixel centres: x_part = factor * x_small + (factor - 1) / 2
        matrix[:, 2] += matrix[:, :2].sum(axis=1) * (factor - 1) / 2
        matrix[:, :2] *= factor
    x0, y0, x1, y1 = placement.window
    matrix[:, 2] -= (x0, y0)
    # OpenCV takes half as long for four channels as for three; the numbers are the same
    inside = cv2.warpAffine(
        cv2.cvtColor(part, cv2.COLOR_RGB2RGBA), matrix, (x1 - x0, y1 - y0),
        flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=(0, 0, 0, 0),
    )  # fmt: skip
    crop = np.zeros((size_px, size_px, 3), np.uint8)
    crop[y0:y1, x0:x1] = cv2.cvtColor(inside, cv2.COLOR_RGBA2RGB)
    return crop
