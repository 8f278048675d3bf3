"""Tables in blocks: the same rows as without."""

from __future__ import annotations

from collections.abc import Iterator

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
    found = blocks.sort_records(table)
    wanted = sorted(table.to_pylist(), key=lambda row: row["record"].encode())
    assert found.to_pylist() == wanted
    assert found.schema.equals(table.schema)
    assert blocks.is_sorted(found)
    assert blocks.is_sorted(table) == (table.to_pylist() == wanted)


def test_a_photo_column_in_the_same_memory_stays_in_the_same_memory() -> None:
    table = table_of([f"{i:03}" for i in range(30)][::-1])
    shared = table.set_column(1, "photo", table.column("record"))
    found = blocks.sort_records(shared)
    address = [chunk.buffers()[2].address for chunk in found.column("record").chunks]
    assert [chunk.buffers()[2].address for chunk in found.column("photo").chunks] == address


@given(st.integers(0, 40), st.data())
def test_taken_rows_are_those_rows(count: int, data: st.DataObject) -> None:
    table = table_of([str(i) for i in range(count)])
    times = data.draw(st.lists(st.integers(0, 2), min_size=count, max_size=count))
    places = np.repeat(np.arange(count), times)
    assert blocks.take_rows(table, places).column("n").to_pylist() == places.tolist()


def pieces_of(sizes: list[int]) -> Iterator[pa.Table]:
    """Yield the whole numbers from 0 in tables of these sizes."""
    ends = np.cumsum(sizes).tolist()
    for size, end in zip(sizes, ends, strict=True):
        yield pa.table({"n": range(end - size, end)}, pa.schema([("n", pa.int64())]))


@given(st.lists(st.integers(0, 20), max_size=8), st.integers(1, 9) | st.none())
def test_pieces_are_cut_again_into_whole_blocks(sizes: list[int], rows: int | None) -> None:
    found = list(blocks.regroup(pieces_of(sizes), rows))
    assert [n for block in found for n in block.column("n").to_pylist()] == list(range(sum(sizes)))
    assert all(block.num_rows == (rows or 7) for block in found[:-1])
    assert all(0 < block.num_rows <= (rows or 7) and block.column(0).num_chunks == 1 for block in found)


def test_a_piece_of_the_right_size_keeps_its_dictionary() -> None:
    pieces = [
        pa.table([pa.array(words).dictionary_encode()], ["n"])
        for words in (["a", "b"], ["b", "a"], ["a", "b"])
    ]
    assert list(blocks.regroup(pieces, 2)) == pieces
    found = [block.column("n").chunk(0).dictionary.to_pylist() for block in blocks.regroup(pieces, 2)]
    assert found == [["a", "b"], ["b", "a"], ["a", "b"]]


@given(st.lists(st.integers(0, 20), max_size=8), st.lists(st.integers(0, 30), max_size=8))
def test_rows_are_taken_in_order_whatever_the_pieces(sizes: list[int], counts: list[int]) -> None:
    stream, done = blocks.TableStream(pieces_of(sizes)), 0
    for count in counts:
        taken = stream.take(count)
        found = [] if taken is None else taken.column("n").to_pylist()
        assert found == list(range(done, min(done + count, sum(sizes))))
        done += len(found)


def test_texts_are_those_of_the_column() -> None:
    column = pa.chunked_array([["a"] * 9, [None, "b"]])
    assert list(blocks.iter_texts(column)) == column.to_pylist()


@given(st.lists(st.text("ab/é.", max_size=6), max_size=12), st.integers(0, 3))
def test_a_letter_is_found_where_it_stands_last(words: list[str], skipped: int) -> None:
    texts = pa.array(words, pa.string()).slice(skipped)
    letters, bounds = blocks.text_letters(texts)
    last = blocks.last_at("/", letters, bounds)
    found = np.where(last < 0, -1, last - bounds[:-1]).tolist()
    assert found == [word.encode().rfind(b"/") for word in words[skipped:]]
    folders = blocks.cut_texts(letters, bounds[:-1], np.where(last < 0, bounds[1:], last))
    assert folders.to_pylist() == [
        word.rpartition("/")[0] if "/" in word else word for word in words[skipped:]
    ]
