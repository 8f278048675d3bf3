"""Detectors that leave the number of their process, so that a test can count and kill workers."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facedata.testing import FakeDetector
from facedata.types import Face


@dataclass(frozen=True)
class Footprints:
    """Makes detectors that leave their process's number in a folder, and take their time."""

    folder: Path
    seconds_per_photo: float = 0.0

    def __call__(self) -> FootprintDetector:
        return FootprintDetector(self)

    @property
    def statement(self) -> str:
        """What ``facedata_command.start`` takes as its detector."""
        return (
            "from pathlib import Path; from tests.support.footprints import Footprints; "
            f"factory = Footprints(Path({str(self.folder)!r}), {self.seconds_per_photo})"
        )

    def pids(self) -> list[int]:
        return [int(file.name) for file in self.folder.iterdir()]


class FootprintDetector(FakeDetector):
    """See :class:`Footprints`."""

    def __init__(self, prints: Footprints) -> None:
        self._prints = prints

    def detect(self, images: Sequence[Any], *more: Any, **named: Any) -> list[list[Face]]:
        (self._prints.folder / str(os.getpid())).touch()
        time.sleep(self._prints.seconds_per_photo * len(images))
        return super().detect(images, *more, **named)
