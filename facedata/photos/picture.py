"""An opened photo: its pixels at several sizes, each decoded when it is needed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..errors import UsageError
from ..types import Face, Float64Array, UInt8Image
from .image import Header, decode, read_header


class Picture:
    """A photo's pixels, at full size or reduced.

    Args:
        data: the file's bytes.
        max_pixels: as in :func:`facedata.photos.image.decode`.
        turn_exif: whether it is turned upright by EXIF; otherwise all pixels, sizes and coordinates are those
            of the photo as it is stored.

    Attributes:
        header: its size in pixels, and the possible reductions.

    Raises:
        ImageError: as :func:`facedata.photos.image.read_header` does.
    """

    def __init__(self, data: bytes, max_pixels: int = 100_000_000, turn_exif: bool = True) -> None:
        self.header = read_header(data, max_pixels, turn_exif)
        self._data, self._max_pixels, self._turn_exif = data, max_pixels, turn_exif
        self._decoded: dict[int, UInt8Image] = {}

    @classmethod
    def of_pixels(cls, image: UInt8Image) -> Picture:
        """Return a picture of an ``(h, w, 3)`` uint8 RGB array; it has no reduced sizes.

        Raises:
            UsageError: no array, or one of another shape or type.
        """
        if not isinstance(image, np.ndarray):
            raise UsageError(
                f"the photo is a {type(image).__name__}; it must be the path of a file, its bytes, or its "
                "pixels: an array of uint8 RGB, (height, width, 3)"
            )
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
            raise UsageError(
                f"the photo is an array of {image.dtype} and shape {image.shape}; it must be uint8 RGB, "
                "(height, width, 3)"
            )
        picture = cls.__new__(cls)
        picture.header = Header(image.shape[1], image.shape[0])
        picture._data, picture._max_pixels, picture._turn_exif = b"", 0, True
        picture._decoded = {1: image}
        return picture

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the upright photo, in pixels."""
        return self.header.width, self.header.height

    def at(self, reduction: int = 1) -> UInt8Image:
        """Return the upright pixels, ``(h, w, 3)`` uint8 RGB, each side divided by 1, 2, 4 or 8.

        Raises:
            ImageError: as :func:`facedata.photos.image.decode` does.
        """
        if reduction not in self._decoded:
            self._decoded[reduction] = decode(
                self._data, self._max_pixels, reduction, self._turn_exif, self.header
            )
        return self._decoded[reduction]

    def pixels(self, reduction: int = 1) -> int:
        """Return how many pixels there are at a reduction."""
        width, height = (-(-side // reduction) for side in self.size)
        return width * height

    def forget(self, reduction: int) -> None:
        """Drop the pixels decoded at a reduction; they are decoded again when needed."""
        if self._data:
            self._decoded.pop(reduction, None)

    def largest_reduction(self, least_px: float, longest_px: float | None = None) -> int:
        """Return the largest reduction after which a length has at least ``least_px``; 1 if there is none.

        Args:
            least_px: the least length, in pixels of the reduced photo.
            longest_px: the length in photo pixels; None for the photo's longer side.
        """
        length = max(self.size) if longest_px is None else longest_px
        return max([r for r in self.header.reductions if length / r >= least_px], default=1)

    def reduced_matrix(self, matrix: Float64Array, reduction: int) -> Float64Array:
        """Convert a ``(2, 3)`` matrix that maps photo pixels to one that maps pixels of the reduced photo."""
        origin = np.asarray(self.header.origin(reduction))
        return np.column_stack([matrix[:, :2] * reduction, matrix[:, :2] @ origin + matrix[:, 2]])

    def full_size(self, face: Face, reduction: int, corner: tuple[int, int] = (0, 0)) -> Face:
        """Convert a face from pixels of the reduced photo, cut at ``corner``, to photo pixels."""
        if reduction == 1 and corner == (0, 0):
            return face
        origin = np.asarray(self.header.origin(reduction)) + reduction * np.asarray(corner)
        shift = origin.astype(np.float32)
        box = face.box * np.float32(reduction) + np.tile(shift, 2)
        return replace(face, box=box, landmarks=face.landmarks * np.float32(reduction) + shift)
