"""Average pooling from sums against torch's own, and halved images against plain averages."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import adaptive_avg_pool2d

from facedata.detect.mtcnn.pooling import Pooling
from facedata.detect.pyramid import Halves
from facedata.types import Float32Array, UInt8Image


def noise(height: int, width: int) -> UInt8Image:
    return np.random.default_rng(7).integers(0, 256, (height, width, 3)).astype(np.uint8)


def torchs(image: UInt8Image, width: int, height: int) -> Float32Array:
    values = torch.from_numpy(image.astype(np.float32)).permute(2, 0, 1)
    pooled: Float32Array = adaptive_avg_pool2d(values, (height, width)).permute(1, 2, 0).numpy()
    return pooled


@settings(max_examples=30)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 60), st.integers(1, 60))
def test_a_whole_image_is_pooled_as_torch_does(
    width: int, height: int, to_width: int, to_height: int
) -> None:
    image = noise(height, width)
    np.testing.assert_allclose(
        Pooling(image).resize(to_width, to_height), torchs(image, to_width, to_height), atol=1e-4
    )


@pytest.mark.parametrize("size_px", [24, 48])
def test_rectangles_are_pooled_as_torch_does(size_px: int) -> None:
    image = noise(120, 150)
    boxes = np.array([[0, 0, 150, 120], [10, 20, 34, 44], [5, 5, 6, 6], [100, 3, 149, 117]])
    wanted = [torchs(image[y0:y1, x0:x1], size_px, size_px) for x0, y0, x1, y1 in boxes]
    np.testing.assert_allclose(Pooling(image).crops(boxes, size_px), np.stack(wanted), atol=1e-4)


def test_halves_are_averages_of_two_by_two_pixels() -> None:
    image = noise(41, 63)
    halves = Halves(image)
    plain = image[:40, :62].reshape(20, 2, 31, 2, 3).mean(axis=(1, 3))
    assert np.abs(halves.at(1) - plain).max() <= 0.5
    assert halves.at(0) is image
    assert halves.at(9).shape[0] >= 2  # it ends somewhere


def test_a_cut_box_is_where_it_says_it_is() -> None:
    y, x = np.mgrid[:400, :600]
    image = np.stack([x * 255 / 600, y * 255 / 400, np.zeros_like(x, float)], axis=2).astype(np.uint8)
    for box in ([100, 50, 124, 74], [33.4, 20.2, 233.4, 220.2], [-40, -60, 160, 140], [500, 300, 700, 500]):
        crop, place = Halves(image).cut(np.array(box, np.float32), 48)
        assert np.abs(place - box).max() <= 4
        side = (place[2:] - place[:2]) / 48
        # the pixel that lies at the image's (x, y) shows that place's colour
        for row, column in ((24, 24), (40, 40), (30, 44)):
            at_x, at_y = place[0] + (column + 0.5) * side[0] - 0.5, place[1] + (row + 0.5) * side[1] - 0.5
            if 1 < at_x < 598 and 1 < at_y < 398:
                found = crop[row, column, :2]
                assert np.abs(found - (at_x * 255 / 600, at_y * 255 / 400)).max() <= 4
    outside, _ = Halves(image).cut(np.array([-300, -300, -100, -100], np.float32), 24)
    assert not outside.any()
