"""MXNet's RecordIO: records one after another in a ``.rec``, their places in an ``.idx``.

A record is the magic number, a word with its kind (3 bits) and length (29 bits), its bytes, and zeros up to
a multiple of four. Bytes that hold the magic number at a multiple of four are cut there into a first (1), a
middle (2) and last part (3), and the number is left out. An image's record begins with 24 bytes: the number
of labels (0: the next field is the only one), a label, and two ids; then come the labels, as float32, and the
image.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.csv as pv

from ..errors import SourceError
from ..types import Float64Array, Int64Array

MOST_EXACT = 1 << 24
"""Labels are float32: above this, whole numbers are no longer exact."""

_MAGIC = 0xCED7230A
_MAGIC_BYTES = struct.pack("<I", _MAGIC)
_HEAD = struct.Struct("<II")
_IMAGE_HEAD = struct.Struct("<IfQQ")
_LENGTH_BITS = 29
_MOST_LENGTH = (1 << _LENGTH_BITS) - 1
_WHOLE, _FIRST, _MIDDLE, _LAST = 0, 1, 2, 3
_BLOCK_RECORDS = 16_384
"""Records looked at together; what lies between them is in memory as long, if the system has room for it."""
_LOOK_BYTES = _HEAD.size + _IMAGE_HEAD.size + 8
"""What is read of every record: up to its second label."""


class Writable(Protocol):
    """What bytes can be written to."""

    def write(self, data: bytes, /) -> object:
        """Write bytes at the end."""
        ...


@dataclass(frozen=True, eq=False)
class Records:
    """The records of a file, in the order of their bytes.

    Attributes:
        path: the file.
        keys: ``(n,)`` int64, the ``.idx``'s numbers; without one, the records' first bytes.
        offsets: ``(n,)`` int64, their first bytes.
        labels: ``(n,)`` float64, the first label.
        seconds: ``(n,)`` float64, the second label; NaN where there is none.
        image_bytes: ``(n,)`` int64, the length of the image; 0 where the record holds labels only.
    """

    path: Path
    keys: Int64Array
    offsets: Int64Array
    labels: Float64Array
    seconds: Float64Array
    image_bytes: Int64Array

    def whole_labels(self, rows: Int64Array) -> Int64Array:
        """Return the labels of some records as whole numbers, ``(len(rows),)`` int64.

        Raises:
            SourceError: one is no whole number from 0 up, or so large that float32 would not hold it.
        """
        labels = self.labels[rows]
        with np.errstate(invalid="ignore"):
            wrong = ~((labels >= 0) & (labels <= MOST_EXACT) & (labels == np.floor(labels)))
        if wrong.any():
            at = int(np.argmax(wrong))
            raise SourceError(
                f"{self.path}: record {self.keys[rows[at]]} has the label {labels[at]:g}; labels are whole "
                f"numbers from 0 to {MOST_EXACT:,}, which float32 holds"
            )
        return labels.astype(np.int64)


def begins_with_record(path: Path) -> bool:
    """Return whether a file begins as a ``.rec`` does.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return file.read(len(_MAGIC_BYTES)) == _MAGIC_BYTES


def read_index(path: Path) -> tuple[Int64Array, Int64Array]:
    """Read an ``.idx``: a line a record, its number and its first byte, with a tab between them.

    Returns:
        The numbers and the offsets, ``(n,)`` int64 both, in the order of the offsets.

    Raises:
        SourceError: it cannot be read, a line is something else, or a number or offset is listed twice.
    """
    if not path.stat().st_size:
        raise SourceError(f"{path} is empty: delete it, and the .rec is read without it")
    try:
        with path.open("rb") as stream:  # pyarrow takes no path that is not UTF-8
            table = pv.read_csv(
                stream,
                pv.ReadOptions(column_names=["key", "offset"], use_threads=False),
                pv.ParseOptions(delimiter="\t", quote_char=False),
                pv.ConvertOptions(column_types={"key": pa.int64(), "offset": pa.int64()}, null_values=[]),
            )
    except (OSError, pa.ArrowInvalid) as error:
        raise SourceError(
            f"{path} is not an index of records ({str(error).splitlines()[0]}): its lines are a number, a "
            "tab and an offset. Copy it again, or delete it, and the .rec is read without it"
        ) from error
    keys, offsets = (table.column(name).to_numpy() for name in ("key", "offset"))
    if not len(keys):
        raise SourceError(f"{path} lists no record: delete it, and the .rec is read without it")
    for name, values in (("number", keys), ("offset", offsets)):
        ranked = np.sort(values)
        if len(at := np.flatnonzero(ranked[1:] == ranked[:-1])):
            raise SourceError(f"{path} lists the {name} {ranked[at[0]]} twice: copy it again, or delete it")
    order = np.argsort(offsets)
    return keys[order], offsets[order]


