"""Cut records into shards, whose photos become Python objects only when they are needed.

Twenty million photos as objects take ten gigabytes; only those of the shards in progress are needed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..plan.plan import Plan
from ..progress.folder import ProgressFolder
from ..progress.parts import PART_ENDING
from ..tables.blocks import BLOCK_ROWS, as_array, take_rows
from ..types import Int64Array, Photo
from .stage import SHARD_PHOTOS, Stage
from .task import ShardTask

_NAME_COLUMNS = ["record", "photo", "crop_path", "size", "mtime_ns"]
_NAME_LETTERS = 24

FIRST_EDGES = tuple(SHARD_PHOTOS // part for part in (8, 4, 2))
"""Where the first shard is divided again."""


class ShardPhotos(Sequence[Photo]):
    """A shard's photos, made from rows at each access; pickled as a tuple of photos.

    Args:
        make: makes photos from row numbers.
        rows: the shard's row numbers, ascending.
    """

    __slots__ = ("make", "rows")

    def __init__(self, make: Callable[[Int64Array], Sequence[Photo]], rows: Int64Array) -> None:
        self.make, self.rows = make, rows

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> Photo: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Photo]: ...

    def __getitem__(self, index: int | slice) -> Photo | Sequence[Photo]:
        return self.make(self.rows)[index]

    def __iter__(self) -> Iterator[Photo]:
        return iter(self.make(self.rows))

    def __reduce__(self) -> tuple[Any, ...]:
        return tuple, (tuple(self),)


def make_shards(plan: Plan, pending: Int64Array, stage: Stage, progress: ProgressFolder) -> list[ShardTask]:
    """Divide the pending records of a plan, in ascending order, into tasks; remove parts that they have.

    An old part of the same photos has rows that are no longer valid.

    Raises:
        StoreError: a part cannot be removed.
    """
    tasks = [
        ShardTask(name, ShardPhotos(plan.photos, rows), progress.folder, stage, progress.store)
        for name, rows in name_shards(plan.records, pending)
    ]
    folder = progress.folder / "parts"
    # looked for once: most often there is none for any of hundreds of thousands of tasks
    old = {entry.name for entry in os.scandir(folder)} if folder.is_dir() else set()
    for task in tasks if old else ():
        if f"{task.name}{PART_ENDING}" in old:
            task.remove_part()
    return tasks


def name_shards(records: pa.Table, pending: Int64Array) -> Iterator[tuple[str, Int64Array]]:
    """Divide pending records into shards of 64; the first 64 into 8, 8, 16 and 32.

    Small first shards let the progress bar move early.

    Args:
        records: the records of a plan.
        pending: ``(n,)`` int64, indices of records, ascending.

    Yields:
        A name that depends only on the shard's photos, and the indices of its records.
    """
    for start in range(0, len(pending), BLOCK_ROWS):
        indices = pending[start : start + BLOCK_ROWS]
        rows = take_rows(records.select([*_NAME_COLUMNS, "given_box"]), indices)
        columns = (pc.cast(rows.column(name), pa.string()) for name in _NAME_COLUMNS)
        lines = as_array(pc.binary_join_element_wise(*columns, "\0"))
        _, ends, letters = lines.buffers()
        cuts = np.frombuffer(ends, np.int32)[lines.offset : lines.offset + len(lines) + 1]
        boxes = rows.column("given_box")
        edges = {len(indices), *range(0, len(indices), SHARD_PHOTOS)}
        if not start:
            edges |= {edge for edge in FIRST_EDGES if edge < len(indices)}
        for first, last in pairwise(sorted(edges)):
            digest = hashlib.sha256(memoryview(letters)[cuts[first] : cuts[last]])
            if boxes.null_count < len(boxes):
                digest.update(repr(boxes.slice(first, last - first).to_pylist()).encode())
            yield digest.hexdigest()[:_NAME_LETTERS], indices[first:last]
