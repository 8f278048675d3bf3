"""The public way from one photo to crops: what it takes, and what it says of anything else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from facedata import decode, find_crops
from facedata.errors import UnreadableImageError, UsageError
from facedata.testing import FakeDetector, marked_folder


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    marked_folder(tmp_path, people=1, photos=1)
    (file,) = tmp_path.glob("*/*.png")
    return file


def test_a_file_its_bytes_and_its_pixels_give_the_same_crop(photo: Path) -> None:
    from_bytes, *others = find_crops(photo.read_bytes(), detector=FakeDetector())
    assert not others
    for image in (photo, str(photo), decode(photo.read_bytes())):
        (crop,) = find_crops(image, detector=FakeDetector())
        assert np.array_equal(crop.image, from_bytes.image)


def test_a_file_that_cannot_be_read_is_said(photo: Path) -> None:
    with pytest.raises(FileNotFoundError):
        find_crops(photo.with_name("none.jpg"))
    photo.write_bytes(b"no photo")
    with pytest.raises(UnreadableImageError):
        find_crops(photo)


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((9, 9), np.uint8),
        np.zeros((9, 9, 4), np.uint8),
        np.zeros((9, 9, 3), np.float32),
        np.zeros((1, 9, 9, 3), np.uint8),
        np.zeros((0, 9, 3), np.uint8),
    ],
)
def test_an_array_of_another_kind_is_refused(wrong: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> None:
    with pytest.raises(UsageError, match=r"it must be uint8 RGB, \(height, width, 3\)"):
        find_crops(wrong, detector=FakeDetector())


@pytest.mark.parametrize("wrong", [Image.new("RGB", (9, 9)), ["a.jpg"], None])
def test_what_is_no_photo_is_said_with_what_is_one(wrong: Any) -> None:
    said = rf"^the photo is a {type(wrong).__name__}; it must be the path of a file, its bytes, or its pixels"
    with pytest.raises(UsageError, match=said):
        find_crops(wrong, detector=FakeDetector())
