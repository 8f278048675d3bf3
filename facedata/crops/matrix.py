"""Where a template puts a face, as numbers: for programs that cut crops without this package."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..config import TEMPLATES
from ..errors import UsageError
from ..options import look_up
from ..types import Face, Float64Array
from .align import Template
from .cut import CropShape

_FARTHEST_PX, _NEAREST_PX = 1e9, 1e-6
"""Coordinates and sides are no larger, and what lies nearer is one point: else the matrix overflows."""


def template_matrix(
    template: str, landmarks: ArrayLike, box: ArrayLike | None, size: int, margin: float = 0.0
) -> Float64Array:
    """Return the matrix that maps photo pixels to crop pixels, ``matrix @ [x, y, 1]``.

    It is the matrix with which ``prepare`` cuts such a face, and which it writes into the ledger. Pixel
    centres are at whole numbers in the photo and in the crop, as in OpenCV, so it can be given to
    ``cv2.warpAffine`` as it is. What a crop of the template ``square`` shows outside the grown box is black
    besides; docs/deploy.md says how the numbers are computed.

    Args:
        template: ``square``, ``arcface112``, ``facenet160`` or another of :data:`facedata.config.TEMPLATES`.
        landmarks: ``(5, 2)``, x y in photo pixels of the image-left eye, image-right eye, nose, image-left
            and image-right mouth corner.
        box: x0 y0 x1 y1 of the face in photo pixels. A template that goes by the landmarks (``arcface112``)
            takes None too.
        size: side of the crop in pixels.
        margin: the box first grows by this fraction of its side, on each side (``square`` only).

    Returns:
        ``(2, 3)`` float64.

    Raises:
        UsageError: there is no such template, it takes no margin, or it needs a box; or the numbers are not
            five points, a box with an area, and a size.

    >>> points = [[30, 40], [70, 40], [50, 60], [35, 80], [65, 80]]
    >>> template_matrix("facenet160", points, [0, 0, 128, 128], 160)
    array([[ 1. ,  0. , 15.5],
           [ 0. ,  1. , 15.5]])
    """
    if not isinstance(template, str) or template not in TEMPLATES:
        raise UsageError(f"there is no template {template!r}; there are {', '.join(TEMPLATES)}")
    row: Template = look_up(TEMPLATES, template)
    if margin and not row.takes_margin:
        raise UsageError(f"the template {template} takes no margin")
    sides = _read_numbers([size, margin], (2,))
    if sides is None or sides[0] < 1 or sides[1] < 0:
        raise UsageError(f"the size is {size} and the margin {margin}: numbers, at least 1 and at least 0")
    points = _read_numbers(landmarks, (5, 2))
    if points is None or np.ptp(points, axis=0).max() < _NEAREST_PX:
        raise UsageError("the landmarks are not five different points: give (5, 2) numbers, x y each")
    if box is None:
        if row.points is None:
            raise UsageError(f"the template {template} goes by the face's box: give x0 y0 x1 y1")
        box = np.concatenate([points.min(axis=0), points.max(axis=0)])
    edges = _read_numbers(box, (4,))
    if edges is None or not (edges[2:] - edges[:2] >= _NEAREST_PX).all():
        shown = box if edges is None else edges.tolist()
        raise UsageError(f"the box is {shown}, not x0 y0 x1 y1 with x1 above x0 and y1 above y0")
    # a face's coordinates are float32 when a detector gives them; here they are what the caller has
    face = Face(edges, 1.0, points)  # type: ignore[arg-type]
    return CropShape(row, size, margin).place(face).matrix


def _read_numbers(values: ArrayLike | None, shape: tuple[int, ...]) -> Float64Array | None:
    """Return values as float64; None if they are no numbers of that shape, or too large for coordinates."""
    try:
        given = np.asarray(values)
    except ValueError:  # rows of different lengths
        return None
    if given.shape != shape or given.dtype.kind not in "biuf":  # not text, which numpy would read
        return None
    numbers = given.astype(np.float64)
    return numbers if (np.abs(numbers) <= _FARTHEST_PX).all() else None  # NaN is not
