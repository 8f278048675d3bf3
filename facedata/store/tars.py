"""The store of WebDataset shards: ``crops/00000.tar`` …, 10,000 crops each, in ascending id.

A crop is two members, ``<id:09d>.jpg`` and ``<id:09d>.json``; the JSON has what no later command changes, so
that dividing the set anew moves no byte. While a run is on its way its crops lie in blobs, one per shard;
they are packed when it is known which of them stay.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..errors import StoreError, writing
from ..files.atomic import whole_file
from ..files.remote import Entry, Place, Remote
from ..tables.schema import DATASET, WORK
from ..types import BoolArray, Int64Array
from .base import CROPS, with_places
from .blobs import BLOB, CropIndex, Piece, keys_of, read_index, write_blob

TAR_CROPS = 10_000
"""Crops per tar; a constant, since it shows in the bytes."""

TAR_NAME = re.compile(r"\d{5,}\.tar")

_MEMBER = ("crop_sha256", "id", "identity", "path", "photo", "role")
"""Columns of classes that a crop's JSON has. Not label and split: `facedata split` changes them."""

_PLACED = ("file", "offset", "length", *_MEMBER)
_BLOCK = tarfile.BLOCKSIZE
_BATCH_ROWS = 65_536
_encode = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode


class TarStore:
    """Crops in tars; blobs in ``.work/parts/`` until they are packed.

    Args:
        out: the set's folder.
        remote: where the set's tars lie when they are not in that folder.
    """

    def __init__(self, out: Path, remote: Remote | None = None) -> None:
        self.out, self.remote = out, remote
        self._index: CropIndex | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_index": None}

    def put(self, shard: str, crops: Sequence[tuple[str, bytes]]) -> None:
        """Write the shard's blob."""
        if crops:
            write_blob(self._parts / f"{shard}{BLOB}", [data for _, data in crops])

    def found(self, rows: pa.Table, wanted: BoolArray) -> BoolArray:
        """Tell which crops are in a blob or tar of an earlier run, by their SHA-256 and length."""
        if self._index is None:
            self._index = CropIndex([*self._blobs(), *self._earlier_tars()])
        lengths = pc.fill_null(rows.column("crop_length"), -1).to_numpy(zero_copy_only=False)
        here = self._index.has(keys_of(rows.column("crop_sha256")), lengths)
        none_needed: BoolArray = pc.is_null(rows.column("path")).to_numpy(zero_copy_only=False)
        return here | none_needed | ~wanted

    def placed(self, classes: Iterable[pa.Table]) -> Iterator[pa.Table]:
        """Yield the crops with their tar and their first byte in it."""
        for number, rows in enumerate(_by_tar(classes)):
            files = pa.array([f"{CROPS}/{tar_name(number)}"] * rows.num_rows, pa.string())
            yield with_places(rows, files, _layout(rows).offsets)

    def settle(self, classes: Iterable[pa.Table]) -> None:
        """Pack the crops, tar by tar; those that are there already are left."""
        self._make_room()
        index = CropIndex([*self._blobs(), *self._earlier_tars()])
        earlier = self._earlier_digests()
        count = 0
        with contextlib.closing(index), writing(self._tars):
            for number, rows in enumerate(_by_tar(classes)):
                if rows.num_rows:
                    self._make(number, rows, index, earlier.get(tar_name(number)))
                    count += 1
            self._sweep(count)
        self._index = None

    def _make(self, number: int, rows: pa.Table, index: CropIndex, earlier: str | None) -> None:
        """Make one tar, unless it is there."""
        name, layout = tar_name(number), _layout(rows)
        file, mark = self._tars / name, self._marks / name
        if _text(mark) == layout.digest and _size(file) == layout.size:
            return
        mark.unlink(missing_ok=True)
        if earlier != layout.digest or not self._reuse(name, layout.size):
            _pack(file, rows, layout, index)
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.write_text(layout.digest, encoding="utf-8")

    def _reuse(self, name: str, size: int) -> bool:
        """Take an earlier tar of the same content; a remote one stays where it is."""
        old = self._old_tars / name
        if _size(old) != size:
            return self.remote is not None and _size(self.remote / CROPS / name) == size
        file = self._tars / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        try:
            os.link(old, file)
        except OSError:  # a file system without links: packing makes the same bytes
            return False
        return True

    def _make_room(self) -> None:
        """Move an earlier set's tars aside, once: the new ones get the same names."""
        previous = self.out / WORK / "previous"
        if previous.is_dir() and not (previous / CROPS).is_dir():
            with writing(previous):
                if self._tars.is_dir():
                    self._tars.replace(previous / CROPS)
                else:
                    (previous / CROPS).mkdir()

    def _sweep(self, count: int) -> None:
        """Remove tars past the last one, and what a killed run left half-written."""
        wanted = {tar_name(number) for number in range(count)}
        for file in list(self._tars.iterdir()) if self._tars.is_dir() else []:
            if file.name.endswith(".tar.tmp") or (TAR_NAME.fullmatch(file.name) and file.name not in wanted):
                file.unlink()

    def _blobs(self) -> Iterator[Piece]:
        for file in sorted(self._parts.glob(f"*{BLOB}")):
            piece = read_index(file)
            if piece is not None:
                yield piece

    def _earlier_tars(self) -> Iterator[Piece]:
        """Yield what is in the tars of an earlier, finished state of the set."""
        listed: dict[str, Entry] | None = None
        for rows in self._earlier_rows(("file", "offset", "length", "crop_sha256")):
            files = rows.column("file").to_numpy(zero_copy_only=False)
            keys = keys_of(rows.column("crop_sha256"))
            offsets, lengths = rows.column("offset").to_numpy(), rows.column("length").to_numpy()
            for file in sorted(set(files.tolist())):
                place: Place = self._old_tars / file.rpartition("/")[2]
                size = _size(place)
                if size < 0 and self.remote is not None:
                    listed = (self.remote / CROPS).files() if listed is None else listed
                    place = self.remote / file
                    size = listed[place.name].size if place.name in listed else -1
                mine = (files == file) & (offsets + lengths <= size)
                yield Piece(place, keys[mine], offsets[mine], lengths[mine])

    def _earlier_digests(self) -> dict[str, str]:
        """Return what each tar of an earlier state of the set held, as a digest."""
        return tar_digests(self._earlier_rows(_PLACED))

    def _earlier_rows(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        file = self._earlier / "classes.parquet"
        if file.is_file():
            with contextlib.suppress(OSError, pa.ArrowInvalid):  # what cannot be read is made anew
                yield from read_rows(file, columns)

    @property
    def _earlier(self) -> Path:
        return self.out if (self.out / DATASET).is_file() else self.out / WORK / "previous"

    @property
    def _old_tars(self) -> Path:
        moved = self._earlier / CROPS
        return moved if moved.is_dir() else self._tars

    @property
    def _tars(self) -> Path:
        return self.out / CROPS

    @property
    def _parts(self) -> Path:
        return self.out / WORK / "parts"

    @property
    def _marks(self) -> Path:
        """Where each tar of this run has a file with its content's digest, written after it."""
        return self.out / WORK / "packed"


def tar_name(number: int) -> str:
    """Return a tar's file name.

    >>> tar_name(12)
    '00012.tar'
    """
    return f"{number:05d}.tar"


def read_rows(file: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield a table's rows batch by batch."""
    with file.open("rb") as stream:
        yield from pq.ParquetFile(stream).iter_batches(_BATCH_ROWS, columns=list(columns))


def tar_digests(rows: Iterable[pa.RecordBatch | pa.Table]) -> dict[str, str]:
    """Return, by tar, a digest of what its crops and their JSON are; rows are of classes, in ascending id."""
    digests: dict[str, Any] = {}
    for batch in rows:
        files = batch.column("file").to_pylist()
        for file, text in zip(files, _texts(batch), strict=True):
            digests.setdefault(file.rpartition("/")[2], hashlib.sha256()).update(text + b"\n")
    return {name: digest.hexdigest() for name, digest in digests.items()}


class _Layout(NamedTuple):
    """A tar before it is written: each crop's JSON and first byte, the size, a digest of the content."""

    texts: list[bytes]
    offsets: Int64Array
    size: int
    digest: str


def _layout(rows: pa.Table) -> _Layout:
    texts = _texts(rows)
    crops = _padded(rows.column("length").to_numpy())
    members = 2 * _BLOCK + crops + _padded(np.array([len(text) for text in texts], np.int64))
    ends = np.cumsum(members)
    size = int(members.sum()) + 2 * _BLOCK
    digest = hashlib.sha256(b"".join(text + b"\n" for text in texts))
    return _Layout(texts, ends - members + _BLOCK, size + -size % tarfile.RECORDSIZE, digest.hexdigest())


def _texts(rows: pa.Table | pa.RecordBatch) -> list[bytes]:
    columns = [rows.column(name).to_pylist() for name in _MEMBER]
    return [
        _encode(dict(zip(_MEMBER, values, strict=True))).encode() for values in zip(*columns, strict=True)
    ]


def _padded(lengths: Int64Array) -> Int64Array:
    padded: Int64Array = lengths + -lengths % _BLOCK
    return padded


def _pack(file: Path, rows: pa.Table, layout: _Layout, index: CropIndex) -> None:
    columns = (rows.column(name).to_pylist() for name in ("id", "crop_sha256", "path", "length"))
    with whole_file(file) as stream:
        for number, digest, path, length, text in zip(*columns, layout.texts, strict=True):
            crop = index.read(digest, path)
            if len(crop) != length:
                raise StoreError(
                    f"the crop {path} has {len(crop)} bytes, not {length}: start with --overwrite"
                )
            stream.write(_member(f"{number:09d}.jpg", crop))
            stream.write(_member(f"{number:09d}.json", text))
        stream.write(bytes(layout.size - stream.tell()))


def _member(name: str, data: bytes) -> bytes:
    """Return a member as USTAR has it: no time, no owner, everybody may read it."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), 0o644
    return info.tobuf(tarfile.USTAR_FORMAT) + data + bytes(-len(data) % _BLOCK)


def _by_tar(classes: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Cut pieces of classes anew, each holding one tar's crops; of empty pieces one comes, of none none."""
    waiting: list[pa.Table] = []
    count = done = 0
    for table in classes:
        waiting.append(table)
        count += table.num_rows
        if count >= TAR_CROPS:
            rows = pa.concat_tables(waiting)
            whole = count - count % TAR_CROPS
            yield from (rows.slice(start, TAR_CROPS) for start in range(0, whole, TAR_CROPS))
            waiting, count, done = [rows.slice(whole)], count - whole, done + whole
    if count or (waiting and not done):
        yield pa.concat_tables(waiting)


def _size(file: Place) -> int:
    try:
        return file.stat().st_size if isinstance(file, Path) else file.entry().size
    except OSError:
        return -1


def _text(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8")
    except OSError:
        return None
