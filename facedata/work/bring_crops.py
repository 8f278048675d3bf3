"""Bring a finished set's crops into the corrected one: by hard link or copy, or by cutting them again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..errors import StoreError
from ..files.remote import Location, Remote
from ..photos.paths import photo_path
from ..progress.ledger_rows import read_at
from ..store.folders import FolderStore
from ..store.read import read_crop
from ..tables.blocks import take_rows
from ..tables.parquet import read_blocks
from ..types import BoolArray, Int64Array

_FACE = ["sha256", "turned_deg", "box", "landmarks"]
"""The ledger's columns that a crop depends on, beside the set's template, size and margin."""

_CHUNK = 256
"""Crops that a thread brings at a time."""
_CHUNKS_PER_WORKER = 8


def find_same_faces(
    folder: Path, digest: NDArray[np.uint64], has_crop: BoolArray, wanted: Int64Array
) -> Int64Array:
    """Find, for records without a crop, one with a crop of the same face of the same bytes.

    Args:
        folder: of the tables of the set that both are in.
        digest: ``(n, k)`` uint64, of the records' photos.
        has_crop: ``(n,)`` bool, which records have a crop in that set.
        wanted: ``(m,)`` int64, the records, ascending.

    Returns:
        ``(m,)`` int64, the other record of each; -1 if there is none.
    """
    if not len(wanted):
        return wanted
    candidates = has_crop & np.isin(digest[:, 0], digest[wanted, 0])
    at = np.union1d(wanted, np.flatnonzero(candidates))
    key_of, rows = {}, read_at(folder / "photos.parquet", _FACE, at).to_pylist()
    for record, row in zip(at.tolist(), rows, strict=True):
        face = (row["sha256"], row["turned_deg"] or 0, row["box"], row["landmarks"])
        key_of[record] = hashlib.sha256(repr(face).encode()).digest()
    with_crop: dict[bytes, int] = {}
    for record in at[candidates[at]].tolist():
        with_crop.setdefault(key_of[record], record)
    return np.array([with_crop.get(key_of[record], -1) for record in wanted.tolist()], np.int64)


@dataclass(frozen=True, eq=False)
class CropsToBring:
    """Crops of a finished set that the corrected one takes over.

    Attributes:
        root: the finished set.
        classes: its classes table on this machine.
        row: ``(m,)`` int64, the crops' rows in it, in any order.
        record: ``(m,)`` int64, of each one, the record that takes it.
        crop_path: ``(n,)``, the records' new crop paths.
    """

    root: Location
    classes: Path
    row: Int64Array
    record: Int64Array
    crop_path: pa.ChunkedArray

    def chunks(self) -> Iterator[list[dict[str, Any]]]:
        """Yield the crops in the order of their ids, some at a time: file, offset …, record and path."""
        order = np.argsort(self.row, kind="stable")
        row, record, start = self.row[order], self.record[order], 0
        for rows in read_blocks(self.classes, ["file", "offset", "length", "crop_sha256"]):
            first, last = np.searchsorted(row, (start, start + rows.num_rows)).tolist()
            for begin in range(first, last, _CHUNK):
                span = slice(begin, min(begin + _CHUNK, last))
                crops = rows.take(pa.array(row[span] - start))
                crops = crops.append_column("record", pa.array(record[span]))
                yield crops.append_column("path", self._paths(record[span])).to_pylist()
            start += rows.num_rows

    def _paths(self, records: Int64Array) -> pa.ChunkedArray:
        ascending, at = np.unique(records, return_inverse=True)
        return take_rows(pa.table({"path": self.crop_path}), ascending).column(0).take(pa.array(at))


def bring_crops(
    crops: CropsToBring, store: object, workers: int, on_done: Callable[[int], None]
) -> Int64Array:
    """Check crops against their SHA-256 and bring them over; tars are packed anew when the set is closed.

    Args:
        crops: the crops. Those behind a URL are checked when they are packed.
        store: the new set's store.
        workers: threads.
        on_done: called with the number of crops after each some.

    Returns:
        The records whose crop is missing or damaged, ascending.

    Raises:
        StoreError: a crop cannot be written.
    """
    if isinstance(crops.root, Remote):
        return np.empty(0, np.int64)
    root = crops.root

    def bring(chunk: list[dict[str, Any]]) -> list[int]:
        damaged = []
        for crop in chunk:
            data = _read_intact(root, crop)
            if data is None:
                damaged.append(crop["record"])
            elif isinstance(store, FolderStore):
                store.adopt(crop["path"], root / photo_path(crop["file"]), data)
        return damaged

    found: list[int] = []
    with ThreadPoolExecutor(workers) as pool:
        chunks = crops.chunks()
        try:
            while batch := list(islice(chunks, _CHUNKS_PER_WORKER * workers)):
                for chunk, damaged in zip(batch, pool.map(bring, batch), strict=True):
                    found += damaged
                    on_done(len(chunk))
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return np.array(sorted(found), np.int64)


def _read_intact(root: Path, crop: dict[str, Any]) -> bytes | None:
    """Return a crop's bytes; None if they are not those that its row vouches for."""
    try:
        data = read_crop(root, crop["file"], crop["offset"], crop["length"])
    except StoreError:
        return None
    return data if hashlib.sha256(data).hexdigest() == crop["crop_sha256"] else None
