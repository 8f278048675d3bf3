"""How many threads a process may take."""

from __future__ import annotations

import os

from facedata.work.processes import cores


def own_cores() -> int:
    """Return how many cores are this process's: those that `torchrun` starts on one machine share them."""
    return max(1, cores() // max(1, int(os.environ.get("LOCAL_WORLD_SIZE", "1"))))
