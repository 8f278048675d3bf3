"""Runs shards on a cluster: workers make rows and the bytes of crops, this process writes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from ...errors import EngineError
from ..engine import ShardsLostError
from ..task import ShardTask, write_part
from .base import Cluster, one_line
from .check import check_workers

_IN_FLIGHT = 2
"""Shards per worker: the one it runs, and the next one. Results wait in this process's memory, about a
megabyte per shard."""


class ClusterEngine:
    """The engine on a cluster: only the workers need the photos, only this process needs the output folder.

    Args:
        cluster: the cluster.
        versions: of facedata and the libraries that the bytes depend on.
        most: how many shards may run at once; None for as many as there are workers.
    """

    def __init__(self, cluster: Cluster, versions: Mapping[str, str], most: int | None) -> None:
        self.cluster, self.versions, self._most = cluster, versions, most
        self._checked: set[str] | None = None

    @property
    def workers(self) -> int:
        """How many shards can run at once now."""
        return min(self.cluster.workers(), self._most or self.cluster.workers())

    def run(self, tasks: Iterable[ShardTask]) -> Iterator[list[str]]:
        """Run shards; see :class:`facedata.work.engine.Engine`.

        Raises:
            EngineError: the cluster cannot be reached, or a worker cannot do the work.
        """
        waiting, running = iter(tasks), dict[Any, ShardTask]()
        lost: list[str] = []
        deaths = 0
        try:
            while True:
                for task in islice(waiting, 0 if lost else max(0, self._room() - len(running))):
                    if self._checked is None or not self.cluster.names() <= self._checked:
                        self._checked = check_workers(self.cluster, self.versions, task)
                    running[self.cluster.submit(tuple(task.photos), task.stage)] = task
                if not running:
                    break
                for future in self.cluster.first_done(list(running)):
                    task = running.pop(future)
                    try:
                        rows = self.cluster.result(future)
                    except self.cluster.failures as error:
                        if not (deaths := self.cluster.deaths(error)):
                            raise
                        lost.append(task.name)  # finish what is running, then report it
                    else:
                        yield write_part(task, rows)
        except self.cluster.failures as error:
            raise EngineError(
                f"{self.cluster.title} failed ({one_line(error)}); run the same command again to continue"
            ) from error
        if lost:
            raise ShardsLostError(lost, deaths)

    def _room(self) -> int:
        """Return how many shards may be in flight now."""
        workers = max(1, self.cluster.workers())
        return self._most if self._most is not None and self._most < workers else _IN_FLIGHT * workers
