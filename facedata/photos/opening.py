"""Opening a photo by whichever library reads its format, or an error that names the format and the remedy."""

from __future__ import annotations

import io
from typing import cast

from PIL import Image, UnidentifiedImageError, features
from PIL.TiffImagePlugin import TiffImageFile

from ..errors import TooLargeImageError, UnreadableImageError, UnsupportedImageError
from .camera_raw import open_raw, raw_format
from .formats import AVIF_BRANDS, JXL_MAGIC, UNREAD_MAGIC, ftyp_format

_MATROSKA = b"\x1a\x45\xdf\xa3"
_NEW_SUBFILE_TYPE, _THUMBNAIL_OR_MASK = 254, 1 | 4
_MERGED_PICTURE = 1057
_DAMAGED_JXL = "JPEG XL that is damaged"
_JXL_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))


def open_photo(data: bytes, max_pixels: int) -> tuple[Image.Image, bytes]:
    """Open a photo without decoding it; its format is recognised by the bytes.

    Args:
        data: the file's bytes.
        max_pixels: the most pixels it may have where opening it decodes it (JPEG XL).

    Returns:
        The image, and the bytes it is read from: in a raw photo those of the camera's own JPEG.

    Raises:
        UnreadableImageError: not an image, or damaged.
        UnsupportedImageError: a video, or a photo that cannot be read here; the text says what would help.
        TooLargeImageError: more than ``max_pixels``.
    """
    if name := raw_format(data):
        return open_raw(data, name)
    if data.startswith(JXL_MAGIC):
        width, height = jxl_size(data)
        if width * height > max_pixels:
            raise TooLargeImageError(f"{width}x{height} is more than {max_pixels} pixels")
        try:
            import pillow_jxl  # noqa: F401  it registers itself with Pillow
        except ImportError:
            raise UnsupportedImageError("JPEG XL needs the extra: pip install 'facedata[jxl]'") from None
        try:
            return _open_with_pillow(data, _DAMAGED_JXL), data
        except RuntimeError:  # what libjxl says of it helps nobody
            raise UnreadableImageError(_DAMAGED_JXL) from None
    kind = ftyp_format(data) if data[4:8] == b"ftyp" else ""
    if kind == "video" or data.startswith(_MATROSKA):
        raise UnsupportedImageError("a video")
    if kind == "avif":
        if not features.check("avif") and "AVIF" not in Image.OPEN:
            raise UnsupportedImageError("AVIF that this Pillow cannot read: pip install --upgrade pillow")
        if data[8:12] not in AVIF_BRANDS:  # Pillow goes by the first brand alone
            data = data[:8] + b"avif" + data[12:]
        return _open_with_pillow(data, "AVIF that is damaged"), data
    if kind == "heif":
        try:
            from pillow_heif import HeifImageFile
        except ImportError:
            raise UnsupportedImageError("HEIC needs the extra: pip install 'facedata[heic]'") from None
        return cast(Image.Image, HeifImageFile(io.BytesIO(data))), data  # type: ignore[no-untyped-call]
    image = _open_with_pillow(data, "not an image")
    if isinstance(image, TiffImageFile) and image.tag_v2.get(_NEW_SUBFILE_TYPE, 0) & _THUMBNAIL_OR_MASK:
        for page in range(1, image.n_frames):
            image.seek(page)
            if not image.tag_v2.get(_NEW_SUBFILE_TYPE, 0) & _THUMBNAIL_OR_MASK:
                return image, data
        image.seek(0)
    if image.format == "PSD":
        for number, _, resource in getattr(image, "resources", ()):
            if number == _MERGED_PICTURE and resource[4:5] == b"\0":
                raise UnsupportedImageError(
                    "a Photoshop file (PSD) without its merged picture: save it again with Maximize "
                    "Compatibility, or export it as JPEG"
                )
    return image, data


def _open_with_pillow(data: bytes, otherwise: str) -> Image.Image:
    """Open an image; ``otherwise`` is the reason where Pillow does not know it."""
    try:
        return Image.open(io.BytesIO(data))
    except UnidentifiedImageError:
        for magic, text in UNREAD_MAGIC.items():
            if data.startswith(magic):
                raise UnsupportedImageError(f"{text} that cannot be read here: export it as JPEG") from None
        raise UnreadableImageError(otherwise) from None


def jxl_size(data: bytes) -> tuple[int, int]:
    """Return a JPEG XL's width and height as they are stored, from its first bytes (ISO 18181-1, D.2).

    Raises:
        UnreadableImageError: its container holds no picture.
    """
    start, at = (0 if data.startswith(b"\xff\x0a") else -1), 0
    while start < 0:  # the container's boxes: a length, a name, the content
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if kind in (b"jxlc", b"jxlp"):
            start = at + (16 if length == 1 else 8) + (4 if kind == b"jxlp" else 0)
        elif length == 1:
            length = int.from_bytes(data[at + 8 : at + 16], "big")
        if start < 0 and (length < 8 or at + length >= len(data)):
            raise UnreadableImageError(_DAMAGED_JXL)
        at += length
    bits, place = int.from_bytes(data[start + 2 : start + 18], "little"), 0

    def take(count: int) -> int:
        nonlocal place
        place += count
        return (bits >> (place - count)) & ((1 << count) - 1)

    is_small = take(1)

    def side() -> int:
        return 8 * (1 + take(5)) if is_small else 1 + take((9, 13, 18, 30)[take(2)])

    height = side()
    if ratio := take(3):
        across, down = _JXL_RATIOS[ratio - 1]
        return height * across // down, height
    return side(), height
