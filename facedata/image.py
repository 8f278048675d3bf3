"""Bytes → upright RGB: any mode and format people's photos come in, and a clear reason when not."""

from __future__ import annotations

import io
import warnings
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from .errors import ImageError, TooLargeImageError, UnreadableImageError, UnsupportedImageError
from .types import UInt8Image

_ORIENTATION = 0x0112
_VIDEO_MAGIC = ((4, b"ftyp"), (0, b"\x1a\x45\xdf\xa3"))
_HEIF_BRANDS = frozenset([b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"])


def decode(data: bytes, max_pixels: int = 100_000_000) -> UInt8Image:
    """Decode a photo, turned upright by its EXIF orientation.

    The format is told by the bytes, never by the file's ending. Grey and palette become RGB, CMYK is
    converted, 16 bits become their upper 8, what is transparent is laid over black, of an animation the
    first frame is taken. Nothing is decoded before the header's size has been checked.

    Args:
        data: the file's bytes: JPEG, PNG, WebP, BMP, TIFF, GIF and what else Pillow reads; HEIC with the
            extra ``facedata[heic]``.
        max_pixels: most pixels (width times height) to decode.

    Returns:
        ``(height, width, 3)`` uint8 RGB.

    Raises:
        UnreadableImageError: empty, truncated, damaged, or no image.
        UnsupportedImageError: a video, or HEIC without its extra.
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
    except Image.DecompressionBombError as error:
        raise TooLargeImageError(str(error)) from error
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
        upright = _turned(image)
        return np.ascontiguousarray(_to_rgb(upright))


def _open(data: bytes) -> Image.Image:
    if data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS:
        _register_heif()
    try:
        return Image.open(io.BytesIO(data))
    except UnidentifiedImageError:
        if any(data[at : at + len(magic)] == magic for at, magic in _VIDEO_MAGIC):
            raise UnsupportedImageError("a video") from None
        raise UnreadableImageError("not an image") from None


def _register_heif() -> None:
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        raise UnsupportedImageError("HEIC needs the extra: pip install 'facedata[heic]'") from None
    register_heif_opener()


def _turned(image: Image.Image) -> Image.Image:
    try:
        orientation = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # noqa: BLE001  damaged EXIF says nothing; the pixels are still good
        return image
    return ImageOps.exif_transpose(image) if orientation in range(2, 9) else image


def _to_rgb(image: Image.Image) -> UInt8Image:
    if image.mode == "RGB":
        return np.asarray(image)
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        return np.repeat(_to_eight_bits(np.asarray(image))[..., None], 3, axis=2)
    if image.has_transparency_data:
        return _over_black(image)
    return np.asarray(image.convert("RGB"))


def _to_eight_bits(grey: np.ndarray[Any, np.dtype[Any]]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    values = grey.astype(np.float64)
    most = values.max(initial=0.0)
    # floats are 0..1 or 0..255 by their largest value; whole numbers above 255 are 16-bit
    if np.issubdtype(grey.dtype, np.floating) and most <= 1.0:
        values = values * 255
    elif most > 255:
        values = np.floor(values / 256)
    eight: np.ndarray[Any, np.dtype[np.uint8]] = np.clip(np.nan_to_num(values), 0, 255).astype(np.uint8)
    return eight


def _over_black(image: Image.Image) -> UInt8Image:
    rgba = image.convert("RGBA")
    black = Image.new("RGBA", rgba.size, (0, 0, 0, 255))
    return np.asarray(Image.alpha_composite(black, rgba).convert("RGB"))


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text[:200]
