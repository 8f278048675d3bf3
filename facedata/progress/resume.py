"""Resuming: which rows of earlier runs are still valid, from parts or from a finished set's tables."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..errors import ImageError
from ..files.memory import release
from ..photos.picture_hash import PICTURE_HASH
from ..plan.plan import Plan
from ..sources.base import PhotoReader
from ..store.base import Store
from ..tables.blocks import BLOCK_ROWS, TableStream, take_rows
from ..tables.parquet import read_blocks
from ..tables.text_hash import hash_texts
from ..types import BoolArray, Int32Array, Int64Array, Status
from .folder import PHOTO_STATS, PHOTO_STATS_COLUMNS, ProgressFolder
from .parts import PART_ENDING, ROWS, read_rows, undo_settling
from .row_index import RowFile, RowIndex

_PARTS_AT_ONCE = 2048


class _StoredRows(NamedTuple):
    """The rows of some files."""

    files: list[RowFile]
    lengths: list[int]
    rows: pa.Table


def find_rows(progress: ProgressFolder, plan: Plan, reader: PhotoReader) -> RowIndex:
    """Find the rows of earlier runs that are still valid for this plan, at most one per record."""
    index = RowIndex(plan.records)
    records: _RecordFinder | None = None
    for stored in _stored_rows(progress):
        records = records or _RecordFinder(plan.records.column("record"))
        at = records.find(stored.rows.column("record"))
        order = np.argsort(at, kind="stable")
        order = order[at[order] >= 0]
        valid = _are_valid(
            stored.rows.take(pa.array(order)), take_rows(plan.records, at[order]), reader, progress.store
        )
        at[order[~valid]] = -1
        index.add(*stored, at)
        release()
    return index


def add_parts(index: RowIndex, parts: Sequence[Path], records: Int64Array) -> None:
    """Add the rows of parts that this run has written.

    Args:
        index: the index to add them to.
        parts: the files.
        records: the index of each row's record in the plan, file by file.

    Raises:
        NotASetError: a part is missing or damaged.
    """
    done = 0
    for start in range(0, len(parts), _PARTS_AT_ONCE):
        stored = _read_parts([os.fspath(part) for part in parts[start : start + _PARTS_AT_ONCE]])
        release()
        index.add(*stored, records[done : done + stored.rows.num_rows])
        done += stored.rows.num_rows


class _RecordFinder:
    """Finds records in the plan by 64-bit hashes, without a second copy of the texts."""

    def __init__(self, records: pa.ChunkedArray) -> None:
        self.records = pa.table([records], ["record"])
        numbers = hash_texts(records)
        self._order: Int32Array = np.argsort(numbers, kind="stable").astype(np.int32)
        self._numbers = numbers[self._order]

    def find(self, records: pa.ChunkedArray) -> Int64Array:
        """Return each record's index in the plan, -1 for those that are not planned."""
        at = np.full(len(records), -1, np.int64)
        if not len(self._numbers):
            return at
        numbers = hash_texts(records)
        slot = np.minimum(np.searchsorted(self._numbers, numbers), len(self._numbers) - 1)
        hit = np.flatnonzero(self._numbers[slot] == numbers)
        candidate = self._order[slot[hit]].astype(np.int64)
        ranked = np.argsort(candidate, kind="stable")
        planned = take_rows(self.records, candidate[ranked]).column(0)
        same = pc.equal(planned, records.take(pa.array(hit[ranked]))).to_numpy()
        at[hit[ranked[same]]] = candidate[ranked[same]]
        return at


def _stored_rows(progress: ProgressFolder) -> Iterator[_StoredRows]:
    """Yield the rows of parts, then those of a finished set, with the photos' size and mtime at that time."""
    folder = progress.folder / "parts"
    names = sorted(entry.name for entry in os.scandir(folder)) if folder.is_dir() else []
    parts = [f"{folder}/{name}" for name in names if name.endswith(PART_ENDING) and not name.startswith(".")]
    for start in range(0, len(parts), _PARTS_AT_ONCE):
        yield _read_parts(parts[start : start + _PARTS_AT_ONCE])
    if not progress.has_previous_tables():
        return
    photos = progress.previous / "photos.parquet"
    with (progress.previous / "classes.parquet").open("rb") as file:
        batches = pq.ParquetFile(file).iter_batches(BLOCK_ROWS, columns=["path", "crop_sha256", "length"])
        # crops and photos are in the same order, so counting matches them
        crops = TableStream(pa.Table.from_batches([batch]) for batch in batches)
        stats = TableStream(_read_photo_stats(progress.previous / PHOTO_STATS))
        for number, block in enumerate(read_blocks(photos)):
            rows = undo_settling(block)
            rows = _add_photo_stats(_add_crops(rows, crops), stats.take(rows.num_rows))
            rows = rows.select(ROWS.names).cast(ROWS)
            yield _StoredRows([RowFile(os.fspath(photos), number)], [rows.num_rows], rows)


