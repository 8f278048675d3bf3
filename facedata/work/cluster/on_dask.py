"""Dask: a scheduler at an address, or workers on this machine for the length of the run."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

from ...errors import EngineError, MissingExtraError
from ..processes import ONE_THREAD, cores, deaf_to_ctrl_c

try:
    import dask
    from distributed import Client, LocalCluster, Security
    from distributed.comm.core import connect
    from distributed.scheduler import KilledWorker
    from joblib._dask import DaskDistributedBackend
except ImportError as error:
    raise MissingExtraError(
        f"--engine dask needs a package that is not installed ({error}): pip install 'facedata[dask]'"
    ) from error

_CONNECT_S = 5
_WORKERS_S = 30


class DaskCluster:
    """The workers of a Dask client; see :class:`facedata.work.cluster.base.Cluster`."""

    failures: tuple[type[BaseException], ...] = (
        KilledWorker,
        OSError,  # what writes here raises errors of ours
        asyncio.TimeoutError,
        CancelledError,  # the scheduler is gone, and what it had with it
    )

    def __init__(self, client: Client, title: str, most: int | None) -> None:
        self.client, self.title, self._most = client, title, most

    def names(self) -> set[str]:
        """Return the workers' addresses."""
        return set(self.client.ncores())

    def workers(self) -> int:
        """Return how many worker processes there are; those asked for at most."""
        there = len(self.names())
        return there if self._most is None else min(there, self._most)

    def backend(self) -> Any:
        """Return joblib's backend for this client."""
        return _Backend(client=self.client, wait_for_workers_timeout=_WORKERS_S)

    def deaths(self, error: BaseException) -> int:
        """Return the deaths after which Dask gave a shard up: it tries again itself."""
        return 2 if isinstance(error, KilledWorker) else 0

    def ask(self, function: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
        """Call a function on each worker."""
        self.client.wait_for_workers(1, timeout=_WORKERS_S)
        return dict(self.client.run(function, *arguments, on_error="return"))

    def hosts(self) -> dict[str, str]:
        """Return each worker's host name."""
        answers = self.client.run(socket.gethostname, on_error="return")
        return {name: answer for name, answer in answers.items() if isinstance(answer, str)}


class _Backend(DaskDistributedBackend):  # type: ignore[misc]  # joblib has no types
    """joblib's backend without its wait for ever for a shard that Dask has given up."""

    def submit(self, func: Any, callback: Any = None) -> Any:
        """Send a shard out; its failure is told to joblib too."""
        future = super().submit(func, callback)
        future.add_done_callback(lambda done: callback(done.exception()) if done.exception() else None)
        return future

    def retrieve_result_callback(self, out: Any) -> Any:
        """Return what a shard gave, or raise what it raised."""
        if isinstance(out, BaseException):
            raise out
        return super().retrieve_result_callback(out)

    def effective_n_jobs(self, n_jobs: int) -> int:
        """Return how many shards run at once, two at least."""
        return max(2, int(super().effective_n_jobs(n_jobs)))  # at 1, joblib would run all in this process


@contextmanager
def open_dask(address: str | None, workers: int | None) -> Iterator[DaskCluster]:
    """Connect to a scheduler, or start workers here; ends only what it started.

    Raises:
        EngineError: nobody answers at the address.
    """
    with ExitStack() as stack:
        stack.enter_context(_quiet())
        if address is None:
            where: Any = stack.enter_context(_local(workers or cores()))
        else:
            where = address
            _knock(address)
        client = stack.enter_context(Client(where, timeout=_CONNECT_S, set_as_default=False))
        yield DaskCluster(client, f"the Dask cluster {f'at {address}' if address else 'here'}", workers)


def _knock(address: str) -> None:
    """Refuse an address where no scheduler is; a client waits for ever for one that says nothing."""
    try:
        with ThreadPoolExecutor(1) as thread:  # this one may have a loop of its own, as in a notebook
            thread.submit(asyncio.run, _connect(address)).result()
    except Exception as error:  # Dask's transports raise a dozen kinds at addresses they cannot use
        raise EngineError(
            f"no Dask scheduler answers at {address} ({' '.join(str(error).split())[:160] or 'silence'}): "
            "start one with `dask scheduler`, and name its address with --address tcp://HOST:8786"
        ) from error


async def _connect(address: str) -> None:
    arguments = Security().get_connection_args("client")
    comm = await asyncio.wait_for(connect(address, timeout=_CONNECT_S, **arguments), 2 * _CONNECT_S)
    await comm.close()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Dask's own logs out of ours: what matters of them becomes an error here."""
    loggers = [logging.getLogger(name) for name in [*logging.root.manager.loggerDict]]
    before = {logger: logger.level for logger in loggers if logger.name.partition(".")[0] == "distributed"}
    for logger in before:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in before.items():
            logger.setLevel(level)


@contextmanager
def _local(workers: int) -> Iterator[LocalCluster]:
    environment = {**ONE_THREAD, "DASK_LOGGING__DISTRIBUTED": "critical"}
    with dask.config.set({"distributed.nanny.pre-spawn-environ": environment}):
        with deaf_to_ctrl_c():
            cluster = LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                dashboard_address="127.0.0.1:0",
                memory_limit=0,  # as on the local engine: Dask would end a worker at its share of the memory
            )
        with cluster:
            yield cluster
