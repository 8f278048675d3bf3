"""Tables of millions of rows, in blocks: sorted and gathered without a second copy of the whole; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..types import Int64Array
from .schema import ROW_GROUP_ROWS

BLOCK_ROWS = ROW_GROUP_ROWS
"""Rows worked on at a time: a row group."""


def ordered(records: pa.Table) -> pa.Table:
    """Return a scan's table in UTF-8 byte order of ``record``, in blocks.

    Column by column, so that only one is there a third time; a column that is all null, or the same as
    ``record`` (most photos are), takes no memory of its own.
    """
    order = pc.sort_indices(records.column("record"))
    columns: dict[str, pa.ChunkedArray] = {}
    for name in records.column_names:
        column = records.column(name)
        if name == "photo" and _same_memory(column, records.column("record")):
            columns[name] = columns["record"]
        else:
            columns[name] = _all_null(column) if column.null_count == len(column) else _taken(column, order)
    return pa.table(columns)


def is_ordered(records: pa.Table) -> bool:
    """Tell whether a scan's table is in UTF-8 byte order of ``record`` already."""
    keys = records.column("record")
    return bool(
        pc.all(pc.less_equal(keys.slice(0, max(len(keys) - 1, 0)), keys.slice(1)), min_count=0).as_py()
    )


def blocks(table: pa.Table) -> Iterator[pa.Table]:
    """Yield a table in blocks of :data:`BLOCK_ROWS` rows, the last one shorter; none for no rows."""
    for start in range(0, table.num_rows, BLOCK_ROWS):
        yield table.slice(start, BLOCK_ROWS)


def regrouped(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Cut a table that comes in pieces anew, so that each piece but the last has :data:`BLOCK_ROWS` rows.

    A row group that came in one piece and one that came in several do not have the same bytes.
    """
    held: list[pa.Table] = []
    count = 0
    for table in tables:
        held.append(table)
        count += table.num_rows
        if count >= BLOCK_ROWS:
            joined = pa.concat_tables(held)
            whole = count // BLOCK_ROWS * BLOCK_ROWS
            for start in range(0, whole, BLOCK_ROWS):
                yield joined.slice(start, BLOCK_ROWS).combine_chunks()
            held, count = [joined.slice(whole)], count - whole
    if count:
        yield pa.concat_tables(held).combine_chunks()


def rows_at(table: pa.Table, places: Int64Array) -> pa.Table:
    """Return the rows at these places, which ascend and may repeat; what lies between is not copied."""
    if not len(places):
        return table.slice(0, 0)
    pieces = []
    starts = np.flatnonzero(np.diff(places // BLOCK_ROWS, prepend=-1))
    for mine in np.split(places, starts[1:]):
        first, last = int(mine[0]), int(mine[-1])
        piece = table.slice(first, last + 1 - first)
        if (np.diff(mine) != 1).any():
            piece = piece.take(pa.array(mine - first))
        pieces.append(piece)
    return pa.concat_tables(pieces)


def texts(column: pa.ChunkedArray) -> Iterator[str]:
    """Yield a column's values as Python objects, which never are there all at once."""
    for start in range(0, len(column), BLOCK_ROWS):
        yield from column.slice(start, BLOCK_ROWS).to_pylist()


def as_array(column: pa.ChunkedArray) -> pa.Array:
    """Return a block's column as one array."""
    if column.num_chunks == 1:
        return column.chunk(0)
    joined = column.combine_chunks()
    return joined if isinstance(joined, pa.Array) else pa.concat_arrays(joined.chunks)


def joined(column: pa.ChunkedArray) -> pa.Array:
    """Return a column of millions of rows as one array; texts with offsets of 64 bits.

    Twenty million long paths have more than 2**31 bytes, which is where Arrow's usual offsets end.
    """
    return as_array(column.cast(pa.large_string()) if pa.types.is_string(column.type) else column)


def _taken(column: pa.ChunkedArray, order: pa.Array) -> pa.ChunkedArray:
    kind, whole = column.type, joined(column)
    spans = range(0, len(order), BLOCK_ROWS)
    return pa.chunked_array([whole.take(order.slice(start, BLOCK_ROWS)).cast(kind) for start in spans], kind)


def _all_null(column: pa.ChunkedArray) -> pa.ChunkedArray:
    nothing = pa.nulls(min(len(column), BLOCK_ROWS), column.type)
    spans = range(0, len(column), BLOCK_ROWS)
    return pa.chunked_array([nothing.slice(0, len(column) - start) for start in spans], column.type)


def _same_memory(left: pa.ChunkedArray, right: pa.ChunkedArray) -> bool:
    def places(column: pa.ChunkedArray) -> list[tuple[int, int, list[int]]]:
        return [
            (len(chunk), chunk.offset, [buffer.address for buffer in chunk.buffers() if buffer])
            for chunk in column.chunks
        ]

    return places(left) == places(right)
