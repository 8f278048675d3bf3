"""Thumbnails in sheets: many small pictures in one JPEG, so that a browser loads what is seen, quickly."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..files.atomic import atomic_file
from ..types import UInt8Image

_COLUMNS, _ROWS = 16, 16
_JPEG = (cv2.IMWRITE_JPEG_QUALITY, 82)  # Huffman tables of its own save 3% and double the time
_EMPTY = 128
"""The grey of a picture that could not be read."""

ReadPicture = Callable[[int], bytes | None]
"""From a picture's number to an image file's bytes; None if there are none. Several threads call it."""


@dataclass(frozen=True)
class Sheets:
    """Where thumbnails are.

    Attributes:
        tile_px: the side of a thumbnail.
        count: how many there are.
        files: the sheets, relative to the page; or whole, as ``data:`` URLs.
    """

    tile_px: int
    count: int
    files: tuple[str, ...]

    def describe(self) -> dict[str, Any]:
        """Return what the scripts' ``Sheets`` reads; ``tiles`` are those of a full sheet."""
        return {
            "tile_px": self.tile_px, "columns": _COLUMNS, "tiles": _COLUMNS * _ROWS, "count": self.count,
            "files": list(self.files),
        }  # fmt: skip


def make_sheets(
    count: int,
    read: ReadPicture,
    tile_px: int,
    folder: Path | None = None,
    name: str = "sheet",
    threads: int = 1,
) -> Sheets:
    """Make the sheets of some pictures, 256 in each.

    Args:
        count: how many pictures.
        read: returns the bytes of one.
        tile_px: the side of a thumbnail, a multiple of 16, so that JPEG's blocks mix no two of them.
        folder: where the sheets go, beside or below the page; None to have them in the page, as ``data:``
            URLs. Each is written atomically.
        name: of the files: ``<folder's name>/<name>-00000.jpg``.
        threads: how many sheets are made at a time.

    Raises:
        StoreError: a sheet cannot be written.
    """
    tiles = _COLUMNS * _ROWS

    def make(number: int) -> str:
        numbers = range(number * tiles, min((number + 1) * tiles, count))
        data = _encode_sheet([make_tile(read(one), tile_px) for one in numbers], tile_px)
        if folder is None:
            return "data:image/jpeg;base64," + base64.b64encode(data).decode()
        file = folder / f"{name}-{number:05}.jpg"
        with atomic_file(file) as stream:
            stream.write(data)
        return f"{folder.name}/{file.name}"

    with ThreadPoolExecutor(threads) as pool:
        files = tuple(pool.map(make, range(math.ceil(count / tiles))))
    return Sheets(tile_px, count, files)


def make_tile(data: bytes | None, tile_px: int) -> UInt8Image:
    """Return a picture's thumbnail, ``(tile_px, tile_px, 3)`` uint8 BGR, undeformed on grey.

    What is no image is all grey.
    """
    tile = np.full((tile_px, tile_px, 3), _EMPTY, np.uint8)
    image = None
    if data:
        # half the size costs a third of the time; a crop has 240 px
        buffer = np.frombuffer(data, np.uint8)
        image = cv2.imdecode(buffer, cv2.IMREAD_REDUCED_COLOR_2)
        if image is not None and max(image.shape[:2]) < tile_px:
            image = cv2.imdecode(buffer, cv2.IMREAD_COLOR)
    if image is None:
        return tile
    scale = tile_px / max(image.shape[:2])
    width, height = (max(round(side * scale), 1) for side in (image.shape[1], image.shape[0]))
    small = cv2.resize(image, (width, height), interpolation=_choose_interpolation(scale))
    top, left = (tile_px - height) // 2, (tile_px - width) // 2
    tile[top : top + height, left : left + width] = small
    return tile


def _choose_interpolation(scale: float) -> int:
    """Return how to resize: not by averaging, three times as slow, where bilinear skips no pixel."""
    if scale < 0.5:
        return cv2.INTER_AREA
    return cv2.INTER_LINEAR if scale <= 1 else cv2.INTER_CUBIC


def picture_url(image: UInt8Image, quality: int = 85) -> str:
    """Return a picture, ``(height, width, 3)`` uint8 RGB, as the ``data:`` URL of a JPEG."""
    _, data = cv2.imencode(
        ".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), (cv2.IMWRITE_JPEG_QUALITY, quality)
    )
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()


def _encode_sheet(tiles: list[UInt8Image], tile_px: int) -> bytes:
    rows = math.ceil(len(tiles) / _COLUMNS)
    sheet = np.full((rows * tile_px, min(len(tiles), _COLUMNS) * tile_px, 3), _EMPTY, np.uint8)
    for number, tile in enumerate(tiles):
        top, left = (place * tile_px for place in divmod(number, _COLUMNS))
        sheet[top : top + tile_px, left : left + tile_px] = tile
    return bytes(cv2.imencode(".jpg", sheet, _JPEG)[1].tobytes())
