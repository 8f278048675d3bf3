"""Crops by row number, decoded by threads straight into one batch.

A row number is a position in a :class:`~facedata.ClassManifest`. Samplers, mining and embedding know crops by
these numbers only; files hold ids.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import repeat
from types import TracebackType
from typing import Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from facedata import ClassManifest
from facedata.errors import StoreError
from facedata.tables.blocks import as_large_array
from facedata.types import Int64Array

from ..errors import DataError
from ..machine.cores import own_cores
from .buffers import Buffers
from .crop_files import TAR, CropFiles
from .decode import decode_into

OnProgress = Callable[[int, int], None]
"""Called with the number of items done, and the total."""

UInt8Batch = NDArray[np.uint8]
"""Crops, ``(n, size, size, 3)`` uint8, RGB."""

_TASKS_PER_WORKER = 2
"""Pieces of a batch per thread: few, as each costs a call; more than one, as some take longer than others."""

_CHECKED_ROWS = 256
"""Crops that a thread checks at a time."""

_NAMED = 3
"""Most crops that a message names."""

_Span = tuple[str, int, int]
"""A crop's file, offset and length."""


class Shaping(Protocol):
    """Writes crops into a batch the way a network will see them, in the threads that decode them."""

    @property
    def size_px(self) -> int:
        """Side of the batch's images."""

    def write(self, number: int, crop: UInt8Batch, image: UInt8Batch) -> None:
        """Write the ``number``-th image of a batch.

        Args:
            number: from 0.
            crop: ``(s, s, 3)`` uint8 RGB; must not be changed, unless it is ``image`` itself.
            image: ``(size, size, 3)`` uint8, to be written.
        """


