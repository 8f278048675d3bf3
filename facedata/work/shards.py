"""Cutting pending records into shards, whose photos become Python objects only when somebody asks.

Twenty million photos as objects take ten gigabytes; needed are only those of the shards in flight.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar, overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..plan.plan import Plan
from ..progress.folder import Work
from ..tables.blocks import BLOCK_ROWS, as_array, rows_at
from ..types import Int64Array, Photo
from .stage import SHARD_PHOTOS, Stage
from .task import ShardTask

T = TypeVar("T")

_NAME_COLUMNS = ["record", "photo", "crop_path", "size", "mtime_ns"]
_NAME_LETTERS = 24


class _Lazy(Sequence[T]):
    """Some rows of a plan; pickled as the objects they stand for."""

    __slots__ = ("indices", "plan")

    def __init__(self, plan: Plan, indices: Int64Array) -> None:
        self.plan, self.indices = plan, indices

    def _made(self) -> list[T]:
        raise NotImplementedError

    def __len__(self) -> int:
        return len(self.indices)

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...

    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        return self._made()[index]

    def __iter__(self) -> Iterator[T]:
        return iter(self._made())

    def __reduce__(self) -> tuple[Any, ...]:
        return tuple, (self._made(),)


class Photos(_Lazy[Photo]):
    """A shard's photos."""

    __slots__ = ()

    def _made(self) -> list[Photo]:
        return self.plan.photos(self.indices)


class Seen(_Lazy[tuple[int, int]]):
    """Size and mtime_ns of a shard's photos."""

    __slots__ = ()

    def _made(self) -> list[tuple[int, int]]:
        return self.plan.seen(self.indices)


def named_shards(records: pa.Table, pending: Int64Array) -> Iterator[tuple[str, Int64Array]]:
    """Cut pending records into shards of 64.

    Args:
        records: a plan's.
        pending: ``(n,)`` int64, places of records, ascending.

    Yields:
        A name that depends on the shard's photos and nothing else, and the places of its records.
    """
    for start in range(0, len(pending), BLOCK_ROWS):
        indices = pending[start : start + BLOCK_ROWS]
        rows = rows_at(records.select([*_NAME_COLUMNS, "given_box"]), indices)
        lines = as_array(
            pc.binary_join_element_wise(
                *(pc.cast(rows.column(name), pa.string()) for name in _NAME_COLUMNS), "\0"
            )
        )
        _, ends, letters = lines.buffers()
        cuts = np.frombuffer(ends, np.int32)[lines.offset : lines.offset + len(lines) + 1]
        boxes = rows.column("given_box")
        for first in range(0, len(indices), SHARD_PHOTOS):
            last = min(first + SHARD_PHOTOS, len(indices))
            digest = hashlib.sha256(memoryview(letters)[cuts[first] : cuts[last]])
            if boxes.null_count < len(boxes):
                digest.update(repr(boxes.slice(first, last - first).to_pylist()).encode())
            yield digest.hexdigest()[:_NAME_LETTERS], indices[first:last]


def cut_shards(work: Work, plan: Plan, pending: Int64Array, stage: Stage) -> list[ShardTask]:
    """Cut the pending records, which ascend, into shards; their photos are made when asked for."""
    return [
        ShardTask(name, Photos(plan, indices), Seen(plan, indices), work.folder, stage, work.store)
        for name, indices in named_shards(plan.records, pending)
    ]
