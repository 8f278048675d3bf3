"""How many threads a process may start."""

from __future__ import annotations

import os

from facedata.processes import cores


def own_cores() -> int:
    """Return this process's share of the cores, which `torchrun` divides among the processes of a machine."""
    return max(1, cores() // max(1, int(os.environ.get("LOCAL_WORLD_SIZE", "1"))))
