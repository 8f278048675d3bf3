"""The warp, and what every template does, against a slow loop."""

from __future__ import annotations

import numpy as np
import pytest

from facedata.config import TEMPLATES
from facedata.crops.align import Placement, warp
from facedata.crops.arcface112 import ARCFACE_POINTS
from facedata.crops.cut import make_shape
from facedata.crops.square import square
from facedata.painted import paint
from facedata.types import Face, Float64Array, UInt8Image
from tests.support.placed_faces import face, in_box, mapped, moved, slow_warp


@pytest.mark.parametrize("tilt_deg", [0.0, 17.0, -30.0])
def test_warp_agrees_with_a_slow_loop(tilt_deg: float) -> None:
    y, x = np.mgrid[:200, :220]
    image = np.stack([x, y, (x + y) // 2], axis=2).astype(np.uint8)
    placement = square(face((60, 40, 150, 150), tilt_deg), 48 * 2)
    found, wanted = warp(image, placement, 96).astype(float), slow_warp(image, placement, 96)
    inner = np.abs(found - wanted)[4:-4, 4:-4]
    assert np.quantile(inner, 0.99) <= 3  # OpenCV interpolates on a grid of 1/32 px


def test_a_large_photo_does_not_alias() -> None:
    stripes = np.zeros((1200, 1200, 3), np.uint8)
    stripes[:, ::2] = 255  # finer than the crop can show: must come out grey
    crop = warp(stripes, square(face((100, 50, 1100, 1150), middle=(600, 500)), 64), 64)
    x0, _, x1, _ = square(face((100, 50, 1100, 1150), middle=(600, 500)), 64).window
    assert np.abs(crop[4:-4, x0 + 2 : x1 - 2].astype(float) - 127.5).max() < 12


def test_a_shrunk_photo_keeps_its_geometry() -> None:
    image = np.zeros((1200, 1200, 3), np.uint8)
    image[480:521, 680:721] = 255  # a white square about (700, 500)
    placement = square(face((100, 50, 1100, 1150), 12.0, middle=(600, 500)), 240)
    crop = warp(image, placement, 240)[..., 0].astype(np.float64)
    rows, columns = np.mgrid[:240, :240]
    centre = [(crop * columns).sum() / crop.sum(), (crop * rows).sum() / crop.sum()]
    np.testing.assert_allclose(centre, mapped(placement.matrix, [700, 500]), atol=0.1)


def test_hardly_any_resemblance_makes_a_dot_and_takes_no_memory() -> None:
    photo = np.full((900, 1200, 3), 255, np.uint8)
    matrix = np.array([[1e-7, 0, 50], [0, 1e-7, 50]])  # one crop pixel is ten million of the photo's
    assert warp(photo, Placement(matrix, (0, 0, 112, 112)), 112).shape == (112, 112, 3)


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("tilt_deg", [0.0, 17.0, -30.0])
def test_every_template_s_crop_agrees_with_a_slow_loop(template: str, tilt_deg: float) -> None:
    photo = paint(3, 2).image
    (x0, y0), (x1, _) = paint(3, 2).eyes[0]
    side = min(2.5 * (x1 - x0), 140)
    one = in_box((x0 - 0.3 * side, y0 - 0.4 * side, x0 + 0.7 * side, y0 + 0.8 * side), tilt_deg)
    placement = make_shape(template, 96).place(one)
    found, wanted = warp(photo, placement, 96).astype(float), slow_warp(photo, placement, 96)
    assert np.linalg.det(placement.matrix[:, :2]) > 0.25  # no area filter before the one interpolation
    assert np.abs(found - wanted).mean() < 1
    assert np.quantile(np.abs(found - wanted), 0.99) <= 6  # OpenCV interpolates on a grid of 1/32 px


def waves(points: Float64Array) -> Float64Array:
    """A smooth picture, ``(n, 3)`` 0 … 255, in the face's own coordinates."""
    x, y = points[:, 0], points[:, 1]
    bands = [np.sin(x / 9 + y / 31), np.cos(y / 11), np.sin((x - 2 * y) / 23)]
    values: Float64Array = 127.5 + 100 * np.stack(bands, axis=1)
    return values


@pytest.mark.parametrize(
    ("scale", "turn_deg", "shift"),
    [
        (1.0, 0.0, (150.0, 90.0)),
        (1.7, 33.0, (180.5, 60.25)),
        (2.6, -100.0, (60.0, 330.0)),
        (4.4, 12.0, (90, 5)),
    ],
)
@pytest.mark.parametrize("template", ["square", "arcface112"])
def test_a_turned_scaled_or_shifted_face_gives_the_same_crop(
    template: str, scale: float, turn_deg: float, shift: tuple[float, float]
) -> None:
    def crop_of(scale: float, turn_deg: float, shift: tuple[float, float]) -> UInt8Image:
        rows, columns = np.mgrid[:640, :640]
        pixels = np.column_stack([columns.ravel(), rows.ravel()]) - np.array(shift)
        photo = waves(moved(pixels, 1 / scale, 0, (0, 0)) @ turned(turn_deg)).reshape(640, 640, 3)
        points = moved(ARCFACE_POINTS, scale, turn_deg, shift)
        # a square box about the middle of the face turns with it
        middle, half = moved(np.array([[56.0, 72.0]]), scale, turn_deg, shift)[0], 40 * scale
        face = Face(np.array([*(middle - half), *(middle + half)], np.float32), 1, points.astype(np.float32))
        return warp(np.rint(photo).astype(np.uint8), make_shape(template, 64).place(face), 64)

    plain, other = crop_of(1.25, 0.0, (100.0, 80.0)), crop_of(scale, turn_deg, shift)
    difference = np.abs(plain.astype(float) - other)
    assert difference.mean() < 2
    assert np.quantile(difference, 0.99) <= 9


def turned(turn_deg: float) -> Float64Array:
    """The matrix that takes points turned by this angle back, when they are multiplied by it."""
    angle = np.radians(turn_deg)
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