def _read_parts(parts: Sequence[str]) -> _StoredRows:
    tables = [read_rows(part) for part in parts]
    lengths = [table.num_rows for table in tables]
    return _StoredRows([RowFile(part) for part in parts], lengths, pa.concat_tables(tables))


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


def _add_photo_stats(rows: pa.Table, stats: pa.Table | None) -> pa.Table:
    """Add the photos' size and mtime, -1 if unknown, so that the photo is read; and their picture hashes."""
    fits = (
        stats is not None
        and stats.column_names[: len(PHOTO_STATS_COLUMNS)] == PHOTO_STATS_COLUMNS
        and stats.column("record").equals(rows.column("record"))
    )
    for name in ("size", "mtime_ns"):
        unknown = pa.array(np.full(rows.num_rows, -1, np.int64))
        rows = rows.append_column(name, stats.column(name) if stats is not None and fits else unknown)
    for name in PICTURE_HASH:
        values = pa.nulls(rows.num_rows, pa.uint64())
        if stats is not None and fits and name in stats.column_names:  # sets of schema version 1 have none
            values = stats.column(name)
        rows = rows.append_column(name, values)
    return rows


def _are_valid(rows: pa.Table, records: pa.Table, reader: PhotoReader, store: Store) -> BoolArray:
    """Return which rows this run would make again: same crop path, given box, and bytes of the photo.

    Args:
        rows: with the columns :data:`.parts.ROWS`.
        records: their records, in the same order.
        reader: reads the photos whose size or mtime has changed.
        store: tells which crops it has.
    """
    same_path = pc.fill_null(pc.equal(rows.column("path"), records.column("crop_path")), True)
    valid = _numpy(pc.and_(pc.is_null(records.column("status")), same_path))
    # a photo that could not be opened, or needed an extra, may be readable now
    never_opened = pc.and_(
        pc.equal(rows.column("status"), Status.UNREADABLE.value), pc.is_null(rows.column("sha256"))
    )
    lacked_extra = pc.and_(
        pc.equal(rows.column("status"), Status.UNSUPPORTED.value),
        pc.fill_null(pc.match_substring(rows.column("reason"), "facedata["), False),
    )
    # version 1, whose rows have no picture hash, turned TIFFs twice
    turned_twice = pc.and_(
        pc.and_(pc.is_valid(rows.column("box")), pc.is_null(rows.column(PICTURE_HASH[0]))),
        pc.match_substring_regex(rows.column("record"), r"(?i)\.tiff?(#\d+)?$"),
    )
    valid &= ~_numpy(pc.or_(pc.or_(never_opened, lacked_extra), turned_twice))
    before, now = rows.column("given_box"), records.column("given_box")
    if before.null_count < len(before) or now.null_count < len(now):
        boxes = zip(before.to_pylist(), now.to_pylist(), strict=True)
        valid &= np.array([one == other for one, other in boxes], bool)
    valid &= store.has_crops(rows, valid)
    unchanged = _numpy(pc.equal(rows.column("size"), records.column("size")))
    unchanged &= _numpy(pc.equal(rows.column("mtime_ns"), records.column("mtime_ns")))
    photos, digests = records.column("photo"), rows.column("sha256")
    for row in np.flatnonzero(valid & ~unchanged).tolist():
        try:
            data = reader(photos[row].as_py())
            valid[row] = hashlib.sha256(data).hexdigest() == digests[row].as_py()
        except (OSError, ImageError):
            valid[row] = False  # the run reads it again, and its new row gives the reason
    return valid


def _numpy(values: pa.ChunkedArray) -> BoolArray:
    return np.asarray(values.to_numpy(), np.bool_)