def read_records(path: Path, index: Path | None = None) -> Records:
    """List a file's records and read their labels; every record's head is looked at, no image is.

    Args:
        path: the ``.rec``.
        index: its ``.idx``; without one the records are found by going through the file.

    Raises:
        SourceError: a file is cut off or damaged, or the two do not belong together; with the place.
    """
    size = path.stat().st_size
    if not size:
        raise SourceError(f"{path} is empty: copy it again")
    if index is None:
        found, at = array("q"), 0
        with path.open("rb") as file:
            while at < size:
                found.append(at)
                at = _find_end(path, file, at, size)
        keys = offsets = np.frombuffer(found, np.int64)
    else:
        keys, offsets = read_index(index)
        if offsets[0] < 0 or offsets[-1] > size - _HEAD.size:
            at = 0 if offsets[0] < 0 else int(np.argmax(offsets > size - _HEAD.size))
            what = f"is record {keys[at]} by {index.name}, and the file has {size:,} bytes"
            raise _fault(path, offsets[at], what)
    starts = range(0, len(offsets), _BLOCK_RECORDS)
    parts = [_look(path, size, offsets[start : start + _BLOCK_RECORDS]) for start in starts]
    labels, seconds, image_bytes, ends = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    if index is not None:
        before, after = np.append(0, ends), np.append(offsets, size)
        if len(gaps := np.flatnonzero(before != after)):
            raise SourceError(
                f"{index} does not list the record at byte {before[gaps[0]]:,} of {path.name}: it was cut "
                "off, or belongs to another file. Copy it again, or delete it to read the .rec without it"
            )
    return Records(path, keys, offsets, labels, seconds, image_bytes)


def read_image(path: Path, offset: int) -> bytes:
    """Return the image of the record that begins at a byte of a file.

    Raises:
        OSError: the file cannot be read, or no record begins there.
    """
    try:
        with path.open("rb", buffering=0) as file:
            payload = _read_payload(path, file, offset, path.stat().st_size)
    except SourceError as error:
        raise OSError(str(error)) from error
    return payload[_IMAGE_HEAD.size + 4 * _IMAGE_HEAD.unpack_from(payload)[0] :]


