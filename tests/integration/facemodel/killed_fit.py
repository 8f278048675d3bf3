"""A run that kills itself with SIGKILL: after a step, or while a checkpoint is being written.

python -m tests.integration.facemodel.killed_fit SET OUT OPTIONS KILL, where KILL is `step N` (of the whole
run), `rename N` (the N-th file that this process is about to rename) or `never`.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import warnings
from pathlib import Path

from facemodel import fit
from facemodel.training.state import Progress


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main(set_path: str, out: str, options: str, kill: str) -> None:
    what, _, number = kill.partition(" ")
    if what == "rename":
        die_at_rename(int(number))

    def on_progress(progress: Progress) -> None:
        if what == "step" and (progress.epoch - 1) * progress.steps + progress.step == int(number):
            die()

    warnings.simplefilter("error")
    fit(set_path, out, on_progress=on_progress, **json.loads(options))


def die_at_rename(number: int) -> None:
    whole, seen = Path.replace, 0

    def replace(self: Path, target: str) -> Path:
        nonlocal seen
        seen += 1
        if seen == number:
            die()
        return whole(self, target)

    Path.replace = replace  # type: ignore[method-assign,assignment]


if __name__ == "__main__":
    main(*sys.argv[1:])
