"""Rows of earlier runs that still hold: in the parts of one cut short, or in a finished set's tables."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..errors import ImageError
from ..files.memory import release
from ..plan.plan import Plan
from ..sources.base import PhotoReader
from ..store.base import Store
from ..tables.blocks import BLOCK_ROWS, rows_at
from ..tables.text_hash import text_numbers
from ..types import BoolArray, Int32Array, Int64Array, Status
from .folder import SEEN, SEEN_COLUMNS, Work
from .parts import PART_ENDING, ROWS, read_rows, unsettled
from .row_index import KnownRows, RowFile

_PARTS_AT_ONCE = 2048


class _Found(NamedTuple):
    """Some files' rows."""

    files: list[RowFile]
    lengths: list[int]
    rows: pa.Table


def known_rows(work: Work, plan: Plan, reader: PhotoReader) -> KnownRows:
    """Gather the rows of earlier runs that still hold for this plan, one per record at most."""
    known = KnownRows(plan.records)
    places: _Places | None = None
    for found in _all_rows(work):
        places = places or _Places(plan.records.column("record"))
        at = places.of(found.rows.column("record"))
        order = np.argsort(at, kind="stable")
        order = order[at[order] >= 0]
        holds = _still_valid(
            found.rows.take(pa.array(order)), rows_at(plan.records, at[order]), reader, work.store
        )
        at[order[~holds]] = -1
        known.add(found.files, found.lengths, found.rows, at)
        release()
    return known


def add_parts(known: KnownRows, parts: Sequence[Path], places: Int64Array) -> None:
    """Add the rows of parts that this run has written.

    Args:
        known: gets them.
        parts: the files.
        places: of their records in the plan, file by file.

    Raises:
        NotASetError: a part is gone or damaged.
    """
    done = 0
    for start in range(0, len(parts), _PARTS_AT_ONCE):
        found = _read_parts([os.fspath(part) for part in parts[start : start + _PARTS_AT_ONCE]])
        release()
        known.add(found.files, found.lengths, found.rows, places[done : done + found.rows.num_rows])
        done += found.rows.num_rows


class _Places:
    """Where records stand in the plan, found by their numbers: no second copy of the texts."""

    def __init__(self, records: pa.ChunkedArray) -> None:
        self.records = pa.table([records], ["record"])
        numbers = text_numbers(records)
        self._order: Int32Array = np.argsort(numbers, kind="stable").astype(np.int32)
        self._numbers = numbers[self._order]

    def of(self, records: pa.ChunkedArray) -> Int64Array:
        """Return each record's place, -1 for those that are not planned."""
        at = np.full(len(records), -1, np.int64)
        if not len(self._numbers):
            return at
        numbers = text_numbers(records)
        slot = np.minimum(np.searchsorted(self._numbers, numbers), len(self._numbers) - 1)
        hit = np.flatnonzero(self._numbers[slot] == numbers)
        candidate = self._order[slot[hit]].astype(np.int64)
        ranked = np.argsort(candidate, kind="stable")
        there = rows_at(self.records, candidate[ranked]).column(0)
        same = pc.equal(there, records.take(pa.array(hit[ranked]))).to_numpy()
        at[hit[ranked[same]]] = candidate[ranked[same]]
        return at


def _all_rows(work: Work) -> Iterator[_Found]:
    """Yield the rows of parts, then those of a finished set, with what their photos looked like then."""
    folder = work.folder / "parts"
    names = sorted(entry.name for entry in os.scandir(folder)) if folder.is_dir() else []
    parts = [f"{folder}/{name}" for name in names if name.endswith(PART_ENDING) and not name.startswith(".")]
    for start in range(0, len(parts), _PARTS_AT_ONCE):
        yield _read_parts(parts[start : start + _PARTS_AT_ONCE])
    if work.has_previous_tables():
        yield from _previous_rows(work.previous)


def _read_parts(parts: Sequence[str]) -> _Found:
    tables = [read_rows(part) for part in parts]
    return _Found([RowFile(part) for part in parts], [t.num_rows for t in tables], pa.concat_tables(tables))


def _previous_rows(folder: Path) -> Iterator[_Found]:
    """Yield a finished set's rows, a row group at a time.

    Crops and photos stand in one order, so that what belongs together is found by counting.
    """
    photos = folder / "photos.parquet"
    with photos.open("rb") as ledger, (folder / "classes.parquet").open("rb") as file:
        groups = pq.ParquetFile(ledger)
        crops = _Stream(
            pq.ParquetFile(file).iter_batches(BLOCK_ROWS, columns=["path", "crop_sha256", "length"])
        )
        seen = _Stream(_seen_batches(folder / SEEN))
        for number in range(groups.num_row_groups):
            rows = unsettled(groups.read_row_group(number))
            rows = _with_seen(_with_crops(rows, crops), seen.take(rows.num_rows))
            rows = rows.select(ROWS.names).cast(ROWS)
            yield _Found([RowFile(os.fspath(photos), number)], [rows.num_rows], rows)


