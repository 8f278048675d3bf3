"""From bytes to upright RGB, for any format and mode, or an error with a clear reason."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import IMAGELENGTH, IMAGEWIDTH, TiffImageFile

from ..errors import ImageError, TooLargeImageError, UnreadableImageError
from ..types import UInt8Image
from .jpeg import REDUCTIONS, decode_jpeg, is_complete_jpeg
from .opening import open_photo

_ORIENTATION = 0x0112
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


_INVERSE = {6: 8, 8: 6}
"""EXIF orientations that another one undoes; each of the others undoes itself."""

_FLIPPED = {
    1: (0, 0), 2: (1, 0), 3: (1, 1), 4: (0, 1), 5: (0, 0), 6: (1, 0), 7: (1, 1), 8: (0, 1),
}  # fmt: skip
"""EXIF orientation → whether the upright photo's x and y run against the stored ones."""


def read_header(data: bytes, max_pixels: int = 100_000_000, turn_exif: bool = True) -> Header:
    """Read a photo's size without decoding it.

    Args:
        data: the file's bytes.
        max_pixels: the most pixels (width times height) it may have.
        turn_exif: as in :func:`decode`; without it, width and height are those stored, and the orientation 1.

    Raises:
        UnreadableImageError: empty, damaged, or not an image.
        UnsupportedImageError: a video, or a photo of a format that cannot be read here; the text names the
            format and the remedy, such as an extra.
        TooLargeImageError: more than ``max_pixels``.
    """
    with _opened(data, max_pixels) as (image, pixel_data):
        return _header(image, pixel_data, max_pixels, turn_exif)


def decode(
    data: bytes,
    max_pixels: int = 100_000_000,
    reduction: int = 1,
    turn_exif: bool = True,
    known: Header | None = None,
) -> UInt8Image:
    """Decode a photo and turn it upright by its EXIF orientation.

    The format is recognised by the bytes, never by the file's ending. Grey and palette become RGB, CMYK is
    converted, 16 bits become their upper 8, transparent photos are laid over black, and the first frame of an
    animation is taken. Nothing is decoded before the size in the header has been checked.

    Args:
        data: the file's bytes: JPEG, PNG, WebP, BMP, TIFF, GIF, JPEG 2000, PSD and all else that Pillow reads
            (AVIF from 11.3 on); HEIC, JPEG XL and cameras' raw photos with the extras ``facedata[heic]``,
            ``[jxl]`` and ``[raw]``.
        max_pixels: the most pixels (width times height) to decode.
        reduction: 1, 2, 4 or 8: each side is divided by it and rounded up. Most JPEGs are decoded at that
            size directly, which is cheaper.
        turn_exif: whether to turn it by its EXIF orientation; otherwise it is returned as it is stored. The
            turn that HEIC, AVIF and JPEG XL state outside EXIF is part of their picture and always made.
        known: the header, if it was read with the same options; an upright JPEG's is then not read again.

    Returns:
        ``(height, width, 3)`` uint8 RGB.

    Raises:
        UnreadableImageError: empty, truncated, damaged, or not an image.
        UnsupportedImageError: a video, or a photo of a format that cannot be read here; the text names the
            format and the remedy, such as an extra.
        TooLargeImageError: more than ``max_pixels`` (a decompression bomb, perhaps).
    """
    if known is not None and known.orientation == 1 and known.reductions != (1,) and is_complete_jpeg(data):
        stored = decode_jpeg(data, reduction)
        if stored is not None:
            return stored
    with _opened(data, max_pixels) as (image, pixel_data):
        header = _header(image, pixel_data, max_pixels, turn_exif)
        stored = None if header.reductions == (1,) else decode_jpeg(pixel_data, reduction)
        if stored is not None and header.orientation == 1:
            return stored
        if stored is not None:
            upright = header.empty(reduction)
            _STORED[header.orientation](upright)[:] = stored
            return upright
        before = _orientation(image)
        image.load()
        turn = header.orientation
        if before != _orientation(image):  # Pillow turns TIFFs as it loads them, and drops the tag
            turn = 1 if turn_exif else _INVERSE.get(before, before)
        upright, to_rgb = header.empty(), _converter(image)
        for rows, strip in _strips(image):
            _STORED[turn](upright)[rows] = to_rgb(strip)
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
def _opened(data: bytes, max_pixels: int) -> Iterator[tuple[Image.Image, bytes]]:
    """Open a photo as :func:`open_photo` does; turn what is raised on damaged bytes into our errors."""
    if not data:
        raise UnreadableImageError("the file is empty")
    limit = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = None  # opening reads only the header; our own limit is checked after that
    try:
        with warnings.catch_warnings():
            # Pillow warns about odd but readable files; only reading decides whether they are readable
            warnings.simplefilter("ignore")
            image, pixel_data = open_photo(data, max_pixels)
            with image:
                yield image, pixel_data
    except ImageError:
        raise
    except MemoryError as error:
        raise TooLargeImageError("not enough memory to decode it") from error
    except Exception as error:  # Pillow's decoders raise a dozen types on damaged bytes
        text = " ".join(str(error).split()) or type(error).__name__
        raise UnreadableImageError(text[:200]) from error
    finally:
        Image.MAX_IMAGE_PIXELS = limit


def _header(image: Image.Image, data: bytes, max_pixels: int, turn_exif: bool) -> Header:
    width, height = image.size
    if width * height > max_pixels:
        raise TooLargeImageError(f"{width}x{height} is more than {max_pixels} pixels")
    if isinstance(image, TiffImageFile):  # some versions of Pillow give the size as stored, others upright
        width, height = image.tag_v2[IMAGEWIDTH], image.tag_v2[IMAGELENGTH]
    orientation = _orientation(image) if turn_exif or image.format == "AVIF" else 1
    reductions = REDUCTIONS if image.mode in ("RGB", "L") and is_complete_jpeg(data) else (1,)
    if orientation > 4:
        width, height = height, width
    return Header(width, height, orientation, reductions)


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation that is still to be made, 1 … 8."""
    if image.format == "JXL" and not getattr(image, "jpeg", False):
        return 1  # the codestream has its own, made by its decoder, and EXIF's does not count
    try:
        orientation = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # noqa: BLE001  damaged EXIF is ignored: the pixels may still be good
        return 1
    return int(orientation) if orientation in _STORED else 1


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
    if image.mode == "LAB":
        from PIL import ImageCms  # few photos are in LAB

        lab = ImageCms.buildTransform(
            ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB"
        )
        return lambda strip: np.asarray(ImageCms.applyTransform(strip, lab))
    if image.has_transparency_data and image.format != "PSD":  # its extra channel may be a saved selection
        black = (0, 0, 0, 255)
        return lambda strip: np.asarray(
            Image.alpha_composite(Image.new("RGBA", strip.size, black), strip.convert("RGBA")).convert("RGB")
        )
    return lambda strip: np.asarray(strip.convert("RGB"))
