"""Tables of millions of rows, a block at a time: sort, cut and pick without a second copy; pure functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..files.memory import release
from ..types import Int64Array
from .schema import ROW_GROUP_ROWS

BLOCK_ROWS = ROW_GROUP_ROWS
"""Rows processed at a time: a row group."""

OBJECT_ROWS = 1 << 14
"""Rows that are Python objects at a time, which take ten times the memory of Arrow's."""

_FEW_INDICES = 1 << 32
_MOST_BYTES = 1 << 31
"""Below this, texts need no 64-bit offsets, which would make another copy of them."""


def sort_records(records: pa.Table) -> pa.Table:
    """Return a scan's table in UTF-8 byte order of ``record``: itself, or as :func:`sort_columns` does."""
    if is_sorted(records):
        return records
    return sort_columns(dict(zip(records.column_names, records.columns, strict=True)))


def sort_columns(columns: dict[str, pa.ChunkedArray]) -> pa.Table:
    """Return a scan's columns in UTF-8 byte order of ``record``, in blocks.

    Works column by column, so that only one column at a time exists twice, if nothing else holds it. A column
    that is all null, or shares its memory with ``record`` (most photos do), takes no memory of its own.

    Args:
        columns: by name; empty afterwards.
    """
    names, keys = list(columns), columns["record"]
    order = pc.sort_indices(keys)
    if len(order) < _FEW_INDICES:
        order = order.cast(pa.uint32())
    is_shared = "photo" in names and _memory(columns["photo"]) == _memory(keys)
    del keys
    if is_shared:
        del columns["photo"]
    found = {name: _take_blocks(columns, name, order) for name in list(columns)}
    return pa.table({name: found["record" if is_shared and name == "photo" else name] for name in names})


def _take_blocks(columns: dict[str, pa.ChunkedArray], name: str, order: pa.Array) -> pa.ChunkedArray:
    """Take a column away, and return it in another order, a piece a block."""
    column = columns.pop(name)
    kind, count, starts = column.type, len(column), range(0, len(order), BLOCK_ROWS)
    if column.null_count == count:
        nulls = pa.nulls(min(count, BLOCK_ROWS), kind)
        return pa.chunked_array([nulls.slice(0, count - start) for start in starts], kind)
    values = as_array(column) if column.nbytes < _MOST_BYTES else as_large_array(column)
    del column
    release()
    pieces = [values.take(order.slice(start, BLOCK_ROWS)).cast(kind) for start in starts]
    del values
    release()
    return pa.chunked_array(pieces, kind)


def _memory(column: pa.ChunkedArray) -> list[tuple[int, int, list[int]]]:
    """Return where a column's chunks lie in memory."""
    return [
        (len(chunk), chunk.offset, [buffer.address for buffer in chunk.buffers() if buffer])
        for chunk in column.chunks
    ]


def is_sorted(records: pa.Table) -> bool:
    """Return whether a scan's table is already in UTF-8 byte order of ``record``."""
    keys = records.column("record")
    return bool(
        pc.all(pc.less_equal(keys.slice(0, max(len(keys) - 1, 0)), keys.slice(1)), min_count=0).as_py()
    )


class TableStream:
    """A table that arrives in pieces and is taken in pieces of other lengths."""

    def __init__(self, tables: Iterable[pa.Table]) -> None:
        self._tables = iter(tables)
        self._held: list[pa.Table] = []

    def take(self, count: int) -> pa.Table | None:
        """Return the next ``count`` rows, fewer at the end; None when there are no more."""
        held, self._held = self._held, []
        rows = sum(table.num_rows for table in held)
        while rows < count and (table := next(self._tables, None)) is not None:
            if table.num_rows:  # an empty piece may have a dictionary of its own
                held.append(table)
                rows += table.num_rows
        if not held:
            return None
        joined = pa.concat_tables(held)
        if rows > count:
            self._held = [joined.slice(count)]
        return joined.slice(0, count)


def regroup(tables: Iterable[pa.Table], rows: int | None = None) -> Iterator[pa.Table]:
    """Cut a table that arrives in pieces into pieces of ``rows`` rows, the last one shorter.

    Each column of a piece is one array: a row group written from one array and one written from several
    differ in their bytes.

    Args:
        tables: the pieces; empty ones are skipped.
        rows: of each new piece; None for :data:`BLOCK_ROWS`.
    """
    stream = TableStream(tables)
    while (block := stream.take(rows or BLOCK_ROWS)) is not None:
        yield block.combine_chunks()


