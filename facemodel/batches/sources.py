"""What can be embedded: a set, a manifest of one, or a plain folder of crops."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from facedata import ClassManifest, PairManifest, TripletManifest
from facedata.crops.codec import decode_crop
from facedata.errors import StoreError, UsageError
from facedata.files.remote import Remote, parse_location
from facedata.photos.paths import photo_path
from facedata.sources.folder import FolderSource
from facedata.tables.parquet import read_footer
from facedata.tables.schema import DATASET, WORK
from facedata.types import Int64Array, Status

from ..errors import DataError
from ..machine.cores import own_cores
from ..spec import InputSpec
from .fitting_crops import FittingCrops
from .reader import CropReader, UInt8Batch, read_batches

SetPath = str | os.PathLike[str] | Remote
"""Where a set is; for a manifest or a folder, a path."""

_TUPLES: dict[str, type[PairManifest] | type[TripletManifest]] = {
    "pairs": PairManifest,
    "triplets": TripletManifest,
}


class CropSource(Protocol):
    """Crops in a fixed order, by row number.

    Attributes:
        kind: ``set`` or ``folder``.
        ids: ``(n,)`` int64.
        paths: their paths, ``(n,)`` Arrow text.
        fingerprint: of the set; of a folder, the SHA-256 of its crops' paths and bytes.
    """

    kind: str
    ids: Int64Array
    paths: pa.ChunkedArray
    fingerprint: str

    def fit(self, spec: InputSpec, cut: bool = False) -> None:
        """Refuse crops made differently from the model's, or take others; see :class:`.FittingCrops`.

        Raises:
            SpecError: they were made with another template.
            UsageError: they cannot be cut here.
        """
        ...

    def check(self, rows: Int64Array) -> None:
        """Refuse crops that are gone or changed.

        Raises:
            DataError: some are.
        """
        ...

    def batches(self, rows_of_batches: Iterable[Int64Array]) -> Iterator[tuple[Int64Array, UInt8Batch]]:
        """Yield rows and their crops, ``(n, size, size, 3)`` uint8 RGB: each row once, batches of any size.

        Raises:
            DataError: a crop cannot be read; the message names it.
        """
        ...

    def close(self) -> None:
        """Close files and end threads."""
        ...


def open_crops(source: SetPath, split: str | None, of: str | None, workers: int | None) -> CropSource:
    """Open a set (its folder or URL), a ``.parquet`` manifest, or a folder of crops.

    The crops of a manifest of pairs or triplets are those that occur in it.

    Args:
        source: what to open.
        split: only crops of this split; a folder has none.
        of: the set that a manifest belongs to, if the manifest is not in the set's folder.
        workers: threads that decode; None for one per core.

    Raises:
        UsageError: no such split, or options that contradict each other.
        SetError: there is no set, or the manifest belongs to another.
        SourceError: the folder holds no image.
    """
    location = parse_location(source)
    if location.suffix == ".parquet" and not location.is_dir():
        manifest = _TUPLES.get(read_footer(location).kind)
        if manifest is None:
            return SetCrops(ClassManifest.open(source, split=split, of=of), workers)
        rows = manifest.open(source, split=split, of=of)
        ids = np.unique(np.concatenate([rows.table.column(side).to_numpy() for side in rows.sides]))
        table = rows.crops.table.take(pa.array(rows.crops.find(ids)))
        return SetCrops(ClassManifest(rows.prepared, table, split), workers)
    if of is not None:
        raise UsageError(f"--of names the set of a manifest, and {source} is not a .parquet file")
    if isinstance(location, Remote) or (location / DATASET).exists() or (location / WORK).is_dir():
        return SetCrops(ClassManifest.open(source, split=split), workers)
    if not location.is_dir():
        raise UsageError(f"there is no set, folder or manifest {source}")
    if split is not None:
        raise UsageError(f"--split {split}: {source} is a folder of crops and has no splits")
    return FolderCrops(location, workers)


class SetCrops:
    """The crops of a set, or some of them."""

    kind = "set"

    def __init__(self, classes: ClassManifest, workers: int | None) -> None:
        self.prepared, self.ids = classes.prepared, classes.ids
        self.paths = classes.table.column("path")
        self.fingerprint = classes.prepared.fingerprint
        self._classes, self._reader = classes, CropReader(classes, workers)

    def fit(self, spec: InputSpec, cut: bool = False) -> None:
        """Read the crops that the model takes."""
        fitting = FittingCrops.find(spec, self.prepared, cut, self._reader.workers)
        if fitting.cut is not self.prepared:
            self._reader.close()
            self._reader = fitting.open_reader(self._classes, self._reader.workers)

    def check(self, rows: Int64Array) -> None:
        """Check every crop's bytes by their hash."""
        self._reader.check(rows, hashes=True)

    def batches(self, rows_of_batches: Iterable[Int64Array]) -> Iterator[tuple[Int64Array, UInt8Batch]]:
        """Yield the batches."""
        return read_batches(self._reader, rows_of_batches)

    def close(self) -> None:
        """Close the reader."""
        self._reader.close()


