"""Runs shards on the engine that the options name, and reports progress."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..config import CropConfig, PrepareConfig
from ..progress.folder import library_versions
from ..sets.log import RunLog
from ..types import Status
from .cluster.open import open_engine
from .engine import run_all
from .task import ShardTask


@dataclass(frozen=True)
class Progress:
    """Progress of a run, in records; those done by earlier runs are not counted."""

    total: int
    kept: int
    rejected: int


OnProgress = Callable[[Progress], None]

OnStep = Callable[[str], None]
"""Called with what a run does now, such as ``listing photos``."""


def run_shards(
    tasks: Sequence[ShardTask],
    total: int,
    config: PrepareConfig | CropConfig,
    log: RunLog,
    on_progress: OnProgress | None,
) -> None:
    """Run every task that has no part yet.

    Args:
        tasks: the run's tasks.
        total: how many records there are to do.
        config: its engine, address, workers and device.
        log: the run's log; the cluster's address is written to it.
        on_progress: called at the start, and after each shard.

    Raises:
        EngineError: workers keep dying, or a cluster cannot be reached or used.
        StoreError: the output cannot be written.
    """
    done: Counter[str] = Counter()

    def count(statuses: list[str]) -> None:
        done.update(statuses)
        if on_progress is not None:
            kept = done[Status.KEPT.value]
            on_progress(Progress(total, kept, done.total() - kept))

    count([])
    with open_engine(config, library_versions()) as engine:
        if config.engine != "local":
            log.write("cluster", address=config.address, workers=engine.workers)
        run_all(tasks, engine, count)
