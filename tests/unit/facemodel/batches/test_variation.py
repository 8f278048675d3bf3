"""Known turns go where they should, on a CPU and on a device; resizing weighs every pixel."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from facemodel.batches.reader import UInt8Batch
from facemodel.batches.variation import Augmentation, Variation, resize_crop, shape_crop, vary_batch


def test_angles_fill_their_span() -> None:
    angles = Variation.draw(10_000, Augmentation(rotate_deg=10), (3,)).angles_deg
    assert -10 <= angles.min() < -9.9
    assert 9.9 < angles.max() <= 10
    assert abs(angles.mean()) < 0.2


def _dot(x: int, y: int, size: int = 41) -> UInt8Batch:
    image = np.zeros((size, size, 3), np.uint8)
    image[y - 1 : y + 2, x - 1 : x + 2] = 255
    return image


def _brightest(image: UInt8Batch) -> tuple[int, int]:
    weight = image[..., 0].astype(np.float64)
    y, x = np.mgrid[: len(image), : len(image)]
    return round(float((x * weight).sum() / weight.sum())), round(float((y * weight).sum() / weight.sum()))


@pytest.mark.parametrize("on_device", [False, True])
@pytest.mark.parametrize(
    ("flip", "angle_deg", "place"),
    [
        (False, 90.0, (20, 10)),  # counter-clockwise: what was right is up
        (False, -90.0, (20, 30)),
        (True, 0.0, (10, 20)),
        (True, 90.0, (20, 30)),  # first mirrored to the left, then turned: left goes down
    ],
)
def test_turns_take_a_dot_where_they_should(
    on_device: bool, flip: bool, angle_deg: float, place: tuple[int, int]
) -> None:
    crop = _dot(30, 20)
    if on_device:
        image = torch.from_numpy(crop).permute(2, 0, 1)[None].float()
        variation = Variation(np.array([flip]), np.array([angle_deg]))
        turned = vary_batch(image, variation, torch.zeros(1, 3, 1, 1))[0].permute(1, 2, 0)
        ready = turned.round().clamp(0, 255).numpy().astype(np.uint8)
    else:
        ready = np.empty_like(crop)
        shape_crop(crop, ready, flip, angle_deg)
    assert _brightest(ready) == place


@pytest.mark.parametrize("size", [16, 37, 60, 90])
def test_resizing_is_pillows(size: int) -> None:
    """Pillow weighs every pixel when it shrinks; OpenCV's linear filter skips most of them."""
    crop = np.random.default_rng(0).integers(0, 256, (60, 60, 3), dtype=np.uint8)
    pillows = np.asarray(Image.fromarray(crop).resize((size, size), Image.Resampling.BILINEAR))
    assert np.abs(resize_crop(crop, size).astype(int) - pillows.astype(int)).max() <= 1
