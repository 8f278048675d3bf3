"""Photos that FakeDetector understands, written one by one, and ``prepare`` with it."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import cv2

from facedata import PreparedSet, prepare
from facedata.detect.base import Detector
from facedata.testing import FakeDetector, MarkedFace, marked_image
from tests.support.inline_engine import inline

FACE = MarkedFace((30, 20, 90, 100), 7.0, 0.99)


def write_marked(
    file: Path, *, seed: int = 0, behaviour: str = "plain", faces: tuple[MarkedFace, ...] = (FACE,)
) -> None:
    """Write one marked photo as PNG."""
    file.parent.mkdir(parents=True, exist_ok=True)
    image = marked_image(120, 120, faces, seed=seed, behaviour=behaviour)
    done, data = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    assert done
    file.write_bytes(data.tobytes())


def prepare_marked(
    source: Path, out: Path, detector: Any = FakeDetector, workers: int = 0, **options: Any
) -> PreparedSet:
    """Prepare marked photos, in this process unless workers are asked for."""
    with nullcontext() if workers else inline():
        return prepare(source, out, detector=detector, workers=workers or 1, **options)


class CannotRun:
    """Stands where no detector may be needed."""

    def __call__(self) -> Detector:
        """Refuse."""
        raise AssertionError("no photo should have been detected")
