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
from numpy.typing import NDArray

from ..files.memory import release
from ..tables.forgotten_rows import record_keys
from ..tables.parquet import read_blocks
from ..types import BoolArray, Int64Array, Status
from .disk_columns import make_column, reorder
from .parts import FILLED, ROWS, PartReader, undo_settling
from .settling import STATUSES

if TYPE_CHECKING:  # it imports what reads photos, and drawing anew needs none
    from ..plan.plan import Plan

_OR_NONE = pa.schema([ROWS.field(name).with_nullable(True) for name in ("record", *FILLED)])
_PART = -1
_CACHED_GROUPS = 3


class RowFile(NamedTuple):
    """Some rows on disk: a part, or one row group of the previous ledger."""

    path: str
    group: int = _PART

    def read_group(self) -> pa.Table:
        """Read a row group's rows as its shards wrote them, with the columns of :meth:`RowIndex.read`."""
        (rows,) = read_blocks(Path(self.path), _OR_NONE.names, [self.group])
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
        status: ``(n,)`` int8, an index into :data:`.settling.STATUSES`; -1 if there is no row.
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

    def add(
        self, files: Sequence[RowFile], lengths: Sequence[int], rows: NDArray[np.void], at: Int64Array
    ) -> None:
        """Add the rows of some files; a record that has a row already keeps it.

        Args:
            files: the files.
            lengths: how many rows each of them has.
            rows: ``(m,)`` :data:`.settling.SETTLING`, all of their rows, file by file.
            at: ``(m,)`` int64, the index of each row's record; -1 for rows to skip.
        """
        number = np.repeat(np.arange(len(files)), lengths) + len(self.files)
        starts = np.cumsum(lengths) - lengths
        row = np.arange(len(rows)) - np.repeat(starts, lengths)
        self.files += files
        mine = np.flatnonzero(at >= 0)
        mine = mine[self.file[at[mine]] < 0]
        if (np.diff(at[mine]) <= 0).any():
            mine = mine[np.unique(at[mine], return_index=True)[1]]
        where = at[mine]
        self.file[where], self.row[where] = number[mine], row[mine]
        if len(mine) < len(rows) or (np.diff(mine) < 0).any():
            rows = rows[mine]
        for name in ("status", "digest", "crop", "length", "picture"):
            getattr(self, name)[where] = rows[name]
        if self.iou is not None:
            self.iou[where] = rows["box_iou"]
        if self.box is not None:
            self.box[where] = rows["box"]

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

        Returns:
            The column record, and those of the ledger that a shard fills.

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
            parts = [file.path for file in holders if file.group == _PART]
            rows, lengths = self._parts.read(parts, _OR_NONE.names)
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
            self._groups[file] = file.read_group().cast(_OR_NONE)
        return self._groups[file]
