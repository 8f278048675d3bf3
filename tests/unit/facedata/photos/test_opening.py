"""Photos of every format: read, or refused with the format's name and what would help."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from PIL import Image, ImageCms, features

from facedata.errors import TooLargeImageError, UnreadableImageError, UnsupportedImageError
from facedata.photos.image import decode, read_header
from facedata.photos.opening import jxl_size
from tests.support.camera_raws import strip, tiff
from tests.support.photo_files import UNREAD, ftyp, psd
from tests.support.turned_photos import encode, ramp

PICTURE = ramp(60, 40)
IMAGE = Image.fromarray(PICTURE)


def heic() -> bytes:
    pillow_heif = pytest.importorskip("pillow_heif", reason="HEIC needs the extra facedata[heic]")
    pillow_heif.register_heif_opener()
    return encode(IMAGE, "HEIF", quality=97, chroma=444)


def jxl(image: Image.Image = IMAGE) -> bytes:
    pytest.importorskip("pillow_jxl", reason="JPEG XL needs the extra facedata[jxl]")
    return encode(image, "JXL", lossless=True)


@pytest.mark.parametrize("name", UNREAD)
def test_what_cannot_be_read_is_named(name: str) -> None:
    data, word = UNREAD[name]
    with pytest.raises(UnsupportedImageError, match=word) as caught:
        decode(data)
    assert "export it as JPEG" in str(caught.value)


@pytest.mark.parametrize("extra", [0, 1, 2])
def test_the_merged_picture_of_a_photoshop_file_is_read_without_its_saved_selections(extra: int) -> None:
    np.testing.assert_array_equal(decode(psd(PICTURE, extra)), PICTURE)


@pytest.mark.parametrize("kind", ["QOI", "TGA", "PCX", "JPEG2000", "PPM"])
def test_other_formats_that_pillow_reads_come_back_exactly(kind: str) -> None:
    np.testing.assert_array_equal(decode(encode(IMAGE, kind)), PICTURE)


@pytest.mark.parametrize("major", [b"mif1", b"msf1", b"miaf", b"heif", b"mif2", b"zzzz"])
def test_heic_is_read_whatever_brand_it_leads_with(major: bytes) -> None:
    data = heic()
    assert np.abs(decode(data[:8] + major + data[12:]).astype(int) - PICTURE).mean() < 3


@pytest.mark.skipif("avif" not in features.get_supported(), reason="this Pillow has no AVIF")
@pytest.mark.parametrize("major", [b"avif", b"mif1", b"miaf", b"zzzz"])
@pytest.mark.parametrize("with_heif", [False, True])
def test_avif_is_read_whatever_brand_it_leads_with(major: bytes, with_heif: bool) -> None:
    if with_heif:  # pillow_heif takes every mif1 for its own
        heic()
    data = encode(IMAGE, "AVIF", quality=97, subsampling="4:4:4")
    assert np.abs(decode(data[:8] + major + data[12:]).astype(int) - PICTURE).mean() < 3


def test_the_bytes_decide_and_not_what_the_file_is_called() -> None:
    """iPhones' HEIC named .jpg, and JPEG named .heic: decoding sees only bytes."""
    assert decode(heic()).shape == decode(encode(IMAGE, "JPEG")).shape == (40, 60, 3)


