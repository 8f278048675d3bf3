"""Runs shards until every one has its part, even when workers die.

An engine runs shards: in processes on this machine (:class:`LocalEngine`), or on a cluster
(:mod:`facedata.work.cluster`).
"""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Protocol

from ..errors import EngineError
from ..processes import ProcessPool, WorkerDiedError
from ..types import Row, Status
from .shards import FIRST_EDGES
from .stage import SHARD_PHOTOS
from .task import ShardTask, run_shard, write_part

logger = logging.getLogger(__name__)

OnShard = Callable[[list[str]], None]
"""Called in the main process with the statuses of each finished shard's rows."""

_ROUNDS_WITHOUT_PROGRESS = 3
_DEATHS_BEFORE_ISOLATION = 2


class ShardsLostError(Exception):
    """A worker died.

    Attributes:
        names: the shards that it may have been running.
        deaths: how many workers died.
        how: in brackets, or empty.
    """

    def __init__(self, names: Iterable[str], deaths: int = 1, how: object = "") -> None:
        self.names, self.deaths, self.how = list(names), deaths, f" ({how})" if how else ""
        super().__init__(f"a worker died{self.how}; {len(self.names)} shards were in progress")


class Engine(Protocol):
    """Runs shards."""

    def run(self, tasks: Iterable[ShardTask]) -> Iterator[list[str]]:
        """Run shards in any order; yield each one's statuses once its part is written.

        Raises:
            ShardsLostError: a worker died.
        """
        ...


class LocalEngine:
    """Processes on this machine, each with one thread; they write their shards' parts themselves.

    Args:
        workers: how many processes.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers

    def run(self, tasks: Iterable[ShardTask]) -> Iterator[list[str]]:
        """Run shards; see :class:`Engine`."""
        waiting = iter(tasks)
        # no more workers than whole shards' worth: each takes half a second to start, and memory
        first = list(islice(waiting, self.workers + len(FIRST_EDGES)))
        if not first:
            return
        workers = min(self.workers, math.ceil(sum(len(task.photos) for task in first) / SHARD_PHOTOS))
        in_flight: dict[str, ShardTask] = {}
        jobs = (in_flight.setdefault(task.name, task) for task in chain(first, waiting))
        try:
            with ProcessPool(workers) as pool:
                for name, statuses in pool.map(run_shard, jobs):
                    del in_flight[name]
                    yield statuses
        except WorkerDiedError as error:
            started = [task for task in in_flight.values() if task.mark.exists() and not task.part.exists()]
            for task in started:
                task.mark.unlink()
            raise ShardsLostError((task.name for task in started), how=error) from error


def run_all(tasks: Sequence[ShardTask], engine: Engine, on_shard: OnShard) -> None:
    """Run every shard that has no part yet, in rounds, until all have one.

    A shard that was in progress when workers died twice is run photo by photo in a process of its own; a
    photo that kills it becomes a ``failed`` row.

    Args:
        tasks: the run's tasks; each round goes through them once.
        engine: runs them.
        on_shard: called after each shard.

    Raises:
        EngineError: three rounds made no progress, or the engine's cluster cannot be reached.
        StoreError: the output cannot be written.
    """
    deaths: Counter[str] = Counter()
    rounds_without_progress, how = 0, ""
    while rounds_without_progress < _ROUNDS_WITHOUT_PROGRESS:
        rounds_without_progress += 1
        suspects = {name for name, count in deaths.items() if count >= _DEATHS_BEFORE_ISOLATION}
        try:
            isolated = (_run_isolated(task) for task in _pending(tasks) if task.name in suspects)
            others = (task for task in _pending(tasks) if task.name not in suspects)
            for statuses in chain(isolated, engine.run(others)):
                rounds_without_progress = 0
                on_shard(statuses)
            return
        except ShardsLostError as lost:
            how = lost.how
            logger.warning("a worker died%s; continuing with the shards that are not done", how)
            deaths.update(dict.fromkeys(lost.names, lost.deaths))
    raise EngineError(
        f"workers died in {_ROUNDS_WITHOUT_PROGRESS} rounds{how} without finishing one of "
        f"{sum(1 for _ in _pending(tasks))} shards; is there enough memory? Try fewer --workers, then run "
        "the same command again"
    )


def _pending(tasks: Iterable[ShardTask]) -> Iterator[ShardTask]:
    return (task for task in tasks if not task.part.exists())


def _run_isolated(task: ShardTask) -> list[str]:
    """Run a shard photo by photo in one process, and in a new one after each photo that kills it."""
    rows: list[Row] = []
    photos = tuple(task.photos)
    while len(rows) < len(photos):
        with ProcessPool(1) as pool:
            try:
                next(pool.map(task.stage.run, [[]]))  # loads the networks
            except WorkerDiedError as error:  # no photo was given to it, so no photo is to blame
                raise ShardsLostError([], how=error) from error
            try:
                for photo in photos[len(rows) :]:
                    rows += next(pool.map(task.stage.run, [[photo]]))
            except WorkerDiedError:
                photo = photos[len(rows)]
                logger.warning("the photo %r kills its worker; its row is `failed`", photo.photo)
                reason = "it killed its worker twice"
                rows.append({"record": photo.record, "status": Status.FAILED.value, "reason": reason})
    return write_part(task, rows)
