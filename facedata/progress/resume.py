"""Resuming: which rows of earlier runs are still valid, from parts or from a finished set's tables."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import ImageError
from ..files.memory import release
from ..photos.picture_hash import PICTURE_HASH
from ..plan.plan import Plan
from ..sources.base import PhotoReader
from ..store.base import Store
from ..tables.blocks import take_rows
from ..tables.text_hash import hash_texts
from ..types import BoolArray, Int32Array, Int64Array, Status
from .folder import ProgressFolder
from .ledger_rows import StoredRows, read_ledger_rows
from .parts import PART_ENDING, read_rows
from .row_index import RowFile, RowIndex

_PARTS_AT_ONCE = 2048


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


def _stored_rows(progress: ProgressFolder) -> Iterator[StoredRows]:
    """Yield the rows of parts, then those of a finished set, with the photos' size and mtime at that time."""
    folder = progress.folder / "parts"
    names = sorted(entry.name for entry in os.scandir(folder)) if folder.is_dir() else []
    parts = [f"{folder}/{name}" for name in names if name.endswith(PART_ENDING) and not name.startswith(".")]
    for start in range(0, len(parts), _PARTS_AT_ONCE):
        yield _read_parts(parts[start : start + _PARTS_AT_ONCE])
    if progress.has_previous_tables():
        yield from read_ledger_rows(progress.previous)


def _read_parts(parts: Sequence[str]) -> StoredRows:
    tables = [read_rows(part) for part in parts]
    lengths = [table.num_rows for table in tables]
    return StoredRows([RowFile(part) for part in parts], lengths, pa.concat_tables(tables))


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
