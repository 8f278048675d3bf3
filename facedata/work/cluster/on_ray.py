"""Ray: a running cluster at an address, or an instance on this machine for the length of the run."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ...errors import EngineError, MissingExtraError
from ..processes import cores

try:
    import ray
    from ray.exceptions import (
        NodeDiedError,
        ObjectLostError,
        OutOfMemoryError,
        RayActorError,
        RayError,
        RayTaskError,
        WorkerCrashedError,
    )
    from ray.util.joblib.ray_backend import RayBackend
    from ray.util.multiprocessing import Pool
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
except ImportError as error:
    raise MissingExtraError(
        f"--engine ray needs a package that is not installed ({error}): pip install 'facedata[ray]'"
    ) from error

_CONNECT_S = 5
_ANSWER_S = 60
_START_S = 60
_DEATHS = (RayActorError, WorkerCrashedError, NodeDiedError, ObjectLostError, OutOfMemoryError)


class RayCluster:
    """What this process is connected to; see :class:`facedata.work.cluster.base.Cluster`."""

    failures: tuple[type[BaseException], ...] = (RayError,)

    def __init__(self, title: str, most: int | None, device: str) -> None:
        self.title, self._most, self._device = title, most, device

    def names(self) -> set[str]:
        """Return the nodes' names."""
        return set(self._nodes())

    def workers(self) -> int:
        """Return how many CPUs there are, or GPUs when the detectors run there; those asked for at most."""
        there = int(ray.cluster_resources().get("GPU" if self._device == "cuda" else "CPU", 0))
        return there if self._most is None else min(there, self._most)

    def backend(self) -> Any:
        """Return joblib's backend for Ray, with one CPU, and perhaps one GPU, for each worker."""
        needs = {"num_cpus": 1, "num_gpus": int(self._device == "cuda"), "scheduling_strategy": "SPREAD"}
        return _Backend(ray_remote_args=needs)

    def deaths(self, error: BaseException) -> int:
        """Return 1 for the death of an actor, its process or its node."""
        return int(isinstance(error, _DEATHS))

    def ask(self, function: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
        """Call a function in a process of each node."""
        remote = ray.remote(num_cpus=0, max_retries=0)(function)
        asked = {
            name: remote.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False)).remote(
                *arguments
            )
            for name, node in self._nodes().items()
        }
        return {name: _answer(reference) for name, reference in asked.items()}

    def hosts(self) -> dict[str, str]:
        """Return each node's host name."""
        return {_name(node): str(node["NodeManagerHostname"]) for node in ray.nodes() if node["Alive"]}

    def _nodes(self) -> dict[str, str]:
        nodes = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
        return {_name(node): node["NodeID"] for node in nodes}


def _name(node: dict[str, Any]) -> str:
    return f"{node['NodeManagerAddress']}:{node['NodeManagerPort']}"


def _answer(reference: Any) -> Any:
    try:
        return ray.get(reference, timeout=_ANSWER_S)
    except RayTaskError as error:
        return error.cause if isinstance(error.cause, Exception) else error
    except RayError as error:
        return error


class _Backend(RayBackend):  # type: ignore[misc]  # mypy is told not to look into Ray
    """Ray's backend for joblib, which here gives results as they come, and never runs in this process."""

    supports_return_generator = True

    def configure(self, n_jobs: int = 1, parallel: Any = None, **_: Any) -> int:
        """Start the pool of workers; return how many were asked for."""
        self.parallel = parallel
        self._pool = _Pool(n_jobs, ray_remote_args=self.ray_remote_args)
        return n_jobs

    def effective_n_jobs(self, n_jobs: int) -> int:
        """Return how many shards run at once, two at least."""
        return max(2, n_jobs)  # at 1, joblib would run everything in this process


class _Pool(Pool):  # type: ignore[misc]
    """Ray's pool, but it goes without workers that cannot be started, say on a node that went away."""

    def _start_actor_pool(self, processes: int) -> None:
        entries = [self._new_actor_entry() for _ in range(processes)]
        pings = [actor.ping.remote() for actor, _ in entries]
        ready, _ = ray.wait(pings, num_returns=len(pings), timeout=_START_S)
        self._actor_pool = [entry for entry, ping in zip(entries, pings, strict=True) if ping in ready]
        for (actor, _), ping in zip(entries, pings, strict=True):
            if ping not in ready:
                ray.kill(actor)
        if not self._actor_pool:
            raise EngineError(f"no worker of the Ray cluster could be started within {_START_S} s")


@contextmanager
def open_ray(address: str | None, workers: int | None, device: str) -> Iterator[RayCluster]:
    """Connect to a cluster, or start an instance here; ends only what it started.

    An instance that this process is already connected to is used when no address is given.

    Raises:
        EngineError: nobody answers at the address.
    """
    if address is None and ray.is_initialized():
        yield RayCluster("the Ray cluster of this process", workers, device)
        return
    if address is None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nobody was asked whether Ray may phone home
        where: dict[str, Any] = {
            "address": "local",
            "num_cpus": workers or cores(),
            "include_dashboard": False,
        }
        title = "the Ray cluster on this machine"
    else:
        _knock(address)
        where, title = {"address": address}, f"the Ray cluster at {address}"
    try:
        ray.init(**where, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, RuntimeError, ValueError) as error:
        said = " ".join(str(error).split())[:200]
        raise EngineError(f"cannot connect to {title} ({said})") from error
    try:
        yield RayCluster(title, workers, device)
    finally:
        ray.shutdown()


_HTTP2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
"""How a gRPC client opens a connection: the preface of HTTP/2, and a frame of no settings."""


def _knock(address: str) -> None:
    """Refuse an address where nobody speaks gRPC, as Ray does; Ray itself would wait there for minutes."""
    if address == "auto" or os.environ.get("RAY_USE_TLS") == "1":
        return
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_S) as connection:
            connection.sendall(_HTTP2)
            if connection.recv(4, socket.MSG_WAITALL)[3:] != b"\4":  # the first frame: settings
                raise OSError("what listens there is not Ray")
    except (OSError, ValueError, OverflowError) as error:
        raise EngineError(
            f"no Ray cluster answers at {address} ({error}): start one with `ray start --head`, and name its "
            "address with --address HOST:6379"
        ) from error
