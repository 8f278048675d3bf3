"""How far a run is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..types import Status


@dataclass(frozen=True)
class Progress:
    """How far a run is, in records: those of earlier runs do not count."""

    total: int
    kept: int
    rejected: int


class Counter:
    """Adds up shards for the progress bar.

    Args:
        total: how many records there are to do.
        on_progress: called at once, and after each shard.
    """

    def __init__(self, total: int, on_progress: Callable[[Progress], None] | None) -> None:
        self.total, self.kept, self.rejected, self.report = total, 0, 0, on_progress
        self.add([])

    def add(self, statuses: list[str]) -> None:
        """Count one shard's rows."""
        kept = statuses.count(Status.KEPT.value)
        self.kept, self.rejected = self.kept + kept, self.rejected + len(statuses) - kept
        if self.report is not None:
            self.report(Progress(self.total, self.kept, self.rejected))
