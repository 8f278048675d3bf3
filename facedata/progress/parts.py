"""A part: the rows of a finished shard, as an Arrow file, which opens forty times faster than Parquet.

Twenty million photos give three hundred thousand parts, all read when the set is closed.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..errors import NotASetError
from ..files.atomic import atomic_file
from ..photos.picture_hash import PICTURE_HASH
from ..tables.schema import PHOTOS
from ..tables.versions import upgrade_ledger
from ..types import Status
from .settling import SETTLING, settling_numbers

PART_ENDING = ".arrow"

FILLED = [
    "status", "reason", "width", "height", "turned_deg", "faces", "all_boxes", "all_scores", "score", "box",
    "landmarks", "tilt_deg", "box_iou", "matrix", "sha256", "path",
]  # fmt: skip
"""The ledger's columns that a shard fills."""


ROWS = pa.schema(
    [
        PHOTOS.field("record"),
        *(PHOTOS.field(name) for name in FILLED),
        pa.field("crop_sha256", pa.string()),
        pa.field("crop_length", pa.int64()),
        pa.field("given_box", pa.list_(pa.float32())),
        pa.field("size", pa.int64(), nullable=False),
        pa.field("mtime_ns", pa.int64(), nullable=False),
        *(pa.field(name, pa.uint64()) for name in PICTURE_HASH),
    ]
)
"""A part's columns: what a shard fills in, its crops' digests, and the photo's given box, size, mtime and
picture hash."""


NARROW = [
    "record", "status", "reason", "box", "box_iou", "sha256", "path", "crop_sha256", "crop_length",
    "given_box", "size", "mtime_ns", *PICTURE_HASH,
]  # fmt: skip
"""The columns that tell whether a row is still valid, and settle it: a third of a part."""

_MAGIC, _END = b"ARROW1", b"\xff\xff\xff\xff\0\0\0\0"
_SPARE_BYTES = 1 << 20
_MARK = b"FDS1"
"""A part is: rows; their numbers, how many (4 bytes), this mark; the end of the stream; Arrow's footer."""
_TAIL_BYTES = 1 << 14
"""Enough for the end of a part of 64 rows."""
_PARTS_TOGETHER = 128
"""Parts that are decoded together: few enough for the processor's cache, which saves a third of the time."""


def write_rows(path: Path, rows: pa.Table) -> None:
    """Write a part atomically.

    Args:
        path: the file.
        rows: with the columns :data:`ROWS`.

    Raises:
        StoreError: it cannot be written; no partial file stays behind.
    """
    rows = rows.select(ROWS.names).cast(ROWS)
    with atomic_file(path) as file, pa.ipc.new_file(file, ROWS) as writer:
        writer.write_table(rows)
        # readers of Arrow files find the rows from the end of the file, and never look here
        file.write(settling_numbers(rows).tobytes() + rows.num_rows.to_bytes(4, "little") + _MARK)


def read_rows(path: str | Path) -> pa.Table:
    """Read a part.

    Raises:
        NotASetError: it is missing, damaged, or from a later version of facedata.
    """
    try:
        with open(path, "rb") as file:  # noqa: PTH123  thousands per second; a Path would double the time
            rows = pa.ipc.open_file(pa.py_buffer(file.read())).read_all()
    except (OSError, ValueError, pa.ArrowException) as error:
        raise NotASetError(f"cannot read the part {path}: {error}; remove it and run again") from error
    if {*ROWS.names} - {*rows.column_names} == {"turned_deg", *PICTURE_HASH}:  # of schema version 1
        rows = upgrade_ledger(rows)
        for name in PICTURE_HASH:
            rows = rows.append_column(name, pa.nulls(rows.num_rows, pa.uint64()))
        rows = rows.select(ROWS.names).cast(ROWS)
    if rows.schema != ROWS:
        raise NotASetError(f"{path} is from another version of facedata; start over with --overwrite")
    return rows


