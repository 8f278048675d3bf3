"""Crops of many faces at once, against OpenCV's warp and known geometry."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from facedata.crops.align import Placement, warp
from facedata.painted import paint
from facedata.work.on_gpu.warp import can_warp, warp_all

CPU = torch.device("cpu")


def place(scale: float, turn_deg: float, centre: tuple[float, float], size_px: int) -> Placement:
    """Return a placement that brings a photo's point to the crop's middle."""
    matrix = np.asarray(cv2.getRotationMatrix2D(centre, turn_deg, scale), np.float64)
    matrix[:, 2] += (size_px - 1) / 2 - np.array(centre)
    return Placement(matrix, (0, 0, size_px, size_px))


def test_a_crop_at_full_size_has_the_photo_s_pixels() -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3)).astype(np.uint8)
    moved = Placement(np.array([[1.0, 0.0, -7.0], [0.0, 1.0, 5.0]]), (2, 3, 30, 25))
    (crop,) = warp_all([image], [moved], 32, CPU).numpy()
    wanted = np.zeros((32, 32, 3), np.uint8)
    wanted[5:25, 2:30] = image[0:20, 9:37]  # crop pixel x shows photo pixel x + 7; above row 5 is no photo
    np.testing.assert_array_equal(crop, wanted)


def test_crops_are_opencv_s_within_two_levels() -> None:
    random = np.random.default_rng(1)
    images = [
        np.asarray(cv2.GaussianBlur(paint(person, 0).image, (3, 3), 0.8), np.uint8) for person in range(6)
    ]
    placements = []
    for image in images:
        height, width = image.shape[:2]
        centre = (float(random.uniform(0, width)), float(random.uniform(0, height)))
        placements.append(place(random.uniform(0.55, 3), random.uniform(-60, 60), centre, 112))
    assert all(map(can_warp, placements))
    found = warp_all(images, placements, 112, CPU).numpy()
    for crop, image, placement in zip(found, images, placements, strict=True):
        apart = np.abs(crop.astype(int) - warp(image, placement, 112))
        # a weight that is rounded to 1/32 px matters most at the photo's edge, beyond which all is black
        assert np.quantile(apart, 0.99) <= 2
        assert apart.mean() < 0.5
        assert crop.any()


def test_a_crop_does_not_depend_on_its_neighbours() -> None:
    images = [paint(person, 0).image for person in range(4)]
    placements = [place(0.7 + 0.3 * n, 10.0 * n, (90.0 + n, 80.0), 64) for n in range(4)]
    together = warp_all(images, placements, 64, CPU)
    for number in range(4):
        (alone,) = warp_all([images[number]], [placements[number]], 64, CPU)
        assert torch.equal(alone, together[number])


def test_a_face_outside_the_photo_is_black() -> None:
    far = place(1.0, 0.0, (5000.0, -5000.0), 32)
    assert not warp_all([paint(0, 0).image], [far], 32, CPU).any()


@pytest.mark.parametrize(("scale", "can"), [(0.51, True), (0.5, False), (0.1, False), (2.0, True)])
def test_a_face_that_is_shrunk_to_half_needs_a_filter_first(scale: float, can: bool) -> None:
    assert can_warp(place(scale, 30.0, (50.0, 50.0), 64)) is can
