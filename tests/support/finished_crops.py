"""Folders of finished crops, as other programs align them, and a source that hands them out slowly."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from facedata import PrepareConfig, PreparedSet, prepare
from facedata.sources.base import PhotoReader, Scan
from facedata.sources.open import open_source
from facedata.types import UInt8Image
from tests.support.inline_engine import inline
from tests.support.processes import ROOT

SIDE = 48
OPTIONS: dict[str, Any] = {
    "as_crops": True, "template": "arcface112", "size": SIDE, "splits": "train=0.5,test=0.5",
}  # fmt: skip
"""Small crops of a template; the settings of all tests that do not say otherwise."""

_PROGRAM = """
import sys
from pathlib import Path
from facedata import prepare
from tests.support.finished_crops import OPTIONS, SlowCrops
if __name__ == "__main__":
    source, out, store = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    prepare(SlowCrops(source), out, workers=2, report=False, store=store, **OPTIONS)
"""


def crop_picture(seed: int, side: int = SIDE) -> UInt8Image:
    """Return a picture that looks like no other one: blotches of colour."""
    noise = np.random.default_rng(seed).normal(0, 200, (side, side, 3))
    return np.clip(cv2.GaussianBlur(noise, (0, 0), 1.2) + 128, 0, 255).astype(np.uint8)


def jpeg(seed: int, side: int = SIDE, quality: int = 80) -> bytes:
    """Return such a picture as another program would save it: not with the quality of our own crops."""
    done, data = cv2.imencode(".jpg", crop_picture(seed, side), [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done
    return data.tobytes()


def write_crops(folder: Path, people: Mapping[str, int], first: int = 0) -> Path:
    """Write so many crops of each person, a folder each; all of them differ."""
    seed = first
    for person, count in people.items():
        (folder / person).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            (folder / person / f"{number:03}.jpg").write_bytes(jpeg(seed))
            seed += 1
    return folder


def take_crops(source: Any, out: Path, workers: int = 0, **options: Any) -> PreparedSet:
    """Prepare finished crops, in this process unless workers are asked for; without a page."""
    values = {**OPTIONS, "report": False, **options}
    if workers:
        return prepare(source, out, workers=workers, **values)
    with inline():
        return prepare(source, out, workers=1, **values)


@dataclass(frozen=True)
class _SlowReader:
    reader: PhotoReader

    def __call__(self, photo: str) -> bytes:
        time.sleep(0.01)
        return self.reader(photo)


@dataclass(frozen=True)
class SlowCrops:
    """A folder whose files take their time, so that a run can be killed in the middle."""

    folder: Path
    kind: str = "folder"
    face: str = "largest"
    search: str = "photo"

    @property
    def root(self) -> str:
        """The folder."""
        return str(self.folder)

    def scan(self) -> Scan:
        """List the folder's files."""
        scan = open_source(self.folder, PrepareConfig()).scan()
        return replace(scan, reader=_SlowReader(scan.reader))


def start_taking(photos: Path, out: Path, store: str = "folders") -> subprocess.Popen[bytes]:
    """Start a run of two workers in a process of its own."""
    return subprocess.Popen([sys.executable, "-c", _PROGRAM, str(photos), str(out), store], cwd=ROOT)
