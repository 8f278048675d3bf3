"""Ray: a running cluster at an address, or an instance on this machine for the length of the run."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ...errors import EngineError, MissingExtraError
from ...processes import cores
from ...types import Photo
from ..stage import Stage
from .base import run_job

try:
    import ray
    from ray.exceptions import (
        NodeDiedError,
        ObjectLostError,
        OutOfMemoryError,
        RayError,
        RayTaskError,
        WorkerCrashedError,
    )
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
except ImportError as error:
    raise MissingExtraError.of("--engine ray", "ray", error) from error

_CONNECT_S = 5
_ANSWER_S = 60
_DEATHS = (WorkerCrashedError, NodeDiedError, ObjectLostError, OutOfMemoryError)


class RayCluster:
    """The cluster this process is connected to; see :class:`facedata.work.cluster.base.Cluster`."""

    failures: tuple[type[BaseException], ...] = (RayError,)

    def __init__(self, title: str, device: str) -> None:
        self.title = title
        self._unit = "GPU" if device == "cuda" else "CPU"
        needs = {"num_cpus": 1, "num_gpus": int(device == "cuda"), "scheduling_strategy": "SPREAD"}
        # max_calls=0: a process keeps its networks for the next shard; by default Ray ends those with a GPU
        self._run = ray.remote(max_retries=0, max_calls=0, **needs)(run_job)

    def names(self) -> set[str]:
        """Return the nodes' names."""
        return set(self._nodes())

    def workers(self) -> int:
        """Return the number of CPUs, or of GPUs if the detectors run on them."""
        return int(ray.cluster_resources().get(self._unit, 0))

    def submit(self, photos: Sequence[Photo], stage: Stage) -> Any:
        """Send a shard to a worker."""
        return self._run.remote(photos, stage)

    def first_done(self, futures: Sequence[Any]) -> Collection[Any]:
        """Wait for a shard."""
        return list(ray.wait(futures)[0])

    def result(self, future: Any) -> Any:
        """Return a shard's rows, or the result of a function on a worker."""
        try:
            return ray.get(future, timeout=_ANSWER_S)
        except RayTaskError as error:
            raise error.cause if isinstance(error.cause, Exception) else error from None

    def deaths(self, error: BaseException) -> int:
        """Return 1 for the death of a process or its node."""
        return int(isinstance(error, _DEATHS))

    def ask(self, function: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
        """Call a function in a process of each node."""
        remote = ray.remote(num_cpus=0, max_retries=0)(function)
        asked = {}
        for name, node in self._nodes().items():
            on_node = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            asked[name] = remote.options(scheduling_strategy=on_node).remote(*arguments)
        answers: dict[str, Any] = {}
        for name, future in asked.items():
            try:
                answers[name] = self.result(future)
            except Exception as error:  # noqa: BLE001  the check tells the kinds apart
                answers[name] = error
        return answers

    def hosts(self) -> dict[str, str]:
        """Return each node's host name."""
        return {name: str(node["NodeManagerHostname"]) for name, node in self._nodes().items()}

    def _nodes(self) -> dict[str, dict[str, Any]]:
        nodes = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
        return {f"{node['NodeManagerAddress']}:{node['NodeManagerPort']}": node for node in nodes}


@contextmanager
def open_ray(address: str | None, workers: int | None, device: str) -> Iterator[RayCluster]:
    """Connect to a cluster, or start an instance on this machine, which ends with the block.

    Without an address, an instance that this process is already connected to is used, and not ended.

    Raises:
        EngineError: no cluster answers at the address.
    """
    if address is None and ray.is_initialized():
        yield RayCluster("the Ray cluster of this process", device)
        return
    if address is None:
        os.environ.setdefault(
            "RAY_USAGE_STATS_ENABLED", "0"
        )  # the user has not agreed to send usage statistics
        title = "the Ray cluster on this machine"
        where = {"address": "local", "num_cpus": workers or cores(), "include_dashboard": False}
    else:
        _knock(address)
        title, where = f"the Ray cluster at {address}", {"address": address}
    try:
        ray.init(**where, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise EngineError(f"cannot connect to {title} ({reason})") from error
    try:
        yield RayCluster(title, device)
    finally:
        ray.shutdown()


_HTTP2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
"""How a gRPC client opens a connection: the preface of HTTP/2, and a frame of no settings."""


def _knock(address: str) -> None:
    """Refuse an address that does not speak gRPC, as Ray does; Ray itself would wait for minutes."""
    if address == "auto" or os.environ.get("RAY_USE_TLS") == "1":
        return
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_S) as connection:
            connection.sendall(_HTTP2)
            if connection.recv(4, socket.MSG_WAITALL)[3:] != b"\4":  # the first frame: settings
                raise OSError("another program listens there, not Ray")
    except (OSError, ValueError, OverflowError) as error:
        raise EngineError(
            f"no Ray cluster answers at {address} ({error}): start one with `ray start --head`, and name its "
            "address with --address HOST:6379"
        ) from error
