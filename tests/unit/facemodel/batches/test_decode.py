"""Decoded where it belongs, a crop has OpenCV's pixels; what is odd about it is left to OpenCV."""

from __future__ import annotations

import importlib
import io
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from PIL import Image

from facedata import ClassManifest
from facedata.crops.codec import decode_crop, encode_crop
from facedata.errors import StoreError
from facedata.types import UInt8Image
from facemodel.batches import decode
from facemodel.batches.decode import decode_into, find_library
from facemodel.batches.reader import CropReader
from facemodel.batches.to_input import BatchShaping
from facemodel.batches.variation import Variation, shape_crop
from tests.support.people_set import people_set
from tests.support.shared_data import SHARED, needs_shared


@pytest.fixture(params=["simplejpeg", "OpenCV alone"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With simplejpeg, if it is installed, and without."""
    if request.param == "simplejpeg":
        pytest.importorskip("simplejpeg", reason="facedata[fast] is not installed")
        assert find_library() is not None, "simplejpeg gives other pixels than OpenCV here"
    else:
        monkeypatch.setattr(decode, "find_library", lambda: None)


def noise(side: int, seed: int = 0) -> UInt8Image:
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)


def saved(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("side", [1, 7, 16, 24, 113, 240])
def test_the_pixels_are_opencvs(library: None, side: int) -> None:
    data = encode_crop(noise(side))
    image = np.zeros((side, side, 3), np.uint8)
    assert decode_into(data, image) == image.shape
    assert np.array_equal(image, decode_crop(data))


ODD = {
    "grey": saved(Image.fromarray(noise(24)[..., 0])),
    "cmyk": saved(Image.fromarray(noise(24)).convert("CMYK")),
    "png": saved(Image.fromarray(noise(24)), "PNG"),
    "progressive": saved(Image.fromarray(noise(24)), progressive=True, quality=70),
    "every colour": saved(Image.fromarray(noise(24)), subsampling=0, quality=90),
    "half the colours": saved(Image.fromarray(noise(24)), subsampling=1, quality=90),
}


@pytest.mark.parametrize("kind", ODD)
def test_odd_files_are_read_as_before(library: None, kind: str) -> None:
    image = np.zeros((24, 24, 3), np.uint8)
    assert decode_into(ODD[kind], image) == (24, 24, 3)
    assert np.array_equal(image, decode_crop(ODD[kind]))


def test_a_file_cut_short_is_what_opencv_says(library: None) -> None:
    """Some versions fill the rest with grey, others refuse the file."""

    def outcome(read: Callable[[bytes], UInt8Image]) -> bytes | str:
        try:
            return read(encode_crop(noise(24))[:-400]).tobytes()
        except StoreError as error:
            return str(error)

    def read_in_place(data: bytes) -> UInt8Image:
        image = np.zeros((24, 24, 3), np.uint8)
        decode_into(data, image)
        return image

    assert outcome(read_in_place) == outcome(decode_crop)


def test_another_size_is_reported_and_nothing_written(library: None) -> None:
    for side in (23, 25):
        image = np.zeros((24, 24, 3), np.uint8)
        assert decode_into(encode_crop(noise(side)), image) == (side, side, 3)
        assert not image.any()
    with pytest.raises(StoreError, match="cannot be decoded"):
        decode_into(b"\xff\xd8 and nothing more", np.zeros((24, 24, 3), np.uint8))


@needs_shared
def test_real_crops_have_opencvs_pixels(library: None) -> None:
    photos = sorted((SHARED / "data" / "lfw").rglob("*.jpg"))[::97]
    assert len(photos) > 20
    for photo in photos:
        data = photo.read_bytes()
        want = decode_crop(data)
        image = np.zeros_like(want)
        decode_into(data, image)
        assert np.array_equal(image, want)


def test_a_library_with_other_pixels_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def decode_darker(data: bytes, colours: str, buffer: UInt8Image) -> None:
        buffer[...] = np.maximum(decode_crop(data), 1) - 1

    other = SimpleNamespace(
        decode_jpeg_header=lambda data: (72, 72, "YCbCr", "420"), decode_jpeg=decode_darker
    )
    monkeypatch.setattr(importlib, "import_module", lambda name: other)
    assert find_library.__wrapped__() is None


@pytest.mark.parametrize("size", [24, 17])
@pytest.mark.parametrize("angle", [0.0, 8.0])
def test_a_batch_is_shaped_as_crop_by_crop(library: None, tmp_path: Path, size: int, angle: float) -> None:
    """Rows that come twice are mirrored once here and not there, whatever was decoded into which place."""
    classes = ClassManifest.open(people_set(tmp_path / "faces", 3, 3).path)
    rows = np.array([4, 0, 4, 8, 0, 4, 2])
    variation = Variation(np.array([1, 0, 0, 1, 1, 1, 0], bool), np.linspace(-angle, angle, 7))
    with CropReader(classes, 2) as reader:
        found = reader.read(rows, BatchShaping(size, variation))
        plain = reader.read(rows)
    for place, row in enumerate(rows.tolist()):
        want = np.empty((size, size, 3), np.uint8)
        crop = classes[row].image()
        assert np.array_equal(plain[place], crop)
        shape_crop(crop, want, bool(variation.flips[place]), float(variation.angles_deg[place]))
        assert np.array_equal(found[place], want)


@pytest.mark.parametrize("side", [1, 2, 15, 16, 17, 64, 112, 241])
def test_mirrored_in_its_own_memory(side: int) -> None:
    crop = noise(side)
    image = crop.copy()
    shape_crop(image, image, flip=True)
    assert np.array_equal(image, crop[:, ::-1])
    assert np.array_equal(image, cv2.flip(crop, 1).reshape(image.shape))
