"""Millions of records that no disk has to hold, and shards that write real parts without any photo."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from facedata import prepare
from facedata.photos.picture_hash import PICTURE_HASH
from facedata.progress.parts import ROWS, write_rows
from facedata.sources.base import PLAN, Scan
from facedata.store.folders import FolderStore
from facedata.tables.blocks import take_rows
from facedata.tables.digests import digest_texts
from facedata.work import run
from facedata.work.task import ShardTask

_BLOCK_ROWS = 65_536
_TASKS_AT_ONCE = 512


def no_reader(photo: str) -> bytes:
    """No photo is ever read."""
    raise OSError(f"{photo} is synthetic")


@dataclass(frozen=True)
class SyntheticSource:
    """``p012345/000123.jpg`` and so on: people of 1 to some hundred photos, folders in no order."""

    records: int
    people: int
    kind: str = "folder"
    root: str = "synthetic"
    face: str = "largest"
    search: str = "photo"

    def scan(self) -> Scan:
        """List the records, a block at a time, as a folder does."""
        rng = np.random.default_rng(self.records)
        shares = rng.gamma(2.0, size=self.people)
        sizes = 1 + np.floor(shares / shares.sum() * max(self.records - self.people, 0)).astype(np.int64)
        sizes[0] += self.records - sizes.sum()
        person = np.repeat(rng.permutation(self.people), sizes)
        number = np.arange(self.records) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        spans = (slice(start, start + _BLOCK_ROWS) for start in range(0, self.records, _BLOCK_ROWS))
        blocks = [_block(person[span], number[span], rng) for span in spans]
        return Scan(pa.Table.from_batches(blocks, schema=PLAN), no_reader)


def _block(person: np.ndarray, number: np.ndarray, rng: np.random.Generator) -> pa.RecordBatch:
    count = len(person)
    identity = pc.binary_join_element_wise("p", _digits(person), "")
    record = pc.binary_join_element_wise(identity, "/", _digits(number), ".jpg", "")
    columns = {name: _nulls(PLAN.field(name).type).slice(0, count) for name in PLAN.names} | {
        "record": record,
        "photo": record,
        "identity": identity,
        "size": pa.array(rng.integers(20_000, 900_000, count)),
        "mtime_ns": pa.array(1_700_000_000_000_000_000 + rng.integers(0, 1 << 50, count)),
    }
    return pa.record_batch([columns[name] for name in PLAN.names], schema=PLAN)


@lru_cache
def _nulls(kind: pa.DataType) -> pa.Array:
    return pa.nulls(_BLOCK_ROWS, kind)


def _digits(numbers: np.ndarray) -> pa.Array:
    return pc.utf8_lpad(pc.cast(pa.array(numbers), pa.string()), 6, "0")


class ShardWriter:
    """Writes shards' parts as workers would: two of a hundred photos without a face, one a duplicate."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)

    def __call__(
        self, tasks: Sequence[ShardTask], engine: object, on_shard: Callable[[list[str]], None]
    ) -> None:
        """Stand in for :func:`facedata.work.engine.run_all`."""
        for start in range(0, len(tasks), _TASKS_AT_ONCE):
            together = tasks[start : start + _TASKS_AT_ONCE]
            rows, done = self._rows(together), 0
            for task in together:
                write_rows(task.part, rows.slice(done, len(task.photos)))
                done += len(task.photos)
                on_shard(["kept"] * len(task.photos))

    def _rows(self, tasks: Sequence[ShardTask]) -> pa.Table:
        photos: list[Any] = [task.photos for task in tasks]  # the plan's rows, without making objects of them
        planned = take_rows(photos[0].make.__self__.records, np.concatenate([each.rows for each in photos]))
        count, rng = planned.num_rows, self.rng
        kept = rng.random(count) >= 0.02
        digests = rng.integers(0, 256, (count, 32), np.uint8)
        twin = np.flatnonzero(rng.random(count) < 0.01)
        digests[twin[twin > 0]] = digests[twin[twin > 0] - 1]
        crops = digest_texts(rng.integers(0, 256, (count, 32), np.uint8))
        columns = _wide_columns(rng, count)
        mask = pa.array(kept)
        columns |= {
            "record": planned.column("record"),
            "status": pc.if_else(mask, "kept", "no_face"),
            "path": pc.if_else(mask, planned.column("crop_path"), None),
            "sha256": digest_texts(digests),
            "crop_sha256": pc.if_else(mask, crops, None),
            "crop_length": pc.if_else(mask, columns["crop_length"], None),
            "size": planned.column("size"),
            "mtime_ns": planned.column("mtime_ns"),
        }
        return pa.table([columns[name] for name in ROWS.names], names=ROWS.names).cast(ROWS).combine_chunks()


def _wide_columns(rng: np.random.Generator, n: int) -> dict[str, pa.Array]:
    """Return the columns that detection fills, as random as real ones: they compress as badly."""

    def floats(kind: pa.DataType, width: int = 1) -> pa.Array:
        scalar = kind.value_type if pa.types.is_list(kind) else kind
        values = pa.array(rng.random(n * width) * 500, pa.float64()).cast(scalar, safe=False)
        ends = pa.array(np.arange(n + 1, dtype=np.int32) * width)
        return pa.ListArray.from_arrays(ends, values) if scalar is not kind else values

    one_each = pa.array(np.arange(n + 1, dtype=np.int32))
    columns = {name: pa.nulls(n, ROWS.field(name).type) for name in ROWS.names}
    for name, width in (("score", 1), ("tilt_deg", 1), ("box", 4), ("landmarks", 10), ("matrix", 6)):
        columns[name] = floats(ROWS.field(name).type, width)
    for name in PICTURE_HASH:
        columns[name] = pa.array(rng.integers(0, 1 << 63, n).astype(np.uint64))
    for name in ("width", "height"):
        columns[name] = pa.array(rng.integers(200, 4000, n), pa.int32())
    columns["faces"] = pa.array(np.ones(n, np.int32))
    columns["all_boxes"] = pa.ListArray.from_arrays(one_each, columns["box"])
    columns["all_scores"] = pa.ListArray.from_arrays(one_each, columns["score"])
    columns["crop_length"] = pa.array(rng.integers(5000, 20_000, n))
    return columns


class _NoEngine:
    workers = 0


@contextmanager
def no_workers() -> Iterator[ShardWriter]:
    """Let :func:`facedata.prepare` run with shards that are simulated and crops that are taken for there."""
    writer = ShardWriter()

    @contextmanager
    def engine(*_: object) -> Iterator[_NoEngine]:
        yield _NoEngine()

    with ExitStack() as stack:
        stack.enter_context(patch.object(run, "run_all", writer))
        stack.enter_context(patch.object(run, "open_engine", engine))
        stack.enter_context(
            patch.object(
                FolderStore,
                "has_crops",
                lambda _, rows, wanted: np.ones(rows.num_rows, np.bool_),
            )
        )
        stack.enter_context(patch.object(os, "fsync", lambda _: None))
        yield writer


def prepare_synthetic(out: Path, records: int, people: int, **options: Any) -> None:
    """Prepare a set of so many records that no photo is behind."""
    source = SyntheticSource(records, people)
    prepare(source, os.fspath(out), detector=_never, **options)


def _never() -> Any:
    raise RuntimeError("no shard is run here")