class _Stream:
    """Batches of a table, to be had in pieces of other lengths."""

    def __init__(self, batches: Iterable[pa.RecordBatch]) -> None:
        self._batches = iter(batches)
        self._held: pa.Table | None = None

    def take(self, count: int) -> pa.Table | None:
        """Return the next rows, fewer when there are no more; None when there never were any."""
        while self._held is None or self._held.num_rows < count:
            batch = next(self._batches, None)
            if batch is None:
                break
            more = pa.Table.from_batches([batch])
            self._held = more if self._held is None else pa.concat_tables([self._held, more])
        if self._held is None:
            return None
        taken, self._held = self._held.slice(0, count), self._held.slice(count)
        return taken


def _seen_batches(file: Path) -> Iterator[pa.RecordBatch]:
    try:
        with file.open("rb") as stream:
            reader = pa.ipc.open_file(stream)
            for number in range(reader.num_record_batches):
                yield reader.get_batch(number)
    except (OSError, pa.ArrowInvalid):  # gone or damaged: the photos are hashed instead
        return


def _with_crops(rows: pa.Table, crops: _Stream) -> pa.Table:
    """Add the crops' bytes; null where the row has none, or the two tables do not fit."""
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


def _with_seen(rows: pa.Table, seen: pa.Table | None) -> pa.Table:
    """Add size and mtime as they were; -1 where that is not known, so that the photo is hashed."""
    fits = (
        seen is not None
        and seen.column_names == SEEN_COLUMNS
        and seen.column("record").equals(rows.column("record"))
    )
    for name in ("size", "mtime_ns"):
        unknown = pa.array(np.full(rows.num_rows, -1, np.int64))
        rows = rows.append_column(name, seen.column(name) if seen is not None and fits else unknown)
    return rows


def _still_valid(rows: pa.Table, planned: pa.Table, reader: PhotoReader, store: Store) -> BoolArray:
    """Tell which rows' records are still to be detected in the same way, from the same bytes.

    Args:
        rows: by :data:`facedata.progress.parts.ROWS`.
        planned: their records, in the same order.
        reader: reads the photos whose size or time has changed.
        store: knows which crops are there.
    """
    same_path = pc.fill_null(pc.equal(rows.column("path"), planned.column("crop_path")), True)
    valid = _numpy(pc.and_(pc.is_null(planned.column("status")), same_path))
    valid &= ~_may_be_readable_now(rows)
    valid &= _same_boxes(rows.column("given_box"), planned.column("given_box"))
    valid &= store.found(rows, valid)
    unchanged = _numpy(pc.equal(rows.column("size"), planned.column("size")))
    unchanged &= _numpy(pc.equal(rows.column("mtime_ns"), planned.column("mtime_ns")))
    doubtful = pa.array(valid & ~unchanged)
    photos, digests = planned.column("photo").filter(doubtful), rows.column("sha256").filter(doubtful)
    valid[valid & ~unchanged] = [
        _same_bytes(reader, photo, digest)
        for photo, digest in zip(photos.to_pylist(), digests.to_pylist(), strict=True)
    ]
    return valid


def _may_be_readable_now(rows: pa.Table) -> BoolArray:
    """Tell which photos could not even be opened, or lacked an extra that may be installed now."""
    never_opened = pc.and_(
        pc.equal(rows.column("status"), Status.UNREADABLE.value), pc.is_null(rows.column("sha256"))
    )
    lacked = pc.and_(
        pc.equal(rows.column("status"), Status.UNSUPPORTED.value),
        pc.fill_null(pc.match_substring(rows.column("reason"), "facedata["), False),
    )
    return _numpy(pc.or_(never_opened, lacked))


def _same_bytes(reader: PhotoReader, photo: str, digest: str | None) -> bool:
    try:
        return hashlib.sha256(reader(photo)).hexdigest() == digest
    except (OSError, ImageError):
        return False  # it will be read again, and its row will say why it cannot


def _same_boxes(left: pa.ChunkedArray, right: pa.ChunkedArray) -> BoolArray:
    if left.null_count == len(left) and right.null_count == len(right):
        return np.ones(len(left), bool)
    return np.array([a == b for a, b in zip(left.to_pylist(), right.to_pylist(), strict=True)], bool)


def _numpy(values: pa.ChunkedArray) -> BoolArray:
    return np.asarray(values.to_numpy(), np.bool_)
