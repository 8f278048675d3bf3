"""Runs that kill themselves with SIGKILL, or are interrupted: after a step, or in the middle of something.

python -m tests.support.killed_fit SET OUT '[[OPTIONS, KILL], …]', where KILL is `step N` (of the whole run),
`rename N` (the N-th file that this run is about to rename) or `never`; or a signal that a user sends:
`interrupt N` or `terminate N` (after step N of the whole run), `embedding N` (Ctrl-C as this run embeds crops
for the N-th time) or `twice N` (Ctrl-C twice after step N). Each run is a process of its own, forked from one
that has imported torch; prints how they ended, and whether they said that they were done.
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
from facemodel.training.validate import SharedEmbedder

_SIGNALS = {
    "step": [signal.SIGKILL], "interrupt": [signal.SIGINT], "terminate": [signal.SIGTERM],
    "twice": [signal.SIGINT, signal.SIGINT],
}  # fmt: skip


def main(faces: str, out: str, runs: str) -> None:
    ended = []
    for options, kill in json.loads(runs):
        child = os.fork()
        if not child:
            signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever runs the tests may ignore it
            try:
                run(faces, out, options, kill)
            except KeyboardInterrupt as stop:
                print(stop, file=sys.stderr, flush=True)
                os._exit(130)
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        ended.append((status, (Path(out) / "state" / "done.json").exists()))
    print(json.dumps(ended))


def run(faces: str, out: str, options: dict[str, Any], kill: str) -> None:
    what, _, number = kill.partition(" ")
    if what == "rename":
        die_at_rename(int(number))

    if what == "embedding":
        interrupt_embedding(int(number))

    def on_progress(progress: Progress) -> None:
        if what in _SIGNALS and (progress.epoch - 1) * progress.steps + progress.step == int(number):
            for sent in _SIGNALS[what]:
                os.kill(os.getpid(), sent)

    warnings.simplefilter("error")
    fit(faces, out, on_progress=on_progress, **options)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def interrupt_embedding(number: int) -> None:
    whole, seen = SharedEmbedder.__call__, 0

    def embed(self: SharedEmbedder, reader: Any, rows: Any) -> Any:
        nonlocal seen
        seen += 1
        if seen == number:
            os.kill(os.getpid(), signal.SIGINT)
        return whole(self, reader, rows)

    SharedEmbedder.__call__ = embed  # type: ignore[method-assign]


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
