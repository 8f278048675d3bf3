"""What a finished set's tables hold: its records as they were planned, and the rows that its shards wrote."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..photos.picture_hash import PICTURE_HASH
from ..sources.base import PLAN
from ..tables.blocks import BLOCK_ROWS, TableStream, take_rows
from ..tables.parquet import read_blocks, read_schema
from ..tables.schema import PHOTOS
from ..types import Int64Array, Status
from .folder import PHOTO_STATS, PHOTO_STATS_COLUMNS
from .parts import NARROW, ROWS, undo_settling
from .row_index import RowFile

_PLANNED = [Status.EXCLUDED.value, Status.NO_IDENTITY.value, Status.FORGOTTEN.value]
_NARROW_ROWS = pa.schema([ROWS.field(name) for name in NARROW])
_PLANNED_OR_FOUND = [Status.UNSUPPORTED.value, Status.UNSELECTED.value]
"""Statuses that a plan gives without reading the photo, and those that reading it may give as well."""


class StoredRows(NamedTuple):
    """The rows of some files."""

    files: list[RowFile]
    lengths: list[int]
    rows: pa.Table


def read_ledger_rows(folder: Path) -> Iterator[StoredRows]:
    """Yield a finished set's rows by row groups, with the photos' size and mtime at that time.

    The rows have the columns :data:`.parts.NARROW`.
    """
    photos = folder / "photos.parquet"
    columns = [name for name in NARROW if name in PHOTOS.names]
    with (folder / "classes.parquet").open("rb") as file:
        batches = pq.ParquetFile(file, pre_buffer=False).iter_batches(
            BLOCK_ROWS, columns=["path", "crop_sha256", "length"]
        )
        # crops and photos are in the same order, so counting matches them
        crops = TableStream(pa.Table.from_batches([batch]) for batch in batches)
        stats = TableStream(_read_photo_stats(folder / PHOTO_STATS))
        for number, block in enumerate(read_blocks(photos, columns)):
            rows = undo_settling(block)
            rows = _add_photo_stats(_add_crops(rows, crops), stats.take(rows.num_rows))
            rows = rows.select(NARROW).cast(_NARROW_ROWS)
            yield StoredRows([RowFile(os.fspath(photos), number)], [rows.num_rows], rows)


def read_records(folder: Path) -> pa.Table:
    """Return a finished set's records as its plan had them: status and reason are null where a shard ran.

    Returns:
        The columns of :data:`facedata.sources.base.PLAN`, source_identity and meta_*, in the ledger's order.
    """
    photos = folder / "photos.parquet"
    columns = [name for name in PLAN.names if name not in PHOTO_STATS_COLUMNS[1:]]
    columns += ["source_identity", "sha256"]
    columns += [name for name in read_schema(photos).names if name.startswith("meta_")]
    stats = TableStream(_read_photo_stats(folder / PHOTO_STATS))
    blocks = [
        _as_planned(_add_photo_stats(rows, stats.take(rows.num_rows), hashes=False)).combine_chunks()
        for rows in read_blocks(photos, columns)
    ]
    return pa.concat_tables(blocks)


def _as_planned(rows: pa.Table) -> pa.Table:
    """Return records without what their shards found; equal columns share their memory."""
    status, never_read = rows.column("status"), pc.is_null(rows.column("sha256"))
    planned = pc.is_in(status, pa.array(_PLANNED))
    planned = pc.or_(planned, pc.and_(pc.is_in(status, pa.array(_PLANNED_OR_FOUND)), never_read))
    rows = rows.drop_columns(["sha256"])
    for name in ("status", "reason"):
        values = pc.if_else(planned, rows.column(name), pa.scalar(None, pa.string()))
        rows = rows.set_column(rows.schema.get_field_index(name), PLAN.field(name), values)
    for name, twin in (("photo", "record"), ("source_identity", "identity")):
        if rows.column(name).equals(rows.column(twin)):
            rows = rows.set_column(rows.schema.get_field_index(name), name, rows.column(twin))
    return pa.table({name: rows.column(name) for name in rows.column_names})  # without the file's metadata


def read_at(file: Path, columns: list[str], at: Int64Array) -> pa.Table:
    """Return some columns of the rows with these numbers, ascending; one row group is in memory at once."""
    pieces, start = [], 0
    for rows in read_blocks(file, columns):
        mine = at[np.searchsorted(at, start) : np.searchsorted(at, start + rows.num_rows)]
        pieces.append(take_rows(rows, mine - start))
        start += rows.num_rows
    return pa.concat_tables(pieces)


def _read_photo_stats(file: Path) -> Iterator[pa.Table]:
    try:
        with file.open("rb") as stream:
            reader = pa.ipc.open_file(stream)
            for number in range(reader.num_record_batches):
                yield pa.Table.from_batches([reader.get_batch(number)])
    except (OSError, pa.ArrowInvalid):  # missing or damaged: the photos are hashed instead
        return


def _add_crops(rows: pa.Table, crops: TableStream) -> pa.Table:
    """Add the crops' digests and lengths; null for rows without a crop, or if the tables do not match."""
    has_crop = pc.is_valid(rows.column("path")).to_numpy()
    mine = crops.take(int(has_crop.sum()))
    at = np.cumsum(has_crop) - 1
    fits = mine is not None and mine.column("path").equals(rows.column("path").filter(pa.array(has_crop)))
    for name, kind in (("crop_sha256", pa.string()), ("length", pa.int64())):
        values = pa.nulls(rows.num_rows, kind)
        if mine is not None and fits:
            values = mine.column(name).take(pa.array(at, mask=~has_crop))
        rows = rows.append_column(name.replace("length", "crop_length"), values)
    return rows


def _add_photo_stats(rows: pa.Table, stats: pa.Table | None, hashes: bool = True) -> pa.Table:
    """Add the photos' size and mtime, -1 if unknown, so that the photo is read; and their picture hashes."""
    fits = (
        stats is not None
        and stats.column_names[: len(PHOTO_STATS_COLUMNS)] == PHOTO_STATS_COLUMNS
        and stats.column("record").equals(rows.column("record"))
    )
    for name in ("size", "mtime_ns"):
        unknown = pa.array(np.full(rows.num_rows, -1, np.int64))
        rows = rows.append_column(name, stats.column(name) if stats is not None and fits else unknown)
    for name in PICTURE_HASH if hashes else ():
        values = pa.nulls(rows.num_rows, pa.uint64())
        if stats is not None and fits and name in stats.column_names:  # sets of schema version 1 have none
            values = stats.column(name)
        rows = rows.append_column(name, values)
    return rows