def take_rows(table: pa.Table, rows: Int64Array) -> pa.Table:
    """Return the rows with these numbers, which ascend and may repeat; the rows between are not copied."""
    if not len(rows):
        return table.slice(0, 0)
    pieces = []
    starts = np.flatnonzero(np.diff(rows // BLOCK_ROWS, prepend=-1))
    for in_block in np.split(rows, starts[1:]):
        first, last = int(in_block[0]), int(in_block[-1])
        piece = table.slice(first, last + 1 - first)
        if (np.diff(in_block) != 1).any():
            piece = piece.take(pa.array(in_block - first))
        pieces.append(piece)
    return pa.concat_tables(pieces)


def iter_texts(column: pa.ChunkedArray) -> Iterator[str]:
    """Yield a column's values as Python objects; at most some thousands of them are in memory."""
    for start in range(0, len(column), OBJECT_ROWS):
        yield from column.slice(start, OBJECT_ROWS).to_pylist()


def map_texts(texts: pa.ChunkedArray, text_of: Callable[[str | None], str | None]) -> pa.ChunkedArray:
    """Return what a function makes of each text; of a block, each different text is asked once."""
    chunks = []
    for start in range(0, len(texts), OBJECT_ROWS):
        for chunk in texts.slice(start, OBJECT_ROWS).chunks:
            coded = chunk.dictionary_encode(null_encoding="encode")
            made = pa.array([text_of(text) for text in coded.dictionary.to_pylist()], pa.string())
            chunks.append(made.take(coded.indices))
    return pa.chunked_array(chunks, pa.string())


def as_array(column: pa.ChunkedArray) -> pa.Array:
    """Return a block's column as one array."""
    if column.num_chunks == 1:
        return column.chunk(0)
    joined = column.combine_chunks()
    return joined if isinstance(joined, pa.Array) else pa.concat_arrays(joined.chunks)


def as_large_array(column: pa.ChunkedArray) -> pa.Array:
    """Return a column of millions of rows as one array, texts with 64-bit offsets.

    Twenty million long paths exceed 2**31 bytes, the limit of Arrow's usual 32-bit offsets.
    """
    return as_array(column.cast(pa.large_string()) if pa.types.is_string(column.type) else column)


def text_letters(texts: pa.Array) -> tuple[NDArray[np.uint8], Int64Array]:
    """Return a column's bytes, ``(m,)`` uint8, and where each text begins in them, ``(n + 1,)`` int64.

    Args:
        texts: ``pa.string()``, none of them null.
    """
    _, ends, data = texts.buffers()
    if not len(texts):
        return np.empty(0, np.uint8), np.zeros(1, np.int64)
    bounds = np.frombuffer(ends, np.int32)[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)
    letters = np.frombuffer(data or b"", np.uint8)[bounds[0] : bounds[-1]]
    return letters, bounds - bounds[0]


def last_at(letter: str, letters: NDArray[np.uint8], bounds: Int64Array) -> Int64Array:
    """Return where an ASCII letter stands last in each text of :func:`text_letters`, -1 for nowhere.

    >>> last_at("/", *text_letters(pa.array(["a/b/c", "d", "/e"]))).tolist()
    [3, -1, 6]
    """
    places = np.flatnonzero(letters == ord(letter))
    last = np.append(places, -1)[np.searchsorted(places, bounds[1:]) - 1]
    return np.where(last >= bounds[:-1], last, -1)


def cut_texts(letters: NDArray[np.uint8], starts: Int64Array, stops: Int64Array) -> pa.Array:
    """Return the texts between these places, ``(n,)``; a stop at or before its start gives an empty one."""
    lengths = np.maximum(stops - starts, 0)
    ends = np.zeros(len(starts) + 1, np.int32)
    np.cumsum(lengths, out=ends[1:])
    at = np.arange(ends[-1]) + np.repeat(starts - ends[:-1], lengths)
    return pa.StringArray.from_buffers(len(starts), pa.py_buffer(ends), pa.py_buffer(letters[at]))