class FolderCrops:
    """The image files below a folder, in byte order of their paths; all must be square.

    A folder does not say how its crops were made: they are assumed to be made like the model's.
    """

    kind = "folder"

    def __init__(self, folder: Path, workers: int | None) -> None:
        photos = FolderSource({"": folder}).scan().photos
        video = pc.fill_null(pc.equal(photos.column("status"), str(Status.UNSUPPORTED)), False)
        images = photos.filter(pc.invert(video))
        names: list[str] = images.column("photo").to_pylist()
        self._names = sorted(names, key=str.encode)
        self._folder = folder
        self._pool = ThreadPoolExecutor(workers or own_cores(), thread_name_prefix="crops")
        self.ids = np.arange(len(names), dtype=np.int64)
        self.paths = pa.chunked_array([pa.array(self._names, pa.string())])
        digest = hashlib.sha256()
        hashes = self._pool.map(lambda name: hashlib.sha256(self._bytes(name)).hexdigest(), self._names)
        for name, sha256 in zip(self._names, hashes, strict=True):
            digest.update(f"{name}\0{sha256}\n".encode())
        self.fingerprint = digest.hexdigest()

    def fit(self, spec: InputSpec, cut: bool = False) -> None:
        """Take them as they are: a folder does not say how its crops were made, nor from which photos.

        Raises:
            UsageError: they are to be cut.
        """
        if cut:
            raise UsageError(f"--cut: {self._folder} is a folder of crops, and only a set's photos are known")

    def check(self, rows: Int64Array) -> None:
        """Do nothing: the fingerprint covers the bytes."""

    def batches(self, rows_of_batches: Iterable[Int64Array]) -> Iterator[tuple[Int64Array, UInt8Batch]]:
        """Yield the batches, each divided by the size of its crops."""
        waiting: deque[tuple[Int64Array, list[Future[UInt8Batch]]]] = deque()
        for rows in rows_of_batches:
            waiting.append((rows, [self._pool.submit(self._read, self._names[row]) for row in rows]))
            if len(waiting) > 2:
                yield from _split_by_size(*waiting.popleft())
        while waiting:
            yield from _split_by_size(*waiting.popleft())

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(cancel_futures=True)

    def _bytes(self, name: str) -> bytes:
        path = self._folder / photo_path(name)
        try:
            return path.read_bytes()
        except OSError as error:
            raise DataError(f"cannot read the crop {path}: {error.strerror or error}") from error

    def _read(self, name: str) -> UInt8Batch:
        try:
            image = decode_crop(self._bytes(name))
        except StoreError:
            raise DataError(
                f"{self._folder / photo_path(name)} cannot be decoded: it is not an image"
            ) from None
        height, width = image.shape[:2]
        if height != width:
            raise DataError(
                f"{self._folder / photo_path(name)} is {width}x{height} px, and a crop is square: make crops "
                "from photos with `facedata prepare`"
            )
        return image


def _split_by_size(
    rows: Int64Array, crops: list[Future[UInt8Batch]]
) -> Iterator[tuple[Int64Array, UInt8Batch]]:
    images = [crop.result() for crop in crops]
    sides = np.array([len(image) for image in images], np.int64)
    for side in np.unique(sides):
        mine = np.flatnonzero(sides == side)
        yield rows[mine], np.stack([images[position] for position in mine])
