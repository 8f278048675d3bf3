"""A pool of single-threaded processes on this machine that notices when one of them dies.

The standard library's pools import a program's main script in each process; loky does not, but starts two
more processes for its semaphores: they and its imports cost a fifth of what five photos take. Here a worker
is a program that answers over a socket; if either process ends, the other sees the socket close.
"""

from __future__ import annotations

import fcntl
import gc
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from itertools import islice
from multiprocessing.connection import Connection, Pipe, wait
from typing import Any, NoReturn

from .late_names import spare_pandas

ONE_THREAD = {
    **{f"{name}_NUM_THREADS": "1" for name in ("OMP", "MKL", "OPENBLAS")},
    # oneDNN keeps a compiled kernel and its buffers per image size; photos have hundreds of sizes
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64",
}
"""Environment of a worker, on every engine."""

_WORKER = (
    "import sys; fd, module, *sys.path = sys.argv[1:]; del sys.argv[1:]; "
    "from facedata.processes import serve; serve(int(fd), module)"
)
_END = b""
"""The message after the last job."""
_END_S = 10.0
"""Seconds that a worker may take to end."""
_LOOK_S = 1.0
"""Seconds after which each end looks whether the other one is still there."""


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
        ahead = [_ahead.pop()] if _ahead else []
        self._workers = ahead + [_Worker() for _ in range(workers - len(ahead))]

    def __enter__(self) -> ProcessPool:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.stop()
        for worker in self._workers:
            worker.join()

    def map(self, function: Callable[[Any], Any], jobs: Iterable[Any]) -> Iterator[Any]:
        """Yield results as they are ready, in any order.

        Raises:
            WorkerDiedError: a process died.
            Exception: what the function raised.
        """
        if any(worker.jobs for worker in self._workers):
            raise RuntimeError("the pool has jobs of a map that was left early: open another pool")
        waiting = iter(jobs)
        workers = {worker.socket: worker for worker in self._workers}
        # a worker has its next job when it has done one
        for worker, job in zip(2 * self._workers, waiting, strict=False):
            worker.submit(function, job)
        while busy := [socket for socket, worker in workers.items() if worker.jobs]:
            ready = wait(busy, timeout=_LOOK_S)
            for worker in workers.values() if not ready else ():
                worker.check()
            for socket in ready:
                worker = workers[socket]  # type: ignore[index]  # sockets, not what else can be waited for
                yield worker.result()
                for job in islice(waiting, 1):
                    worker.submit(function, job)


class _Worker:
    """A process that does jobs in their order.

    Args:
        module: what it imports at once.

    Attributes:
        socket: where the results arrive.
        jobs: how many are not done yet.
    """

    def __init__(self, module: str = __name__) -> None:
        self.socket, theirs = Pipe()
        self.jobs = 0
        path = [entry for entry in sys.path if isinstance(entry, str)]
        # where a stream is closed, its number is no place for a socket, nor for a file that is opened there
        fd = fcntl.fcntl(theirs.fileno(), fcntl.F_DUPFD_CLOEXEC, 3)
        try:
            with theirs, block_ctrl_c():
                self._process = subprocess.Popen(
                    [sys.executable, "-c", _WORKER, str(fd), module, *path],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL if sys.stdout is None else None,
                    stderr=subprocess.DEVNULL if sys.stderr is None else None,
                    env={**os.environ, **ONE_THREAD},
                    pass_fds=[fd],
                )
        finally:
            os.close(fd)

    def submit(self, function: Callable[[Any], Any], job: Any) -> None:
        """Send a job; WorkerDiedError if the process has ended."""
        message = _pickle((function, job))
        try:
            self.socket.send_bytes(message)
        except OSError:
            self._has_died()
        self.jobs += 1

    def result(self) -> Any:
        """Return the next job's result or raise its error; WorkerDiedError if the process has ended."""
        try:
            message = self.socket.recv_bytes()
        except (EOFError, OSError):
            self._has_died()
        self.jobs -= 1
        value, error, where = pickle.loads(message)
        if error is not None:
            raise error from _InWorkerError(where)
        return value

    def stop(self, *, at_once: bool = False) -> None:
        """Let the process end, or make it if it is still at work."""
        if self.jobs or at_once:
            self._process.kill()
        else:
            with suppress(OSError):  # it has ended
                self.socket.send_bytes(_END)

    def join(self) -> None:
        """Wait until the process has ended; a thread that it still has may take a while, but not forever."""
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self.socket.close()

    def check(self) -> None:
        """Raise WorkerDiedError if the process has ended: what it forked may hold its end of the socket."""
        if self._process.poll() is not None:
            self._has_died()

    def _has_died(self) -> NoReturn:
        status = self._process.wait()
        name = signal.Signals(-status).name if status < 0 else f"exit status {status}"
        raise WorkerDiedError(f"process {self._process.pid} ended with {name}")


