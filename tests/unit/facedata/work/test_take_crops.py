"""Photos that are finished crops: which keep their bytes, which are encoded anew, and which are rejected."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from facedata.crops.codec import JPEG_QUALITY, decode_crop, encode_crop
from facedata.photos.image import decode
from facedata.types import Photo, Row
from facedata.work import take_crops
from facedata.work.take_crops import TakeCrops
from tests.support.finished_crops import SIDE, crop_picture, jpeg

PLAIN = jpeg(1)
_ORIENTATION = 0x0112


def take(data: bytes | Exception, **rules: Any) -> Row:
    """Take one photo with these bytes, or whose reading fails so."""

    def read(photo: str) -> bytes:
        if isinstance(data, Exception):
            raise data
        return data

    (row,) = TakeCrops(**{"size_px": SIDE, "reader": read, **rules}).run(
        [Photo("ann/1.x", "ann/1.x", "ann/1.jpg")]
    )
    return row


def saved(kind: str, mode: str = "RGB", side: tuple[int, int] = (SIDE, SIDE), **options: Any) -> bytes:
    """Return a picture as Pillow saves it."""
    file = io.BytesIO()
    Image.fromarray(crop_picture(1)).convert(mode).resize(side).save(file, kind, **options)
    return file.getvalue()


def turned(orientation: int, picture: Image.Image) -> bytes:
    """Return a JPEG that its EXIF data turns."""
    exif, file = Image.Exif(), io.BytesIO()
    exif[_ORIENTATION] = orientation
    picture.save(file, "JPEG", exif=exif, quality=95)
    return file.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        PLAIN,
        saved("JPEG", "L"),
        saved("JPEG", progressive=True),
        saved("JPEG", subsampling=0, quality=100),
        turned(1, Image.fromarray(crop_picture(1))),
    ],
    ids=["plain", "grey", "progressive", "fine", "upright by EXIF"],
)
def test_a_plain_jpeg_stays_as_it_is(data: bytes) -> None:
    row = take(data)
    assert row["crop"] == data
    digest = hashlib.sha256(data).hexdigest()
    assert (row["status"], row["sha256"], row["crop_sha256"]) == ("kept", digest, digest)
    assert (row["path"], row["crop_length"]) == ("ann/1.jpg", len(data))
    assert (row["width"], row["height"], row["matrix"]) == (SIDE, SIDE, [1, 0, 0, 0, 1, 0])
    assert np.array_equal(decode_crop(row["crop"]), decode(data))
    unknown = ("faces", "all_boxes", "score", "box", "landmarks", "tilt_deg", "turned_deg", "box_iou")
    assert not set(unknown) & {name for name, value in row.items() if value is not None}


@pytest.mark.parametrize(
    "data",
    [
        saved("PNG"),
        saved("PNG", "RGBA"),
        saved("PNG", "P"),
        saved("PNG", "I;16"),
        saved("WEBP", lossless=True),
        saved("BMP"),
        saved("TIFF"),
        saved("GIF", "P"),
        saved("JPEG", "CMYK"),
        PLAIN + b"\0" * 9,
    ],
    ids=["png", "rgba", "palette", "16 bits", "webp", "bmp", "tiff", "gif", "cmyk", "padded"],
)
def test_other_pictures_are_encoded_once_as_the_store_does(data: bytes) -> None:
    row = take(data)
    assert row["status"] == "kept"
    assert row["crop"] == encode_crop(decode(data)) != data
    assert row["crop_sha256"] == hashlib.sha256(row["crop"]).hexdigest() != row["sha256"]
    assert JPEG_QUALITY == 95


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_turned_jpeg_is_made_upright(orientation: int) -> None:
    data = turned(orientation, Image.fromarray(crop_picture(1)))
    row = take(data)
    assert row["status"] == "kept"
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    assert np.abs(decode_crop(row["crop"]).astype(int) - np.asarray(upright).astype(int)).mean() < 8
    assert np.abs(decode_crop(row["crop"]).astype(int) - crop_picture(1).astype(int)).mean() > 20
    assert not Image.open(io.BytesIO(row["crop"])).getexif()


def test_a_jpeg_that_only_pillow_reads_is_encoded_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(take_crops, "decode_jpeg", lambda data: None)
    row = take(PLAIN)
    assert row["status"] == "kept"
    assert row["crop"] == encode_crop(decode(PLAIN)) != PLAIN


def test_a_turned_jpeg_stays_lying_where_exif_must_not_count_but_is_encoded_so() -> None:
    lying = Image.fromarray(crop_picture(1))
    data = turned(6, lying)
    row = take(data, turn_exif=False)
    assert row["status"] == "kept"
    assert row["crop"] == encode_crop(decode(data, turn_exif=False)) != data
    assert np.array_equal(decode(row["crop"]), decode_crop(row["crop"]))


@pytest.mark.parametrize(
    ("size", "status", "remedy"),
    [
        ((SIDE - 1, SIDE - 1), "too_small", f"--size {SIDE - 1} would take it"),
        ((SIDE + 1, SIDE + 1), "too_large", f"--size {SIDE + 1} would take it"),
        ((SIDE, SIDE - 1), "too_small", "without --as-crops"),
        ((SIDE + 1, SIDE), "too_large", "without --as-crops"),
        ((1, 1), "too_small", "without --as-crops"),
        ((SIDE + 9, SIDE - 9), "too_small", "without --as-crops"),
    ],
)
def test_a_photo_of_another_size_is_rejected_with_the_remedy(
    size: tuple[int, int], status: str, remedy: str
) -> None:
    row = take(saved("PNG", side=size))
    assert row["status"] == status
    assert f"{size[0]}x{size[1]} pixels, and a crop has {SIDE}x{SIDE}" in row["reason"]
    assert remedy in row["reason"]
    assert ("--size" in row["reason"]) == (size[0] == size[1] > 1)
    assert (row["width"], row["height"]) == size
    assert "crop" not in row
    assert row["sha256"]


def huge_png(width: int, height: int) -> bytes:
    """Return the header of a PNG that says it is huge, and little more."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("data", "status", "reason"),
    [
        (b"", "unreadable", "the file is empty"),
        (b"no picture at all", "unreadable", "not an image"),
        (PLAIN[:400], "unreadable", ""),
        (PLAIN[: len(PLAIN) // 2], "unreadable", ""),
        (saved("PNG")[:300], "unreadable", ""),
        (huge_png(60_000, 60_000), "too_large", "is more than"),
        (huge_png(4_000, 4_000), "too_large", "--size 4000 would take it"),
        (huge_png(SIDE, SIDE), "unreadable", ""),
        (b"\0\0\0\x18ftypmp42" + b"\0" * 40, "unsupported", "a video"),
        (FileNotFoundError(2, "No such file or directory"), "unreadable", "No such file or directory"),
        (PermissionError(13, "Permission denied"), "unreadable", "Permission denied"),
        (IsADirectoryError(21, "Is a directory"), "unreadable", "Is a directory"),
        (MemoryError(), "too_large", "not enough memory"),
    ],
    ids=[
        "empty", "text", "cut in the header", "cut", "cut png", "huge", "large", "no pixels", "video", "gone",
        "locked", "folder", "memory",
    ],
)  # fmt: skip
def test_what_is_no_crop_is_rejected_and_never_raises(
    data: bytes | Exception, status: str, reason: str
) -> None:
    row = take(data)
    assert (row["status"], "crop" in row) == (status, False)
    assert row["reason"]
    assert reason in row["reason"]


@given(at=st.integers(2, len(PLAIN) - 1), value=st.integers(0, 255), cut=st.integers(0, len(PLAIN)))
def test_damage_anywhere_gives_a_row(at: int, value: int, cut: int) -> None:
    for data in (PLAIN[:at] + bytes([value]) + PLAIN[at + 1 :], PLAIN[:cut]):
        row = take(data)
        assert row["status"] in ("kept", "unreadable", "too_small", "too_large", "unsupported")
        if row["status"] == "kept":
            assert decode_crop(row["crop"]).shape == (SIDE, SIDE, 3)
        else:
            assert "crop" not in row


def test_a_row_depends_on_its_photo_alone() -> None:
    pictures = {"a": PLAIN, "b": saved("PNG"), "c": b"", "d": saved("BMP", side=(9, 9))}
    stage = TakeCrops(SIDE, lambda photo: pictures[photo])
    photos = [Photo(name, name, f"{name}.jpg") for name in pictures]
    together = stage.run(photos)
    assert together == [row for photo in photos for row in stage.run([photo])]
    assert together[::-1] == stage.run(photos[::-1])
