from __future__ import annotations

import io
import os
from pathlib import Path

import cv2
import numpy as np
import pillow_heif
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from facedata.photos.formats import (
    AVIF_BRANDS,
    HEIF_BRANDS,
    IMAGE_ENDINGS,
    VIDEO_ENDINGS,
    ending,
    kind_of_file,
)
from facedata.photos.paths import photo_path, photo_text
from facedata.sources.base import PLAN, PlanBuilder

# Unix names are bytes; the alphabet is weighted to what the escape itself is made of.
file_names = st.lists(
    st.sampled_from([b"\\", b"x", b"e9", b"5c", b"a", b"/", b"\n", b"'", b"\xe9", "é".encode()])
    | st.binary(min_size=1, max_size=3)
).map(b"".join)


@given(file_names)
def test_every_name_survives_as_text_and_comes_back(name: bytes) -> None:
    path = os.fsdecode(name)
    text = photo_text(path)
    assert text.encode("utf-8").decode("utf-8") == text
    assert photo_path(text) == path


@given(file_names, file_names)
def test_a_path_can_be_made_text_part_by_part(folder: bytes, name: bytes) -> None:
    whole = photo_text(os.fsdecode(folder + b"/" + name))
    assert whole == f"{photo_text(os.fsdecode(folder))}/{photo_text(os.fsdecode(name))}"


@given(st.text(alphabet=st.characters(exclude_characters="\\", exclude_categories=["Cs"])))
def test_text_without_backslash_is_left_alone(path: str) -> None:
    assert photo_text(path) == path
    assert photo_path(path) == path


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
    assert kind_of_file("noending", b"\0\0\0\x20ftyp" + brand + b"\0" * 4) == "photo"


def test_the_brands_of_single_pictures_and_sequences_are_known() -> None:
    assert {b"heim", b"heis", b"hevx", b"avis"} <= HEIF_BRANDS | AVIF_BRANDS


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "HEIF"])
def test_an_image_without_ending_is_a_photo_by_its_first_bytes(image_format: str) -> None:
    head = _encoded(image_format)[:16]
    assert kind_of_file("folder.jpg/noending", head) == "photo"
    assert kind_of_file("wrong.txt", head) == "photo"


@pytest.mark.parametrize(("name", "codec"), [("clip.avi", "MJPG"), ("clip.mp4", "mp4v")])
def test_a_video_is_told_by_ending_and_by_first_bytes(tmp_path: Path, name: str, codec: str) -> None:
    path = tmp_path / name
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), 10.0, (64, 64))
    for _ in range(3):
        writer.write(np.zeros((64, 64, 3), np.uint8))
    writer.release()
    assert kind_of_file(name, b"") == "video"
    assert kind_of_file("noending", path.read_bytes()[:16]) == "video"


@pytest.mark.parametrize(
    "head", [b"", b"B", b"BM", b"BMW cars are nice", b"RIFF1234WAVE", b"\xff", b"%PDF-1.7"]
)
def test_other_bytes_are_other_files(head: bytes) -> None:
    assert kind_of_file("noending", head) == "other"


def test_the_ending_wins_over_the_bytes_and_ignores_case() -> None:
    assert all(kind_of_file(f"a/B{end.upper()}", b"not an image") == "photo" for end in IMAGE_ENDINGS)
    assert all(kind_of_file(f"a/B{end.upper()}", b"\xff\xd8\xff") == "video" for end in VIDEO_ENDINGS)
    assert ending("a.JPG/b.tar.GZ") == ".gz"
    assert ending("a.jpg/b") == ""


def test_a_plan_has_every_column_and_fills_what_was_not_given() -> None:
    plan = PlanBuilder()
    plan.add("a/1.jpg", size=3, mtime_ns=4, record="a/1.jpg#1", identity="a", given_box=(1.0, 2.0, 3.0, 4.0))
    plan.add("a/2.jpg", size=0, mtime_ns=0)
    table = plan.table({"meta_age": [7, None]})
    assert table.schema == PLAN.append(pa.field("meta_age", pa.int64()))
    assert len(plan) == 2
    assert table.column("record").to_pylist() == ["a/1.jpg#1", "a/2.jpg"]
    assert table.column("given_box").to_pylist() == [[1.0, 2.0, 3.0, 4.0], None]
    assert table.column("status").to_pylist() == [None, None]


def test_a_plan_of_nothing_is_an_empty_table() -> None:
    assert PlanBuilder().table().equals(PLAN.empty_table())
