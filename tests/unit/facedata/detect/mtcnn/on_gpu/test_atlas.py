"""The atlas gives the pixels that `Halves` gives for one photo at a time.

They were the same to the bit on an x86 processor with AVX-512. OpenCV has other code for other processors,
which may round otherwise: one level is allowed, in one number of a hundred.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facedata.detect.mtcnn.on_gpu.atlas import Atlas
from facedata.detect.pyramid import Halves
from facedata.types import UInt8Image

SIZES = ((250, 250), (218, 178), (250, 250), (37, 91), (3, 2), (400, 640), (7, 300), (1, 1), (601, 333))


@pytest.fixture(scope="module")
def photos() -> list[UInt8Image]:
    random = np.random.default_rng(0)
    return [random.integers(0, 256, (*size, 3)).astype(np.uint8) for size in SIZES]


@pytest.fixture(scope="module")
def atlas(photos: list[UInt8Image]) -> Atlas:
    return Atlas(photos, torch.device("cpu"))


def assert_alike(found: UInt8Image, wanted: UInt8Image) -> None:
    apart = np.abs(found.astype(int) - wanted)
    assert apart.max() <= 1
    assert (apart > 0).mean() <= 0.01


@pytest.mark.parametrize("side", [12, 45, 64, 90, 176])
def test_photos_are_shrunk_as_one_by_one(photos: list[UInt8Image], atlas: Atlas, side: int) -> None:
    numbers = np.random.default_rng(side).permutation(len(photos))[:7]
    sizes = atlas.sizes[numbers]
    targets = np.maximum(1, np.rint(sizes * (side / sizes.max(axis=1, keepdims=True)))).astype(np.int64)
    targets[2] = 0
    found = atlas.shrink(numbers, targets, side).numpy()
    assert found.shape == (7, side, side, 3)
    assert not found[2].any()
    for number, (width, height), picture in zip(numbers, targets.tolist(), found, strict=True):
        if width:
            wanted = Halves(photos[number]).shrink(width, height)
            assert_alike(picture[:height, :width], wanted)
        assert not picture[height:].any()
        assert not picture[:, width:].any()


@pytest.mark.parametrize("size_px", [24, 48])
def test_boxes_are_cut_as_one_by_one(photos: list[UInt8Image], atlas: Atlas, size_px: int) -> None:
    """Also where they reach out of the photo, lie outside it, or are smaller than a pixel."""
    random = np.random.default_rng(size_px)
    owners = random.integers(0, len(photos), 300)
    centres, sides = random.uniform(-60, 300, (300, 2)), np.exp(random.uniform(-1, 6.5, (300, 1)))
    boxes = np.concatenate([centres - sides / 2, centres + sides / 2], axis=1).astype(np.float32)
    crops, places = atlas.cut(torch.from_numpy(owners), torch.from_numpy(boxes), size_px)
    for owner, box, crop, place in zip(owners, boxes, crops.numpy(), places.numpy(), strict=True):
        wanted, wanted_place = Halves(photos[owner]).cut(box, size_px)
        assert_alike(crop, wanted)
        np.testing.assert_array_equal(place, wanted_place)
    assert sum(bool(crop.any()) for crop in crops.numpy()) > 100


def test_nonsense_reads_no_pixel_that_is_not_there(atlas: Atlas) -> None:
    """A read out of bounds would end a process that uses a GPU."""
    boxes = np.array([[np.nan] * 4, [-1e30, -1e30, 1e30, 1e30], [5, 5, -5, -5], [1e9, 0, 1e9, 9]], np.float32)
    owners = torch.zeros(4, dtype=torch.int64)
    crops, _ = atlas.cut(owners, torch.from_numpy(boxes), 24)
    assert crops.shape == (4, 24, 24, 3)
