"""Where crops' bytes live. A crop is found by (file, offset, length), whatever the store."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import StoreError
from ..files.atomic import file_sha256
from ..tables.schema import WORK
from ..tables.text_hash import UInt64Array, text_numbers
from ..types import BoolArray
from .base import CROPS, with_places

_BLOCK_ROWS = 65_536
"""Rows turned into Python objects at a time."""


class FolderStore:
    """One file per crop below ``crops/``; the part file that lists it vouches for it, so no flush here.

    Args:
        out: the set's folder.
    """

    def __init__(self, out: Path) -> None:
        self.out, self.crops = out, out / CROPS
        self._made: set[str] = set()

    def put(self, shard: str, crops: Sequence[tuple[str, bytes]]) -> None:
        """Write each crop's file."""
        for path, data in crops:
            self._write(path, data)

    def _write(self, path: str, data: bytes) -> None:
        file = self.crops / path
        try:
            folder = path.rpartition("/")[0]
            if folder not in self._made:
                file.parent.mkdir(parents=True, exist_ok=True)
                self._made.add(folder)
            file.write_bytes(data)
        except OSError as error:
            # a cut-off file would look whole to a person who opens the folder
            file.unlink(missing_ok=True) if file.parent.is_dir() else None
            raise StoreError(f"cannot write the crop {file}: {error.strerror or error}") from error

    def found(self, rows: pa.Table, wanted: BoolArray) -> BoolArray:
        """Tell which crops are on disk at their length."""
        there = np.ones(rows.num_rows, bool)
        # an update that was cut short may have put another crop in its place
        torn = (self.out / WORK / "previous").is_dir()
        for start in range(0, rows.num_rows, _BLOCK_ROWS):
            block = rows.slice(start, _BLOCK_ROWS)
            paths, lengths, digests = (
                block.column(name).to_pylist() for name in ("path", "crop_length", "crop_sha256")
            )
            for index in np.flatnonzero(wanted[start : start + _BLOCK_ROWS]).tolist():
                path = paths[index]
                if path is not None:
                    file = self.crops / path
                    there[start + index] = _length(file) == lengths[index] and (
                        not torn or file_sha256(file) == digests[index]
                    )
        return there

    def placed(self, classes: Iterable[pa.Table]) -> Iterator[pa.Table]:
        """Yield the crops with a file each."""
        for table in classes:
            files = pc.binary_join_element_wise(CROPS, table.column("path"), "/")
            yield with_places(table, files, np.zeros(table.num_rows, np.int64))

    def settle(self, classes: Iterable[pa.Table]) -> None:
        """Remove the crops that are none of these; other files stay."""
        numbers = [text_numbers(table.column("path")) for table in classes]
        keep = np.sort(np.concatenate([np.empty(0, np.uint64), *numbers]))
        _sweep(self.crops, keep)


def _sweep(crops: Path, keep: UInt64Array) -> None:
    """Remove every crop that is not to be kept, and folders left empty.

    Args:
        crops: the folder of people's folders.
        keep: the numbers of the paths to be kept, ascending; millions of paths would take gigabytes. A crop
            whose number is another's by chance (one in a hundred thousand million) stays, and harms nobody.
    """
    try:
        folders = [entry for entry in os.scandir(crops) if entry.is_dir()] if crops.is_dir() else []
        for folder in folders:
            entries = list(os.scandir(folder.path))
            files = [entry.name for entry in entries if entry.name.endswith(".jpg") and not entry.is_dir()]
            here = _among(folder.name, files, keep)
            unwanted = [name for name, wanted in zip(files, here, strict=True) if not wanted]
            for name in unwanted:
                (crops / folder.name / name).unlink()
            if len(unwanted) == len(entries):
                Path(folder.path).rmdir()
    except OSError as error:
        raise StoreError(f"cannot clean up {crops}: {error.strerror or error}") from error


def _among(folder: str, names: list[str], keep: UInt64Array) -> list[bool]:
    # what is not UTF-8 (and becomes a question mark) is no name of ours
    paths = pa.array([f"{folder}/{name}".encode(errors="replace").decode() for name in names], pa.string())
    numbers = text_numbers(paths)
    found = np.searchsorted(keep, numbers, side="right") > np.searchsorted(keep, numbers)
    return [bool(wanted) for wanted in found]


def _length(file: Path) -> int:
    try:
        return os.stat(file).st_size  # noqa: PTH116  half the price of Path.stat, paid once a photo
    except OSError:
        return -1
