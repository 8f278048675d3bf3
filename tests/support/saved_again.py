"""Pictures, and how they look when somebody has saved them again."""

from __future__ import annotations

import io
from collections.abc import Callable

import cv2
import numpy as np
from PIL import Image

from facedata.types import UInt8Image
from tests.support.shared_data import SHARED


def painted_picture(seed: int, size_px: int = 240, dark: int = 20) -> UInt8Image:
    """Return an RGB picture with shapes of every size, other ones for each seed."""
    draws = np.random.default_rng(seed)
    picture = np.zeros((size_px, size_px, 3), np.float64)
    for cells in (3, 6, 12, 24, 48):
        grid = draws.normal(0, 1, (cells, cells, 3)).astype(np.float32)
        shapes = np.asarray(cv2.resize(grid, (size_px, size_px), interpolation=cv2.INTER_CUBIC), np.float64)
        picture += shapes / cells**0.5
    picture = (picture - picture.min()) / (picture.max() - picture.min())
    return np.asarray(dark + picture * (230 - dark), np.uint8)


def lfw_crop(name: str, size_px: int = 112) -> UInt8Image:
    """Return the middle of a photo of LFW, such as ``Ana_Guevara_0003``, which its face fills."""
    path = SHARED / "data/lfw/lfw-deepfunneled" / name.rsplit("_", 1)[0] / f"{name}.jpg"
    with Image.open(path) as photo:
        middle = np.asarray(photo.convert("RGB"))[60:190, 60:190]
    return np.asarray(cv2.resize(middle, (size_px, size_px), interpolation=cv2.INTER_AREA), np.uint8)


def lfw_names(count: int) -> list[str]:
    """Return photos of LFW, each of another person, from all over the alphabet."""
    people = sorted(one for one in (SHARED / "data/lfw/lfw-deepfunneled").iterdir() if one.is_dir())
    return [min(one.glob("*.jpg")).stem for one in people[:: len(people) // count][:count]]


def as_jpeg(picture: UInt8Image, quality: int) -> UInt8Image:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    with Image.open(file) as saved:
        return np.asarray(saved)


def halve(picture: UInt8Image) -> UInt8Image:
    return np.asarray(cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)


def cut(picture: UInt8Image, share: float = 0.05) -> UInt8Image:
    """Return a picture without a share of its height and width, on each side."""
    height, width = (round(side * share) for side in picture.shape[:2])
    return np.ascontiguousarray(picture[height:-height, width:-width])


def brighten(picture: UInt8Image, factor: float) -> UInt8Image:
    return np.clip(picture.astype(np.float64) * factor, 0, 255).astype(np.uint8)


def mirror(picture: UInt8Image) -> UInt8Image:
    return np.ascontiguousarray(picture[:, ::-1])


def find_beside(picture: UInt8Image, turn_deg: float, scale: float, shift: float) -> UInt8Image:
    """Return a picture as a detector cuts it that sees the face a little elsewhere; black beyond the edge."""
    side = len(picture)
    place = cv2.getRotationMatrix2D(((side - 1) / 2,) * 2, turn_deg, scale)
    place = place + np.array([[0, 0, shift * side]] * 2)
    return np.asarray(cv2.warpAffine(picture, place, (side, side), flags=cv2.INTER_LINEAR), np.uint8)


SAVES: dict[str, Callable[[UInt8Image], UInt8Image]] = {
    "half the size": halve,
    "JPEG 50": lambda picture: as_jpeg(picture, 50),
    "cropped": cut,
    "brighter": lambda picture: as_jpeg(brighten(picture, 1.2), 95),
    "darker": lambda picture: as_jpeg(brighten(picture, 0.8), 95),
    "found beside": lambda picture: as_jpeg(find_beside(picture, 3.0, 1.04, 0.02), 95),
    "mirrored": lambda picture: as_jpeg(mirror(picture), 95),
    "all at once": lambda picture: as_jpeg(mirror(brighten(halve(cut(picture, 0.03)), 0.8)), 50),
}
"""Ways in which a picture is saved again."""

MIRRORED = ("mirrored", "all at once")
