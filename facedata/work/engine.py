"""Runs shards until every one of them has its part, whatever dies on the way.

An engine is a place where shards run: processes of this machine (:class:`LocalEngine`), or a cluster
(:mod:`facedata.work.cluster`).
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Protocol

from ..errors import EngineError
from ..types import Photo, Row, Status
from .processes import ProcessPool, WorkerDiedError
from .stage import Stage, run_photos
from .task import ShardTask, run_shard, write_part

logger = logging.getLogger(__name__)

OnShard = Callable[[list[str]], None]
"""Called in the main process with the statuses of each finished shard's rows."""

_ROUNDS_WITHOUT_PROGRESS = 3
_DEATHS_BEFORE_ISOLATION = 2


class ShardsLostError(Exception):
    """A worker died.

    Attributes:
        names: of the shards that may have been in its hands.
        deaths: how many workers have died of them.
    """

    def __init__(self, names: Iterable[str], deaths: int = 1) -> None:
        self.names, self.deaths = list(names), deaths
        super().__init__(f"a worker died; {len(self.names)} shards were in flight")


class Engine(Protocol):
    """Where shards run."""

    @property
    def fallback(self) -> Engine | None:
        """Where shards go that were in flight when workers died, to tell the deadly ones from the others.

        None when this engine knows whom to suspect: they are then run photo by photo.
        """
        ...

    def run(self, tasks: Iterable[ShardTask]) -> Iterator[list[str]]:
        """Run shards in any order; yield each one's statuses once its part is written.

        Raises:
            ShardsLostError: a worker died.
        """
        ...


class LocalEngine:
    """Processes on this machine, each with one thread; they write their shards' parts themselves.

    Args:
        workers: how many.
    """

    fallback: Engine | None = None

    def __init__(self, workers: int) -> None:
        self.workers = workers

    def run(self, tasks: Iterable[ShardTask]) -> Iterator[list[str]]:
        """Run shards; see :class:`Engine`."""
        waiting = iter(tasks)
        # not more workers than shards: each one costs a second to start and its networks' memory
        first = list(islice(waiting, self.workers))
        if not first:
            return
        in_flight: dict[str, ShardTask] = {}
        jobs = (in_flight.setdefault(task.name, task) for task in chain(first, waiting))
        try:
            with ProcessPool(len(first)) as pool:
                for name, statuses in pool.map(_run_named, jobs):
                    del in_flight[name]
                    yield statuses
        except WorkerDiedError as error:
            raise ShardsLostError(_begun(in_flight.values())) from error


def _run_named(task: ShardTask) -> tuple[str, list[str]]:
    return task.name, run_shard(task)


def _begun(tasks: Iterable[ShardTask]) -> list[str]:
    """Return the names of the shards that were begun and not finished, and take their marks away."""
    begun = [task for task in tasks if task.mark.exists() and not task.part.exists()]
    for task in begun:
        task.mark.unlink()
    return [task.name for task in begun]


def run_all(tasks: Sequence[ShardTask], engine: Engine, on_shard: OnShard) -> None:
    """Run every shard that has no part yet, round after round, until all have one.

    A shard in flight at two deaths is run photo by photo in a process of its own; the photo that kills it
    becomes a ``failed`` row.

    Args:
        tasks: of a run; may be made only when asked for, they are gone through once a round.
        engine: where they run.
        on_shard: called after each.

    Raises:
        EngineError: three rounds brought no progress, or the engine's cluster is out of reach.
        StoreError: the output cannot be written.
    """
    deaths: Counter[str] = Counter()
    rounds_without_progress = 0
    while rounds_without_progress < _ROUNDS_WITHOUT_PROGRESS:
        rounds_without_progress += 1
        try:
            for statuses in _run_round(tasks, engine, deaths):
                rounds_without_progress = 0
                on_shard(statuses)
            return
        except ShardsLostError as lost:
            logger.warning("a worker died; going on with the shards that are not done")
            deaths.update(dict.fromkeys(lost.names, lost.deaths))
    raise EngineError(
        f"workers died in {_ROUNDS_WITHOUT_PROGRESS} rounds without finishing one of "
        f"{sum(1 for _ in _pending(tasks))} shards; is there enough memory? Try fewer --workers, then run "
        "the same command again"
    )


def _pending(tasks: Iterable[ShardTask]) -> Iterator[ShardTask]:
    return (task for task in tasks if not task.part.exists())


def _run_round(tasks: Sequence[ShardTask], engine: Engine, deaths: Counter[str]) -> Iterator[list[str]]:
    suspects = {name for name, count in deaths.items() if count >= _DEATHS_BEFORE_ISOLATION}
    if suspects:
        yield from _run_suspects([task for task in _pending(tasks) if task.name in suspects], engine.fallback)
    yield from engine.run(task for task in _pending(tasks) if task.name not in suspects)


def _run_suspects(tasks: list[ShardTask], engine: Engine | None) -> Iterator[list[str]]:
    if engine is None:
        yield from map(_run_isolated, tasks)
        return
    finished: list[list[str]] = []
    run_all(tasks, engine, finished.append)
    yield from finished


def _run_isolated(task: ShardTask) -> list[str]:
    """Run a shard photo by photo in one process, and in a new one after each photo that kills it."""
    rows: list[Row] = []
    photos = tuple(task.photos)
    while len(rows) < len(photos):
        with ProcessPool(1) as pool:
            try:
                next(pool.map(_load, [task.stage]))
            except WorkerDiedError as error:  # without any photo: it proves nothing against one
                raise ShardsLostError([]) from error
            try:
                for photo in photos[len(rows) :]:
                    rows += next(pool.map(_run_alone, [(photo, task.stage)]))
            except WorkerDiedError:
                photo = photos[len(rows)]
                logger.warning("the photo %r kills its worker; its row is `failed`", photo.photo)
                reason = "it killed its worker twice"
                rows.append({"record": photo.record, "status": Status.FAILED.value, "reason": reason})
    return write_part(task, rows)


def _load(stage: Stage) -> None:
    run_photos([], stage)


def _run_alone(job: tuple[Photo, Stage]) -> list[Row]:
    return run_photos([job[0]], job[1])
