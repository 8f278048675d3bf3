"""Runs shards on worker processes until every one of them has its part, whatever dies on the way."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from contextlib import contextmanager
from itertools import islice
from multiprocessing import resource_tracker
from typing import Any, Protocol

from joblib.externals.loky import ProcessPoolExecutor
from joblib.externals.loky.process_executor import TerminatedWorkerError

from .errors import EngineError
from .shard import Stage, run_photos
from .types import Photo, Row, Status
from .work import ShardTask, run_shard, write_part

logger = logging.getLogger(__name__)

OnShard = Callable[[list[str]], None]
"""Called in the main process with the statuses of each finished shard's rows."""

_ROUNDS_WITHOUT_PROGRESS = 3
_DEATHS_BEFORE_ISOLATION = 2


class WorkerDiedError(Exception):
    """A worker process died; the shards in flight have no part."""


class Engine(Protocol):
    """Where shards run. A failed shard raises its own error; a dead worker raises WorkerDiedError."""

    def run(self, tasks: Sequence[ShardTask]) -> Iterator[list[str]]:
        """Run shards in any order; yield each one's statuses as it is done."""
        ...


class LocalEngine:
    """Processes on this machine, each with one thread.

    Args:
        workers: how many.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers

    def run(self, tasks: Sequence[ShardTask]) -> Iterator[list[str]]:
        """Run shards; see :class:`Engine`."""
        # not more workers than shards: each one costs a second to start and its networks' memory
        with _Pool(min(self.workers, len(tasks))) as pool:
            yield from pool.map(run_shard, tasks)


def run_all(tasks: Sequence[ShardTask], engine: Engine, on_shard: OnShard) -> None:
    """Run every shard that has no part yet, round after round, until all have one.

    A shard whose worker died twice is run photo by photo in a process of its own; the photo that kills it
    becomes a ``failed`` row.

    Raises:
        EngineError: three rounds brought no progress.
        StoreError: the output cannot be written.
    """
    deaths: Counter[str] = Counter()
    rounds_without_progress = 0
    while remaining := [task for task in tasks if not task.part.exists()]:
        try:
            _run_round(remaining, engine, deaths, on_shard)
        except WorkerDiedError:
            logger.warning("a worker died; going on with the shards that are not done")
            deaths.update(_begun(remaining))
        left = sum(not task.part.exists() for task in remaining)
        rounds_without_progress = rounds_without_progress + 1 if left == len(remaining) else 0
        if rounds_without_progress == _ROUNDS_WITHOUT_PROGRESS:
            raise EngineError(
                f"workers died in {_ROUNDS_WITHOUT_PROGRESS} rounds without finishing one of {left} shards; "
                "is there enough memory? Try fewer --workers, then run the same command again"
            )


def _run_round(tasks: Sequence[ShardTask], engine: Engine, deaths: Counter[str], on_shard: OnShard) -> None:
    suspects = [task for task in tasks if deaths[task.name] >= _DEATHS_BEFORE_ISOLATION]
    for task in suspects:
        on_shard(_run_isolated(task))
    rest = [task for task in tasks if deaths[task.name] < _DEATHS_BEFORE_ISOLATION]
    for statuses in engine.run(rest) if rest else ():
        on_shard(statuses)


def _begun(tasks: Sequence[ShardTask]) -> list[str]:
    """Return the names of the shards that were in flight, and take their marks away."""
    begun = [task for task in tasks if task.mark.exists() and not task.part.exists()]
    for task in begun:
        task.mark.unlink()
    return [task.name for task in begun]


def _run_isolated(task: ShardTask) -> list[str]:
    """Run a shard photo by photo in one process, and in a new one after each photo that kills it."""
    rows: list[Row] = []
    while len(rows) < len(task.photos):
        with _Pool(1) as pool:
            next(pool.map(_load, [task.stage]))  # a worker that dies here does so without any photo
            try:
                for photo in task.photos[len(rows) :]:
                    rows += next(pool.map(_run_alone, [(photo, task.stage)]))
            except WorkerDiedError:
                photo = task.photos[len(rows)]
                logger.warning("the photo %r kills its worker; its row is `failed`", photo.photo)
                reason = "it killed its worker twice"
                rows.append({"record": photo.record, "status": Status.FAILED.value, "reason": reason})
    return write_part(task, rows)


def _load(stage: Stage) -> None:
    run_photos([], stage)


def _run_alone(job: tuple[Photo, Stage]) -> list[Row]:
    return run_photos([job[0]], job[1])


class _Pool:
    """A few single-threaded processes; only as many jobs are in flight as keep them busy."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        environment = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "MKL", "OPENBLAS")}
        # oneDNN keeps a compiled kernel and its buffers per image size; photos have hundreds of sizes
        environment["ONEDNN_PRIMITIVE_CACHE_CAPACITY"] = "64"
        self._executor = ProcessPoolExecutor(
            max_workers=workers, initializer=_start_worker, initargs=(os.getpid(),), env=environment
        )

    def __enter__(self) -> _Pool:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._executor.shutdown(wait=True, kill_workers=kind is not None)

    def map(self, function: Callable[[Any], Any], jobs: Iterable[Any]) -> Iterator[Any]:
        """Yield results as they come, in any order."""
        waiting = iter(jobs)
        try:
            with _deaf_to_ctrl_c():
                running = {self._executor.submit(function, job) for job in islice(waiting, 2 * self.workers)}
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
                running |= {self._executor.submit(function, job) for job in islice(waiting, len(done))}
        except TerminatedWorkerError as error:
            raise WorkerDiedError(str(error)) from error


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Hold Ctrl-C back while workers are started: they inherit it, and would die of it while importing."""
    resource_tracker.ensure_running()  # the first start of it would let Ctrl-C through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start_worker(parent: int) -> None:
    """Prepare a worker: Ctrl-C is the main process's to handle, and no worker outlives it."""
    import cv2

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    threading.Thread(target=_die_with, args=(parent,), daemon=True).start()


def _die_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
