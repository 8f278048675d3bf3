"""The crops' rows beside those of their photos, a block at a time; and the ledger with its splits."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from ...errors import OtherSetError
from ...sets.prepared import PreparedSet
from ...tables.blocks import TableStream, as_array
from ..base import Export

_ROWS = 16_384


def pair_rows(export: Export) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Yield some crops of the exported splits, and as many rows of the ledger: those of their photos.

    Raises:
        OtherSetError: the two tables do not fit each other.
    """
    classes, splits = TableStream(export.prepared.blocks("classes")), pa.array(export.splits, pa.string())
    for photos in _photos(export.prepared):  # both tables are in the order of the records
        kept = photos.filter(pc.is_valid(photos.column("path")))
        crops = _take(export.prepared, classes, kept)
        is_in = pc.is_in(crops.column("split"), splits) if crops else None
        if crops and (some := crops.filter(is_in)).num_rows:
            yield some, kept.filter(is_in)


def ledger_with_splits(export: Export) -> Iterator[pa.Table]:
    """Yield the ledger with a column ``split``, that of the crop, after ``official_split``.

    Where only one split is exported these are the rows of its crops alone, else all rows.

    Raises:
        OtherSetError: the ledger and the classes do not fit each other.
    """
    if export.config.split is not None:
        for crops, photos in pair_rows(export):
            yield _add_split(photos, crops.column("split"))
        return
    classes = TableStream(export.prepared.blocks("classes"))
    for photos in _photos(export.prepared):
        is_kept = pc.is_valid(photos.column("path"))
        crops = _take(export.prepared, classes, photos.filter(is_kept))
        splits = pc.replace_with_mask(
            pa.nulls(photos.num_rows, pa.string()),
            as_array(is_kept),
            as_array(crops.column("split")) if crops else pa.array([], pa.string()),
        )
        yield _add_split(photos, splits)


def _add_split(photos: pa.Table, splits: pa.Array | pa.ChunkedArray) -> pa.Table:
    return photos.add_column(photos.column_names.index("official_split") + 1, "split", splits)


def _photos(prepared: PreparedSet) -> Iterator[pa.Table]:
    """Yield the ledger in pieces whose rows may be Python objects all at once."""
    for block in prepared.blocks("photos"):
        yield from (block.slice(at, _ROWS) for at in range(0, block.num_rows, _ROWS))


def _take(prepared: PreparedSet, classes: TableStream, kept: pa.Table) -> pa.Table | None:
    """Return the crops of the next kept photos; None for no photo."""
    if not kept.num_rows:
        return None
    crops = classes.take(kept.num_rows)
    if crops is None or not crops.column("path").combine_chunks().equals(
        kept.column("path").combine_chunks()
    ):
        raise OtherSetError(
            f"photos.parquet and classes.parquet of {prepared} list other crops: run `facedata prepare` "
            f"again, or see `facedata check {prepared}`"
        )
    return crops
