"""A set's columns as cells of CSV."""

from __future__ import annotations

import json

import pyarrow as pa

from facedata.exports.plain.csv_cells import count_formulas, spread_lists
from facedata.tables.schema import PHOTOS


def test_lists_of_numbers_get_a_column_each_and_others_become_json() -> None:
    rows = [
        {
            "box": [1.5, 2, 3, 4],
            "landmarks": list(range(10)),
            "all_boxes": [[1, 2, 3, 4]],
            "matrix": list(range(6)),
        },
        {"box": None, "landmarks": [], "all_boxes": [], "matrix": [1.0]},
    ]
    table = spread_lists(pa.Table.from_pylist(rows, schema=PHOTOS.remove_metadata()))
    assert not any(
        pa.types.is_nested(field.type) or pa.types.is_dictionary(field.type) for field in table.schema
    )
    assert table.column("box_x0").to_pylist() == [1.5, None]
    assert table.column("box_y1").to_pylist() == [4, None]
    assert table.column("left_eye_y").to_pylist() == [1, None]
    assert table.column("right_mouth_y").to_pylist() == [9, None]
    assert table.column("matrix_00").to_pylist() == [0, 1]
    assert table.column("matrix_12").to_pylist() == [5, None]
    assert [json.loads(text) for text in table.column("all_boxes").to_pylist()] == [[[1, 2, 3, 4]], []]


def test_an_empty_table_has_the_same_columns() -> None:
    full = pa.Table.from_pylist([{"box": [1, 2, 3, 4]}], schema=PHOTOS)
    assert spread_lists(full.slice(0, 0)).schema.equals(spread_lists(full).schema)


def test_cells_that_a_spreadsheet_would_run_are_counted() -> None:
    texts = ["=1+1", "+1", "-anna", "@anna", "\tx", "\rx", "anna", None, "", "a=1", " =1", "'=1"]
    rows = pa.table({"a": texts, "b": pa.array(range(-6, 6)), "c": ["=x"] * len(texts)})
    assert count_formulas(rows) == 6 + len(texts)
