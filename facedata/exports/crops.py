"""The crops of a set, with their bytes, checked against their SHA-256, some at a time."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from ..checks.crop_bytes import CropPlace, read_crop_bytes
from ..errors import StoreError
from ..files.remote import Location

_AT_ONCE, _AT_ONCE_BYTES = 256, 4 << 20
"""What a thread reads at a time: so many crops at most, and no further one once it has so many bytes."""
_AHEAD = 4
"""So many of these wait, per thread: that bounds the memory."""


class CropsRead(NamedTuple):
    """Some rows of the classes table, and the bytes of their crops, in order."""

    rows: pa.Table
    crops: list[bytes]


def read_crops(
    root: Location, shown: str, blocks: Iterable[pa.Table], threads: int, on_read: Callable[[int], None]
) -> Iterator[CropsRead]:
    """Yield crops with their bytes, in the rows' order.

    Args:
        root: the set's folder, or its URL.
        shown: the set as the user named it.
        blocks: of the classes table.
        threads: how many read at a time.
        on_read: called with how many more crops are read.

    Raises:
        StoreError: a crop is missing or damaged, or a remote store does not answer.
    """
    pieces = (piece for block in blocks for piece in cut_block(block))
    waiting: deque[Future[CropsRead]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for piece in pieces:
                waiting.append(pool.submit(_read, root, shown, piece))
                if len(waiting) >= _AHEAD * threads:
                    yield _taken(waiting, on_read)
            while waiting:
                yield _taken(waiting, on_read)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def cut_block(block: pa.Table) -> Iterator[pa.Table]:
    """Yield a block's rows in pieces that one thread reads at a time."""
    ends = np.cumsum(block.column("length").to_numpy())
    start = 0
    while start < block.num_rows:
        read = int(ends[start - 1]) if start else 0
        end = int(np.searchsorted(ends, read + _AT_ONCE_BYTES)) + 1
        end = min(end, start + _AT_ONCE, block.num_rows)
        yield block.slice(start, end - start)
        start = end


def _taken(waiting: deque[Future[CropsRead]], on_read: Callable[[int], None]) -> CropsRead:
    read = waiting.popleft().result()
    on_read(len(read.crops))
    return read


def _read(root: Location, shown: str, rows: pa.Table) -> CropsRead:
    columns = (rows.column(name).to_pylist() for name in ("file", "offset", "length"))
    data = read_crop_bytes(root, [CropPlace(*place) for place in zip(*columns, strict=True)])
    crops = []
    for crop, digest, path in zip(
        data, rows.column("crop_sha256").to_pylist(), rows.column("path").to_pylist(), strict=True
    ):
        if crop is None or hashlib.sha256(crop).hexdigest() != digest:
            what = "gone" if crop is None else "not what it was"
            raise StoreError(
                f"the crop {path} of {shown} is {what}: run the `facedata prepare` that made the set again; "
                f"`facedata check {shown}` lists all such crops"
            )
        crops.append(crop)
    return CropsRead(rows, crops)
