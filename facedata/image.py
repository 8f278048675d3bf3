"""Bytes → upright RGB: any mode and format people's photos come in, and a clear reason when not."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from .errors import ImageError, TooLargeImageError, UnreadableImageError, UnsupportedImageError
from .sources.base import AVIF_BRANDS, HEIF_BRANDS
from .types import UInt8Image

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


def decode(data: bytes, max_pixels: int = 100_000_000) -> UInt8Image:
    """Decode a photo, turned upright by its EXIF orientation.

    The format is told by the bytes, never by the file's ending. Grey and palette become RGB, CMYK is
    converted, 16 bits become their upper 8, what is transparent is laid over black, of an animation the
    first frame is taken. Nothing is decoded before the header's size has been checked.

    Args:
        data: the file's bytes: JPEG, PNG, WebP, BMP, TIFF, GIF and what else Pillow reads (AVIF from 11.3
            on); HEIC with the extra ``facedata[heic]``.
        max_pixels: most pixels (width times height) to decode.

    Returns:
        ``(height, width, 3)`` uint8 RGB.

    Raises:
        UnreadableImageError: empty, truncated, damaged, or no image.
        UnsupportedImageError: a video, HEIC without its extra, or AVIF that this Pillow cannot read.
        TooLargeImageError: more than ``max_pixels`` (a decompression bomb, perhaps).
    """
    if not data:
        raise UnreadableImageError("the file is empty")
    try:
        with warnings.catch_warnings():
            # Pillow warns of odd but readable files; whether one is readable is decided by reading it
            warnings.simplefilter("ignore")
            return _decode(data, max_pixels)
    except ImageError:
        raise
    except MemoryError as error:
        raise TooLargeImageError("not enough memory to decode it") from error
    except Exception as error:  # Pillow's decoders raise a dozen kinds on damaged bytes
        raise UnreadableImageError(_reason(error)) from error


def _decode(data: bytes, max_pixels: int) -> UInt8Image:
    with _open(data) as image:
        width, height = image.size
        if width * height > max_pixels:
            raise TooLargeImageError(f"{width}x{height} is more than {max_pixels} pixels")
        image.load()
        return _upright_rgb(image)


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


def _upright_rgb(image: Image.Image) -> UInt8Image:
    """Convert and turn a loaded photo strip by strip, each one written straight to where it belongs."""
    orientation = _orientation(image)
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
