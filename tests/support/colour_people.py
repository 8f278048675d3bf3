"""Photos of people who are colours, which FakeDetector finds; see ``onnx_networks.colour_net``."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from unittest.mock import patch

import numpy as np
from PIL import Image

from facedata.config import DETECTORS
from facedata.testing import FakeDetector, MarkedFace, marked_image

COLOURS = {"anna": (200, 40, 40), "bert": (40, 200, 40), "zoë": (40, 40, 200)}


@contextlib.contextmanager
def fake_detection() -> Iterator[None]:
    """Let `mtcnn` mean the fake."""
    with patch.dict(DETECTORS, mtcnn=lambda least_px, device: FakeDetector):
        yield


def photo(file: Path, colours: Sequence[tuple[int, int, int]], seed: int = 0) -> Path:
    """Write a photo of faces side by side that FakeDetector finds; a person is a colour. None: no face."""
    faces = [
        MarkedFace((20 + 100 * i, 30 + 2 * seed % 10, 90 + 100 * i, 110 + 2 * seed % 10))
        for i in range(len(colours))
    ]
    image = marked_image(max(120, 100 * len(colours) + 20), 140, faces, seed)
    for i, colour in enumerate(colours):
        shade = np.random.default_rng([seed, i]).integers(-6, 7, 3)
        image[10:, 100 * i + 5 : 100 * i + 105] = np.clip(np.array(colour) + shade, 0, 255)
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(file, format="PNG")
    return file


def people(folder: Path, colours: Mapping[str, tuple[int, int, int]] = COLOURS, photos: int = 3) -> Path:
    """Write a folder per person."""
    for name, colour in colours.items():
        for number in range(photos):
            photo(folder / name / f"{number}.png", [colour], number)
    return folder
