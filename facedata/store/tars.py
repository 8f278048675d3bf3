"""The store of WebDataset shards: ``crops/00000.tar`` …, 10,000 ids each, in ascending order.

A crop is two members, ``<id:09d>.jpg`` and ``<id:09d>.json``; the JSON holds only values that no later
command changes, so that `facedata split` need not rewrite the tars. During a run the crops lie in blobs, one
per shard; they are packed once the run knows which of them stay.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import tarfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..errors import StoreError, writing
from ..files.atomic import atomic_file
from ..files.remote import Entry, Location, Remote
from ..tables.schema import CLASSES, DATASET, WORK
from ..types import BoolArray, Int64Array
from .base import CROPS, replace_files
from .blobs import BLOB, CropIndex, Piece, digest_keys, read_index, write_blob

TAR_CROPS = 10_000
"""Ids per tar; a constant, since the bytes depend on it. Where people were forgotten it has fewer crops."""

TAR_NAME = re.compile(r"\d{5,}\.tar")

_MEMBER = ("crop_sha256", "id", "identity", "path", "photo", "role")
"""Columns of the classes table in a crop's JSON; not label and split, which `facedata split` changes."""

DIGEST_COLUMNS = ("file", *_MEMBER)
"""Columns of the classes table that :func:`tar_digests` needs."""

_BLOCK = tarfile.BLOCKSIZE
_BATCH_ROWS = 65_536
_encode = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode


