"""Every mode and format people's photos come in, made here by Pillow, and every way one can be broken."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps, features

from facedata.errors import TooLargeImageError, UnreadableImageError, UnsupportedImageError
from facedata.photos import image as image_module
from facedata.photos.formats import HEIF_BRANDS
from facedata.photos.image import decode
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
    image = Image.fromarray(np.full((4, 4), 7, np.uint8)).convert("P")
    image.putpalette([200] * 768)
    assert not decode(encoded(image, "PNG", transparency=image.getpixel((0, 0)))).any()


def modes() -> dict[str, Image.Image]:
    """The same picture in every mode that a file can have, with alpha of every value where there is one."""
    rgb = Image.fromarray(picture(48, 64))
    alpha = Image.fromarray(np.arange(48 * 64).reshape(48, 64).astype(np.uint8))
    rgba, grey = rgb.copy(), rgb.convert("L")
    rgba.putalpha(alpha)
    return {
        "1": grey.convert("1"), "L": grey, "LA": Image.merge("LA", [grey, alpha]), "P": rgb.quantize(32),
        "RGB": rgb, "RGBA": rgba, "CMYK": rgb.convert("CMYK"), "I;16": grey.convert("I").convert("I;16"),
        "I": grey.convert("I"), "F": grey.convert("F"),
    }  # fmt: skip


@pytest.mark.parametrize("mode", modes())
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_photo_converted_in_strips_is_as_one_converted_whole(
    mode: str, orientation: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(modes()[mode], "TIFF", exif=exif)
    whole = decode(data)
    monkeypatch.setattr(image_module, "_STRIP_PIXELS", 64 * 5)
    np.testing.assert_array_equal(decode(data), whole)


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_transparency_is_as_pillow_composes_it(mode: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(modes()[mode], "PNG", exif=exif)
    rgba = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGBA")
    wanted = Image.alpha_composite(Image.new("RGBA", rgba.size, "black"), rgba).convert("RGB")
    np.testing.assert_array_equal(decode(data), np.asarray(wanted))


def test_a_large_photo_is_in_memory_twice_at_most() -> None:
    """Once as Pillow holds it, 4 bytes a pixel, and once as it is returned; in a process of its own."""
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels = 6000 * 6000
    program = (
        "import resource, sys\nfrom facedata.photos.image import decode\n"
        "peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024\n"
        "data, before = sys.stdin.buffer.read(), peak()\n"
        "decode(data)\nprint(peak() - before)"
    )
    for photo in (Image.new("RGB", (6000, 6000), "red"), Image.new("RGBA", (6000, 6000), "red")):
        data = encoded(photo, "PNG", exif=exif)
        grown = int(subprocess.run([sys.executable, "-c", program], input=data, stdout=-1, check=True).stdout)
        assert grown < 8.5 * pixels


def test_cmyk_is_converted() -> None:
    cmyk = Image.fromarray(picture()).convert("CMYK")
    found = decode(encoded(cmyk, "JPEG", quality=100, subsampling=0))
    assert np.abs(found.astype(int) - picture()).mean() < 6


def test_sixteen_bits_become_their_upper_eight() -> None:
    grey = picture()[..., 0].astype(np.uint16) * 256 + 99
    found = decode(encoded(Image.fromarray(grey), "PNG"))
    np.testing.assert_array_equal(found[..., 0], picture()[..., 0])


@pytest.mark.parametrize("order", ["<u2", ">u2"])
def test_a_dark_photo_of_sixteen_bits_stays_dark(order: str) -> None:
    grey = (picture()[..., 0] % 200).astype(order)
    assert not decode(encoded(Image.fromarray(grey), "TIFF")).any()


@pytest.mark.parametrize(("most", "scale"), [(1.0, 255.0), (200.0, 1.0), (60_000.0, 1 / 256)])
def test_floats_are_told_by_the_largest(most: float, scale: float) -> None:
    grey = np.linspace(0, most, 40 * 60, dtype=np.float32).reshape(40, 60)
    grey[3, 3] = np.nan
    found = decode(encoded(Image.fromarray(grey), "TIFF"))
    np.testing.assert_array_equal(found[..., 0], np.floor(np.nan_to_num(grey).astype(float) * scale))


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


@pytest.mark.parametrize("brand", [b"avif", b"avis"])
def test_a_damaged_avif_is_a_photo_and_no_video(brand: bytes) -> None:
    with pytest.raises((UnreadableImageError, UnsupportedImageError)) as caught:
        decode(b"\0\0\0\x20ftyp" + brand + b"\0" * 64)
    assert "video" not in str(caught.value)


@pytest.mark.skipif("avif" not in features.get_supported(), reason="this Pillow has no AVIF")
def test_avif_is_read() -> None:
    found = decode(encoded(Image.fromarray(picture()), "AVIF", quality=95))
    assert np.abs(found.astype(int) - picture()).mean() < 4


def test_a_damaged_heic_is_unreadable_and_no_video() -> None:
    pytest.importorskip("pillow_heif", reason="HEIC needs the extra facedata[heic]")
    for brand in HEIF_BRANDS:
        with pytest.raises(UnreadableImageError):
            decode(b"\0\0\0\x20ftyp" + brand + b"\0" * 64)


def test_pillows_own_limit_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert decode(encoded(Image.fromarray(picture()), "PNG")).shape == (40, 60, 3)
    for data in (b"no image", encoded(Image.fromarray(picture()), "PNG")[:60]):
        with pytest.raises(UnreadableImageError):
            decode(data)
    assert Image.MAX_IMAGE_PIXELS == 100


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
