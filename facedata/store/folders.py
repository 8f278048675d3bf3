"""The store of one file per crop: ``crops/<identity>/<name>.jpg``."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import StoreError
from ..files.atomic import file_sha256
from ..photos.paths import photo_path, photo_text
from ..tables.schema import WORK
from ..tables.text_hash import hash_texts
from ..types import BoolArray
from .base import CROPS, replace_files

_BLOCK_ROWS = 65_536
"""Rows turned into Python objects at a time."""


class FolderStore:
    """One file per crop below ``crops/``, without an fsync: a rerun checks the sizes that the parts list.

    Args:
        out: the set's folder.
    """

    kept_columns: Sequence[str] = ("path",)

    def __init__(self, out: Path) -> None:
        self.out, self.crops = out, out / CROPS
        self._made: set[str] = set()

    def put(self, shard: str, crops: Sequence[tuple[str, bytes]]) -> None:
        """Write each crop's file."""
        for path, data in crops:
            file, folder = self.crops / photo_path(path), path.rpartition("/")[0]
            try:
                if folder not in self._made:
                    file.parent.mkdir(parents=True, exist_ok=True)
                    self._made.add(folder)
                _write_new(file, data)
            except OSError as error:
                # to a person who opens the folder, a truncated file would look complete
                file.unlink(missing_ok=True) if file.parent.is_dir() else None
                raise StoreError(f"cannot write the crop {file}: {error.strerror or error}") from error

    def adopt(self, path: str, file: Path, data: bytes) -> None:
        """Take over a crop of another set: its file by hard link, or its bytes where there can be no link.

        Args:
            path: the crop's key here.
            file: its file there; it is not changed.
            data: its bytes.

        Raises:
            StoreError: it cannot be written.
        """
        target, there = self.crops / photo_path(path), file.lstat()
        try:
            if not stat.S_ISREG(there.st_mode) or there.st_size != len(data):
                raise OSError("a link, or a file with more than the crop")
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(file, target)
        except FileExistsError:
            if not target.samefile(file):
                self.put("", [(path, data)])
        except OSError:  # another disk, a file system without links, or files of somebody else
            self.put("", [(path, data)])

    def has_crops(self, rows: pa.Table, wanted: BoolArray) -> BoolArray:
        """Return which crops are on disk with their length."""
        on_disk = np.ones(rows.num_rows, bool)
        # an interrupted update may have replaced a crop by another one of the same length
        interrupted = (self.out / WORK / "previous").is_dir()
        for start in range(0, rows.num_rows, _BLOCK_ROWS):
            block = rows.slice(start, _BLOCK_ROWS)
            paths, lengths, digests = (
                block.column(name).to_pylist() for name in ("path", "crop_length", "crop_sha256")
            )
            for index in np.flatnonzero(wanted[start : start + _BLOCK_ROWS]).tolist():
                if paths[index] is None:
                    continue
                file = self.crops / photo_path(paths[index])
                try:
                    size = os.stat(file).st_size  # noqa: PTH116  half the time of Path.stat, once per photo
                except OSError:
                    size = -1
                on_disk[start + index] = size == lengths[index] and (
                    not interrupted or file_sha256(file) == digests[index]
                )
        return on_disk

    def assign_files(self, classes: Iterable[pa.Table]) -> Iterator[pa.Table]:
        """Yield the crops, each with a file of its own."""
        for table in classes:
            files = pc.binary_join_element_wise(CROPS, table.column("path"), "/")
            yield replace_files(table, files, np.zeros(table.num_rows, np.int64))

    def keep_only(self, classes: Iterable[pa.Table]) -> None:
        """Remove all other crops, and folders that become empty; other files stay.

        Paths are compared by their hashes, since millions of paths would take gigabytes. A crop whose hash
        equals another's by chance (one in a hundred billion) stays, and does no harm.
        """
        hashes = [hash_texts(table.column("path")) for table in classes]
        keep = np.sort(np.concatenate([np.empty(0, np.uint64), *hashes]))
        try:
            folders = list(os.scandir(self.crops)) if self.crops.is_dir() else []
            for folder in [entry for entry in folders if entry.is_dir()]:
                entries = list(os.scandir(folder.path))
                names = [e.name for e in entries if e.name.endswith(".jpg") and not e.is_dir()]
                # a name that is not UTF-8 cannot be a crop's, and its escapes match none
                paths = [photo_text(f"{folder.name}/{name}") for name in names]
                here = hash_texts(pa.array(paths, pa.string()))
                extra = np.searchsorted(keep, here, side="right") == np.searchsorted(keep, here)
                for index in np.flatnonzero(extra).tolist():
                    (self.crops / folder.name / names[index]).unlink()
                if int(extra.sum()) == len(entries):
                    Path(folder.path).rmdir()
        except OSError as error:
            raise StoreError(f"cannot clean up {self.crops}: {error.strerror or error}") from error


def _write_new(file: Path, data: bytes) -> None:
    """Write a new file; an old one in its place may be linked into another set, and keeps its bytes there."""
    try:
        stream = file.open("xb")
    except FileExistsError:
        file.unlink()
        stream = file.open("xb")
    with stream:
        stream.write(data)
