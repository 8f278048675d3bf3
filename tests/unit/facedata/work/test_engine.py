"""Round after round until every shard has its part, whatever the engine loses; a few real processes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from facedata.errors import EngineError
from facedata.work import engine as engine_module
from facedata.work.engine import ShardsLostError, run_all
from facedata.work.task import ShardTask


@dataclass(frozen=True)
class Shard:
    """What run_all looks at of a task."""

    name: str
    part: Path


@dataclass
class Losing:
    """Loses the shards named in ``deadly`` whenever it meets one, and ``beside`` of those that follow."""

    deadly: set[str] = field(default_factory=set)
    beside: int = 0
    deaths: int = 1
    seen: list[str] = field(default_factory=list)

    def run(self, tasks: Iterable[Any]) -> Iterator[list[str]]:
        waiting = iter(tasks)
        for task in waiting:
            self.seen.append(task.name)
            if task.name in self.deadly:
                others = [other.name for other, _ in zip(waiting, range(self.beside), strict=False)]
                raise ShardsLostError([task.name, *others], self.deaths)
            task.part.touch()
            yield [task.name]


@pytest.fixture
def shards(tmp_path: Path) -> list[ShardTask]:
    return [cast(ShardTask, Shard(name, tmp_path / name)) for name in "abcdef"]


def test_every_shard_is_done_once(shards: list[ShardTask]) -> None:
    engine, done = Losing(), list[list[str]]()
    run_all(shards, engine, done.append)
    assert done == [[name] for name in "abcdef"]
    assert engine.seen == list("abcdef")


def test_shards_with_a_part_are_left_alone(shards: list[ShardTask]) -> None:
    shards[2].part.touch()
    engine = Losing()
    run_all(shards, engine, lambda _: None)
    assert engine.seen == list("abdef")


@pytest.fixture
def isolated(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The shards that were run photo by photo, all of which survive that."""
    names: list[str] = []

    def survive(task: ShardTask) -> list[str]:
        names.append(task.name)
        task.part.touch()
        return [task.name]

    monkeypatch.setattr(engine_module, "_run_isolated", survive)
    return names


def test_shards_in_flight_at_two_deaths_are_run_alone(shards: list[ShardTask], isolated: list[str]) -> None:
    engine, done = Losing({"c"}, beside=1), list[list[str]]()
    run_all(shards, engine, done.append)
    assert isolated == ["c", "d"]
    # c was met in two rounds, and then no more
    assert engine.seen == ["a", "b", "c", "c", "e", "f"]
    assert sorted(done) == [[name] for name in "abcdef"]


def test_an_engine_that_tried_again_itself_is_believed_at_once(
    shards: list[ShardTask], isolated: list[str]
) -> None:
    engine = Losing({"c"}, deaths=2)
    run_all(shards, engine, lambda _: None)
    assert isolated == ["c"]
    assert engine.seen == ["a", "b", "c", "d", "e", "f"]


def test_three_rounds_without_a_shard_are_an_error(shards: list[ShardTask]) -> None:
    class Dying(Losing):
        def run(self, tasks: Iterable[Any]) -> Iterator[list[str]]:
            self.seen.append("round")
            raise ShardsLostError([])

    engine = Dying()
    shards[0].part.touch()
    with pytest.raises(EngineError, match=r"in 3 rounds without finishing one of 5 shards.*--workers"):
        run_all(shards, engine, lambda _: None)
    assert engine.seen == ["round"] * 3


def test_a_round_with_a_shard_counts_as_progress(shards: list[ShardTask]) -> None:
    class OneARound(Losing):
        def run(self, tasks: Iterable[Any]) -> Iterator[list[str]]:
            for task in tasks:
                task.part.touch()
                yield [task.name]
                raise ShardsLostError([])

    done: list[list[str]] = []
    run_all(shards, OneARound(), done.append)
    assert len(done) == 6
