"""Crops to bytes and back: the colours stay RGB, whatever this OpenCV can do."""

from __future__ import annotations

import numpy as np
import pytest

from facedata.crops import codec
from facedata.crops.codec import decode_crop, encode_crop
from facedata.errors import StoreError


@pytest.mark.parametrize("has_rgb", [True, False])
def test_colours_are_rgb_whatever_opencv_can(has_rgb: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    red = np.zeros((16, 16, 3), np.uint8)
    red[..., 0] = 250
    data = encode_crop(red)
    known = decode_crop(data)
    if not has_rgb:
        monkeypatch.setattr(codec, "_RGB", None)
    image = decode_crop(data)
    assert np.array_equal(image, known)
    assert image[8, 8, 0] > 240
    assert image[8, 8, 2] < 10


def test_bytes_that_are_no_image_are_refused() -> None:
    with pytest.raises(StoreError, match="a crop of 5 bytes cannot be decoded"):
        decode_crop(b"hello")
