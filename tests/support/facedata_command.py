"""``facedata`` as it is typed: in this process, or in one of its own. FakeDetector detects."""

from __future__ import annotations

import os
import subprocess
import sys
from unittest.mock import patch

from facedata.cli import main
from facedata.config import DETECTORS
from facedata.testing import FakeDetector
from tests.support.command_line import Finished, run_here
from tests.support.inline_engine import inline
from tests.support.processes import ROOT, finish

SMALL = ("--size", "64", "--splits", "train=0.5,test=0.5", "--workers", "1")
"""Options of quick runs whose splits both have pairs."""

_FAKE = "from facedata.testing import FakeDetector as factory"
_PROGRAM = """
from facedata.cli import main
from facedata.config import DETECTORS
{detector}
DETECTORS["mtcnn"] = lambda least_px, device: factory
raise SystemExit(main())
"""
_REAL_PROGRAM = "from facedata.cli import main; raise SystemExit(main())"


def start(
    *arguments: object,
    detector: str | None = _FAKE,
    before: str = "",
    stderr: int = subprocess.PIPE,
) -> subprocess.Popen[str]:
    """Start ``facedata`` as the head of its own process group.

    ``detector`` is a statement that makes ``factory``; None leaves the real one. ``before`` runs first.
    """
    program = _REAL_PROGRAM if detector is None else _PROGRAM.format(detector=detector)
    return subprocess.Popen(
        [sys.executable, "-c", before + "\n" + program, *map(_argument, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        errors="backslashreplace",
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        start_new_session=True,
    )


def _argument(value: object) -> str | bytes:
    return value if isinstance(value, (str, bytes)) else os.fspath(value)  # type: ignore[call-overload]


def run(*arguments: object, detector: str | None = _FAKE, before: str = "") -> Finished:
    """Run ``facedata`` to its end; see :func:`start`."""
    return finish(start(*arguments, detector=detector, before=before))


def here(*arguments: object) -> Finished:
    """Run ``facedata`` in this process, its shards too."""
    with patch.dict(DETECTORS, mtcnn=lambda least_px, device: FakeDetector), inline():
        return run_here(main, "facedata", arguments)


def done(*arguments: object) -> Finished:
    """Run a command that must succeed, in this process."""
    finished = here(*arguments)
    assert finished.status == 0, finished.stderr
    return finished