class RecordWriter:
    """Writes records one after another, and keeps their places for the ``.idx``.

    Args:
        file: open for writing, at its start.
        index: likewise, of the ``.idx``.
    """

    def __init__(self, file: Writable, index: Writable) -> None:
        self._file, self._index, self._offset = file, index, 0

    def write(self, key: int, labels: float | Sequence[float], image: bytes = b"") -> int:
        """Write a record, its number, its label or labels and its image, and return its first byte.

        Raises:
            OSError: it cannot be written.
            ValueError: it has half a gigabyte or more, which the format cannot hold.
        """
        if isinstance(labels, Sequence):
            head = _IMAGE_HEAD.pack(len(labels), 0, key, 0) + np.asarray(labels, "<f4").tobytes()
        else:
            head = _IMAGE_HEAD.pack(0, labels, key, 0)
        if (length := len(head) + len(image)) > _MOST_LENGTH:
            raise ValueError(f"record {key} has {length:,} bytes; the format holds {_MOST_LENGTH:,}")
        payload = head + image
        cuts, start = [len(payload)], 0
        if _MAGIC_BYTES in payload:
            words = np.frombuffer(payload, "<u4", len(payload) // 4)
            cuts = [*(4 * np.flatnonzero(words == _MAGIC)).tolist(), len(payload)]
        written = bytearray()
        for end in cuts:
            is_first, is_last = end == cuts[0], end == cuts[-1]
            kind = (_WHOLE if is_last else _FIRST) if is_first else (_LAST if is_last else _MIDDLE)
            written += _HEAD.pack(_MAGIC, kind << _LENGTH_BITS | end - start) + payload[start:end]
            written += bytes(-len(written) % 4)
            start = end + len(_MAGIC_BYTES)
        self._file.write(bytes(written))
        self._index.write(b"%d\t%d\n" % (key, self._offset))
        offset, self._offset = self._offset, self._offset + len(written)
        return offset


def _find_end(path: Path, file: IO[bytes], offset: int, size: int) -> int:
    """Return the byte after a record, all its parts and zeros."""
    at, kind, number = offset, _FIRST, 0
    while kind in (_FIRST, _MIDDLE):
        file.seek(at)
        kind, length = _check_head(path, file.read(_HEAD.size), at, size, number)
        at, number = at + _HEAD.size + length + -length % 4, number + 1
    return at


def _check_head(path: Path, head: bytes, at: int, size: int, number: int) -> tuple[int, int]:
    """Return the kind and length of a part, the ``number``-th of its record; refuse what cannot be one."""
    if len(head) < _HEAD.size:
        raise _fault(path, at, "begins a record, and the file ends there")
    magic, word = _HEAD.unpack(head)
    kind, length = word >> _LENGTH_BITS, word & _MOST_LENGTH
    if magic != _MAGIC:
        raise _fault(path, at, f"should begin a record with {_MAGIC:#x}, and holds {magic:#x}")
    if kind not in ((_MIDDLE, _LAST) if number else (_WHOLE, _FIRST)):
        raise _fault(path, at, f"begins a part of the kind {kind}, which cannot stand there")
    if at + _HEAD.size + length + -length % 4 > size:
        raise _fault(path, at, f"begins a record of {length:,} bytes, and the file has {size:,}")
    return kind, length


def _read_payload(path: Path, file: IO[bytes], offset: int, size: int) -> bytes:
    """Return a record's bytes, all its parts put together."""
    payload, at, kind, number = bytearray(), offset, _FIRST, 0
    while kind in (_FIRST, _MIDDLE):
        file.seek(at)
        kind, length = _check_head(path, file.read(_HEAD.size), at, size, number)
        payload += (_MAGIC_BYTES if number else b"") + file.read(length)  # no more than the file has
        at, number = at + _HEAD.size + length + -length % 4, number + 1
        if len(payload) > _MOST_LENGTH:
            raise _fault(path, offset, f"begins a record whose parts have more than {_MOST_LENGTH:,} bytes")
    if len(payload) < _IMAGE_HEAD.size + 4 * _label_count(payload):
        raise _fault(path, offset, f"begins a record of {len(payload):,} bytes, too few for its labels")
    return bytes(payload)


def _label_count(payload: bytes | bytearray) -> int:
    return int.from_bytes(payload[:4], "little")


def _look(
    path: Path, size: int, offsets: Int64Array
) -> tuple[Float64Array, Float64Array, Int64Array, Int64Array]:
    """Return of some records the first label, the second, the image's length, and the byte after them."""
    first, end = int(offsets[0]), min(int(offsets[-1]) + _LOOK_BYTES, size)
    data: np.memmap[tuple[int], np.dtype[np.uint8]] = np.memmap(path, np.uint8, "r", first, (end - first,))
    places = offsets[:, None] - first + np.arange(_LOOK_BYTES)
    heads = np.asarray(data[np.minimum(places, end - first - 1)])  # what is beyond the end is not used
    del data
    magic, word, count = (heads[:, at : at + 4].copy().view("<u4")[:, 0].astype(np.int64) for at in (0, 4, 8))
    floats = (heads[:, at : at + 4].copy().view("<f4")[:, 0].astype(np.float64) for at in (12, 32, 36))
    single, *listed = floats
    kind, length = word >> _LENGTH_BITS, word & _MOST_LENGTH
    ends = offsets + _HEAD.size + length + -length % 4
    image_bytes = length - _IMAGE_HEAD.size - 4 * count
    labels = np.where(count > 0, listed[0], single)
    seconds = np.where(count > 1, listed[1], np.nan)
    plain = (magic == _MAGIC) & (kind == _WHOLE) & (image_bytes >= 0) & (ends <= size)
    with path.open("rb", buffering=0) as file:
        for row in np.flatnonzero(~plain).tolist():  # in parts, or damaged
            if row and offsets[row] < ends[row - 1] and magic[row] == _MAGIC:
                # else a few parts could be read once for each record
                raise _fault(path, offsets[row], "lies within a record, and the .idx lists it as another")
            payload = _read_payload(path, file, int(offsets[row]), size)
            many = _label_count(payload)
            values = np.frombuffer(payload, "<f4", max(1, min(2, many)), _IMAGE_HEAD.size if many else 4)
            labels[row], seconds[row] = values[0], values[1] if many > 1 else np.nan
            image_bytes[row] = len(payload) - _IMAGE_HEAD.size - 4 * many
            ends[row] = _find_end(path, file, int(offsets[row]), size)
    return labels, seconds, image_bytes, ends


def _fault(path: Path, offset: int, what: str) -> SourceError:
    return SourceError(
        f"{path}: byte {offset:,} {what}. It was cut off or damaged, or is no .rec of MXNet's: copy it again"
    )
