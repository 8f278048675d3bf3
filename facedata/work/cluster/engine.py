"""Runs shards on a cluster: workers make rows and crops' bytes, the conductor writes them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from typing import Any

from joblib import Parallel, delayed

from ...errors import EngineError
from ..engine import Engine, ShardsLostError
from ..task import ShardTask, write_part
from .base import Cluster, Job, run_job
from .check import refuse_unfit

logger = logging.getLogger(__name__)

_IN_FLIGHT = 2
"""Shards per worker: one in its hands, one on the way."""

_ROUND = 16
"""Shards per worker in one call of joblib. What workers have sent and the conductor has not written yet waits
in memory, about a megabyte a shard, and joblib asks nobody whether there is room."""


class ClusterEngine:
    """A cluster's workers; only this process needs the output folder, they need the photos.

    Args:
        cluster: where.
        versions: of facedata and the libraries the bytes depend on.
        fallback: where shards go that were in flight when workers died.
    """

    def __init__(self, cluster: Cluster, versions: Mapping[str, str], fallback: Engine | None) -> None:
        self.cluster, self.versions = cluster, versions
        self.fallback = fallback
        self._known: set[str] = set()

    @property
    def workers(self) -> int:
        """How many shards can run at once now."""
        return self.cluster.workers()

    def run(self, tasks: Iterable[ShardTask]) -> Iterator[list[str]]:
        """Run shards; see :class:`facedata.work.engine.Engine`.

        Raises:
            EngineError: the cluster is out of reach, or a worker cannot do the work.
        """
        waiting = iter(tasks)
        in_flight: dict[str, ShardTask] = {}
        try:
            for first in waiting:  # with nothing to do, no worker is asked
                self._check_new_workers(first)
                yield from self._run(chain([first], waiting), in_flight)
        except self.cluster.failures as error:
            if deaths := self.cluster.deaths(error):
                raise ShardsLostError(in_flight, deaths) from error
            raise EngineError(
                f"{self.cluster.title} failed ({_one_line(error)}); run the same command again to go on"
            ) from error

    def _run(self, tasks: Iterator[ShardTask], in_flight: dict[str, ShardTask]) -> Iterator[list[str]]:
        with self._parallel() as parallel:
            while shards := list(islice(tasks, _ROUND * max(1, self.workers))):
                self._check_new_workers(shards[0])
                parallel.pre_dispatch = _IN_FLIGHT * max(1, self.workers)
                for name, rows in parallel(_jobs(shards, in_flight)):
                    yield write_part(in_flight.pop(name), rows)

    def _parallel(self) -> Any:
        return Parallel(
            n_jobs=max(1, self.workers),
            backend=self.cluster.backend(),
            return_as="generator_unordered",
            batch_size=1,
        )

    def _check_new_workers(self, task: ShardTask) -> None:
        """Check the workers that joined, or started again, since the last time."""
        if not self.cluster.names() <= self._known:
            self._known |= refuse_unfit(self.cluster, self.versions, task)


def _jobs(shards: list[ShardTask], in_flight: dict[str, ShardTask]) -> Iterator[Any]:
    """Yield joblib's jobs, and note each one when it is asked for."""
    for task in shards:
        in_flight[task.name] = task
        yield delayed(run_job)(Job(task.name, tuple(task.photos), task.stage))


def _one_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]
