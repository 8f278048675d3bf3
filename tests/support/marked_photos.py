"""Photos that FakeDetector understands, written one by one, and ``prepare`` with it."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from facedata import PreparedSet, prepare
from facedata.detect.base import Detector
from facedata.painted import NAMES, paint
from facedata.testing import FakeDetector, MarkedFace, marked_image
from facedata.types import UInt8Image
from tests.support.inline_engine import inline

_MARK_BYTES = 44
"""Bytes of the mark of one face."""

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


def mark(image: UInt8Image, face: MarkedFace) -> None:
    """Write a face into an image's first pixels, for FakeDetector."""
    height, width, _ = image.shape
    pixels = marked_image(width, height, [face]).reshape(-1)[:_MARK_BYTES]
    image.reshape(-1)[:_MARK_BYTES] = pixels


def marked_portraits(folder: Path, people: int, photos: int) -> None:
    """Write ``<folder>/Amara/01.png`` …: painted portraits that carry their face for FakeDetector too.

    Each has a pattern of its own over it: two portraits of one painted person may look like one picture.
    """
    for person, name in enumerate(NAMES[:people]):
        (folder / name).mkdir(parents=True)
        for photo in range(photos):
            painted = paint(person, photo)
            pattern = np.random.default_rng([person, photo]).normal(0, 400, painted.image.shape[:2])
            image = painted.image + cv2.GaussianBlur(pattern, (0, 0), 4)[..., None]
            image = np.clip(image, 0, 255).astype(np.uint8)
            middle = painted.eyes[0].mean(axis=0)
            width = float(np.linalg.norm(painted.eyes[0, 1] - painted.eyes[0, 0])) / 0.4
            x0, y0 = middle[0] - width / 2, middle[1] - 0.48 * width
            mark(image, MarkedFace((x0, y0, x0 + width, y0 + 1.2 * width), painted.tilt_deg))
            file = folder / name / f"{photo + 1:02d}.png"
            assert cv2.imwrite(str(file), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))


class CannotRun:
    """Stands where no detector may be needed."""

    def __call__(self) -> Detector:
        """Refuse."""
        raise AssertionError("no photo should have been detected")
