"""The exhaustive search's pixels, made on the device: the numbers of `Pooling`."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facedata.detect.mtcnn.detector import Resampler
from facedata.detect.mtcnn.on_gpu.atlas import Atlas
from facedata.detect.mtcnn.on_gpu.resampler import DeviceResampler


@pytest.mark.parametrize("size", [(250, 250), (61, 97), (13, 200)])
def test_the_numbers_are_pooling_s(size: tuple[int, int]) -> None:
    random = np.random.default_rng(sum(size))
    images = [random.integers(0, 256, (*some, 3)).astype(np.uint8) for some in ((180, 256), size, (64, 129))]
    atlas = Atlas(images, torch.device("cpu"))
    for number, image in enumerate(images):
        np.testing.assert_array_equal(atlas.photo(number).numpy(), image)
    ours, theirs = DeviceResampler(images[1], atlas.photo(1)), Resampler(images[1])
    for width, height in ((12, 12), (40, 33), size[::-1], (301, 260)):
        np.testing.assert_array_equal(ours.resize(width, height).numpy(), theirs.resize(width, height))
    low = random.uniform(-40, 200, (400, 2))
    boxes = np.concatenate([low, low + random.uniform(1, 90, (400, 2))], axis=1).astype(np.float32)
    for size_px in (24, 48):
        crops, left = ours.crops(boxes, size_px)
        wanted, others = theirs.crops(boxes, size_px)
        np.testing.assert_array_equal(left, others)
        np.testing.assert_array_equal(np.asarray(crops), wanted)
        assert 0 < len(left) < 400
    assert ours.crops(boxes[:0], 24)[0].shape == (0, 24, 24, 3)