class CropReader:
    """Reads crops by row number, in order, with threads; use it as a context manager.

    Args:
        classes: the crops; row numbers count in it.
        workers: threads; None for one per core.

    Attributes:
        size_px: side of a crop.
    """

    def __init__(self, classes: ClassManifest, workers: int | None = None) -> None:
        self.size_px = classes.prepared.size_px
        self.workers = workers or own_cores()
        self._crop_files, self._buffers = CropFiles(classes.prepared.path, self.workers), Buffers()
        # Arrow keeps millions of names in a tenth of the memory that Python's strings would take
        self._files = as_large_array(classes.table.column("file"))
        self._paths = as_large_array(classes.table.column("path"))
        self._digests = as_large_array(classes.table.column("crop_sha256"))
        self._offsets = classes.table.column("offset").to_numpy()
        self._lengths = classes.table.column("length").to_numpy()
        self._pool = ThreadPoolExecutor(self.workers, thread_name_prefix="crops")

    def __enter__(self) -> CropReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the threads and close the files."""
        self._pool.shutdown(cancel_futures=True)
        self._crop_files.close()

    def __len__(self) -> int:
        return len(self._lengths)

    def read(self, rows: Int64Array, shaping: Shaping | None = None) -> UInt8Batch:
        """Read crops, ``(n, size, size, 3)`` uint8 RGB, in the order of the rows.

        Args:
            rows: ``(n,)`` int64; repeated rows are decoded once.
            shaping: writes each crop into the batch, and decides its size; None to copy it.

        Raises:
            DataError: a crop is gone, cut short, damaged or of another size; the message names it.
        """
        return self.start(rows, shaping).result()

    def start(self, rows: Int64Array, shaping: Shaping | None = None) -> Reading:
        """Start to read crops; :meth:`Reading.result` waits for them."""
        rows = np.asarray(rows, np.int64)
        if len(rows) and not (rows.min() >= 0 and rows.max() < len(self)):
            raise IndexError(f"rows from {rows.min()} to {rows.max()}; there are {len(self)} crops")
        size = self.size_px if shaping is None else shaping.size_px
        batch = self._buffers.array((len(rows), size, size, 3))
        order = np.argsort(rows, kind="stable")  # neighbours in a tar are read one after the other
        begins = np.flatnonzero(np.diff(rows[order], prepend=-1))
        once = rows[order[begins]]
        ordered, ends = order.tolist(), [*begins[1:].tolist(), len(order)]
        positions = [ordered[begin:end] for begin, end in zip(begins.tolist(), ends, strict=False)]
        files = self._files.take(pa.array(once)).to_pylist()
        spans = zip(files, self._offsets[once].tolist(), self._lengths[once].tolist(), strict=True)
        tasks = list(zip(once.tolist(), spans, positions, strict=False))  # without rows, positions is [[]]
        step = max(1, -(-len(tasks) // (self.workers * _TASKS_PER_WORKER)))
        pieces = [tasks[begin : begin + step] for begin in range(0, len(tasks), step)]
        return Reading(batch, [self._pool.submit(self._fill, batch, shaping, piece) for piece in pieces])

    def _fill(
        self, batch: UInt8Batch, shaping: Shaping | None, tasks: list[tuple[int, _Span, list[int]]]
    ) -> None:
        """Decode some crops into their positions in a batch."""
        whole = (self.size_px, self.size_px, 3)
        # a crop that is not resized is decoded where it belongs, and shaped there
        beside = None if batch.shape[1:] == whole else np.empty(whole, np.uint8)
        for row, (file, offset, length), positions in tasks:
            crop = batch[positions[0]] if beside is None else beside
            try:
                shape = decode_into(self._crop_files.read(file, offset, length), crop)
            except StoreError as error:
                raise DataError(f"{error} (crop {self._name(row)})") from error
            if shape != whole:
                raise DataError(
                    f"the crop {self._name(row)} is {shape[1]}x{shape[0]} px, not {self.size_px}: "
                    "run `facedata prepare` again"
                )
            for position in reversed(positions):  # the one it is decoded into is the last to change
                if shaping is not None:
                    shaping.write(position, crop, batch[position])
                elif position != positions[0]:
                    batch[position] = crop

    def _name(self, row: int) -> str:
        return str(self._paths[row].as_py())

    def check(self, rows: Int64Array | None = None, hashes: bool = False) -> None:
        """Check that crops exist and have their length; with ``hashes``, that their bytes are unchanged.

        Args:
            rows: which; None for all.
            hashes: also read and hash them, about 5,000 per second and core.

        Raises:
            DataError: some are gone or changed; the message counts them and names the first.
        """
        rows = np.arange(len(self)) if rows is None else np.unique(rows)
        pieces = [rows[start : start + _CHECKED_ROWS] for start in range(0, len(rows), _CHECKED_ROWS)]
        gone: list[int] = []
        changed: list[int] = []
        for piece_gone, piece_changed in self._pool.map(lambda piece: self._check(piece, hashes), pieces):
            gone += piece_gone
            changed += piece_changed
        if gone or changed:
            first = ", ".join(self._name(row) for row in (gone + changed)[:_NAMED])
            raise DataError(
                f"of {len(rows):,} crops {len(gone):,} are gone and {len(changed):,} changed since the set "
                f"was prepared (the first: {first}): run `facedata prepare` again, then start over"
            )

    def _check(self, rows: Int64Array, hashes: bool) -> tuple[list[int], list[int]]:
        """Return the crops that are gone, and those that changed."""
        gone, changed = [], []
        files = self._files.take(pa.array(rows)).to_pylist()
        for row, file in zip(rows.tolist(), files, strict=True):
            offset, length = int(self._offsets[row]), int(self._lengths[row])
            size = self._crop_files.size(file)
            if size is None:
                gone.append(row)
            elif size < offset + length or (size != length and not file.endswith(TAR)):
                changed.append(row)
            elif hashes:
                digest = hashlib.sha256(self._crop_files.read(file, offset, length)).hexdigest()
                if digest != self._digests[row].as_py():
                    changed.append(row)
        return gone, changed


class Reading:
    """A batch that is being read.

    Args:
        batch: filled by the tasks.
        tasks: the threads' work.
    """

    def __init__(self, batch: UInt8Batch, tasks: list[Future[None]]) -> None:
        self._batch, self._tasks = batch, tasks

    def result(self) -> UInt8Batch:
        """Wait for the batch; errors as in :meth:`CropReader.read`."""
        for task in self._tasks:
            task.result()
        return self._batch


def read_batches(
    reader: CropReader,
    rows_of_batches: Iterable[Int64Array],
    ahead: int = 2,
    shapings: Iterable[Shaping | None] | None = None,
) -> Iterator[tuple[Int64Array, UInt8Batch]]:
    """Yield batches of rows with their crops, in order, while the next ones are read.

    Args:
        reader: reads them.
        rows_of_batches: ``(n,)`` int64 each.
        ahead: how many batches to read ahead, and so to hold in memory.
        shapings: one for each batch, see :meth:`CropReader.read`; None to copy crops as they are.

    Raises:
        DataError: as in :meth:`CropReader.read`, when the batch is reached.
    """
    waiting: deque[tuple[Int64Array, Reading]] = deque()
    each = repeat(None) if shapings is None else shapings
    for rows, shaping in zip(rows_of_batches, each, strict=False):
        waiting.append((rows, reader.start(rows, shaping)))
        if len(waiting) > ahead:
            done, reading = waiting.popleft()
            yield done, reading.result()
    while waiting:
        done, reading = waiting.popleft()
        yield done, reading.result()
