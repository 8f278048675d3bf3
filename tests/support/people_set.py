"""A small set in which people can be told apart by what training teaches: for tests of training."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from facedata.config import SplitConfig
from facedata.sets.prepared import PreparedSet
from tests.support.small_set import SIZE_PX, make_set


def face(path: str, number: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Paint a person's pattern of grey (by name), in light of any colour and strength (by path)."""
    person = np.random.default_rng(zlib.crc32(path.split("/")[0].encode()))
    photo = np.random.default_rng(zlib.crc32(path.encode()))
    pattern = cv2.resize(person.random((4, 4)), (SIZE_PX, SIZE_PX), interpolation=cv2.INTER_CUBIC)
    light = photo.uniform(0.3, 1.0, 3) * 255
    noise = photo.normal(0, 12, (SIZE_PX, SIZE_PX, 3))
    return np.clip(pattern[..., None] * light + noise, 0, 255).astype(np.uint8)


def people_set(
    folder: Path, people: int = 10, photos: int = 6, reference: Sequence[str] = (), **split: Any
) -> PreparedSet:
    """Write a set of so many people with so many photos each, named p00 …"""
    config = SplitConfig(**{"splits": "train=0.8,test=0.2", **split})
    names = {f"p{number:02d}": photos for number in range(people)}
    return make_set(folder, names, reference=reference, split=config, picture=face)
