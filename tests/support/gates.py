"""Detectors that stop within a batch until a test lets them go on."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from facedata.testing import FakeDetector
from facedata.types import Face, UInt8Image
from tests.support.processes import finish, wait_for


@dataclass(frozen=True)
class Gate:
    """Makes detectors that stop before their ``passes``-th batch until the file ``open`` is there.

    The file ``reached`` says that one has come so far. The same gate makes one detector per worker.
    """

    folder: Path
    passes: int = 0

    def __call__(self) -> GatedDetector:
        return GatedDetector(self)

    @property
    def statement(self) -> str:
        """What ``facedata_command.start`` takes as its detector."""
        return (
            "from pathlib import Path; from tests.support.gates import Gate; "
            f"factory = Gate(Path({str(self.folder)!r}), {self.passes})"
        )

    def wait_until_reached(self, process: subprocess.Popen[str]) -> None:
        """Return once a worker stands at the gate."""
        wait_for(lambda: (self.folder / "reached").exists() or process.poll() is not None)
        assert process.poll() is None, finish(process)

    def open(self) -> None:
        """Let the workers go on."""
        (self.folder / "open").touch()


class GatedDetector(FakeDetector):
    """Waits at its gate, within a batch."""

    def __init__(self, gate: Gate) -> None:
        self._gate, self._calls = gate, 0

    def detect(self, images: Sequence[UInt8Image], rules: object = None) -> list[list[Face]]:
        if self._calls == self._gate.passes:
            (self._gate.folder / "reached").touch()
            wait_for((self._gate.folder / "open").exists)
        self._calls += 1
        return super().detect(images)
