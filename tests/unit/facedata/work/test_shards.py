"""Shards whose photos are made when asked for."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from facedata.config import PrepareConfig
from facedata.plan.plan import Plan, make_plan
from facedata.progress.folder import ProgressFolder
from facedata.sources.base import PlanBuilder, Scan
from facedata.types import Photo
from facedata.work.shards import ShardPhotos, make_shards, name_shards


def plan_of(count: int, **changed: int) -> Plan:
    builder = PlanBuilder()
    for number in range(count):
        box = [0.0, 0.0, 9.0, 9.0 + changed.get("box", 0)] if number % 2 else None
        builder.add(
            f"p/{number:04}.jpg", identity="p", size=5 + changed.get("size", 0), mtime_ns=7, given_box=box
        )
    return make_plan(Scan(builder.table(), lambda photo: b""), PrepareConfig())


def test_a_shards_photos_are_those_of_the_plan_and_pickle_as_themselves() -> None:
    plan = plan_of(150)
    shards = list(name_shards(plan.records, np.arange(0, 150, 2)))
    assert [len(indices) for _, indices in shards] == [8, 8, 16, 32, 11]
    photos = ShardPhotos(plan.photos, shards[4][1])
    names = [f"p/{i:04}.jpg" for i in range(128, 150, 2)]
    wanted = [Photo(name, name, name, None, 5, 7) for name in names]
    assert list(photos) == wanted
    assert (len(photos), photos[3], list(photos[9:])) == (11, wanted[3], wanted[9:])
    assert pickle.loads(pickle.dumps(photos)) == tuple(wanted)
    boxed = ShardPhotos(plan.photos, np.array([1]))
    assert boxed[0].given_box == (0.0, 0.0, 9.0, 9.0)


def test_a_shards_name_depends_on_its_photos_and_nothing_else() -> None:
    names = [name for name, _ in name_shards(plan_of(200).records, np.arange(200))]
    assert len(set(names)) == 7
    # the same photos at other places of a larger plan
    grown = plan_of(200).records
    more = pa.concat_tables([grown.slice(0, 64), plan_of(300).records.slice(64)])
    assert [name for name, _ in name_shards(more, np.arange(128))] == names[:5]
    later = [name for name, _ in name_shards(grown, np.arange(64, 200))]
    assert later[4:] == names[5:]  # its own first 64 are divided
    for change in ("size", "box"):
        other = [name for name, _ in name_shards(plan_of(200, **{change: 1}).records, np.arange(200))]
        assert not set(other) & set(names)


def test_old_parts_of_the_shards_are_removed_and_no_others(tmp_path: Path) -> None:
    progress = ProgressFolder.of_set(tmp_path, "folders", tmp_path)
    stage: Any = None  # no shard is run here
    names = [task.name for task in make_shards(plan_of(200), np.arange(200), stage, progress)]
    parts = tmp_path / ".work" / "parts"
    parts.mkdir(parents=True)
    for name in (names[1], names[3], "0123"):
        (parts / f"{name}.arrow").touch()
    tasks = make_shards(plan_of(200), np.arange(200), stage, progress)
    assert [task.part for task in tasks] == [parts / f"{name}.arrow" for name in names]
    assert [part.name for part in parts.iterdir()] == ["0123.arrow"]