@pytest.mark.parametrize(
    ("package", "data", "extra"),
    [
        ("pillow_heif", ftyp(b"heic", b"mif1", b"heic"), "heic"),
        ("pillow_heif", ftyp(b"mif1", b"mif1", b"heic"), "heic"),
        ("pillow_jxl", b"\xff\x0a" + (0b1_001_00111_1).to_bytes(2, "little") + bytes(99), "jxl"),
        ("rawpy", b"FUJIFILMCCD-RAW" + bytes(99), "raw"),
    ],
)
def test_a_missing_extra_is_named_with_the_command(
    package: str, data: bytes, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UnsupportedImageError) as caught:
        decode(data)
    assert f"pip install 'facedata[{extra}]'" in str(caught.value)


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "LA"])
def test_jpeg_xl_is_read(mode: str) -> None:
    found = decode(jxl(IMAGE.convert(mode)))
    np.testing.assert_array_equal(found, np.asarray(IMAGE.convert(mode).convert("RGB")))


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (64, 40), (256, 256), (300, 200), (301, 7), (2000, 1125)])
def test_the_size_of_a_jpeg_xl_is_known_before_it_is_decoded(size: tuple[int, int]) -> None:
    pytest.importorskip("pillow_jxl", reason="JPEG XL needs the extra facedata[jxl]")
    for options in ({"lossless": True}, {"quality": 80}, {"quality": 80, "use_container": True}):
        data = encode(Image.new("RGB", size, "teal"), "JXL", **options)
        assert jxl_size(data) == size
    with pytest.raises(TooLargeImageError, match=f"{size[0]}x{size[1]}"):
        read_header(data, max_pixels=size[0] * size[1] - 1)


def test_a_jpeg_xl_of_a_thousand_million_pixels_is_not_decoded() -> None:
    bits = (3 << 1) | (99_999 << 3) | (1 << 33)  # not small; the height in 30 bits; as wide as high
    with pytest.raises(TooLargeImageError, match="100000x100000"):
        decode(b"\xff\x0a" + bits.to_bytes(40, "little"))


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_truncated_jpeg_xl_is_unreadable(share: float) -> None:
    data = jxl(Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)))
    with pytest.raises(UnreadableImageError):
        decode(data[: int(len(data) * share)])


@pytest.mark.parametrize("data", [b"\0\0\0\x0cJXL \r\n\x87\n", b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\0" * 3])
def test_a_jpeg_xl_container_without_picture_is_unreadable(data: bytes) -> None:
    with pytest.raises(UnreadableImageError):
        decode(data)


def test_of_a_tiff_that_begins_with_a_thumbnail_the_full_page_is_taken() -> None:
    data = tiff(strip(ramp(30, 20), reduced=True), strip(PICTURE), strip(ramp(9, 9)))
    np.testing.assert_array_equal(decode(data), PICTURE)
    assert read_header(data).width == 60


def test_of_a_tiff_of_several_pages_the_first_is_taken() -> None:
    data = encode(IMAGE, "TIFF", save_all=True, append_images=[Image.new("RGB", (90, 90), "red")])
    np.testing.assert_array_equal(decode(data), PICTURE)


def test_a_tiff_that_has_nothing_but_a_thumbnail_is_that_picture() -> None:
    np.testing.assert_array_equal(decode(tiff(strip(PICTURE, reduced=True))), PICTURE)


def test_lab_is_converted() -> None:
    profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    lab = ImageCms.applyTransform(IMAGE, ImageCms.buildTransform(*profiles, "RGB", "LAB"))
    assert lab is not None
    assert np.abs(decode(encode(lab, "TIFF")).astype(int) - PICTURE).mean() < 3


def test_a_photo_with_a_film_behind_it_is_the_photo() -> None:
    """Phones' motion photos: a JPEG, then an MP4 in the same file."""
    data = encode(IMAGE, "JPEG", quality=97) + ftyp(b"mp42", b"isom") + bytes(500)
    assert np.abs(decode(data).astype(int) - PICTURE).mean() < 3


@pytest.mark.parametrize(
    "data",
    [ftyp(b"qt  ", b"qt  "), ftyp(b"mp42", b"isom", b"mp42"), ftyp(b"isom", b"iso2", b"avc1"),
     ftyp(b"3gp4", b"isom"), ftyp(b"M4V ", b"isom"), ftyp(b"abcd", b"isom"), b"\x1a\x45\xdf\xa3" + bytes(40)],
)  # fmt: skip
def test_videos_are_still_videos(data: bytes) -> None:
    with pytest.raises(UnsupportedImageError, match="a video"):
        decode(data)
