"""Which JPEGs a GPU decodes, and that the CPU takes over where it does not.

There is no GPU where most tests run: torchvision's decoder and encoder are held against OpenCV's on the CPU.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from facedata.crops.codec import decode_crop, encode_crop
from facedata.painted import paint
from facedata.photos.jpeg import decode_jpeg
from facedata.types import UInt8Image
from facedata.work.on_gpu import jpegs
from facedata.work.on_gpu.jpegs import decode_jpegs, encode_jpegs, is_plain

GPU = torch.device("cuda")


def as_jpeg(mode: str = "RGB", **options: object) -> bytes:
    written = io.BytesIO()
    Image.fromarray(paint(0, 0).image).convert(mode).save(written, "JPEG", **options)
    return written.getvalue()


def test_plain_ones_are_told_from_others() -> None:
    assert is_plain(as_jpeg())
    assert is_plain(as_jpeg(quality=60, subsampling=0, comment=b"a face", exif=Image.Exif()))
    assert not is_plain(as_jpeg(progressive=True))
    assert not is_plain(as_jpeg("L"))
    assert not is_plain(as_jpeg("CMYK"))
    whole = as_jpeg()
    at = whole.index(b"\xff\xc0")
    for data in (b"", b"\xff\xd8", whole[:at], whole[: at + 5], whole[:2] + b"\0" + whole[3:]):
        assert not is_plain(data)


def test_the_decoder_gives_each_photo_its_pixels() -> None:
    files = [encode_crop(paint(person, 0).image) for person in range(3)]
    found = jpegs.decode_with_torchvision(files, torch.device("cpu"))
    for file, image in zip(files, found, strict=True):
        wanted = decode_jpeg(file)
        assert wanted is not None
        assert image.shape == wanted.shape
        assert np.abs(image.astype(int) - wanted).max() <= 3


def test_where_there_is_no_gpu_none_is_decoded() -> None:
    assert decode_jpegs([as_jpeg()], torch.device("cpu")) == [None]
    assert decode_jpegs([], GPU) == []


def test_one_bad_photo_leaves_its_neighbours_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What becomes of a photo must not depend on who shares its shard."""

    def decode(files: Sequence[bytes], device: torch.device) -> list[UInt8Image]:
        return real(files, torch.device("cpu"))

    real = jpegs.decode_with_torchvision
    monkeypatch.setattr(jpegs, "decode_with_torchvision", decode)
    good = as_jpeg()
    (alone,) = decode_jpegs([good], GPU)
    first, bad, last = decode_jpegs([good, good[:300] + b"\xff\xd9", good], GPU)
    assert bad is None
    assert alone is not None
    np.testing.assert_array_equal(first, alone)
    np.testing.assert_array_equal(last, alone)


def test_a_torchvision_without_a_decoder_decodes_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def decode(files: Sequence[bytes], device: torch.device) -> list[UInt8Image]:
        raise ImportError("cannot import name 'decode_jpeg'")

    monkeypatch.setattr(jpegs, "decode_with_torchvision", decode)
    assert decode_jpegs([as_jpeg()] * 3, GPU) == [None] * 3


def test_crops_are_encoded_as_ever_where_there_is_no_gpu() -> None:
    crops = np.stack([cv2.resize(paint(person, 0).image, (112, 112)) for person in range(3)])
    assert encode_jpegs(torch.from_numpy(crops)) == [encode_crop(crop) for crop in crops]
    assert encode_jpegs(torch.zeros((0, 112, 112, 3), dtype=torch.uint8)) == []


def test_torchvision_s_encoder_writes_each_crop() -> None:
    crops = np.stack([cv2.resize(paint(person, 0).image, (112, 112)) for person in range(3)])
    files = jpegs.encode_with_torchvision(torch.from_numpy(crops))
    for crop, file in zip(crops, files, strict=True):
        assert np.abs(decode_crop(file).astype(int) - decode_crop(encode_crop(crop))).mean() < 1
