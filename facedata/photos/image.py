"""Bytes → upright RGB: any mode and format people's photos come in, and a clear reason when not."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from ..errors import ImageError, TooLargeImageError, UnreadableImageError, UnsupportedImageError
from ..types import UInt8Image
from .formats import AVIF_BRANDS, HEIF_BRANDS
from .jpeg import REDUCTIONS, decode_jpeg, is_whole_jpeg

_ORIENTATION = 0x0112
_VIDEO_MAGIC = ((4, b"ftyp"), (0, b"\x1a\x45\xdf\xa3"))
_STRIP_PIXELS = 1_000_000
"""Pixels converted at once: a large photo is in memory as Pillow holds it and as it is returned, no more."""

_STORED: dict[int, Callable[[UInt8Image], UInt8Image]] = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.transpose(1, 0, 2),
    6: lambda upright: np.rot90(upright, 1),
    7: lambda upright: upright[::-1, ::-1].transpose(1, 0, 2),
    8: lambda upright: np.rot90(upright, -1),
}
"""EXIF orientation → a view of the upright picture as it is stored (EXIF 2.3, table 6)."""


@dataclass(frozen=True)
class Header:
    """What a photo's header says.

    Attributes:
        width: of the upright photo, in pixels.
        height: likewise.
        orientation: EXIF's, 1 … 8.
        reductions: what :func:`decode` can shrink it by for less than the price of the whole: 1, and 2, 4, 8
            for most JPEGs.
    """

    width: int
    height: int
    orientation: int = 1
    reductions: tuple[int, ...] = (1,)

    def origin(self, reduction: int) -> tuple[float, float]:
        """Return where the reduced photo's first pixel centre lies in the full-size, upright photo.

        Pixel x of the reduced photo is pixel ``reduction * x + origin`` of the full-size one. A side that is
        no multiple of the reduction ends in a pixel that covers less; turned, that one comes first.
        """
        centre = (reduction - 1) / 2
        flip_x, flip_y = _FLIPPED[self.orientation]
        missing_x, missing_y = -self.width % reduction, -self.height % reduction
        return centre - missing_x * flip_x, centre - missing_y * flip_y


_FLIPPED = {
    1: (0, 0), 2: (1, 0), 3: (1, 1), 4: (0, 1), 5: (0, 0), 6: (1, 0), 7: (1, 1), 8: (0, 1),
}  # fmt: skip
"""EXIF orientation → whether the upright photo's x and y run against the stored ones."""


def read_header(data: bytes, max_pixels: int = 100_000_000) -> Header:
    """Read a photo's size without decoding it.

    Raises:
        UnreadableImageError: empty, damaged, or no image.
        UnsupportedImageError: a video, HEIC without its extra, or AVIF that this Pillow cannot read.
        TooLargeImageError: more than ``max_pixels``.
    """
    with _reasons(data), _open(data) as image:
        return _header(image, data, max_pixels)


def decode(data: bytes, max_pixels: int = 100_000_000, reduction: int = 1) -> UInt8Image:
    """Decode a photo, turned upright by its EXIF orientation.

    The format is told by the bytes, never by the file's ending. Grey and palette become RGB, CMYK is
    converted, 16 bits become their upper 8, what is transparent is laid over black, of an animation the
    first frame is taken. Nothing is decoded before the header's size has been checked.

    Args:
        data: the file's bytes: JPEG, PNG, WebP, BMP, TIFF, GIF and what else Pillow reads (AVIF from 11.3
            on); HEIC with the extra ``facedata[heic]``.
        max_pixels: most pixels (width times height) to decode.
        reduction: 1, 2, 4 or 8, by which each side is divided, and rounded up; most JPEGs are decoded at that
            size, for a part of the price.

    Returns:
        ``(height, width, 3)`` uint8 RGB.

    Raises:
        UnreadableImageError: empty, truncated, damaged, or no image.
        UnsupportedImageError: a video, HEIC without its extra, or AVIF that this Pillow cannot read.
        TooLargeImageError: more than ``max_pixels`` (a decompression bomb, perhaps).
    """
    with _reasons(data), _open(data) as image:
        header = _header(image, data, max_pixels)
        if header.reductions != (1,):
            stored = decode_jpeg(data, reduction)
            if stored is not None:
                return _turned(stored, header.orientation)
        image.load()
        return _reduced(_upright_rgb(image, header.orientation), header, reduction)


