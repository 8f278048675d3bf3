"""Resuming: which rows of earlier runs are still valid, from parts or from a finished set's tables."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import ImageError, NotASetError
from ..files.memory import release
from ..photos.picture_hash import PICTURE_HASH
from ..plan.plan import Plan
from ..sources.base import PhotoReader
from ..store.base import Store
from ..tables.blocks import take_rows
from ..tables.text_hash import hash_texts, order_numbers
from ..types import BoolArray, Int32Array, Int64Array, Status, UInt64Array
from .folder import ProgressFolder
from .ledger_rows import StoredRows, read_ledger_rows
from .parts import NARROW, PART_ENDING, PartReader, read_settling
from .row_index import RowFile, RowIndex
from .settling import settling_numbers

_PARTS_AT_ONCE = 2048


def find_rows(progress: ProgressFolder, plan: Plan, reader: PhotoReader) -> RowIndex:
    """Find the rows of earlier runs that are still valid for this plan, at most one per record."""
    index, finder = RowIndex(plan.records, progress.folder), _RecordFinder(plan.records.column("record"))
    for stored in _stored_rows(progress):
        at, rows = finder.find(stored.rows.column("record")), stored.rows
        order = np.arange(len(at))
        if len(at) and (at[0] < 0 or (np.diff(at) <= 0).any()):
            order = np.argsort(at, kind="stable")
            order = order[at[order] >= 0]
            rows = rows.take(pa.array(order))
        valid = _are_valid(rows, take_rows(plan.records, at[order]), reader, progress.store)
        at[order[~valid]] = -1
        index.add(stored.files, stored.lengths, settling_numbers(stored.rows), at)
    release()
    return index


def add_parts(index: RowIndex, parts: Sequence[str | Path], records: Int64Array) -> None:
    """Add the rows of parts that this run has written.

    Args:
        index: the index to add them to.
        parts: the files.
        records: the index of each row's record in the plan, file by file.

    Raises:
        NotASetError: a part is missing or damaged, or the parts do not have as many rows.
    """
    done = 0
    for start in range(0, len(parts), _PARTS_AT_ONCE):
        some = [os.fspath(part) for part in parts[start : start + _PARTS_AT_ONCE]]
        rows, lengths = read_settling(some)
        at = records[done : done + len(rows)]
        done += len(rows)
        if len(at) < len(rows) or (done < len(records) and start + _PARTS_AT_ONCE >= len(parts)):
            raise NotASetError(
                "the parts do not have a row for each photo: something else changes the set's .work folder; "
                "run the same command again"
            )
        index.add([RowFile(part) for part in some], lengths, rows, at)
    release()


class _RecordFinder:
    """Finds records in the plan: the next ones by comparing, others by hashes, without a second copy."""

    def __init__(self, records: pa.ChunkedArray) -> None:
        self.records = pa.table([records], ["record"])
        self._next = 0

    def find(self, records: pa.ChunkedArray) -> Int64Array:
        """Return each record's index in the plan, -1 for those that are not planned."""
        start, self._next = self._next, self._next + len(records)
        if self.records.column(0).slice(start, len(records)).equals(records):
            return np.arange(start, self._next)
        at = np.full(len(records), -1, np.int64)
        if not self.records.num_rows:
            return at
        sorted_hashes, order = self._hashes
        numbers = hash_texts(records)
        slot = np.minimum(np.searchsorted(sorted_hashes, numbers), len(sorted_hashes) - 1)
        hit = np.flatnonzero(sorted_hashes[slot] == numbers)
        candidate = order[slot[hit]].astype(np.int64)
        ranked = np.argsort(candidate, kind="stable")
        planned = take_rows(self.records, candidate[ranked]).column(0)
        same = pc.equal(planned, records.take(pa.array(hit[ranked]))).to_numpy()
        at[hit[ranked[same]]] = candidate[ranked[same]]
        if (found := at[at >= 0]).size:  # a grown set's next records follow the last one found
            self._next = int(found[-1]) + 1
        return at

    @cached_property
    def _hashes(self) -> tuple[UInt64Array, Int32Array]:
        """The records' hashes, ascending, and which record each is of."""
        numbers = hash_texts(self.records.column(0))
        order = order_numbers(numbers).astype(np.int32)
        return numbers[order], order


def _stored_rows(progress: ProgressFolder) -> Iterator[StoredRows]:
    """Yield the rows of parts, then those of a finished set, with the photos' size and mtime at that time."""
    folder = progress.folder / "parts"
    names = sorted(entry.name for entry in os.scandir(folder)) if folder.is_dir() else []
    parts = [f"{folder}/{name}" for name in names if name.endswith(PART_ENDING) and not name.startswith(".")]
    reader = PartReader()
    for start in range(0, len(parts), _PARTS_AT_ONCE):
        some = parts[start : start + _PARTS_AT_ONCE]
        rows, lengths = reader.read(some, NARROW)
        yield StoredRows([RowFile(part) for part in some], lengths, rows)
    if progress.has_previous_tables():
        yield from read_ledger_rows(progress.previous)


def _are_valid(rows: pa.Table, records: pa.Table, reader: PhotoReader, store: Store) -> BoolArray:
    """Return which rows this run would make again: same crop path, given box, and bytes of the photo.

    Args:
        rows: with the columns :data:`.parts.NARROW`.
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
    valid &= ~_numpy(pc.or_(never_opened, lacked_extra))
    # version 1, whose rows have no picture hash, turned TIFFs twice
    without_hash = pc.and_(pc.is_valid(rows.column("box")), pc.is_null(rows.column(PICTURE_HASH[0])))
    if pc.any(without_hash, min_count=0).as_py():
        is_tiff = pc.match_substring_regex(rows.column("record"), r"(?i)\.tiff?(#\d+)?$")
        valid &= ~_numpy(pc.and_(without_hash, is_tiff))
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
