"""Tables in blocks: the same rows as without."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facedata.tables import blocks

words = st.lists(st.text(st.characters(codec="utf-8"), max_size=4), unique=True, max_size=40)


@pytest.fixture(autouse=True)
def small_blocks() -> object:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(blocks, "BLOCK_ROWS", 7)
        yield


def table_of(texts: list[str], chunk: int = 5) -> pa.Table:
    rows = {"record": texts, "photo": texts, "role": [None] * len(texts), "n": list(range(len(texts)))}
    schema = pa.schema(
        [("record", pa.string()), ("photo", pa.string()), ("role", pa.string()), ("n", pa.int64())]
    )
    whole = pa.table(rows, schema=schema)
    return pa.concat_tables([whole.slice(start, chunk) for start in range(0, max(len(texts), 1), chunk)])


@given(words)
def test_records_are_in_the_order_of_their_bytes(texts: list[str]) -> None:
    table = table_of(texts)
    found = blocks.ordered(table)
    wanted = sorted(table.to_pylist(), key=lambda row: row["record"].encode())
    assert found.to_pylist() == wanted
    assert found.schema.equals(table.schema)
    assert blocks.is_ordered(found)
    assert blocks.is_ordered(table) == (table.to_pylist() == wanted)


def test_a_photo_column_in_the_same_memory_stays_in_the_same_memory() -> None:
    table = table_of([f"{i:03}" for i in range(30)][::-1])
    shared = table.set_column(1, "photo", table.column("record"))
    found = blocks.ordered(shared)
    address = [chunk.buffers()[2].address for chunk in found.column("record").chunks]
    assert [chunk.buffers()[2].address for chunk in found.column("photo").chunks] == address


@given(st.integers(0, 40), st.data())
def test_rows_at_places_are_those_rows(count: int, data: st.DataObject) -> None:
    table = table_of([str(i) for i in range(count)])
    times = data.draw(st.lists(st.integers(0, 2), min_size=count, max_size=count))
    places = np.repeat(np.arange(count), times)
    assert blocks.rows_at(table, places).column("n").to_pylist() == places.tolist()


@given(st.lists(st.integers(0, 20), max_size=8))
def test_pieces_are_cut_anew_into_whole_blocks(sizes: list[int]) -> None:
    numbers = list(range(sum(sizes)))
    ends = np.cumsum(sizes).tolist()
    schema = pa.schema([("n", pa.int64())])
    starts = zip(sizes, ends, strict=True)
    pieces = [pa.table({"n": numbers[end - size : end]}, schema) for size, end in starts]
    found = list(blocks.regrouped(pieces))
    assert [number for block in found for number in block.column("n").to_pylist()] == numbers
    assert all(block.num_rows == 7 for block in found[:-1])
    assert all(0 < block.num_rows <= 7 and block.column(0).num_chunks == 1 for block in found)


def test_texts_are_those_of_the_column() -> None:
    column = pa.chunked_array([["a"] * 9, [None, "b"]])
    assert list(blocks.texts(column)) == column.to_pylist()
