"""Dask: a scheduler at an address, or workers on this machine for the length of the run."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from multiprocessing import resource_tracker
from typing import Any

from ...errors import EngineError, MissingExtraError
from ...processes import ONE_THREAD, block_ctrl_c, cores
from ...types import Photo, Row
from ..stage import Stage
from .base import run_job

try:
    import dask
    from distributed import Client, LocalCluster, Security, as_completed
    from distributed.comm.core import connect
    from distributed.scheduler import KilledWorker
except ImportError as error:
    raise MissingExtraError.of("--engine dask", "dask", error) from error

_CONNECT_S = 5
_WORKERS_S = 30


class DaskCluster:
    """The workers of a Dask client; see :class:`facedata.work.cluster.base.Cluster`."""

    failures: tuple[type[BaseException], ...] = (
        KilledWorker,
        OSError,  # our own code that writes raises other errors
        asyncio.TimeoutError,
        CancelledError,  # the scheduler is gone, and its shards with it
    )

    def __init__(self, client: Client, title: str) -> None:
        self.client, self.title = client, title
        self._running = as_completed(loop=client.loop)

    def names(self) -> set[str]:
        """Return the workers' addresses."""
        return set(self.client.ncores())

    def workers(self) -> int:
        """Return how many worker processes there are."""
        return len(self.names())

    def submit(self, photos: Sequence[Photo], stage: Stage) -> Any:
        """Send a shard to a worker."""
        future = self.client.submit(run_job, photos, stage, pure=False)
        self._running.add(future)
        return future

    def first_done(self, futures: Sequence[Any]) -> Collection[Any]:
        """Wait for a shard."""
        return set(self._running.next_batch())

    def result(self, future: Any) -> list[Row]:
        """Return a shard's rows."""
        rows: list[Row] = future.result()
        return rows

    def deaths(self, error: BaseException) -> int:
        """Return 2 if Dask gave a shard up: it has retried it itself."""
        return 2 if isinstance(error, KilledWorker) else 0

    def ask(self, function: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
        """Call a function on each worker."""
        self.client.wait_for_workers(1, timeout=_WORKERS_S)
        return dict(self.client.run(function, *arguments, on_error="return"))

    def hosts(self) -> dict[str, str]:
        """Return each worker's host name."""
        answers = self.client.run(socket.gethostname, on_error="return")
        return {name: answer for name, answer in answers.items() if isinstance(answer, str)}


@contextmanager
def open_dask(address: str | None, workers: int | None) -> Iterator[DaskCluster]:
    """Connect to a scheduler, or start workers on this machine, which end with the block.

    Raises:
        EngineError: no scheduler answers at the address.
    """
    # silence Dask's own logs: anything important in them becomes an error here
    loggers = [logging.getLogger(name) for name in [*logging.root.manager.loggerDict]]
    levels = {logger: logger.level for logger in loggers if logger.name.partition(".")[0] == "distributed"}
    for logger in levels:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        with ExitStack() as stack:
            if address is None:
                where: Any = stack.enter_context(_start_workers(workers or cores()))
            else:
                where = address
                _knock(address)
            client = stack.enter_context(Client(where, timeout=_CONNECT_S, set_as_default=False))
            yield DaskCluster(client, f"the Dask cluster {f'at {address}' if address else 'here'}")
    finally:
        for logger, level in levels.items():
            logger.setLevel(level)


def _knock(address: str) -> None:
    """Refuse an address without a scheduler: a client would wait forever for a reply."""
    try:
        with ThreadPoolExecutor(1) as thread:  # this thread may already run an event loop, as in a notebook
            thread.submit(asyncio.run, _connect(address)).result()
    except Exception as error:  # Dask's transports raise a dozen kinds at addresses they cannot use
        raise EngineError(
            f"no Dask scheduler answers at {address} ({' '.join(str(error).split())[:160] or 'silence'}): "
            "start one with `dask scheduler`, and name its address with --address tcp://HOST:8786"
        ) from error


async def _connect(address: str) -> None:
    how = Security().get_connection_args("client")
    comm = await asyncio.wait_for(connect(address, timeout=_CONNECT_S, **how), 2 * _CONNECT_S)
    await comm.close()


@contextmanager
def _start_workers(count: int) -> Iterator[LocalCluster]:
    environment = {**ONE_THREAD, "DASK_LOGGING__DISTRIBUTED": "critical"}
    with dask.config.set({"distributed.nanny.pre-spawn-environ": environment}):
        resource_tracker.ensure_running()  # started by the first worker, it would unblock Ctrl-C
        with block_ctrl_c():
            cluster = LocalCluster(
                n_workers=count,
                threads_per_worker=1,
                processes=True,
                dashboard_address="127.0.0.1:0",
                memory_limit=0,  # as on the local engine; with a limit, Dask kills workers that reach it
            )
        with cluster:
            yield cluster
