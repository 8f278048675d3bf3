"""Which files are photos, by every ending and by the first bytes of real files."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pillow_heif
import pytest
from PIL import Image

from facedata.photos.formats import (
    AVIF_BRANDS,
    HEIF_BRANDS,
    IMAGE_ENDINGS,
    VIDEO_ENDINGS,
    ending,
    kind_of_file,
)


def _encoded(image_format: str) -> bytes:
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    file = io.BytesIO()
    if image_format == "HEIF":
        pillow_heif.from_pillow(image).save(file)
    else:
        image.save(file, image_format)
    return file.getvalue()


@pytest.mark.parametrize("brand", sorted(HEIF_BRANDS | AVIF_BRANDS))
def test_every_brand_of_heif_and_avif_is_a_photo(brand: bytes) -> None:
    assert kind_of_file("noending", lambda: b"\0\0\0\x20ftyp" + brand + b"\0" * 4) == "photo"


def test_the_brands_of_single_pictures_and_sequences_are_known() -> None:
    assert {b"heim", b"heis", b"hevx", b"avis"} <= HEIF_BRANDS | AVIF_BRANDS


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "HEIF"])
def test_an_image_without_ending_is_a_photo_by_its_first_bytes(image_format: str) -> None:
    head = _encoded(image_format)[:16]
    assert kind_of_file("folder.jpg/noending", lambda: head) == "photo"
    assert kind_of_file("wrong.txt", lambda: head) == "photo"


@pytest.mark.parametrize(("name", "codec"), [("clip.avi", "MJPG"), ("clip.mp4", "mp4v")])
def test_a_video_is_told_by_ending_and_by_first_bytes(tmp_path: Path, name: str, codec: str) -> None:
    path = tmp_path / name
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), 10.0, (64, 64))
    for _ in range(3):
        writer.write(np.zeros((64, 64, 3), np.uint8))
    writer.release()
    assert kind_of_file(name, bytes) == "video"
    assert kind_of_file("noending", path.read_bytes) == "video"


@pytest.mark.parametrize(
    "head", [b"", b"B", b"BM", b"BMW cars are nice", b"RIFF1234WAVE", b"\xff", b"%PDF-1.7"]
)
def test_other_bytes_are_other_files(head: bytes) -> None:
    assert kind_of_file("noending", lambda: head) == "other"


def test_the_ending_wins_over_the_bytes_and_ignores_case() -> None:
    assert all(kind_of_file(f"a/B{end.upper()}", lambda: b"not an image") == "photo" for end in IMAGE_ENDINGS)
    assert all(kind_of_file(f"a/B{end.upper()}", lambda: b"\xff\xd8\xff") == "video" for end in VIDEO_ENDINGS)
    assert ending("a.JPG/b.tar.GZ") == ".gz"
    assert ending("a.jpg/b") == ""


def test_hidden_files_are_other_files_and_are_not_read() -> None:
    def fail() -> bytes:
        raise AssertionError

    assert {kind_of_file(name, fail) for name in ("a/._1.jpg", ".hidden", "a/.1.mp4")} == {"other"}


def test_a_file_that_cannot_be_read_is_an_other_file(tmp_path: Path) -> None:
    assert kind_of_file("noending", (tmp_path / "gone").read_bytes) == "other"
