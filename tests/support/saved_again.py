"""Pictures, and how they look when somebody has saved them again."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from facedata.types import UInt8Image
from tests.support.shared_data import SHARED


def painted_picture(seed: int, size_px: int = 240, dark: int = 20) -> UInt8Image:
    """Return an RGB picture with shapes of every size, other ones for each seed."""
    draws = np.random.default_rng(seed)
    picture = np.zeros((size_px, size_px, 3), np.float64)
    for cells in (3, 6, 12, 24, 48):
        grid = draws.normal(0, 1, (cells, cells, 3)).astype(np.float32)
        picture += cv2.resize(grid, (size_px, size_px), interpolation=cv2.INTER_CUBIC) / cells**0.5
    picture = (picture - picture.min()) / (picture.max() - picture.min())
    return np.asarray(dark + picture * (230 - dark), np.uint8)


def lfw_crop(name: str, size_px: int = 112) -> UInt8Image:
    """Return the middle of a photo of LFW, as ``Ana_Guevara_0003``; its face fills most of it."""
    path = SHARED / "data/lfw/lfw-deepfunneled" / name.rsplit("_", 1)[0] / f"{name}.jpg"
    photo = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    return np.asarray(cv2.resize(photo[60:190, 60:190], (size_px, size_px), interpolation=cv2.INTER_AREA))


def lfw_names(count: int) -> list[str]:
    """Return photos of LFW, each of another person, from all over the alphabet."""
    people = sorted((SHARED / "data/lfw/lfw-deepfunneled").iterdir())
    return [f"{one.name}_0001" for one in people[:: len(people) // count][:count]]


def as_jpeg(picture: UInt8Image, quality: int) -> UInt8Image:
    data = cv2.imencode(
        ".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )[1]
    return np.asarray(cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB), np.uint8)


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
    place[:, 2] += shift * side
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
