"""Runs of ``prepare`` in a process of their own, slow enough to be killed in the middle."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from facedata.detect.base import Detector
from facedata.testing import FakeDetector
from facedata.types import Face
from tests.support.processes import ROOT

_PROGRAM = """
import sys
from pathlib import Path
from facedata import prepare
from tests.support.slow_runs import SlowFactory
if __name__ == "__main__":
    prepare(Path(sys.argv[1]), Path(sys.argv[2]), detector=SlowFactory(float(sys.argv[3])), workers=2)
"""


@dataclass(frozen=True)
class SlowFactory:
    """A detector that takes its time, so that a run can be killed in the middle."""

    seconds_per_photo: float

    def __call__(self) -> Detector:
        """Make the detector."""
        return SlowDetector(self.seconds_per_photo)


class SlowDetector(FakeDetector):
    """Sleeps before it looks."""

    def __init__(self, seconds_per_photo: float) -> None:
        self.seconds_per_photo = seconds_per_photo

    def detect(self, images: Any, rules: Any = None) -> list[list[Face]]:
        """Sleep, then detect."""
        time.sleep(self.seconds_per_photo * len(images))
        return super().detect(images)


def start_slowly(photos: Path, out: Path, seconds_per_photo: float = 0.01) -> subprocess.Popen[bytes]:
    """Start a run of two workers."""
    command = [sys.executable, "-c", _PROGRAM, str(photos), str(out), str(seconds_per_photo)]
    return subprocess.Popen(command, cwd=ROOT)


def wait_for_parts(out: Path, count: int, process: subprocess.Popen[bytes]) -> None:
    """Return once a run has written so many parts."""
    deadline = time.monotonic() + 60
    while len(list((out / ".work" / "parts").glob("*.arrow"))) < count:
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.01)


def rows_in_parts(out: Path) -> int:
    """Return how many photos a run that was stopped has done."""
    parts = (out / ".work" / "parts").glob("*.arrow")
    return sum(pa.ipc.open_file(pa.py_buffer(part.read_bytes())).read_all().num_rows for part in parts)
