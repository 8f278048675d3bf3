"""Photos that are finished crops: taken as they are, without looking for faces (``prepare --as-crops``)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..config import PrepareConfig
from ..crops.codec import encode_crop
from ..crops.cut import make_shape
from ..errors import ImageError
from ..files.memory import release
from ..photos.image import read_header
from ..photos.jpeg import decode_jpeg, is_complete_jpeg
from ..photos.picture import Picture
from ..photos.picture_hash import PICTURE_HASH, hash_picture
from ..sources.base import PhotoReader
from ..types import Photo, Row, Status, UInt8Image
from .stage import add_crop, reject, reject_image

AS_IT_IS = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
"""The matrix from a photo to its crop where the photo is the crop."""


class TakenCrop(NamedTuple):
    """A crop that was taken: its JPEG, and its pixels, ``(size, size, 3)`` uint8 RGB."""

    jpeg: bytes
    pixels: UInt8Image


class CropPhoto:
    """The bytes of a photo that is a finished crop.

    Args:
        data: the file's bytes.
        max_pixels: larger photos are not decoded.
        turn_exif: whether it is turned upright by its EXIF data.

    Attributes:
        picture: its pixels.

    Raises:
        ImageError: as :class:`facedata.photos.picture.Picture` does.
    """

    def __init__(self, data: bytes, max_pixels: int, turn_exif: bool) -> None:
        self.picture = Picture(data, max_pixels, turn_exif)
        self._data = data
        header = self.picture.header if turn_exif else read_header(data, max_pixels)
        # only JPEGs of 8-bit RGB or grey have reductions; a turned one looks otherwise in each program
        self._is_plain = is_complete_jpeg(data) and header.reductions != (1,) and header.orientation == 1

    def fits(self, size_px: int) -> bool:
        """Return whether it has the size of a crop."""
        return self.picture.size == (size_px, size_px)

    def take(self) -> TakenCrop:
        """Return the crop: its own bytes if they are a plain, upright JPEG, else its pixels encoded anew.

        Raises:
            ImageError: it cannot be decoded.
        """
        pixels = decode_jpeg(self._data) if self._is_plain else None
        if pixels is not None:
            return TakenCrop(self._data, pixels)
        pixels = self.picture.at()
        return TakenCrop(encode_crop(pixels), pixels)


@dataclass(frozen=True)
class TakeCrops:
    """The stage of ``prepare --as-crops``: each photo is its crop.

    Attributes:
        size_px: the side of the set's crops; photos of another size are rejected.
        reader: reads the photos' bytes.
        max_pixels: larger photos are not decoded.
        turn_exif: whether photos are turned by their EXIF data.
    """

    size_px: int
    reader: PhotoReader
    max_pixels: int = 100_000_000
    turn_exif: bool = True

    @classmethod
    def of(cls, config: PrepareConfig, reader: PhotoReader) -> TakeCrops:
        """Make the stage from the options."""
        size_px = make_shape(config.template, config.size).size_px
        return cls(size_px, reader, config.max_pixels, config.turn != "never")

    def run(self, photos: Sequence[Photo]) -> list[Row]:
        """Take crops; see :meth:`facedata.work.stage.Stage.run`."""
        rows = [self._take(photo) for photo in photos]
        release()
        return rows

    def _take(self, photo: Photo) -> Row:
        row: Row = {"record": photo.record, "status": None, "reason": None}
        try:
            data = self.reader(photo.photo)
            row["sha256"] = hashlib.sha256(data).hexdigest()
            crop = CropPhoto(data, self.max_pixels, self.turn_exif)
            width, height = crop.picture.size
            row.update(width=width, height=height)
            if not crop.fits(self.size_px):
                return reject(row, *_wrong_size(width, height, self.size_px))
            taken = crop.take()
            row.update(zip(PICTURE_HASH, hash_picture(taken.pixels), strict=True))
        except OSError as error:
            return reject(row, Status.UNREADABLE, error.strerror or str(error))
        except ImageError as error:
            return reject_image(row, error)
        except MemoryError:
            return reject(row, Status.TOO_LARGE, "not enough memory to read it")
        row.update(status=Status.KEPT.value, matrix=AS_IT_IS)
        return add_crop(row, photo, taken.jpeg)


def _wrong_size(width: int, height: int, size_px: int) -> tuple[Status, str]:
    """Return the status of a photo that has not the size of a crop, and the reason with the remedy."""
    status = Status.TOO_SMALL if min(width, height) < size_px else Status.TOO_LARGE
    reason = f"it has {width}x{height} pixels, and a crop has {size_px}x{size_px}: "
    if width == height and 16 <= width <= 4096:
        reason += f"--size {width} would take it; "
    return status, reason + "without --as-crops its face is looked for"
