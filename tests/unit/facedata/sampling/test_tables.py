"""Drawn rows as tables: ids and paths of the crops that were drawn, each row group with its own paths."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facedata.sampling.spaces import PairRows, TripletRows
from facedata.sampling.tables import SplitCrops, find_distinct
from tests.support.small_set import class_table

ROWS = st.lists(st.integers(0, 2**31 - 1), max_size=50)


@given(st.one_of(ROWS, ROWS.map(sorted)))
def test_distinct_rows_are_those_of_numpy(rows: list[int]) -> None:
    numbers = np.array(rows, np.int64)
    used, indices = find_distinct(numbers)
    expected, inverse = np.unique(numbers, return_inverse=True)
    assert used.tolist() == expected.tolist()
    assert indices.tolist() == inverse.tolist()
    assert indices.dtype == np.int32


@pytest.mark.parametrize("kind", ["pairs", "triplets"])
def test_rows_become_ids_and_paths(kind: str) -> None:
    classes = class_table({"a": 4, "b": 3, "c": 5}, skip_ids=2)
    classes = classes.set_column(classes.schema.get_field_index("split"), "split", [["test"] * 12])
    crops = SplitCrops(classes, "test")
    rng = np.random.default_rng(0)
    sides = [rng.integers(0, 12, 500) for _ in range(3)]
    if kind == "pairs":
        (table,) = crops.pair_tables([PairRows(sides[0], sides[1], sides[2] > 5)])
        names = ["left", "right"]
        assert table.column("same").to_pylist() == (sides[2] > 5).tolist()
    else:
        (table,) = crops.triplet_tables([TripletRows(*sides)])
        names = ["anchor", "positive", "negative"]
    ids, paths = classes.column("id").to_pylist(), classes.column("path").to_pylist()
    for name, rows in zip(names, sides, strict=False):
        assert table.column(name).to_pylist() == [ids[row] for row in rows]
        assert table.column(f"{name}_path").to_pylist() == [paths[row] for row in rows]
        assert table.column(f"{name}_path").chunk(0).dictionary.to_pylist() == paths
    assert set(table.column("split").to_pylist()) == {"test"}
