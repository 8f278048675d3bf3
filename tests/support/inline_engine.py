"""An engine without processes, for tests that are about what happens before and after detection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from unittest.mock import patch

from facedata.work.engine import LocalEngine
from facedata.work.task import ShardTask, run_shard

STATEMENT = "from tests.support.inline_engine import inline; inline().__enter__()\n"
"""The same, for a program that a test starts."""


@contextmanager
def inline() -> Iterator[None]:
    """Run the local engine's shards in this process, which saves the seconds that workers take to start."""

    def here(self: LocalEngine, tasks: Iterable[ShardTask]) -> Iterator[list[str]]:
        return (run_shard(task)[1] for task in tasks)

    with patch.object(LocalEngine, "run", here):
        yield
