"""Waiting for a process that a test started, and for what it does."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.support.command_line import Finished

ROOT = Path(__file__).parents[2]
"""The project's folder, from which processes import both packages and the tests."""

_TIMEOUT_S = 120


def finish(process: subprocess.Popen[str]) -> Finished:
    """Wait for a process."""
    with process:
        try:
            stdout, stderr = process.communicate(timeout=_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return Finished(process.returncode, stdout, stderr or "")


def wait_for(condition: Callable[[], bool]) -> None:
    """Return once a condition holds; TimeoutError when it never does."""
    end = time.monotonic() + _TIMEOUT_S
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"nothing happened within {_TIMEOUT_S} s")
        time.sleep(0.01)