class TarStore:
    """Crops in tars; blobs in ``.work/parts/`` until they are packed.

    Args:
        out: the set's folder.
        remote: the URL of the set's tars, if they are not in that folder.
        other: another set, whose tars hold crops of this one; they are only read.
    """

    kept_columns: Sequence[str] = CLASSES.names

    def __init__(self, out: Path, remote: Remote | None = None, other: Location | None = None) -> None:
        self.out, self.remote, self.other = out, remote, other
        self._index: CropIndex | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_index": None}

    def put(self, shard: str, crops: Sequence[tuple[str, bytes]]) -> None:
        """Write the shard's blob."""
        if crops:
            write_blob(self._parts / f"{shard}{BLOB}", [data for _, data in crops])

    def has_crops(self, rows: pa.Table, wanted: BoolArray) -> BoolArray:
        """Return which crops are in a blob or in a tar of a previous run, by their SHA-256 and length."""
        if self._index is None:
            self._index = CropIndex(self._pieces())
        lengths = pc.fill_null(rows.column("crop_length"), -1).to_numpy(zero_copy_only=False)
        here = self._index.has(digest_keys(rows.column("crop_sha256")), lengths)
        none_needed: BoolArray = pc.is_null(rows.column("path")).to_numpy(zero_copy_only=False)
        return here | none_needed | ~wanted

    def assign_files(self, classes: Iterable[pa.Table]) -> Iterator[pa.Table]:
        """Yield the crops, each with its tar and its offset in it."""
        for number, rows in group_by_tar(classes):
            files = pa.array([f"{CROPS}/{tar_name(number)}"] * rows.num_rows, pa.string())
            yield replace_files(rows, files, _layout(rows).offsets)

    def keep_only(self, classes: Iterable[pa.Table]) -> None:
        """Pack the crops, tar by tar, except tars that are complete already."""
        self._make_room()
        index = CropIndex(self._pieces())
        previous = tar_digests(self._previous_rows(DIGEST_COLUMNS))
        wanted = set()
        with contextlib.closing(index), writing(self._tars):
            for number, rows in group_by_tar(classes):
                name = tar_name(number)
                self._make(name, rows, index, previous.get(name))
                wanted.add(name)
            # tars after the last one, and partial files of a killed run
            for file in list(self._tars.iterdir()) if self._tars.is_dir() else []:
                is_extra = TAR_NAME.fullmatch(file.name) and file.name not in wanted
                if is_extra or file.name.endswith(".tar.tmp"):
                    file.unlink()
        self._index = None

    def _make(self, name: str, rows: pa.Table, index: CropIndex, previous: str | None) -> None:
        """Make one tar, unless it is complete already."""
        layout = _layout(rows)
        file, mark = self._tars / name, self.out / WORK / "packed" / name  # the mark is written after the tar
        if (
            mark.is_file()
            and mark.read_text(encoding="utf-8") == layout.digest
            and _size(file) == layout.size
        ):
            return
        mark.unlink(missing_ok=True)
        if previous != layout.digest or not self._reuse(name, layout.size):
            with atomic_file(file) as stream:
                write_tar(stream, rows, index.read)
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.write_text(layout.digest, encoding="utf-8")

    def _reuse(self, name: str, size: int) -> bool:
        """Use a previous tar of the same content, if there is one; a remote one stays where it is."""
        old = self._old_tars / name
        if _size(old) != size:
            return self.remote is not None and _size(self.remote / CROPS / name) == size
        file = self._tars / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        try:
            os.link(old, file)
        except OSError:  # a file system without hard links: packing makes the same bytes
            return False
        return True

    def _make_room(self) -> None:
        """Move a previous set's tars aside, once, since the new ones get the same names."""
        previous = self.out / WORK / "previous"
        if previous.is_dir() and not (previous / CROPS).is_dir():
            with writing(previous):
                if self._tars.is_dir():
                    self._tars.replace(previous / CROPS)
                else:
                    (previous / CROPS).mkdir()

    def _pieces(self) -> Iterator[Piece]:
        """Yield all crops there are: those just made, of the set's previous state, and of another set."""
        yield from self._blobs()
        yield from self._previous_tars()
        if self.other is not None:
            yield from tar_pieces(self.other)

    def _blobs(self) -> Iterator[Piece]:
        for file in sorted(self._parts.glob(f"*{BLOB}")):
            piece = read_index(file)
            if piece is not None:
                yield piece

    def _previous_tars(self) -> Iterator[Piece]:
        """Yield the crops in the tars of a previous, finished state of the set."""
        remote_files: dict[str, Entry] | None = None
        for rows in self._previous_rows(("file", "offset", "length", "crop_sha256")):
            files = rows.column("file").to_numpy(zero_copy_only=False)
            keys = digest_keys(rows.column("crop_sha256"))
            offsets, lengths = rows.column("offset").to_numpy(), rows.column("length").to_numpy()
            for file in sorted(set(files.tolist())):
                tar: Location = self._old_tars / file.rpartition("/")[2]
                size = _size(tar)
                if size < 0 and self.remote is not None:
                    if remote_files is None:
                        remote_files = (self.remote / CROPS).files()
                    tar = self.remote / file
                    size = remote_files[tar.name].size if tar.name in remote_files else -1
                mine = (files == file) & (offsets + lengths <= size)
                yield Piece(tar, keys[mine], offsets[mine], lengths[mine])

    def _previous_rows(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        file = self._previous / "classes.parquet"
        if file.is_file():
            with contextlib.suppress(OSError, pa.ArrowInvalid):  # crops that cannot be read are made again
                yield from read_batches(file, columns)

    @property
    def _previous(self) -> Path:
        return self.out if (self.out / DATASET).is_file() else self.out / WORK / "previous"

    @property
    def _old_tars(self) -> Path:
        moved = self._previous / CROPS
        return moved if moved.is_dir() else self._tars

    @property
    def _tars(self) -> Path:
        return self.out / CROPS

    @property
    def _parts(self) -> Path:
        return self.out / WORK / "parts"


def tar_pieces(folder: Location) -> Iterator[Piece]:
    """Yield the crops in a finished set's tars; tars that are missing or too short are passed over."""
    there = (folder / CROPS).files() if isinstance(folder, Remote) else {}
    for rows in read_batches(folder / "classes.parquet", ("file", "offset", "length", "crop_sha256")):
        files, keys = rows.column("file"), digest_keys(rows.column("crop_sha256"))
        offsets, lengths = rows.column("offset").to_numpy(), rows.column("length").to_numpy()
        for file in files.unique().to_pylist():
            tar: Location = folder / file
            if isinstance(folder, Remote):
                size = there[tar.name].size if tar.name in there else -1
            else:
                size = _size(tar)
            is_mine = pc.equal(files, file).to_numpy(zero_copy_only=False)
            mine = is_mine & (offsets + lengths <= size)
            yield Piece(tar, keys[mine], offsets[mine], lengths[mine])


def group_by_tar(classes: Iterable[pa.Table]) -> Iterator[tuple[int, pa.Table]]:
    """Yield the number of each tar and its crops; ``classes`` are in ascending id."""
    held: list[pa.Table] = []
    now = -1
    for table in (one for one in classes if one.num_rows):
        numbers = table.column("id").to_numpy() // TAR_CROPS
        cuts = np.flatnonzero(np.diff(numbers, prepend=-1))
        for start, stop in zip(cuts.tolist(), [*cuts[1:].tolist(), table.num_rows], strict=True):
            if held and numbers[start] != now:
                yield now, pa.concat_tables(held).combine_chunks()
                held = []
            now = int(numbers[start])
            held.append(table.slice(start, stop - start))
    if held:
        yield now, pa.concat_tables(held).combine_chunks()


def write_tar(stream: IO[bytes], rows: pa.Table, read: Callable[[str, str], bytes]) -> None:
    """Write one tar.

    Args:
        stream: an empty file.
        rows: its crops, of the classes table.
        read: returns a crop's bytes by its SHA-256 and path.

    Raises:
        StoreError: a crop has another length than its row says.
    """
    layout = _layout(rows)
    columns = (rows.column(each).to_pylist() for each in ("id", "crop_sha256", "path", "length"))
    for number, digest, path, length, text in zip(*columns, layout.texts, strict=True):
        crop = read(digest, path)
        if len(crop) != length:
            was = f"has {len(crop)} bytes, not {length}"
            raise StoreError(f"the crop {path} {was}: start over with --overwrite")
        stream.write(_member(f"{number:09d}.jpg", crop))
        stream.write(_member(f"{number:09d}.json", text))
    stream.write(bytes(layout.size - stream.tell()))


def tar_name(number: int) -> str:
    """Return a tar's file name.

    >>> tar_name(12)
    '00012.tar'
    """
    return f"{number:05d}.tar"


def read_batches(file: Location, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield a table's rows batch by batch."""
    with file.open("rb") as stream:
        yield from pq.ParquetFile(stream, pre_buffer=False).iter_batches(_BATCH_ROWS, columns=list(columns))


def tar_digests(rows: Iterable[pa.RecordBatch | pa.Table]) -> dict[str, str]:
    """Return a digest of each tar's crops and their JSON; ``rows`` is the classes table, in ascending id."""
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


def _member(name: str, data: bytes) -> bytes:
    """Return a USTAR member, without time or owner, and with mode 644."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), 0o644
    return info.tobuf(tarfile.USTAR_FORMAT) + data + bytes(-len(data) % _BLOCK)


def _size(file: Location) -> int:
    try:
        return file.stat().st_size if isinstance(file, Path) else file.entry().size
    except OSError:
        return -1
