"""A pool of single-threaded processes on this machine that notices when one of them dies."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from importlib import import_module
from multiprocessing import resource_tracker
from typing import Any

from joblib.externals.loky import ProcessPoolExecutor
from joblib.externals.loky.process_executor import TerminatedWorkerError

from .late_names import spare_pandas

ONE_THREAD = {
    **{f"{name}_NUM_THREADS": "1" for name in ("OMP", "MKL", "OPENBLAS")},
    # oneDNN keeps a compiled kernel and its buffers per image size; photos have hundreds of sizes
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64",
}
"""Environment of a worker, on every engine."""


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class WorkerDiedError(Exception):
    """A process of the pool died, and the pool with it."""


class ProcessPool:
    """A few single-threaded processes, with only as many jobs submitted as keep them busy.

    A worker that :func:`start_ahead` has started is its first.

    Args:
        workers: how many processes.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._executors = [_ahead.pop()] if _ahead else []
        if more := workers - len(self._executors):
            self._executors += [_open_executor(more)] * more  # one entry for each process

    def __enter__(self) -> ProcessPool:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for executor in {*self._executors}:
            executor.shutdown(wait=True, kill_workers=kind is not None)
        del self._executors  # frees their semaphores now: while Python exits, loky may report them as leaked

    def map(self, function: Callable[[Any], Any], jobs: Iterable[Any]) -> Iterator[Any]:
        """Yield results as they are ready, in any order.

        Raises:
            WorkerDiedError: a process died.
        """
        waiting = iter(jobs)
        try:
            with block_ctrl_c():
                running = _submit(function, waiting, 2 * self._executors)
            while running:
                done = wait(running, return_when=FIRST_COMPLETED).done
                for future in done:
                    yield future.result()
                free = [running.pop(future) for future in done]
                running |= _submit(function, waiting, free)
        except TerminatedWorkerError as error:
            raise WorkerDiedError(str(error)) from error


@contextmanager
def start_ahead(module: str) -> Iterator[None]:
    """Start the first worker of the next pool while this process still imports and finds what is to be done.

    Args:
        module: what the worker imports meanwhile; the functions of its jobs are there.
    """
    executor = _open_executor(1)
    _ahead.append(executor)
    try:
        with block_ctrl_c():
            executor.submit(import_module, module)
        del executor
        yield
    finally:
        while _ahead:
            _ahead.pop().shutdown(wait=True, kill_workers=True)


_ahead: list[ProcessPoolExecutor] = []
"""Holds the executor of the worker that was started ahead, until a pool takes it."""


def _open_executor(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(
        max_workers=workers, initializer=_start_worker, initargs=(os.getpid(),), env=ONE_THREAD
    )


def _submit(
    function: Callable[[Any], Any], jobs: Iterator[Any], executors: Iterable[ProcessPoolExecutor]
) -> dict[Future[Any], ProcessPoolExecutor]:
    """Give each executor its next job, as long as there are any; return who has which."""
    return {executor.submit(function, job): executor for executor, job in zip(executors, jobs, strict=False)}


@contextmanager
def block_ctrl_c() -> Iterator[None]:
    """Block Ctrl-C while workers start: they inherit the block, so it cannot kill them while importing."""
    resource_tracker.ensure_running()  # started later, it would unblock Ctrl-C
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start_worker(parent: int) -> None:
    """Prepare a worker: only the main process handles Ctrl-C, and no worker outlives it."""
    import cv2

    spare_pandas()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    threading.Thread(target=_die_with, args=(parent,), daemon=True).start()


def _die_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
