"""Boxes in tables: the columns that hold them, under many names, and the four numbers in a cell."""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, overload

import numpy as np

from ...tables.blocks import iter_texts
from ...types import Float64Array, Int64Array
from ..table_file import Cells

Numbers = tuple[float, float, float, float]
"""The four numbers of a box as the table has them."""

Box = tuple[float, float, float, float]
"""x0 y0 x1 y1 in pixels of the full-size, upright photo."""


class BoxRows(Sequence[Numbers | None]):
    """A box for each row, or None; of millions of rows as numbers in memory.

    Args:
        count: how many rows there are; none has a box at first.

    Attributes:
        numbers: ``(n, 4)`` float64; NaN for no box.
    """

    def __init__(self, count: int) -> None:
        self.numbers = np.full((count, 4), np.nan)

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, index: int) -> Numbers | None: ...

    @overload
    def __getitem__(self, index: slice) -> list[Numbers | None]: ...

    def __getitem__(self, index: int | slice) -> Numbers | list[Numbers | None] | None:
        if isinstance(index, slice):
            return [self[row] for row in range(*index.indices(len(self)))]
        a, b, c, d = self.numbers[index].tolist()
        return None if a != a else (a, b, c, d)

    def __setitem__(self, index: int, box: Numbers | None) -> None:
        if box is not None:
            self.numbers[index] = box


def filled_boxes(numbers: Sequence[Numbers | None]) -> tuple[Int64Array, Float64Array]:
    """Return the rows that have a box, ``(m,)`` int64, and their boxes, ``(m, 4)`` float64."""
    if isinstance(numbers, BoxRows):
        every = numbers.numbers
    else:
        every = np.array([box or (np.nan,) * 4 for box in numbers], np.float64)
    rows = np.flatnonzero(~np.isnan(every[:, 0]))
    return rows, every[rows]


_CORNERS = (
    "x y|x0 y0|x1 y1|xmin ymin|minx miny|left top|l t|xtl ytl|startx starty|topleftx toplefty|xleft ytop|"
    "leftx topy|tlx tly|ulx uly|xstart ystart|xtopleft ytopleft"
)
_ENDS = (
    "x2 y2|x1 y1|xmax ymax|maxx maxy|right bottom|r b|xbr ybr|endx endy|bottomrightx bottomrighty|"
    "xright ybottom|rightx bottomy|brx bry|lrx lry|xend yend|xbottomright ybottomright"
)
_SIZES = "w h|width height"
_QUADRUPLES = [
    *(("xyxy", f"{low} {high}".split()) for low in _CORNERS.split("|") for high in _ENDS.split("|")),
    *(("xywh", f"{low} {size}".split()) for low in _CORNERS.split("|") for size in _SIZES.split("|")),
    *((None, numbers.split()) for numbers in ("0 1 2 3", "1 2 3 4")),
]
"""How a box in four columns is written, and what the columns are called; without a form, by the numbers."""

_WORDS = {name for _, names in _QUADRUPLES if len(set(names)) == 4 for name in names}
_WORDS |= {"cx", "cy", "xcenter", "ycenter", "centerx", "centery", "xcentre", "ycentre", "centrex", "centrey"}
_PREFIX = re.compile("(face|bounding|bbox|box|bb|rectangle|rect|roi|region|crop|head|facial|area)+")
_ONE_COLUMN = re.compile(
    "(bounding|face|facebounding)?b?(box|boxes)|(face)?rect(angle)?|facialarea|regionshapeattributes"
)
"""Names of one column that holds a box, beside our own."""


_NOTHING = frozenset(("", "nan", "none", "null", "na", "n/a"))


class BoxColumns(NamedTuple):
    """Where a table's boxes are.

    Attributes:
        names: the columns: none, one, or four.
        form: ``xyxy`` or ``xywh`` if the names say it; ``xyxy`` of one column with objects, whose numbers
            have names, too (:func:`parse_numbers` returns corners).
        unused: columns that look like boxes, and are not used.
    """

    names: tuple[str, ...] = ()
    form: str | None = None
    unused: tuple[str, ...] = ()


def find_box_columns(cells: Cells, others: Sequence[str | None] = ()) -> BoxColumns:
    """Find the columns with boxes: our own, one with another usual name, or four.

    Args:
        cells: the table.
        others: columns that are known to be something else.
    """
    names = [name for name in cells.columns.column_names if name not in others]
    firsts = {
        name: next(filter(_is_filled, iter_texts(cells.columns.column(name))), None)
        for name in names
        if _ONE_COLUMN.fullmatch(plain_name(name))
    }
    one = [name for name, first in firsts.items() if first is not None]
    own = cells.name_of("box")
    by_prefix: dict[str, dict[str, str]] = {}
    for name in names:
        word = (
            _PREFIX.sub("", plain_name(name), count=1)
            if _PREFIX.match(plain_name(name))
            else plain_name(name)
        )
        by_prefix.setdefault(plain_name(name).removesuffix(word), {}).setdefault(word, name)
    four = [
        BoxColumns(tuple(group[word] for word in words), form)
        for prefix, group in by_prefix.items()
        for form, words in _quadruples_of(group)
        if prefix or form
    ]
    looks_like_box = [
        name
        for prefix, group in by_prefix.items()
        for word, name in group.items()
        if re.search("box|rect|facialarea|facelocation", plain_name(name))
        or (word in _WORDS and len(_WORDS & set(group)) > 2)
    ]
    if own not in one:
        own = one[0] if len(one) == 1 else None
    is_object = own is not None and str(firsts[own]).lstrip().startswith("{")
    found = BoxColumns((own,), "xyxy" if is_object else None) if own else next(iter(four), BoxColumns())
    passed = {*found.names, *(firsts.keys() - one)}
    if found.names and not {"width", "height"} & set(found.names):
        passed |= {"width", "height"}  # of the photo
    unused = [name for name in names if name in {*looks_like_box, *one} - passed]
    return found._replace(unused=tuple(unused))