class _InWorkerError(Exception):
    """Where in the worker an error was raised, as the traceback's text."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


@contextmanager
def start_ahead(module: str) -> Iterator[None]:
    """Start the first worker of the next pool while this process still imports and finds what is to be done.

    Args:
        module: what the worker imports meanwhile; the functions of its jobs are there.
    """
    _ahead.append(_Worker(module))
    try:
        yield
    finally:
        while _ahead:
            worker = _ahead.pop()
            worker.stop(at_once=True)
            worker.join()


_ahead: list[_Worker] = []
"""Holds the worker that was started ahead, until a pool takes it."""


@contextmanager
def block_ctrl_c() -> Iterator[None]:
    """Block Ctrl-C while workers start: they inherit the block, so it cannot kill them while importing."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def serve(fd: int, module: str) -> None:
    """Run a worker: import a module, then do the jobs that arrive, until there is an end of them.

    It ends at once when the process that sends them is gone, and leaves Ctrl-C to that.

    Args:
        fd: the worker's end of the socket.
        module: the module's name.
    """
    os.set_inheritable(fd, False)  # by what a job starts
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        socket = Connection(fd)
        messages: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        threading.Thread(target=_receive, args=(socket, messages, os.getppid()), daemon=True).start()
        gc.disable()  # looking for garbage among imports is a fifth of their time
        import cv2

        spare_pandas()
        cv2.setNumThreads(1)
        import_module(module)
        gc.freeze()
        gc.enable()
        while (message := messages.get()) != _END:
            try:
                function, job = pickle.loads(message)
                answer = _pickle((function(job), None, ""))
            except BaseException as error:  # noqa: BLE001  raised again by the process that waits for it
                answer = _pickle_error(error)
            with suppress(AttributeError, ValueError, OSError):  # a job may close it, and nobody may read it
                sys.stdout.flush()
            with suppress(ConnectionError):  # the other process has gone, and this one is about to
                socket.send_bytes(answer)
        gc.freeze()
    except BaseException:  # noqa: BLE001  said, and then nothing may keep the process
        traceback.print_exc()
        os._exit(1)


def _receive(socket: Connection, messages: queue.SimpleQueue[bytes], parent: int) -> None:
    """Take messages off the socket as they come, so that who sends one never waits for a job to end."""
    ended = False
    try:
        with suppress(EOFError, OSError):
            while not ended:
                while not socket.poll(_LOOK_S):
                    if os.getppid() != parent:  # what it forked may hold its end of the socket
                        return
                messages.put(message := socket.recv_bytes())
                ended = message == _END
    finally:
        if not ended:
            os._exit(1)


def _pickle(value: Any) -> bytes:
    """Return a value as the other process takes it, which has another main script, or none.

    What is defined there, in a script or a notebook, goes with the value.
    """
    message = b"__main__"
    with suppress(pickle.PicklingError, AttributeError, TypeError):  # a lambda, say
        message = pickle.dumps(value)
    if b"__main__" not in message:
        return message
    import cloudpickle

    return bytes(cloudpickle.dumps(value))


def _pickle_error(error: BaseException) -> bytes:
    """Return the answer of a job that failed; an error that cannot be sent is described by another."""
    where = "".join(traceback.format_exception(error))
    if isinstance(error, Exception):  # sys.exit() in a job ends no program
        with suppress(Exception):
            answer = _pickle((None, error, where))
            pickle.loads(answer)
            return answer
    return pickle.dumps((None, RuntimeError(where.strip().splitlines()[-1]), where))
