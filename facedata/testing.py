"""For tests: painted folders, and detectors that need no network and can be made to fail.

A *marked* image carries its faces in its own first pixels, losslessly: :func:`marked_image` writes them,
:class:`FakeDetector` reads them back. Save such images as PNG; a lossy format, an alpha channel or a resized
copy breaks the mark, and an image without a complete mark has no faces. Importing this module does not import
torch.
"""

from __future__ import annotations

import os
import signal
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image

from .painted import NAMES, paint
from .types import Face, Float32Array, UInt8Image

_HEAD = struct.Struct("<8sII")  # magic, behaviour, number of faces
_FACE = struct.Struct("<6f")  # x0 y0 x1 y1 tilt_deg score
_SUM = struct.Struct("<I")  # CRC-32 of everything before it
_MAGIC = b"facemark"

BEHAVIOURS = ("plain", "crash", "nonsense")
"""What the detectors below do with an image; the last two affect only the detector of that name."""


class MarkedFace(NamedTuple):
    """A face to mark; a plain tuple of the same values works too.

    Attributes:
        box: x0 y0 x1 y1 in pixels.
        tilt_deg: positive when the image-right eye is lower.
        score: 0 … 1.
    """

    box: tuple[float, float, float, float]
    tilt_deg: float = 0.0
    score: float = 0.99