def _quadruples_of(names: Mapping[str, object]) -> Iterator[tuple[str | None, list[str]]]:
    """Yield the ways in which four of these names are a box, the best first."""
    for form, words in _QUADRUPLES:
        if len(set(words)) == 4 and all(word in names for word in words):
            yield form, words


def read_numbers(cells: Cells, columns: BoxColumns) -> Sequence[Numbers | None]:
    """Return each row's four numbers; None where there is no box.

    Raises:
        SourceError: a cell is not four numbers, or some of four columns are empty; with its line.
    """
    if not columns.names:
        return [None] * len(cells.lines)
    values = (iter_texts(cells.columns.column(name)) for name in columns.names)
    numbers = BoxRows(len(cells.lines))
    for index, row in enumerate(zip(*values, strict=True)):
        filled = [_decimal(value) for value in row if _is_filled(value)]
        try:
            numbers[index] = parse_numbers(filled if len(row) == 4 else row[0])
        except ValueError as error:
            cells.fail(index, f"the box {show_box(cells, columns, index)} {error}")
    return numbers


def _is_filled(value: object) -> bool:
    return value is not None and str(value).strip() != ""


def show_box(cells: Cells, columns: BoxColumns, index: int) -> str:
    """Return a row's box as its cells have it, for messages."""
    values = [cells.columns.column(name)[index].as_py() for name in columns.names]
    return repr(values[0] if len(values) == 1 else " ".join(map(str, values)))


def parse_numbers(value: object) -> Numbers | None:
    """Return the four numbers in a cell: a list, text such as ``[1,2,3,4]`` or ``1 2 3 4``, or an object.

    Args:
        value: numbers with blanks, commas or semicolons between them, decimal commas if it is not commas that
            divide them; an object is ``{"x": 1, "y": 2, "w": 3, "h": 4}`` or another usual one, whose corners
            are returned. None, blank text, an empty list, four zeros, four -1, and words such as ``nan`` or
            ``None`` alone or in place of all four mean no box.

    Raises:
        ValueError: not four finite numbers; its text continues "the box …".

    >>> parse_numbers("[10, 20, 110.5, 140]"), parse_numbers("12,5; 3; 30; 40,5"), parse_numbers(" ")
    ((10.0, 20.0, 110.5, 140.0), (12.5, 3.0, 30.0, 40.5), None)
    """
    if isinstance(value, str) and value.strip().startswith("{"):
        try:
            value = json.loads(value) if '"' in value else ast.literal_eval(value.strip())
        except (ValueError, TypeError, SyntaxError):
            raise ValueError("is not four numbers x0 y0 x1 y1") from None
    parts: Sequence[object]
    is_size = False
    if value is None:
        return None
    if isinstance(value, str):
        text = value.strip()
        bare = text[1:-1] if re.fullmatch(r"\[.*\]|\(.*\)", text, re.DOTALL) else text
        parts = _split_numbers(bare.strip())
    elif isinstance(value, dict):
        named = {plain_name(str(name)): one for name, one in value.items()}
        form, words = next(_quadruples_of(named), (None, []))
        parts, is_size = [named[word] for word in words] or list(named), form == "xywh"
    else:
        parts = list(value) if isinstance(value, (list, tuple)) else [value]
    if all(str(part).strip().lower() in _NOTHING for part in parts):
        return None
    try:
        a, b, c, d = (float(part) for part in parts)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        raise ValueError("is not four numbers x0 y0 x1 y1") from None
    if not all(map(math.isfinite, (a, b, c, d))):
        raise ValueError("is not four finite numbers x0 y0 x1 y1")
    if {a, b, c, d} in ({0}, {-1}):
        return None
    return (a, b, a + c, b + d) if is_size else (a, b, c, d)


def _split_numbers(text: str) -> list[str]:
    divided = [part.strip(" ,") for part in re.split(r"\s*;\s*" if ";" in text else r"\s+", text)]
    if len(divided) == 4:  # so a comma within a number is a decimal comma
        return [str(_decimal(part)) for part in divided]
    return re.split(r"\s*[,;]\s*|\s+", text) if text else []


def _decimal(value: Any) -> Any:
    """Return a number's text with a decimal point in place of a decimal comma."""
    is_text = isinstance(value, str) and re.fullmatch(r"\s*-?\d+,\d+\s*", value)
    return value.replace(",", ".") if is_text else value


def plain_name(name: str) -> str:
    """Return a column's name in small letters, without blanks and signs.

    >>> plain_name("Image_ID")
    'imageid'
    """
    return re.sub("[^a-z0-9]", "", name.lower())
