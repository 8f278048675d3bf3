"""Crops between detection and their tar: one file per shard, and an index of crops by their SHA-256.

A blob holds the shard's crops one after another, then the SHA-256, offset and length of each, then their
number and a magic word. It is complete before the shard's part is, so a part lists no crop that is missing.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import StoreError
from ..files.atomic import atomic_file
from ..files.open_files import OpenFiles
from ..files.remote import Location
from ..types import BoolArray, Int64Array, UInt64Array

BLOB = ".crops"
"""Ending of a blob's file name."""

_ENTRY = np.dtype([("sha256", "V32"), ("offset", "<u8"), ("length", "<u8")])
_MAGIC = b"facecrop"
_OPEN_FILES = 16


class Piece(NamedTuple):
    """The crops in one file.

    Attributes:
        file: a blob or a tar.
        keys: the keys of their SHA-256s (:func:`digest_keys`), ``(n,)``.
        offsets: first byte of each, ``(n,)``.
        lengths: number of bytes of each, ``(n,)``.
    """

    file: Location
    keys: UInt64Array
    offsets: Int64Array
    lengths: Int64Array


def write_blob(file: Path, crops: Sequence[bytes]) -> None:
    """Write a shard's crops atomically.

    Raises:
        StoreError: the file cannot be written; no partial file stays behind.
    """
    index = np.zeros(len(crops), _ENTRY)
    lengths = np.array([len(crop) for crop in crops], np.int64)
    index["length"], index["offset"] = lengths, np.cumsum(lengths) - lengths
    for entry, crop in zip(index, crops, strict=True):
        entry["sha256"] = np.void(hashlib.sha256(crop).digest())
    with atomic_file(file) as stream:
        stream.writelines(crops)
        stream.write(index.tobytes() + len(crops).to_bytes(8, "little") + _MAGIC)


def read_index(blob: Path) -> Piece | None:
    """Return the index of a blob; None if it is damaged, so that its shard is done again."""
    tail = 8 + len(_MAGIC)
    try:
        with blob.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(size - tail, 0))
            end = stream.read()
            count = int.from_bytes(end[:8], "little")
            start = size - tail - count * _ENTRY.itemsize
            if end[8:] != _MAGIC or start < 0:
                return None
            stream.seek(start)
            index = np.frombuffer(stream.read(count * _ENTRY.itemsize), _ENTRY)
    except OSError:
        return None
    heads = np.frombuffer(index["sha256"].tobytes(), ">u8").reshape(count, 4)[:, 0]
    return Piece(
        blob, heads.astype(np.uint64), index["offset"].astype(np.int64), index["length"].astype(np.int64)
    )


def digest_keys(digests: pa.Array | pa.ChunkedArray) -> UInt64Array:
    """Return the first 8 bytes of SHA-256s in hex as numbers, ``(n,)`` uint64; 0 for null."""
    heads = pc.fill_null(pc.utf8_slice_codeunits(digests, 0, 16), "0" * 16)
    return np.frombuffer(bytes.fromhex("".join(heads.to_pylist())), ">u8").astype(np.uint64)


class CropIndex:
    """Finds crops by the SHA-256 of their bytes; takes some 30 bytes of memory per crop.

    Args:
        pieces: the files; a crop in several of them is read from the first.
    """

    def __init__(self, pieces: Iterable[Piece]) -> None:
        kept = [piece for piece in pieces if len(piece.keys)]
        self._files = [
            os.fspath(piece.file) if isinstance(piece.file, Path) else piece.file for piece in kept
        ]
        keys = np.concatenate([np.empty(0, np.uint64), *(piece.keys for piece in kept)])
        order = np.argsort(keys, kind="stable")
        self._keys = keys[order]
        numbers = np.repeat(np.arange(len(kept), dtype=np.int32), [len(piece.keys) for piece in kept])
        self._numbers = numbers[order]
        self._offsets = np.concatenate([np.empty(0, np.int64), *(piece.offsets for piece in kept)])[order]
        self._lengths = np.concatenate([np.empty(0, np.int64), *(piece.lengths for piece in kept)])[order]
        self._open_files = OpenFiles(_OPEN_FILES)

    def has(self, keys: UInt64Array, lengths: Int64Array) -> BoolArray:
        """Return which crops are in the files, by the key of their SHA-256 and their length."""
        if not len(self._keys):
            return np.zeros(len(keys), bool)
        at = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        here: BoolArray = (self._keys[at] == keys) & (self._lengths[at] == lengths)
        return here

    def read(self, digest: str, path: str) -> bytes:
        """Return the bytes with this SHA-256.

        Raises:
            StoreError: they are missing or damaged; the message names the crop by its ``path``.
        """
        key = np.uint64(int(digest[:16], 16))
        low, high = (int(np.searchsorted(self._keys, key, side)) for side in ("left", "right"))
        for row in range(low, high):
            data = self._read(row)
            if hashlib.sha256(data).hexdigest() == digest:
                return data
        if low == high:
            raise StoreError(f"the crop {path} is gone: run the same command again")
        raise StoreError(
            f"the crop {path} in {self._files[self._numbers[low]]} is damaged: delete that file and run the "
            "same command again; its crops are then made again"
        )

    def _read(self, row: int) -> bytes:
        file = self._files[self._numbers[row]]
        try:
            stream = self._open_files.get(file)
            stream.seek(int(self._offsets[row]))
            return stream.read(int(self._lengths[row]))
        except OSError as error:
            raise StoreError(f"cannot read {file}: {error.strerror or error}") from error

    def close(self) -> None:
        """Close the files that are open."""
        self._open_files.close()