def marked_image(
    width: int,
    height: int,
    faces: Sequence[tuple[tuple[float, float, float, float], float, float]] = (),
    seed: int = 0,
    behaviour: str = "plain",
) -> UInt8Image:
    """Return an image that carries its faces for :class:`FakeDetector` in its first pixels.

    Args:
        width: in pixels.
        height: in pixels.
        faces: box, tilt in degrees and score of each.
        seed: of the background's colours; images of different seeds differ.
        behaviour: one of :data:`BEHAVIOURS`.

    Raises:
        ValueError: the behaviour is unknown, or the image is too small to carry the mark.

    >>> image = marked_image(64, 48, [MarkedFace((10, 5, 40, 45), tilt_deg=12.0)])
    >>> [[face]] = FakeDetector().detect([image])
    >>> face.box.tolist(), round(face.tilt_deg, 3)
    ([10.0, 5.0, 40.0, 45.0], 12.0)
    """
    if behaviour not in BEHAVIOURS:
        raise ValueError(f"behaviour is {behaviour!r}; it is one of {', '.join(BEHAVIOURS)}")
    mark = _HEAD.pack(_MAGIC, BEHAVIOURS.index(behaviour), len(faces))
    mark += b"".join(_FACE.pack(*box, tilt_deg, score) for box, tilt_deg, score in faces)
    mark += _SUM.pack(zlib.crc32(mark))
    if len(mark) > 3 * width * height:
        raise ValueError(f"{width}x{height} pixels are too few to mark {len(faces)} faces")
    blotches = np.random.default_rng(seed).integers(60, 230, (6, 6, 3), dtype=np.uint8)
    image = np.asarray(cv2.resize(blotches, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
    image.reshape(-1)[: len(mark)] = np.frombuffer(mark, np.uint8)
    return image


def landmarks_in(box: Sequence[float], tilt_deg: float) -> Float32Array:
    """Return five points, ``(5, 2)``, of a face in a box, turned about its eyes' midpoint.

    >>> landmarks_in((0, 0, 100, 100), 0.0)[:2].tolist()
    [[30.0, 40.0], [70.0, 40.0]]
    """
    x0, y0, x1, y1 = box
    upright = np.array([(-0.2, 0), (0.2, 0), (0, 0.2), (-0.15, 0.4), (0.15, 0.4)]) * (x1 - x0, y1 - y0)
    cos, sin = np.cos(np.radians(tilt_deg)), np.sin(np.radians(tilt_deg))
    middle = np.array([x0 + 0.5 * (x1 - x0), y0 + 0.4 * (y1 - y0)])
    turned: Float32Array = (upright @ np.array([[cos, sin], [-sin, cos]]) + middle).astype(np.float32)
    return turned


class FakeDetector:
    """A :class:`~facedata.detect.base.Detector` that reads marks; ignores an image's behaviour."""

    name: str = "fake"

    def detect(self, images: Sequence[UInt8Image], rules: object = None) -> list[list[Face]]:
        """Return the marked faces of each image; none where the mark is missing or broken."""
        return [self._answer(*_read_mark(image)) for image in images]

    def _answer(self, behaviour: str, faces: list[Face]) -> list[Face]:
        return faces


class CrashingDetector(FakeDetector):
    """Kills its own process with SIGKILL at an image whose behaviour is ``crash``."""

    name: str = "crashing"

    def _answer(self, behaviour: str, faces: list[Face]) -> list[Face]:
        if behaviour == "crash":
            os.kill(os.getpid(), signal.SIGKILL)
        return faces


class NonsenseDetector(FakeDetector):
    """Returns NaN boxes for an image whose behaviour is ``nonsense``."""

    name: str = "nonsense"

    def _answer(self, behaviour: str, faces: list[Face]) -> list[Face]:
        if behaviour != "nonsense":
            return faces
        return [Face(np.full(4, np.nan, np.float32), face.score, face.landmarks) for face in faces]


def _read_mark(image: UInt8Image) -> tuple[str, list[Face]]:
    pixels = image.reshape(-1)
    head = pixels[: _HEAD.size].tobytes()
    if len(head) < _HEAD.size or not head.startswith(_MAGIC):
        return "plain", []
    _, behaviour, count = _HEAD.unpack(head)
    end = _HEAD.size + count * _FACE.size
    mark, checksum = pixels[:end].tobytes(), pixels[end : end + _SUM.size].tobytes()
    if checksum != _SUM.pack(zlib.crc32(mark)):
        return "plain", []
    faces = []
    for *box, tilt_deg, score in _FACE.iter_unpack(mark[_HEAD.size :]):
        edges = np.array(box, np.float32)
        faces.append(Face(edges, score, landmarks_in(edges.tolist(), tilt_deg)))
    return BEHAVIOURS[behaviour], faces


def marked_folder(folder: Path, people: int, photos: int, seed: int = 0) -> None:
    """Write ``<folder>/person-00/00.png`` …: marked images of one face each, all different.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     marked_folder(Path(name), people=2, photos=3)
    ...     len(list(Path(name).glob("person-*/*.png")))
    6
    """
    for person in range(people):
        home = folder / f"person-{person:02d}"
        home.mkdir(parents=True, exist_ok=True)
        for photo in range(photos):
            number = (seed * people + person) * photos + photo
            rng = np.random.default_rng([seed, person, photo])
            x0, y0, side = rng.uniform((10, 10, 40), (40, 30, 60))
            face = MarkedFace((x0, y0, x0 + side, y0 + 1.2 * side), rng.uniform(-30, 30))
            Image.fromarray(marked_image(120, 110, [face], number)).save(home / f"{photo:02d}.png")


def painted_folder(folder: Path, people: int = 4, photos: int = 3, seed: int = 0) -> None:
    """Write ``<folder>/Amara/01.jpg`` …: painted portraits of one face each, which a real detector finds.

    Args:
        folder: created if missing.
        people: at most 12.
        photos: of each.
        seed: of everything that is random.

    Raises:
        ValueError: more people than there are names.
    """
    if people > len(NAMES):
        raise ValueError(f"{people} people were asked for; there are names for {len(NAMES)}")
    for person, name in enumerate(NAMES[:people]):
        home = folder / name
        home.mkdir(parents=True, exist_ok=True)
        for photo in range(photos):
            picture = Image.fromarray(paint(person, photo, seed).image)
            picture.save(home / f"{photo + 1:02d}.jpg", quality=92)
