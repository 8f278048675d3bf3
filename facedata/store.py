"""Where crops' bytes live. A crop is found by (file, offset, length), whatever the store."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from .errors import StoreError
from .types import UInt8Image

JPEG_QUALITY = 95


class Store(Protocol):
    """Takes crops' bytes; must be picklable, workers each have their own copy."""

    def put(self, path: str, data: bytes) -> None:
        """Keep the bytes of the crop at this key (``<identity>/<name>.jpg``), replacing older ones.

        Raises:
            StoreError: they cannot be written.
        """
        ...


class FolderStore:
    """One file per crop below ``crops/``; the part file that lists it vouches for it, so no flush here."""

    def __init__(self, crops: Path) -> None:
        self.crops = crops
        self._made: set[str] = set()

    def put(self, path: str, data: bytes) -> None:
        """Write the crop's file."""
        file = self.crops / path
        try:
            folder = path.rpartition("/")[0]
            if folder not in self._made:
                file.parent.mkdir(parents=True, exist_ok=True)
                self._made.add(folder)
            file.write_bytes(data)
        except OSError as error:
            # a cut-off file would look whole to a person who opens the folder
            file.unlink(missing_ok=True) if file.parent.is_dir() else None
            raise StoreError(f"cannot write the crop {file}: {error.strerror or error}") from error


def read_crop(root: Path, file: str, offset: int, length: int) -> bytes:
    """Read a crop's bytes.

    Args:
        root: the set's folder.
        file: the file below it: the crop itself, or the tar that holds it.
        offset: first byte in that file.
        length: number of bytes.

    Raises:
        StoreError: the file is gone, or shorter than it should be.
    """
    path = root / file
    try:
        with path.open("rb") as stream:
            stream.seek(offset)
            data = stream.read(length)
    except OSError as error:
        raise StoreError(f"cannot read the crop {path}: {error.strerror or error}") from error
    if len(data) != length:
        raise StoreError(
            f"the crop {path} has {len(data)} bytes at {offset}, not {length}: run `facedata prepare` again"
        )
    return data


def encode_crop(image: UInt8Image) -> bytes:
    """Encode an ``(h, w, 3)`` uint8 RGB crop as JPEG, quality 95."""
    done, data = cv2.imencode(
        ".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    )
    if not done:
        raise StoreError(f"cannot encode a crop of shape {image.shape} as JPEG")
    return bytes(data)


def decode_crop(data: bytes) -> UInt8Image:
    """Decode a crop's bytes to ``(h, w, 3)`` uint8 RGB.

    Raises:
        StoreError: the bytes are no image.
    """
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise StoreError(
            f"a crop of {len(data)} bytes cannot be decoded: run `facedata check`, then prepare again"
        )
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)
