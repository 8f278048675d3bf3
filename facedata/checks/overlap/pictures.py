"""The pictures of a set's crops, hashed, and read again where two have to be compared."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...crops.arcface112 import ARCFACE_POINTS
from ...files.remote import Location
from ...tables.digests import digest_texts
from ...types import BoolArray, Int64Array, UInt8Image, UInt64Array
from ..copies.picture_hash import HASH_WORDS, hash_crop
from ..crop_bytes import CropPlace, read_crop_bytes
from ..crop_pass import OnProgress, decode_or_none
from .kept_photos import KeptPhotos
from .same_frame import cut_inside, grey, place_rigidly

_JOB_CROPS = 256


@dataclass(frozen=True, eq=False)
class Pictures:
    """The crops of a set that can be compared.

    Attributes:
        rows: ``(n,)`` int64, their rows in the classes, ascending.
        hashes: ``(n, words)`` uint64, of :func:`facedata.checks.copies.picture_hash.hash_crop`.
        digests: ``(n, 32)`` uint8, SHA-256 of their bytes.
        read: from an index below n to the crop, ``(h, w, 3)`` uint8 RGB, or None.
    """

    rows: Int64Array
    hashes: UInt64Array
    digests: UInt8Image
    read: Callable[[int], UInt8Image | None]


@dataclass(frozen=True, eq=False)
class CheckedCrops:
    """What a check has learnt of its set's crops; all in the order of the classes.

    Attributes:
        classes: the crops, as ``schema.CLASSES``.
        readable: ``(n,)`` bool.
        hashes: ``(n, words)`` uint64, of :func:`facedata.checks.copies.picture_hash.hash_crop`.
        digests: ``(n, 32)`` uint8, SHA-256 of the bytes on disk.
    """

    classes: pa.Table
    readable: BoolArray
    hashes: UInt64Array
    digests: UInt8Image

    def intact_rows(self) -> Int64Array:
        """Return the rows of the crops that are pictures and have the recorded bytes, ascending."""
        recorded = self.classes.column("crop_sha256")
        return np.flatnonzero(self.readable & pc.equal(recorded, digest_texts(self.digests)).to_numpy())

    def pictures(self, root: Location) -> Pictures:
        """Return the pictures, of the set in this folder or at this URL."""
        rows, read = np.flatnonzero(self.readable), read_by_row(root, self.classes)
        return Pictures(rows, self.hashes[rows], self.digests[rows], lambda at: read(int(rows[at])))


_Hashed = tuple[int, UInt8Image, "tuple[int, ...] | None"]
"""A crop's row, the SHA-256 of its bytes, and its picture's hashes; None if its face cannot be placed."""


@dataclass(frozen=True, eq=False)
class CropReading:
    """One pass over a set's crops, by threads.

    Attributes:
        root: the set's folder, or its URL.
        classes: its crops.
        photos: what the ledger says of them.
        inside: hash the inside of the face, not the whole crop.
        workers: threads.
        rigid: do not stretch the insides; see :func:`.same_frame.place_rigidly`.
    """

    root: Location
    classes: pa.Table
    photos: KeptPhotos
    inside: bool
    workers: int
    rigid: bool = False

    def pictures(self, on_progress: OnProgress | None) -> tuple[Pictures, Int64Array]:
        """Read and hash every crop; return the pictures, and the rows of crops that are as recorded."""
        count = self.classes.num_rows
        hashes, digests = np.zeros((count, HASH_WORDS), np.uint64), np.zeros((count, 32), np.uint8)
        readable, hashed = np.zeros(count, np.bool_), np.zeros(count, np.bool_)
        starts = range(0, count, _JOB_CROPS)
        with ThreadPoolExecutor(self.workers) as pool:
            for start, found in zip(starts, pool.map(self._hash_some, starts), strict=True):
                for at, digest, words in found:
                    digests[at], readable[at] = digest, True
                    if words is not None:
                        hashes[at], hashed[at] = words, True
                if on_progress is not None:
                    on_progress(min(start + _JOB_CROPS, count), count)
        rows, read_row = np.flatnonzero(hashed), read_by_row(self.root, self.classes)

        def read(at: int) -> UInt8Image | None:
            row = int(rows[at])
            crop = read_row(row)
            return None if crop is None else self._picture(crop, row)

        return Pictures(rows, hashes[rows], digests[rows], read), np.flatnonzero(readable)

    def _hash_some(self, start: int) -> list[_Hashed]:
        """Return the crops of one piece that are as recorded."""
        places, digests = crop_places(self.classes), self.classes.column("crop_sha256")
        rows = range(start, min(start + _JOB_CROPS, self.classes.num_rows))
        done: list[_Hashed] = []
        for row, data in zip(rows, read_crop_bytes(self.root, [places(row) for row in rows]), strict=True):
            digest = hashlib.sha256(data or b"")
            if data is None or digest.hexdigest() != digests[row].as_py():
                continue
            if (crop := decode_or_none(data)) is not None:
                picture = self._picture(crop, row)
                words = None if picture is None else hash_crop(grey(picture))
                done.append((row, np.frombuffer(digest.digest(), np.uint8), words))
        return done

    def _picture(self, crop: UInt8Image, row: int) -> UInt8Image | None:
        if not self.inside:
            return crop
        wanted = place_rigidly(self.photos.in_photo[row]) if self.rigid else ARCFACE_POINTS
        return cut_inside(crop, self.photos.landmarks[row], wanted)


def crop_places(classes: pa.Table) -> Callable[[int], CropPlace]:
    """Return a function from a row of the classes to the place of its crop."""
    files, offsets, lengths = (classes.column(name) for name in ("file", "offset", "length"))
    return lambda row: CropPlace(files[row].as_py(), offsets[row].as_py(), lengths[row].as_py())


def read_by_row(root: Location, classes: pa.Table) -> Callable[[int], UInt8Image | None]:
    """Return a function that reads the crop in a row of the classes; None if it cannot be read."""
    places = crop_places(classes)

    def read(row: int) -> UInt8Image | None:
        (data,) = read_crop_bytes(root, [places(row)])
        return None if data is None else decode_or_none(data)

    return read
