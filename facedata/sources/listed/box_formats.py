"""Whether boxes are corners or sizes, in pixels or in fractions of the photo; and their pixels."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ...errors import ImageError, SourceError
from ...options import MAX_INT
from ...photos.image import read_header
from ..table_file import Cells
from .boxes import Box, BoxColumns, Numbers, filled_boxes, parse_numbers, show_box

Size = tuple[int, int]
"""Width and height of an upright photo, in pixels."""

FORMS = {
    "xyxy": "x0 y0 x1 y1 in pixels",
    "xywh": "x y width height in pixels",
    "relative": "x0 y0 x1 y1 from 0 to 1",
    "relative-xywh": "x y width height from 0 to 1",
}
"""What each value of ``--box-format`` means."""

_RELATIVE_MOST = 1.5
"""No number of a table's relative boxes is above this; in pixels, all its faces would be specks."""
_OUTSIDE = 0.02
"""Boxes reach outside their photo by this fraction of its side, and a pixel."""
_SAMPLED = 300
"""Photos whose size is read to tell corners from sizes."""
_SHOWN = 3
_FIRST_BYTES = 1 << 16


def find_format(
    cells: Cells,
    columns: BoxColumns,
    numbers: Sequence[Numbers | None],
    size_of: Callable[[int], Size | None],
) -> str:
    """Return how a table's boxes are written, a key of :data:`FORMS`.

    The columns' names decide, if they say it; else the numbers, which must then fit one reading and not the
    other: a box has a width and a height, and lies in its photo.

    Args:
        cells: the table, for messages.
        columns: where the boxes are.
        numbers: each row's box, at least one.
        size_of: returns the size of a row's photo, None if it is unknown.

    Raises:
        SourceError: both readings are possible, or neither; with the first rows and the option to use.
    """
    rows, values = filled_boxes(numbers)
    is_relative = bool(np.abs(values).max() <= _RELATIVE_MOST)
    corners, sizes = ("relative", "relative-xywh") if is_relative else ("xyxy", "xywh")
    if columns.form is not None:
        return corners if columns.form == "xyxy" else sizes
    no_corners = np.any(values[:, 2:] <= values[:, :2], axis=1)
    if is_relative:
        photos = np.ones((len(rows), 2))
    else:
        photos = np.full((len(rows), 2), np.nan)
        for at in np.unique(np.linspace(0, len(rows) - 1, min(len(rows), _SAMPLED)).astype(int)).tolist():
            photos[at] = size_of(int(rows[at])) or np.nan
    # in pixels, a box may reach into the next one
    most = photos * (1 + _OUTSIDE) + (0 if is_relative else 1)
    no_sizes = np.any((values[:, 2:] <= 0) | (values[:, :2] + values[:, 2:] > most), axis=1)
    if not no_corners.any() and (no_sizes.any() or np.isnan(photos).all()):
        return corners
    is_known = ~np.isnan(photos).any(1)
    if no_corners.mean() >= 0.1 and is_known.any() and no_sizes[is_known].mean() <= _OUTSIDE:
        return sizes
    if no_corners.any():  # most boxes fit, and this one does not: a slip in its row
        index = int(rows[np.flatnonzero(no_corners)[0]])
        cells.fail(
            index,
            f"the box {show_box(cells, columns, index)} has no width or no height; it takes x0 y0 x1 y1, not "
            f"x y width height; if that is how all boxes are written, add --box-format {sizes}",
        )
    shown = "; ".join(
        f"{cells.unit} {cells.lines[rows[at]]}: {show_box(cells, columns, int(rows[at]))} is "
        f"{c - a:g} x {d - b:g} or {c:g} x {d:g}"
        for at, (a, b, c, d) in enumerate(values[:_SHOWN].tolist())
    )
    raise SourceError(
        f"{cells.name}: its boxes can be {FORMS[corners]}, or {FORMS[sizes]}, and no row decides which "
        f"(width x height would be, in {shown}): add --box-format {corners} or --box-format {sizes}"
    )


def parse_box(value: object, box_format: str = "xyxy", size: Size | None = None) -> Box | None:
    """Return the box in a cell in pixels, rounded to float32, which the ledger holds.

    Args:
        value: as :func:`.boxes.parse_numbers` takes it.
        box_format: how it is written, a key of :data:`FORMS`.
        size: the photo's width and height, for relative boxes; None if they are unknown: then there is no
            box either.

    Raises:
        ValueError: not four finite numbers, or no width or height; its text continues "the box …".

    >>> parse_box("[10,20,110.5,140]"), parse_box("0 .5 .5 .25", "relative-xywh", (200, 100)), parse_box(" ")
    ((10.0, 20.0, 110.5, 140.0), (0.0, 50.0, 100.0, 75.0), None)
    """
    if (numbers := parse_numbers(value)) is None:
        return None
    a, b, c, d = numbers
    if box_format.endswith("xywh"):
        c, d = a + c, b + d
    if box_format.startswith("relative"):
        if size is None:
            return None
        a, b, c, d = a * size[0], b * size[1], c * size[0], d * size[1]
    try:
        x0, y0, x1, y1 = array("f", (a, b, c, d))
    except OverflowError:
        raise ValueError("is not four finite numbers x0 y0 x1 y1") from None
    if not all(map(np.isfinite, (x0, y0, x1, y1))):
        raise ValueError("is not four finite numbers x0 y0 x1 y1")
    if x1 <= x0 or y1 <= y0:
        takes = "" if box_format.endswith("xywh") else "; it takes x0 y0 x1 y1, not x y width height"
        raise ValueError(f"has no width or no height{takes}")
    return x0, y0, x1, y1


def read_size(photo: Path, turn_exif: bool = True) -> Size | None:
    """Return a photo's width and height, upright; None if it cannot be read.

    Of a JPEG only the first bytes are read, unless more is needed.

    Args:
        photo: the file.
        turn_exif: as in :func:`facedata.photos.image.decode`.
    """
    try:
        with photo.open("rb") as file:
            data = file.read(_FIRST_BYTES)
            if data.startswith(b"\xff\xd8"):
                try:
                    header = read_header(data, MAX_INT, turn_exif)
                except ImageError:  # its header is longer
                    header = read_header(data + file.read(), MAX_INT, turn_exif)
            else:
                header = read_header(data + file.read(), MAX_INT, turn_exif)
    except (OSError, ValueError, ImageError):
        return None
    return header.width, header.height
