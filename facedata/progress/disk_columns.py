"""Columns of numbers on disk, for millions of rows: in memory they would take a gigabyte."""

from __future__ import annotations

import os
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import writing
from ..tables.blocks import BLOCK_ROWS
from ..types import Int64Array

_MANY_ROWS = 1 << 20
"""From so many rows on, a column is on disk."""
_MOST_RUNS = 64
"""Up to so many runs of rows in a block are written one by one; more are written with what lies between."""


class DiskColumn:
    """``(n, k)`` numbers in a file without a name, which goes with this object; zeros at first.

    Its rows are read and written by a slice or by row numbers, as an array's are. What is read is a copy.

    Args:
        shape: n and k.
        kind: of numbers.
        folder: where the file is.

    Raises:
        StoreError: there is no room.
    """

    def __init__(self, shape: tuple[int, int], kind: np.dtype[Any], folder: Path) -> None:
        self.shape, self.dtype, self._folder = shape, kind, folder
        self._row_bytes = shape[1] * kind.itemsize
        with writing(folder):
            self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115  closed with self
            weakref.finalize(self, self._file.close)
            self._file.truncate(shape[0] * self._row_bytes)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, at: slice | Int64Array) -> NDArray[Any]:
        if isinstance(at, slice):
            start, stop, _ = at.indices(len(self))
            return self._read(start, max(start, stop))
        found = np.empty((len(at), self.shape[1]), self.dtype)
        for places, rows in _by_blocks(at):
            found[places] = self._read(int(rows[0]), int(rows[-1]) + 1)[rows - rows[0]]
        return found

    def __setitem__(self, at: Int64Array, values: Any) -> None:
        """Write some rows; of a row that is there twice, the last value stays."""
        values = np.broadcast_to(np.asarray(values, self.dtype), (len(at), self.shape[1]))
        for places, rows in _by_blocks(at):
            mine, cuts = values[places], np.flatnonzero(np.diff(rows) != 1) + 1
            if len(cuts) >= _MOST_RUNS:
                span = self._read(int(rows[0]), int(rows[-1]) + 1)
                span[rows - rows[0]] = mine
                self._write(int(rows[0]), span)
                continue
            for run, part in zip(np.split(rows, cuts), np.split(mine, cuts), strict=True):
                self._write(int(run[0]), part)

    def reordered(self, order: Int64Array) -> DiskColumn:
        """Return a column with the rows of this one in another order."""
        other = DiskColumn((len(order), self.shape[1]), self.dtype, self._folder)
        for start in range(0, len(order), BLOCK_ROWS):
            rows = order[start : start + BLOCK_ROWS]
            other[np.arange(start, start + len(rows))] = self[rows]
        return other

    def _read(self, start: int, stop: int) -> NDArray[Any]:
        values = np.empty((stop - start, self.shape[1]), self.dtype)
        left, place = values.reshape(-1).view(np.uint8).data, start * self._row_bytes
        while len(left):
            count = os.preadv(self._file.fileno(), [left], place)
            left, place = left[count:], place + count
        return values

    def _write(self, start: int, values: NDArray[Any]) -> None:
        left = np.ascontiguousarray(values).reshape(-1).view(np.uint8).data
        place = start * self._row_bytes
        with writing(self._folder):
            while len(left):
                count = os.pwrite(self._file.fileno(), left, place)
                left, place = left[count:], place + count


Column = NDArray[Any] | DiskColumn
"""Numbers by row, in memory or on disk."""


def make_column(shape: tuple[int, int], kind: type[np.generic], folder: Path | None) -> Any:
    """Return a :data:`Column` of zeros: on disk if there are many rows and there is a folder for it.

    Raises:
        StoreError: there is no room.
    """
    if folder is None or shape[0] < _MANY_ROWS:
        return np.zeros(shape, kind)
    return DiskColumn(shape, np.dtype(kind), folder)


def reorder(column: Column, order: Int64Array) -> Column:
    """Return a column with its rows in another order."""
    return column.reordered(order) if isinstance(column, DiskColumn) else column[order]


def _by_blocks(at: Int64Array) -> Iterator[tuple[slice | Int64Array, Int64Array]]:
    """Yield row numbers block by block, ascending, and where they are in ``at``."""
    order: Int64Array | None = None
    if (np.diff(at) < 0).any():
        order = np.argsort(at, kind="stable")
        at = at[order]
    ends = [*np.flatnonzero(np.diff(at // BLOCK_ROWS)) + 1, len(at)] if len(at) else []
    for start, stop in zip([0, *ends], ends, strict=False):
        yield slice(start, stop) if order is None else order[start:stop], at[start:stop]
