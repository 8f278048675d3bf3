"""A pool of single-threaded processes on this machine that notices when one of them dies."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, wait
from contextlib import contextmanager
from itertools import islice
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

    Args:
        workers: how many processes.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._executor = ProcessPoolExecutor(
            max_workers=workers, initializer=_start_worker, initargs=(os.getpid(),), env=ONE_THREAD
        )

    def __enter__(self) -> ProcessPool:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._executor.shutdown(wait=True, kill_workers=kind is not None)
        del self._executor  # frees its semaphores now: while Python exits, loky may report them as leaked

    def map(self, function: Callable[[Any], Any], jobs: Iterable[Any]) -> Iterator[Any]:
        """Yield results as they are ready, in any order.

        Raises:
            WorkerDiedError: a process died.
        """
        waiting = iter(jobs)
        try:
            with block_ctrl_c():
                running = {self._executor.submit(function, job) for job in islice(waiting, 2 * self.workers)}
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
                running |= {self._executor.submit(function, job) for job in islice(waiting, len(done))}
        except TerminatedWorkerError as error:
            raise WorkerDiedError(str(error)) from error


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
