"""A set's columns as cells of CSV: one value a cell, as programs read them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

POINTS = ("left_eye", "right_eye", "nose", "left_mouth", "right_mouth")
"""The five landmarks, sides as in the image."""

_CORNERS = ("x0", "y0", "x1", "y1")
_SPREAD: Mapping[str, Sequence[str]] = {
    "box": [f"box_{corner}" for corner in _CORNERS],
    "landmarks": [f"{point}_{axis}" for point in POINTS for axis in "xy"],
    "matrix": [f"matrix_{row}{column}" for row in "01" for column in "012"],
}
"""Lists that get a column for each number."""

_FORMULA = r"^[=+\-@\t\r]"
"""How a cell begins that a spreadsheet runs."""


def spread_lists(rows: pa.Table) -> pa.Table:
    """Return a table whose every column is a number, a truth value or text; null where there is none.

    Boxes, landmarks and matrices get a column for each number; other lists become their JSON.
    """
    columns: dict[str, pa.Array | pa.ChunkedArray] = {}
    for field in rows.schema:
        column = rows.column(field.name)
        if names := _SPREAD.get(field.name):
            for at, name in enumerate(names):
                is_there = pc.fill_null(pc.greater(pc.list_value_length(column), at), False)
                padded = pc.if_else(is_there, column, pa.scalar([None] * (at + 1), column.type))
                columns[name] = pc.list_element(padded, at)
        elif pa.types.is_dictionary(field.type):
            columns[field.name] = column.cast(field.type.value_type)
        elif pa.types.is_nested(field.type) or pa.types.is_binary(field.type):
            texts = [None if cell is None else json.dumps(cell, default=str) for cell in column.to_pylist()]
            columns[field.name] = pa.array(texts, pa.string())
        else:
            columns[field.name] = column
    return pa.table(columns)


def count_formulas(rows: pa.Table) -> int:
    """Return how many cells of text a spreadsheet would run."""
    found = 0
    for column in rows.columns:
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            found += pc.sum(pc.match_substring_regex(column, _FORMULA), min_count=0).as_py()
    return found
