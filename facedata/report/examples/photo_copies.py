"""Small copies of photos for the page: each says of which photo it is, so that a later report can keep it.

The photo's SHA-256 stands in a comment of the JPEG. Where a photo has moved away since, its copy is taken
from the earlier report, wherever the page has it: in a file beside it, or in the page itself.
"""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ...photos.picture import Picture
from ...types import Float64Array

LONGER_SIDE_PX = 320

_JPEG = (cv2.IMWRITE_JPEG_QUALITY, 80, cv2.IMWRITE_JPEG_OPTIMIZE, 1)
_COMMENT = re.compile(rb"\xff\xfe..facedata photo ([0-9a-f]{64} \d{1,3})\n", re.DOTALL)
_IN_PAGE = re.compile(
    rb"data:image/jpeg;base64,((?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)"
)
_HEAD_LETTERS = 400
"""So much of a picture's base64 holds its comment."""

_DECODING = threading.Lock()
"""Held while a photo is decoded: Pillow's limit of pixels and the filters of warnings are the process's."""


def copy_key(sha256: str, turned_deg: int) -> str:
    """Return what a copy says it shows: the photo's SHA-256, and how far it was turned for its face."""
    return f"{sha256} {turned_deg}"


def copy_photo(data: bytes, sha256: str, turned_deg: int, max_pixels: int, turn_exif: bool) -> bytes:
    """Return a JPEG of a photo whose longer side has 320 px at most.

    Args:
        data: the photo's bytes.
        sha256: of these.
        turned_deg: by how many degrees, clockwise, to turn it after its EXIF turn.
        max_pixels: larger photos are not decoded.
        turn_exif: whether it is turned by its EXIF data.

    Raises:
        ImageError: the photo cannot be decoded.
    """
    with _DECODING:
        picture = Picture(data, max_pixels, turn_exif)
        image = picture.at(picture.largest_reduction(LONGER_SIDE_PX))
    scale = min(LONGER_SIDE_PX / max(image.shape[:2]), 1.0)
    if scale < 1:
        width, height = (max(round(side * scale), 1) for side in (image.shape[1], image.shape[0]))
        image = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    turned = np.ascontiguousarray(np.rot90(image, -(turned_deg // 90)))
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(turned, cv2.COLOR_RGB2BGR), _JPEG)
    jpeg, text = bytes(encoded), f"facedata photo {copy_key(sha256, turned_deg)}\n".encode()
    after_header = 4 + int.from_bytes(jpeg[4:6], "big")  # JFIF's own segment comes first
    comment = b"\xff\xfe" + (len(text) + 2).to_bytes(2, "big") + text
    return jpeg[:after_header] + comment + jpeg[after_header:]


@dataclass(frozen=True)
class CopyScale:
    """From a photo's pixels, whose centres are whole numbers, to its copy's, whose left and top edge are 0.

    Attributes:
        photo: the photo's width and height after its EXIF turn.
        width: the copy's.
        turned_deg: by how many degrees, clockwise, the copy is turned against it.
    """

    photo: tuple[int, int]
    width: int
    turned_deg: int = 0

    def points(self, points: Float64Array) -> list[list[float]]:
        """Return points ``(n, 2)`` of the photo as points of the copy."""
        (width, height), (x, y) = self.photo, (points + 0.5).T
        turned = {
            0: (x, y, width), 90: (height - y, x, height), 180: (width - x, height - y, width),
            270: (y, width - x, height),
        }  # fmt: skip
        across, down, wide = turned[self.turned_deg % 360]
        scale = self.width / wide
        rounded: list[list[float]] = np.round(np.stack([across, down], axis=1) * scale, 1).tolist()
        return rounded

    def box(self, box: Sequence[float]) -> list[float]:
        """Return a box x0 y0 x1 y1 of the photo as a box of the copy."""
        corners = np.array(self.points(np.reshape(np.array(box, np.float64), (2, 2))))
        return [*corners.min(axis=0).tolist(), *corners.max(axis=0).tolist()]


def read_earlier_copies(page: Path, pictures: Path) -> dict[str, bytes]:
    """Return the copies in an earlier report, by :func:`copy_key`; none where there is no report.

    Args:
        page: its index.html.
        pictures: the folder of pictures beside it.
    """
    jpegs = [file.read_bytes() for file in sorted(pictures.glob("*.jpg"))] if pictures.is_dir() else []
    if page.is_file():
        texts = (found[1] for found in _IN_PAGE.finditer(page.read_bytes()))
        heads = ((text, base64.b64decode(text[:_HEAD_LETTERS])) for text in texts)
        jpegs += [base64.b64decode(text) for text, head in heads if _COMMENT.search(head)]
    comments = ((_COMMENT.search(jpeg, 0, _HEAD_LETTERS), jpeg) for jpeg in jpegs)
    return {comment[1].decode(): jpeg for comment, jpeg in comments if comment}
