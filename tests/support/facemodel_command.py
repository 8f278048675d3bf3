"""``facemodel`` as it is typed, in this process."""

from __future__ import annotations

from facemodel.cli import main
from tests.support.command_line import Finished, run_here


def here(*arguments: object) -> Finished:
    """Run ``facemodel`` in this process."""
    return run_here(main, "facemodel", arguments)


def done(*arguments: object) -> Finished:
    """Run a command that must succeed."""
    finished = here(*arguments)
    assert finished.status == 0, finished.stderr
    return finished
