"""Where each record's row lies on disk, and the few of its columns that only the whole can judge.

Detection's rows are wide: boxes, points and matrices take more than half a kilobyte each. They stay in their
files, and are read block by block when the ledger is written. In memory a row has 62 bytes.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..errors import NotASetError
from ..tables.digests import digest_bytes
from ..types import Int64Array, Status
from .parts import ROWS, read_rows, unsettled

STATUSES = [status.value for status in Status]
"""A status' number is its place here."""

_OR_NONE = pa.schema([field.with_nullable(True) for field in ROWS])
_PART = -1
_CACHED_GROUPS = 3


class RowFile(NamedTuple):
    """Some rows on disk: a part, or one row group of an earlier state's ledger."""

    path: str
    group: int = _PART

    def read(self) -> pa.Table:
        """Read the rows, columns of :data:`.parts.ROWS`; of a ledger those that a shard fills."""
        if self.group == _PART:
            return read_rows(self.path)
        with open(self.path, "rb") as file:  # noqa: PTH123
            return unsettled(pq.ParquetFile(file).read_row_group(self.group))


class KnownRows:
    """The rows that are there for a plan's records.

    Args:
        records: the plan's.

    Attributes:
        files: the files that hold rows.
        file: ``(n,)`` int32, each record's file; -1 where it has no row.
        row: ``(n,)`` int32, the place in that file.
        status: ``(n,)`` int8, a place in :data:`STATUSES`; -1 where there is no row.
        digest: ``(n, 2)`` uint64, half of the photo's SHA-256.
        crop: ``(n, 32)`` uint8, the crop's SHA-256.
        length: ``(n,)`` int32, the crop's, in bytes; -1 for no crop.
        iou: ``(n,)`` float32, of the given box and the face; None where no box was given.
    """

    def __init__(self, records: pa.Table) -> None:
        self._given = records.column("given_box").null_count < records.num_rows
        self._empty(records.num_rows)

    def _empty(self, count: int) -> None:
        self.files: list[RowFile] = []
        self.file = np.full(count, -1, np.int32)
        self.row = np.zeros(count, np.int32)
        self.status = np.full(count, -1, np.int8)
        self.digest = np.zeros((count, 2), np.uint64)
        self.crop = np.zeros((count, 32), np.uint8)
        self.length = np.full(count, -1, np.int32)
        self.iou = np.full(count, np.nan, np.float32) if self._given else None
        self._groups: dict[RowFile, pa.Table] = {}

    def let_go_of_digests(self) -> None:
        """Drop the photos' SHA-256: once duplicates are known, nobody needs them in memory."""
        self.digest = np.zeros((0, 2), np.uint64)

    def let_go(self) -> None:
        """Drop everything: once the tables are written nobody needs it."""
        self._empty(0)

    def add(self, files: Sequence[RowFile], lengths: Sequence[int], rows: pa.Table, at: Int64Array) -> None:
        """Add the rows of some files; a record that has a row keeps it, and the first one given wins.

        Args:
            files: where the rows lie.
            lengths: how many rows each of them has.
            rows: all of them, file by file, by :data:`facedata.progress.parts.ROWS` (the narrow columns).
            at: ``(m,)`` int64, each row's record; -1 for rows that are not wanted.
        """
        number = np.repeat(np.arange(len(files)), lengths) + len(self.files)
        starts = np.cumsum(lengths) - lengths
        place = np.arange(rows.num_rows) - np.repeat(starts, lengths)
        self.files += files
        mine = np.flatnonzero(at >= 0)
        mine = mine[self.file[at[mine]] < 0]
        mine = mine[np.unique(at[mine], return_index=True)[1]]
        where = at[mine]
        self.file[where], self.row[where] = number[mine], place[mine]
        rows = (
            rows if len(mine) == rows.num_rows and (mine[1:] > mine[:-1]).all() else rows.take(pa.array(mine))
        )
        self.status[where] = status_numbers(rows.column("status"))
        self.digest[where] = _digests(rows, "sha256")[:, :16].copy().view(np.uint64)
        self.crop[where] = _digests(rows, "crop_sha256")
        has_crop = pc.and_(pc.is_valid(rows.column("path")), pc.is_valid(rows.column("crop_length")))
        self.length[where] = pc.if_else(has_crop, rows.column("crop_length"), -1).to_numpy()
        if self.iou is not None:
            self.iou[where] = pc.fill_null(rows.column("box_iou"), np.nan).to_numpy()

    def moved(self, now: Path) -> None:
        """Follow an earlier state's ledger to the folder it was copied to: its first place will change."""
        copy = os.fspath(now / "photos.parquet")
        self.files = [file if file.group == _PART else file._replace(path=copy) for file in self.files]
        self._groups.clear()

    def drop(self, places: Int64Array) -> None:
        """Forget the rows of some records."""
        self.file[places] = self.status[places] = -1

    def rows(self, start: int, stop: int) -> pa.Table:
        """Read the rows of a span of records, in order; null where there is none.

        Raises:
            NotASetError: a file is gone or damaged.
        """
        files = self.file[start:stop]
        wanted = np.unique(files[files >= 0])
        tables = [self._read(self.files[number]) for number in wanted.tolist()]
        if not tables:
            return _nothing(stop - start)
        lengths = np.array([table.num_rows for table in tables])
        starts = np.cumsum(lengths) - lengths
        joined = pa.concat_tables(tables)
        at = starts[np.searchsorted(wanted, np.maximum(files, wanted[0]))] + self.row[start:stop]
        if len(at) and files.min() >= 0 and (np.diff(at) == 1).all():
            return joined.slice(int(at[0]), stop - start).combine_chunks()
        return joined.combine_chunks().take(pa.array(at, mask=files < 0))

    def _read(self, file: RowFile) -> pa.Table:
        if file.group == _PART:
            return pa.Table.from_arrays(file.read().columns, schema=_OR_NONE)
        if file not in self._groups:
            while len(self._groups) >= _CACHED_GROUPS:
                del self._groups[next(iter(self._groups))]
            self._groups[file] = _padded(file.read())
        return self._groups[file]


def status_numbers(column: pa.ChunkedArray) -> Int64Array:
    """Return each status as its place in :data:`STATUSES`, -1 for null; ``(n,)`` int64."""
    numbers = pc.index_in(column, value_set=pa.array(STATUSES))
    return np.asarray(pc.fill_null(numbers, -1).to_numpy(), np.int64)


def _digests(rows: pa.Table, name: str) -> np.ndarray:
    try:
        return digest_bytes(rows.column(name))
    except ValueError as error:
        raise NotASetError(f"a part is damaged ({name}: {error}): start afresh with --overwrite") from error


def _padded(rows: pa.Table) -> pa.Table:
    """Return a ledger's rows under the columns of a part's, null where only a part has them."""
    there = {name: rows.column(name) for name in rows.column_names}
    columns = [there.get(field.name, pa.nulls(rows.num_rows, field.type)) for field in _OR_NONE]
    return pa.table(columns, schema=_OR_NONE)


def _nothing(count: int) -> pa.Table:
    return pa.table([pa.nulls(count, field.type) for field in _OR_NONE], schema=_OR_NONE)
