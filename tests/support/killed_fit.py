"""Runs that kill themselves with SIGKILL: after a step, or while a checkpoint is being written.

python -m tests.support.killed_fit SET OUT '[[OPTIONS, KILL], …]', where KILL is `step N` (of the whole run),
`rename N` (the N-th file that this run is about to rename) or `never`. Each run is a process of its own,
forked from one that has imported torch; prints how they ended, and whether they said that they were done.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import warnings
from pathlib import Path
from typing import Any

import timm  # noqa: F401  imported once, for all runs

from facemodel import fit
from facemodel.training.state import Progress


def main(faces: str, out: str, runs: str) -> None:
    ended = []
    for options, kill in json.loads(runs):
        child = os.fork()
        if not child:
            run(faces, out, options, kill)
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        ended.append((status, (Path(out) / "state" / "done.json").exists()))
    print(json.dumps(ended))


def run(faces: str, out: str, options: dict[str, Any], kill: str) -> None:
    what, _, number = kill.partition(" ")
    if what == "rename":
        die_at_rename(int(number))

    def on_progress(progress: Progress) -> None:
        if what == "step" and (progress.epoch - 1) * progress.steps + progress.step == int(number):
            die()

    warnings.simplefilter("error")
    fit(faces, out, on_progress=on_progress, **options)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


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
