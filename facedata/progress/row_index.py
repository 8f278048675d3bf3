"""Where each record's row is on disk, and the few columns needed to settle the ledger.

Rows are wide: with boxes, landmarks and matrices, each takes more than half a kilobyte. They stay in their
files, and are read block by block when the ledger is written. Of a row, 14 bytes are in memory, and 64 of
digests in memory or, of a million rows and more, on disk.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import NotASetError
from ..files.memory import release
from ..photos.picture_hash import PICTURE_HASH
from ..tables.digests import digest_bytes
from ..tables.forgotten_rows import record_keys
from ..tables.parquet import read_blocks
from ..types import BoolArray, Int64Array, Status
from .disk_columns import make_column, reorder
from .parts import ROWS, PartReader, undo_settling

if TYPE_CHECKING:  # it imports what reads photos, and drawing anew needs none
    from ..plan.plan import Plan

STATUSES = [status.value for status in Status]
"""The number of a status is its index in this list."""

_OR_NONE = pa.schema([field.with_nullable(True) for field in ROWS])
_PART = -1
_CACHED_GROUPS = 3


class RowFile(NamedTuple):
    """Some rows on disk: a part, or one row group of the previous ledger."""

    path: str
    group: int = _PART

    def read_group(self) -> pa.Table:
        """Read a row group's rows as its shards wrote them, with the ledger's columns."""
        (rows,) = read_blocks(Path(self.path), groups=[self.group])
        return undo_settling(rows)


class RowIndex:
    """The rows that a plan's records have so far.

    Args:
        records: the records of the plan.
        folder: where the digests of many rows are put; None for memory.

    Raises:
        StoreError: there is no room.

    Attributes:
        files: the files that hold rows.
        file: ``(n,)`` int32, index of each record's file; -1 if it has no row.
        row: ``(n,)`` int32, the row's number in that file.
        status: ``(n,)`` int8, an index into :data:`STATUSES`; -1 if there is no row.
        digest: ``(n, 2)`` uint64, the first half of the photo's SHA-256.
        crop: ``(n, 32)`` uint8, the crop's SHA-256.
        length: ``(n,)`` int32, the crop's size in bytes; -1 for no crop.
        picture: ``(n, 2)`` uint64, the photo's :func:`~facedata.photos.picture_hash.hash_picture`, or 0.
        iou: ``(n,)`` float32, IoU of the given box and the face; None if no record has a given box.
        box: ``(n, 4)`` float32, the box of the face taken, 0 for none; None if no photo has several records.
    """

    def __init__(self, records: pa.Table, folder: Path | None = None) -> None:
        count = records.num_rows
        self._to_detect: BoolArray = pc.is_null(records.column("status")).to_numpy()
        self.files: list[RowFile] = []
        self.file = np.full(count, -1, np.int32)
        self.row = np.zeros(count, np.int32)
        self.status = np.full(count, -1, np.int8)
        self.digest = make_column((count, 2), np.uint64, folder)
        self.crop = make_column((count, 32), np.uint8, folder)
        self.length = np.full(count, -1, np.int32)
        self.picture = make_column((count, 2), np.uint64, folder)
        given = records.column("given_box").null_count < count
        self.iou = np.full(count, np.nan, np.float32) if given else None
        has_shared = not records.column("photo").equals(records.column("record"))
        self.box = np.zeros((count, 4), np.float32) if has_shared else None
        self._groups: dict[RowFile, pa.Table] = {}
        self._parts = PartReader()

    def add(self, files: Sequence[RowFile], lengths: Sequence[int], rows: pa.Table, at: Int64Array) -> None:
        """Add the rows of some files; a record that has a row already keeps it.

        Args:
            files: the files.
            lengths: how many rows each of them has.
            rows: all of their rows, file by file: the narrow columns of :data:`.parts.ROWS`.
            at: ``(m,)`` int64, the index of each row's record; -1 for rows to skip.

        Raises:
            NotASetError: a digest is not a SHA-256.
        """
        number = np.repeat(np.arange(len(files)), lengths) + len(self.files)
        starts = np.cumsum(lengths) - lengths
        row = np.arange(rows.num_rows) - np.repeat(starts, lengths)
        self.files += files
        mine = np.flatnonzero(at >= 0)
        mine = mine[self.file[at[mine]] < 0]
        mine = mine[np.unique(at[mine], return_index=True)[1]]
        where = at[mine]
        self.file[where], self.row[where] = number[mine], row[mine]
        rows = (
            rows if len(mine) == rows.num_rows and (mine[1:] > mine[:-1]).all() else rows.take(pa.array(mine))
        )
        self.status[where] = status_numbers(rows.column("status"))
        try:
            self.digest[where] = digest_bytes(rows.column("sha256"))[:, :16].copy().view(np.uint64)
            self.crop[where] = digest_bytes(rows.column("crop_sha256"))
        except ValueError as error:
            raise NotASetError(f"a part is damaged ({error}): start over with --overwrite") from error
        has_crop = pc.and_(pc.is_valid(rows.column("path")), pc.is_valid(rows.column("crop_length")))
        self.length[where] = pc.if_else(has_crop, rows.column("crop_length"), -1).to_numpy()
        hashes = (pc.fill_null(rows.column(name), 0).to_numpy() for name in PICTURE_HASH)
        self.picture[where] = np.column_stack([*hashes])
        if self.iou is not None:
            self.iou[where] = pc.fill_null(rows.column("box_iou"), np.nan).to_numpy()
        if self.box is not None:
            has_face = pc.is_valid(rows.column("box")).to_numpy()
            values = pc.list_flatten(pc.drop_null(rows.column("box"))).to_numpy()
            self.box[where[has_face]] = values.reshape(-1, 4)

    def follow_ledger(self, now: Path) -> None:
        """Read the previous ledger from its copy in this folder, since the original is replaced later."""
        copy = os.fspath(now / "photos.parquet")
        self.files = [file if file.group == _PART else file._replace(path=copy) for file in self.files]
        self._groups.clear()

    def missing(self) -> Int64Array:
        """Return the indices of the records that need detection and have no row yet, ascending."""
        return np.flatnonzero(self._to_detect & (self.file < 0))

    def free_digests(self) -> None:
        """Free the photos' digests: only settling needs them."""
        del self.digest
        release()

    def free(self) -> None:
        """Free the memory; the index cannot be used afterwards."""
        self.__dict__.clear()

    def bury_found(self, plan: Plan, merge: bool) -> None:
        """Empty the records whose photos turned out to be forgotten ones when they were read.

        Args:
            plan: the plan, whose tombstones get these records.
            merge: whether names that look the same are one person's.
        """
        gone = self.status == STATUSES.index(Status.FORGOTTEN)
        if not gone.any():
            return
        rows = plan.records.select(["record", "source_identity"]).filter(pa.array(gone))
        records = rows.column("record").to_pylist()
        tombstones = plan.tombstones.bury(records=[*records, *record_keys(rows)])
        plan.bury(gone, tombstones, merge)
        self._to_detect = pc.is_null(plan.records.column("status")).to_numpy()
        buried = pa.array(map(tombstones.record_name, records), pa.string())
        here = pc.is_in(plan.records.column("record"), value_set=buried).to_numpy()
        order = np.empty(len(here), np.int64)
        order[~here], order[here] = np.flatnonzero(~gone), np.flatnonzero(gone)
        for name in ("file", "row", "status", "digest", "crop", "length", "picture", "iou", "box"):
            if (values := getattr(self, name)) is not None:
                setattr(self, name, reorder(values, order))
        self.drop(np.flatnonzero(here))

    def drop(self, records: Int64Array) -> None:
        """Remove the rows of some records."""
        self.file[records] = self.status[records] = self.length[records] = -1
        self.picture[records] = 0

    def is_group(self, file: RowFile, start: int, stop: int) -> bool:
        """Return whether all rows of a span of records are those of one row group, in its order."""
        numbers = self.file[start:stop]
        return bool(
            len(numbers)
            and numbers[0] >= 0
            and (numbers == numbers[0]).all()
            and self.files[numbers[0]] == file
            and (self.row[start:stop] == np.arange(stop - start)).all()
        )

    def read(self, start: int, stop: int) -> pa.Table:
        """Read the rows of a span of records, in order; all null for a record without a row.

        Raises:
            NotASetError: a file is missing or damaged.
        """
        files = self.file[start:stop]
        wanted = np.unique(files[files >= 0])
        if not len(wanted):
            return pa.table([pa.nulls(stop - start, field.type) for field in _OR_NONE], schema=_OR_NONE)
        holders = [self.files[number] for number in wanted.tolist()]
        is_part = np.array([file.group == _PART for file in holders])
        tables, starts, done = [], np.empty(len(wanted), np.int64), 0
        if is_part.any():
            rows, lengths = self._parts.read([file.path for file in holders if file.group == _PART])
            tables.append(pa.Table.from_arrays(rows.columns, schema=_OR_NONE))
            starts[is_part], done = np.cumsum(lengths) - lengths, rows.num_rows
        for at in np.flatnonzero(~is_part).tolist():
            tables.append(self._read_group(holders[at]))
            starts[at], done = done, done + tables[-1].num_rows
        if stop == len(self.file):
            self._parts = PartReader()  # frees its memory: these were the last rows
        joined = pa.concat_tables(tables)
        at = starts[np.searchsorted(wanted, np.maximum(files, wanted[0]))] + self.row[start:stop]
        if len(at) and files.min() >= 0 and (np.diff(at) == 1).all():
            return joined.slice(int(at[0]), stop - start).combine_chunks()
        return joined.combine_chunks().take(pa.array(at, mask=files < 0))

    def _read_group(self, file: RowFile) -> pa.Table:
        if file not in self._groups:
            while len(self._groups) >= _CACHED_GROUPS:
                del self._groups[next(iter(self._groups))]
            rows = file.read_group()
            present = {name: rows.column(name) for name in rows.column_names}
            columns = [present.get(field.name, pa.nulls(rows.num_rows, field.type)) for field in _OR_NONE]
            self._groups[file] = pa.table(columns, schema=_OR_NONE)
        return self._groups[file]


def status_numbers(column: pa.ChunkedArray) -> Int64Array:
    """Return each status as its index in :data:`STATUSES`, -1 for null; ``(n,)`` int64."""
    numbers = pc.index_in(column, value_set=pa.array(STATUSES))
    return np.asarray(pc.fill_null(numbers, -1).to_numpy(), np.int64)
