"""Round after round until every shard has its part, whatever the engine loses; a few real processes."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import psutil
import pytest

from facedata.errors import EngineError
from facedata.processes import ONE_THREAD, ProcessPool, WorkerDiedError, start_ahead
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


def _environment(name: str) -> str | None:
    return os.environ.get(name)


def _die(_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_processes_have_one_thread_each() -> None:
    with ProcessPool(1) as pool:
        assert list(pool.map(_environment, ONE_THREAD)) == list(ONE_THREAD.values())


def test_a_process_that_dies_is_noticed() -> None:
    with pytest.raises(WorkerDiedError), ProcessPool(1) as pool:
        list(pool.map(_die, [None]))


def _pid_after(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


def _workers() -> set[int]:
    """The workers of this process; loky's tracker of resources is none."""
    children = psutil.Process().children()
    return {child.pid for child in children if "resource_tracker" not in "".join(child.cmdline())}


@pytest.mark.parametrize("workers", [1, 3])
def test_a_pool_takes_the_worker_that_was_started_ahead(workers: int) -> None:
    before = _workers()
    with start_ahead("facedata.work.task"):
        (early,) = _workers() - before
        with ProcessPool(workers) as pool:
            pids = list(pool.map(_pid_after, [0.2] * 4 * workers))
        with ProcessPool(1) as pool:
            later = set(pool.map(_pid_after, [0]))
    assert len(pids) == 4 * workers
    assert early in pids
    assert len({*pids}) <= workers
    assert early not in later, "it served the first pool"
    assert _workers() == before


def test_a_worker_that_was_started_in_vain_ends() -> None:
    before = _workers()
    with start_ahead("facedata.work.task"):
        assert len(_workers() - before) == 1
    assert _workers() == before


def test_a_worker_that_died_before_it_was_needed_is_noticed() -> None:
    before = _workers()
    with start_ahead("facedata.work.task"):
        (early,) = _workers() - before
        os.kill(early, signal.SIGKILL)
        with pytest.raises(WorkerDiedError), ProcessPool(2) as pool:
            list(pool.map(_pid_after, [0.1] * 8))
    assert _workers() == before
