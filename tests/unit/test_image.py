"""Every mode and format people's photos come in, made here by Pillow, and every way one can be broken."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from facedata.errors import TooLargeImageError, UnreadableImageError, UnsupportedImageError
from facedata.image import decode
from facedata.types import UInt8Image


def picture(height: int = 40, width: int = 60) -> UInt8Image:
    """A smooth picture, so that lossy formats stay close; red grows to the right, green downwards."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 4, y * 6, np.full_like(x, 90)], axis=2).astype(np.uint8)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM"])
def test_lossless_formats_come_back_exactly(kind: str) -> None:
    np.testing.assert_array_equal(decode(encoded(Image.fromarray(picture()), kind)), picture())


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_lossy_formats_come_back_nearly(kind: str) -> None:
    found = decode(encoded(Image.fromarray(picture()), kind, quality=95))
    assert np.abs(found.astype(int) - picture()).mean() < 3


def test_heic_is_read_with_its_extra() -> None:
    pillow_heif = pytest.importorskip("pillow_heif", reason="HEIC needs the extra facedata[heic]")
    pillow_heif.register_heif_opener()
    found = decode(encoded(Image.fromarray(picture()), "HEIF", quality=95))
    assert np.abs(found.astype(int) - picture()).mean() < 4


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_the_photo_upright(orientation: int) -> None:
    upright = picture()
    # how a camera stores the upright picture under each tag (EXIF 2.3, table 6)
    stored = {
        1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1],
        5: upright.transpose(1, 0, 2), 6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].transpose(1, 0, 2), 8: np.rot90(upright, -1),
    }  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(Image.fromarray(np.ascontiguousarray(stored[orientation])), "PNG", exif=exif)
    np.testing.assert_array_equal(decode(data), upright)


@pytest.mark.parametrize("tag", [0, 9, 77])
def test_an_orientation_that_does_not_exist_is_ignored(tag: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = tag
    np.testing.assert_array_equal(decode(encoded(Image.fromarray(picture()), "PNG", exif=exif)), picture())


def test_damaged_exif_is_ignored() -> None:
    data = encoded(Image.fromarray(picture()), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff rubbish")
    assert decode(data).shape == (40, 60, 3)


def test_grey_becomes_rgb() -> None:
    grey = picture()[..., 0]
    np.testing.assert_array_equal(decode(encoded(Image.fromarray(grey), "PNG")), np.dstack([grey] * 3))


def test_palette_becomes_rgb() -> None:
    palette = Image.fromarray(picture()).quantize(16)
    np.testing.assert_array_equal(decode(encoded(palette, "PNG")), np.asarray(palette.convert("RGB")))


def test_what_is_transparent_lies_over_black() -> None:
    alpha = np.zeros((40, 60), np.uint8)
    alpha[:, 30:] = 255
    found = decode(encoded(Image.fromarray(np.dstack([picture(), alpha])), "PNG"))
    assert not found[:, :30].any()
    np.testing.assert_array_equal(found[:, 30:], picture()[:, 30:])


def test_a_transparent_palette_lies_over_black_too() -> None:
    image = Image.fromarray(np.full((4, 4), 7, np.uint8), "L").convert("P")
    image.putpalette([200] * 768)
    assert not decode(encoded(image, "PNG", transparency=image.getpixel((0, 0)))).any()


def test_cmyk_is_converted() -> None:
    cmyk = Image.fromarray(picture()).convert("CMYK")
    found = decode(encoded(cmyk, "JPEG", quality=100, subsampling=0))
    assert np.abs(found.astype(int) - picture()).mean() < 6


def test_sixteen_bits_become_their_upper_eight() -> None:
    grey = picture()[..., 0].astype(np.uint16) * 256 + 99
    found = decode(encoded(Image.fromarray(grey), "PNG"))
    np.testing.assert_array_equal(found[..., 0], picture()[..., 0])


def test_sixteen_bit_colour_becomes_its_upper_eight() -> None:
    found = decode(rgb48_png(picture()))
    np.testing.assert_array_equal(found, picture())


def rgb48_png(image: UInt8Image) -> bytes:
    """Pillow cannot write 16-bit colour, so the PNG is put together here."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = image.shape[:2]
    rows = b"".join(b"\0" + (row.astype(">u2") * 256 + 7).astype(">u2").tobytes() for row in image)
    head = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_the_first_frame_is_taken(kind: str) -> None:
    frames = [Image.new("RGB", (30, 20), colour) for colour in ("red", "blue")]
    found = decode(encoded(frames[0], kind, save_all=True, append_images=frames[1:], lossless=True))
    assert np.abs(found.astype(int) - (255, 0, 0)).max() < 5


@pytest.mark.parametrize(
    "data", [b"", b"x", b"hello, I am a text file\n" * 9, b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n"]
)
def test_what_is_no_image_is_unreadable(data: bytes) -> None:
    with pytest.raises(UnreadableImageError) as caught:
        decode(data)
    assert str(caught.value)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_truncated_file_is_unreadable(kind: str, share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)
    data = encoded(Image.fromarray(noise), kind)
    with pytest.raises(UnreadableImageError):
        decode(data[: int(len(data) * share)])


def test_a_video_is_unsupported() -> None:
    with pytest.raises(UnsupportedImageError, match="video"):
        decode(b"\0\0\0\x20ftypisom" + b"\0" * 64)


def test_size_is_checked_before_anything_is_decoded() -> None:
    with pytest.raises(TooLargeImageError, match="60x40"):
        decode(encoded(Image.fromarray(picture()), "PNG"), max_pixels=60 * 40 - 1)
    assert decode(encoded(Image.fromarray(picture()), "PNG"), max_pixels=60 * 40).shape == (40, 60, 3)


def test_a_decompression_bomb_is_too_large() -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    bomb = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\0" * 9))
        + chunk(b"IEND", b"")
    )
    with pytest.raises(TooLargeImageError):
        decode(bomb)
