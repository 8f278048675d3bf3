"""From bytes to upright RGB, for any format and mode, or an error with a clear reason."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from ..errors import ImageError, TooLargeImageError, UnreadableImageError, UnsupportedImageError
from ..types import UInt8Image
from .formats import AVIF_BRANDS, HEIF_BRANDS
from .jpeg import REDUCTIONS, decode_jpeg, is_complete_jpeg

_ORIENTATION = 0x0112
_MATROSKA = b"\x1a\x45\xdf\xa3"
_STRIP_PIXELS = 1_000_000
"""Pixels converted at once, so that a large photo is in memory only twice: Pillow's copy and the result."""

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
    """What the header of a photo tells about it.

    Attributes:
        width: of the upright photo, in pixels.
        height: of the upright photo, in pixels.
        orientation: the EXIF orientation, 1 … 8.
        reductions: the factors by which :func:`decode` can shrink it, cheaper than at full size: 1, and
            2, 4, 8 for most JPEGs.
    """

    width: int
    height: int
    orientation: int = 1
    reductions: tuple[int, ...] = (1,)

    def empty(self, reduction: int = 1) -> UInt8Image:
        """Return an array for the upright photo, its sides divided by ``reduction`` and rounded up."""
        return np.empty((-(-self.height // reduction), -(-self.width // reduction), 3), np.uint8)

    def origin(self, reduction: int) -> tuple[float, float]:
        """Return where the reduced photo's first pixel centre lies in the full-size, upright photo.

        Pixel x of the reduced photo is pixel ``reduction * x + origin`` of the full-size one. If a side is
        not a multiple of the reduction, its last pixel covers less; in a rotated photo it may be the first.
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
        UnreadableImageError: empty, damaged, or not an image.
        UnsupportedImageError: a video, HEIC without its extra, or AVIF that this Pillow cannot read.
        TooLargeImageError: more than ``max_pixels``.
    """
    with _reasons(data), _open(data) as image:
        return _header(image, data, max_pixels)


def decode(data: bytes, max_pixels: int = 100_000_000, reduction: int = 1) -> UInt8Image:
    """Decode a photo and turn it upright by its EXIF orientation.

    The format is recognised by the bytes, never by the file's ending. Grey and palette become RGB, CMYK is
    converted, 16 bits become their upper 8, transparent photos are laid over black, and the first frame of an
    animation is taken. Nothing is decoded before the size in the header has been checked.

    Args:
        data: the file's bytes: JPEG, PNG, WebP, BMP, TIFF, GIF and all else that Pillow reads (AVIF from 11.3
            on); HEIC with the extra ``facedata[heic]``.
        max_pixels: the most pixels (width times height) to decode.
        reduction: 1, 2, 4 or 8: each side is divided by it and rounded up. Most JPEGs are decoded at that
            size directly, which is cheaper.

    Returns:
        ``(height, width, 3)`` uint8 RGB.

    Raises:
        UnreadableImageError: empty, truncated, damaged, or not an image.
        UnsupportedImageError: a video, HEIC without its extra, or AVIF that this Pillow cannot read.
        TooLargeImageError: more than ``max_pixels`` (a decompression bomb, perhaps).
    """
    with _reasons(data), _open(data) as image:
        header = _header(image, data, max_pixels)
        stored = None if header.reductions == (1,) else decode_jpeg(data, reduction)
        if stored is not None and header.orientation == 1:
            return stored
        if stored is not None:
            upright = header.empty(reduction)
            _STORED[header.orientation](upright)[:] = stored
            return upright
        image.load()
        upright, to_rgb = header.empty(), _converter(image)
        for rows, strip in _strips(image):
            _STORED[header.orientation](upright)[rows] = to_rgb(strip)
        if reduction == 1:
            return upright
        # an area filter; the border makes it put pixels where a JPEG decoder's reduction does
        height, width = header.empty(reduction).shape[:2]
        pad_x, pad_y = width * reduction - header.width, height * reduction - header.height
        flip_x, flip_y = _FLIPPED[header.orientation]
        padded = cv2.copyMakeBorder(
            upright, pad_y * flip_y, pad_y * (1 - flip_y), pad_x * flip_x, pad_x * (1 - flip_x),
            cv2.BORDER_REPLICATE,
        )  # fmt: skip
        return np.asarray(cv2.resize(padded, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


@contextmanager
def _reasons(data: bytes) -> Iterator[None]:
    """Turn whatever Pillow raises on damaged bytes into our errors."""
    if not data:
        raise UnreadableImageError("the file is empty")
    try:
        with warnings.catch_warnings():
            # Pillow warns about odd but readable files; only reading decides whether they are readable
            warnings.simplefilter("ignore")
            yield
    except ImageError:
        raise
    except MemoryError as error:
        raise TooLargeImageError("not enough memory to decode it") from error
    except Exception as error:  # Pillow's decoders raise a dozen types on damaged bytes
        text = " ".join(str(error).split()) or type(error).__name__
        raise UnreadableImageError(text[:200]) from error


def _header(image: Image.Image, data: bytes, max_pixels: int) -> Header:
    width, height = image.size
    if width * height > max_pixels:
        raise TooLargeImageError(f"{width}x{height} is more than {max_pixels} pixels")
    try:
        orientation = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # noqa: BLE001  damaged EXIF is ignored: the pixels may still be good
        orientation = 1
    orientation = int(orientation) if orientation in _STORED else 1
    reductions = REDUCTIONS if image.mode in ("RGB", "L") and is_complete_jpeg(data) else (1,)
    if orientation > 4:
        width, height = height, width
    return Header(width, height, orientation, reductions)


def _open(data: bytes) -> Image.Image:
    brand = data[8:12] if data[4:8] == b"ftyp" else b""
    lacks_extra = False
    if brand in HEIF_BRANDS:
        try:
            from pillow_heif import register_heif_opener
        except ImportError:
            lacks_extra = True
        else:
            register_heif_opener()
    limit = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = None  # opening reads only the header; our own limit is checked after that
    try:
        return Image.open(io.BytesIO(data))
    except UnidentifiedImageError:
        if brand in AVIF_BRANDS:
            why = "AVIF that this Pillow cannot read: pip install --upgrade pillow"
            raise UnsupportedImageError(why) from None
        if lacks_extra:
            raise UnsupportedImageError("HEIC needs the extra: pip install 'facedata[heic]'") from None
        if brand not in HEIF_BRANDS and (data[4:8] == b"ftyp" or data.startswith(_MATROSKA)):
            raise UnsupportedImageError("a video") from None
        raise UnreadableImageError("not an image") from None
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def _strips(image: Image.Image) -> Iterator[tuple[slice, Image.Image]]:
    width, height = image.size
    step = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, step):
        rows = slice(top, min(top + step, height))
        yield rows, image.crop((0, rows.start, width, rows.stop))


def _converter(image: Image.Image) -> Callable[[Image.Image], UInt8Image]:
    """Return a function that turns a strip of this photo into RGB."""
    if image.mode == "RGB":
        return np.asarray
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        # Only 16-bit modes define their range. For the others the largest value decides: whole numbers above
        # 255 are 16-bit, floats are 0 … 1 or 0 … 255.
        scale = 1 / 256
        if not image.mode.startswith("I;16"):
            most = max(float(np.fmax.reduce(np.asarray(strip), axis=None)) for _, strip in _strips(image))
            scale = 255.0 if image.mode == "F" and most <= 1.0 else 1 / 256 if most > 255 else 1.0
        return lambda strip: np.clip(np.nan_to_num(np.asarray(strip, np.float64) * scale), 0, 255).astype(
            np.uint8
        )[..., None]
    if image.has_transparency_data:
        black = (0, 0, 0, 255)
        return lambda strip: np.asarray(
            Image.alpha_composite(Image.new("RGBA", strip.size, black), strip.convert("RGBA")).convert("RGB")
        )
    return lambda strip: np.asarray(strip.convert("RGB"))