def _reduced(upright: UInt8Image, header: Header, reduction: int) -> UInt8Image:
    """Shrink by an area filter to where a JPEG's own reduction would put the pixels."""
    if reduction == 1:
        return upright
    height, width = -(-header.height // reduction), -(-header.width // reduction)
    pad_x, pad_y = width * reduction - header.width, height * reduction - header.height
    flip_x, flip_y = _FLIPPED[header.orientation]
    whole = cv2.copyMakeBorder(
        upright, pad_y * flip_y, pad_y * (1 - flip_y), pad_x * flip_x, pad_x * (1 - flip_x),
        cv2.BORDER_REPLICATE,
    )  # fmt: skip
    return np.asarray(cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


@contextmanager
def _reasons(data: bytes) -> Iterator[None]:
    """Turn whatever Pillow raises on damaged bytes into our errors."""
    if not data:
        raise UnreadableImageError("the file is empty")
    try:
        with warnings.catch_warnings():
            # Pillow warns of odd but readable files; whether one is readable is decided by reading it
            warnings.simplefilter("ignore")
            yield
    except ImageError:
        raise
    except MemoryError as error:
        raise TooLargeImageError("not enough memory to decode it") from error
    except Exception as error:  # Pillow's decoders raise a dozen kinds on damaged bytes
        raise UnreadableImageError(_reason(error)) from error


def _header(image: Image.Image, data: bytes, max_pixels: int) -> Header:
    width, height = image.size
    if width * height > max_pixels:
        raise TooLargeImageError(f"{width}x{height} is more than {max_pixels} pixels")
    orientation = _orientation(image)
    reductions = REDUCTIONS if image.mode in ("RGB", "L") and is_whole_jpeg(data) else (1,)
    if orientation > 4:
        width, height = height, width
    return Header(width, height, orientation, reductions)


def _turned(stored: UInt8Image, orientation: int) -> UInt8Image:
    if orientation == 1:
        return stored
    height, width = stored.shape[:2]
    upright = np.empty((width, height, 3) if orientation > 4 else (height, width, 3), np.uint8)
    _STORED[orientation](upright)[:] = stored
    return upright


def _open(data: bytes) -> Image.Image:
    brand = data[8:12] if data[4:8] == b"ftyp" else b""
    if brand in HEIF_BRANDS:
        _register_heif()
    limit = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = None  # opening reads the header alone; what is too large is for us to say
    try:
        return Image.open(io.BytesIO(data))
    except UnidentifiedImageError:
        raise _unknown(data, brand) from None
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def _unknown(data: bytes, brand: bytes) -> ImageError:
    if brand in AVIF_BRANDS:
        return UnsupportedImageError("AVIF that this Pillow cannot read: pip install --upgrade pillow")
    if brand in HEIF_BRANDS and not _register_heif():
        return UnsupportedImageError("HEIC needs the extra: pip install 'facedata[heic]'")
    if brand not in HEIF_BRANDS and any(data[at : at + len(magic)] == magic for at, magic in _VIDEO_MAGIC):
        return UnsupportedImageError("a video")
    return UnreadableImageError("not an image")


def _register_heif() -> bool:
    """Teach Pillow HEIC, and tell whether that can be done here."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        return False
    register_heif_opener()
    return True


def _upright_rgb(image: Image.Image, orientation: int) -> UInt8Image:
    """Convert and turn a loaded photo strip by strip, each one written straight to where it belongs."""
    width, height = image.size
    upright = np.empty((width, height, 3) if orientation > 4 else (height, width, 3), np.uint8)
    stored = _STORED[orientation](upright)
    to_rgb = _converter(image)
    for rows, strip in _strips(image):
        stored[rows] = to_rgb(strip)
    return upright


def _strips(image: Image.Image) -> Iterator[tuple[slice, Image.Image]]:
    width, height = image.size
    step = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, step):
        rows = slice(top, min(top + step, height))
        yield rows, image.crop((0, rows.start, width, rows.stop))


def _orientation(image: Image.Image) -> int:
    try:
        orientation = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # noqa: BLE001  damaged EXIF says nothing; the pixels are still good
        return 1
    return int(orientation) if orientation in _STORED else 1


def _converter(image: Image.Image) -> Callable[[Image.Image], UInt8Image]:
    """Return what turns a strip of this photo into RGB."""
    if image.mode == "RGB":
        return np.asarray
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        scale = _grey_scale(image)
        return lambda strip: _to_eight_bits(np.asarray(strip), scale)[..., None]
    if image.has_transparency_data:
        return _over_black
    return lambda strip: np.asarray(strip.convert("RGB"))


def _grey_scale(image: Image.Image) -> float:
    """Return what takes a grey photo's values to 0 … 255.

    Only 16-bit modes say what their values mean. Others are told by the largest: whole numbers above 255 are
    16-bit, floats are 0 … 1 or 0 … 255.
    """
    if image.mode.startswith("I;16"):
        return 1 / 256
    most = max(float(np.fmax.reduce(np.asarray(strip), axis=None)) for _, strip in _strips(image))
    if image.mode == "F" and most <= 1.0:
        return 255.0
    return 1 / 256 if most > 255 else 1.0


def _to_eight_bits(grey: np.ndarray[Any, np.dtype[Any]], scale: float) -> UInt8Image:
    values = np.nan_to_num(grey.astype(np.float64) * scale)
    return np.clip(values, 0, 255).astype(np.uint8)


def _over_black(strip: Image.Image) -> UInt8Image:
    black = Image.new("RGBA", strip.size, (0, 0, 0, 255))
    return np.asarray(Image.alpha_composite(black, strip.convert("RGBA")).convert("RGB"))


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text[:200]
