"""One picture in every format that can say how it lies, stored under each of the eight orientations."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.support.camera_raws import dng

Pixels = NDArray[np.uint8]

STORED: dict[int, Callable[[Pixels], Pixels]] = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: upright[::-1, ::-1],
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.transpose(1, 0, 2),
    6: lambda upright: np.rot90(upright, 1),
    7: lambda upright: upright[::-1, ::-1].transpose(1, 0, 2),
    8: lambda upright: np.rot90(upright, -1),
}
"""How a camera stores the upright picture under each tag (EXIF 2.3, table 6)."""


def ramp(width: int, height: int) -> Pixels:
    """Red says x and green says y, smoothly."""
    y, x = np.mgrid[:height, :width]
    return np.stack([20 + x * 200 / width, 20 + y * 200 / height, np.full_like(x, 99.0)], axis=2).astype(
        np.uint8
    )


def encode(image: Image.Image, kind: str, **options: object) -> bytes:
    """Return an image's bytes; the test is skipped where this Pillow does not write the format."""
    Image.init()
    if kind not in Image.SAVE:
        pytest.skip(f"Pillow {PIL.__version__} does not write {kind}")
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def _exif(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()


def _xmp(orientation: int) -> bytes:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="{orientation}"/>'
        "</rdf:RDF></x:xmpmeta>"
    ).encode()


def jxl_turned(plain: bytes, orientation: int) -> bytes:
    """Return a JPEG XL codestream whose header says an orientation, from one with the default header."""
    bits = int.from_bytes(plain[2:18], "little")
    assert plain[:2] == b"\xff\x0a"
    assert not bits & 1, "a size of its own, not a multiple of 8"
    place, header = 1, [0]

    def copy(count: int) -> int:
        nonlocal place
        value = bits >> place & (1 << count) - 1
        header.extend(value >> bit & 1 for bit in range(count))
        place += count
        return value

    copy((9, 13, 18, 30)[copy(2)])
    if not copy(3):
        copy((9, 13, 18, 30)[copy(2)])
    assert bits >> place & 3 == 3, "all metadata are the default, and so is the transform"
    place += 2
    # not the default: extra fields with the orientation, 8 bits, no extra channel, XYB, default colours
    header += [0, 1, *((orientation - 1) >> bit & 1 for bit in range(3)), 0, 0, 0]
    header += [0, 0, 0, 1, 0, 0, 1, 1, 1, 0, 0, 1]
    header += [0] * (-len(header) % 8)
    start = sum(bit << number for number, bit in enumerate(header)).to_bytes(len(header) // 8, "little")
    return b"\xff\x0a" + start + plain[2 + -(-place // 8) :]


def turned(upright: Pixels, kind: str, orientation: int, folder: Path) -> bytes:
    """Return a picture as it is stored under an orientation, in one of :data:`KINDS`."""
    stored = np.ascontiguousarray(STORED[orientation](upright))
    image, exif = Image.fromarray(stored), _exif(orientation)
    match kind:
        case "JPEG":
            return encode(image, "JPEG", quality=97, subsampling=0, exif=exif)
        case "MPO":
            second = [Image.new("RGB", (30, 20), "red")]
            options = {"quality": 97, "subsampling": 0}
            return encode(image, "MPO", exif=exif, save_all=True, append_images=second, **options)
        case "PNG" | "TIFF":
            return encode(image, kind, exif=exif)
        case "TIFF of pages":
            return encode(image, "TIFF", exif=exif, save_all=True, append_images=[Image.new("RGB", (9, 9))])
        case "TIFF, XMP":
            if int(PIL.__version__.partition(".")[0]) < 12:
                pytest.skip(f"Pillow {PIL.__version__} reads no orientation in a TIFF's XMP")
            return encode(image, "TIFF", tiffinfo={700: _xmp(orientation)})
        case "TIFF, LZW":
            return encode(image, "TIFF", exif=exif, compression="tiff_lzw")
        case "BigTIFF":
            return encode(image, "TIFF", exif=exif, big_tiff=True)
        case "WEBP":
            return encode(image, "WEBP", exif=exif, lossless=True)
        case "AVIF":
            return encode(image, "AVIF", exif=exif, quality=97, subsampling="4:4:4")
        case "HEIC":
            from pillow_heif import register_heif_opener

            register_heif_opener()
            return encode(image, "HEIF", exif=exif, quality=97, chroma=444)
        case "JXL":
            import pillow_jxl

            # EXIF in it does not count, says the standard; the codestream's own orientation does
            return jxl_turned(encode(image, "JXL", quality=97), orientation)
        case "JXL of a JPEG":
            import pillow_jxl  # noqa: F401

            image.save(folder / "photo.jpg", quality=97, subsampling=0, exif=exif)
            with Image.open(folder / "photo.jpg") as jpeg:
                return encode(jpeg, "JXL", lossless_jpeg=True)
        case "DNG with its JPEG":
            return dng(stored, stored, orientation)
        case "DNG":
            return dng(stored, None, orientation)
    return encode(image, kind)


EXTRAS = {
    "HEIC": "pillow_heif", "JXL": "pillow_jxl", "JXL of a JPEG": "pillow_jxl", "DNG": "rawpy",
    "DNG with its JPEG": "rawpy",
}  # fmt: skip
"""The package that reads a kind, where that is not Pillow."""

WITHOUT_TAG = ("BMP", "GIF", "PPM", "JPEG2000", "QOI", "TGA", "PCX")
"""Formats that cannot say how they lie: as stored is upright."""

KINDS = (
    *("JPEG", "MPO", "PNG", "TIFF", "TIFF of pages", "TIFF, XMP", "TIFF, LZW", "BigTIFF", "WEBP", "AVIF"),
    *EXTRAS,
)

TURNED_BY_THEIR_FORMAT = ("AVIF", "HEIC", "JXL")
"""Formats that say it outside EXIF: the turn is part of their picture."""