class PartReader:
    """Reads thousands of parts as one table, in half the time that they take one by one.

    An Arrow file is a stream of messages between a head, which is the same for all parts, and a foot. The
    messages of all parts are read one behind the other into one piece of memory, which is kept for the next
    parts, and decoded as one stream.
    """

    def __init__(self) -> None:
        self._memory = np.empty(0, np.uint8)

    def read(self, paths: Sequence[str], columns: Sequence[str] = ROWS.names) -> tuple[pa.Table, list[int]]:
        """Return the rows of some parts, each column in one piece, and how many each of them has.

        Args:
            paths: the files, at least one.
            columns: which to read.

        Raises:
            NotASetError: a part is missing, damaged, or from a later version of facedata.
        """
        tables, lengths = [], []
        for start in range(0, len(paths), _PARTS_TOGETHER):
            some = paths[start : start + _PARTS_TOGETHER]
            try:
                batches = self._read_together(some, columns)
            except (OSError, ValueError, pa.ArrowException):  # read_rows says which file it is
                batches = None
            if batches is None:
                alone = [read_rows(path).select(columns) for path in some]
                lengths += [rows.num_rows for rows in alone]
                tables += alone
            else:  # of several pieces, this makes a copy; so the memory can be used again
                lengths += [batch.num_rows for batch in batches]
                tables.append(pa.Table.from_batches(batches).select(columns).combine_chunks())
        return pa.concat_tables(tables).combine_chunks(), lengths

    def _read_together(self, paths: Sequence[str], columns: Sequence[str]) -> list[pa.RecordBatch] | None:
        """Return a batch for each part; None if they are not all as :func:`write_rows` writes them."""
        if len(paths) < 2:
            return None
        with open(paths[0], "rb") as file:  # noqa: PTH123
            first = file.read()
        head = bytes(first[: 16 + int.from_bytes(first[12:16], "little")])
        schema = pa.ipc.read_schema(pa.py_buffer(head[8:]))
        if head[:12] != _MAGIC + b"\0\0" + _END[:4] or schema != ROWS:
            return None
        if len(self._memory) < len(first) * len(paths):
            self._memory = np.empty(len(first) * len(paths) * 5 // 4 + _SPARE_BYTES, np.uint8)
        here, at = bytearray(len(head)), len(head) - 8
        memory = self._memory.data
        memory[:at] = head[8:]
        ends = [at]
        for path in paths:
            file_number = os.open(path, os.O_RDONLY)
            try:
                stop = at + os.readv(file_number, [here, memory[at:]]) - len(head)
            finally:
                os.close(file_number)
            foot = int.from_bytes(memory[stop - 10 : stop - 6], "little")
            end = stop - 10 - foot
            if here != head or memory[stop - 6 : stop] != _MAGIC or memory[end - 8 : end] != _END:
                return None
            at = end - 8
            if memory[at - 4 : at] == _MARK:
                at -= 8 + SETTLING.itemsize * int.from_bytes(memory[at - 8 : at - 4], "little")
            ends.append(at)
        memory[at : at + 8] = _END
        wanted = [ROWS.get_field_index(name) for name in columns]
        options = pa.ipc.IpcReadOptions(included_fields=wanted, use_threads=False)
        batches = list(pa.ipc.open_stream(pa.py_buffer(memory[: at + 8]), options=options))
        if len(batches) != len(paths) or not all(batch.num_rows for batch in batches):
            return None
        # one batch a part: each lies between its part's ends
        status = batches[0].schema.get_field_index("status")
        places = [batch.column(status).buffers()[1].address for batch in batches]
        inside = np.searchsorted(np.array(ends) + self._memory.ctypes.data, places, side="right") - 1
        return batches if (inside == np.arange(len(paths))).all() else None


def read_settling(paths: Sequence[str]) -> tuple[NDArray[np.void], list[int]]:
    """Return what settling needs of the rows of some parts, and how many rows each of them has.

    Only the end of a part is read, in a tenth of the time of its rows; of one that an earlier version wrote,
    the rows.

    Args:
        paths: the files, at least one.

    Raises:
        NotASetError: a part is missing, damaged, or from a later version of facedata.
    """
    found = [_read_tail(path) or settling_numbers(read_rows(path)).tobytes() for path in paths]
    lengths = [len(numbers) // SETTLING.itemsize for numbers in found]
    return np.frombuffer(b"".join(found), SETTLING), lengths


def _read_tail(path: str) -> bytes | None:
    """Return the numbers that a part ends with; None if it does not, or if they are too many."""
    try:
        file_number = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        start = max(os.lseek(file_number, 0, os.SEEK_END) - _TAIL_BYTES, 0)
        tail = os.pread(file_number, _TAIL_BYTES, start)
    finally:
        os.close(file_number)
    end = len(tail) - 18 - int.from_bytes(tail[-10:-6], "little")
    if end < 8 or tail[-6:] != _MAGIC or tail[end - 4 : end + 8] != _MARK + _END:
        return None
    count = int.from_bytes(tail[end - 8 : end - 4], "little")
    at = end - 8 - SETTLING.itemsize * count
    return tail[at : end - 8] if at >= 0 else None


def undo_settling(ledger: pa.Table) -> pa.Table:
    """Return a ledger's rows as their shards wrote them, except the paths of crops that were removed."""
    status, has_face = ledger.column("status"), pc.is_valid(ledger.column("box"))
    settled = pc.is_in(status, pa.array([Status.DUPLICATE.value, Status.TOO_FEW.value]))
    # a row for which no face could be chosen has none; one that lost it to another row of its photo has
    settled = pc.or_(settled, pc.and_(pc.equal(status, Status.UNSELECTED.value), has_face))
    return replace_cells(ledger, settled, status=Status.KEPT.value, reason=None)


def replace_cells(ledger: pa.Table, rows: pa.Array | pa.ChunkedArray, **values: str | None) -> pa.Table:
    """Return a ledger with these texts in its columns, in the rows where ``rows`` is true."""
    for name, value in values.items():
        column = pc.if_else(rows, pa.scalar(value, pa.string()), ledger.column(name))
        ledger = ledger.set_column(ledger.schema.get_field_index(name), PHOTOS.field(name), column)
    return ledger
