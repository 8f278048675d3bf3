"""Crop geometry against known points, and the warp against a slow loop."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facedata.align import Placement, square, warp
from facedata.types import Face, Float64Array, UInt8Image


def face(box: tuple[float, ...], tilt_deg: float = 0.0, middle: tuple[float, float] = (100, 90)) -> Face:
    """A face whose eyes lie 40 px apart about a midpoint, the right one lower by the tilt."""
    half = 20 * np.array([np.cos(np.radians(tilt_deg)), np.sin(np.radians(tilt_deg))])
    eyes = np.array([np.subtract(middle, half), np.add(middle, half)])
    return Face(np.array(box, np.float32), 1.0, np.concatenate([eyes, np.ones((3, 2))]).astype(np.float32))


def mapped(matrix: Float64Array, points: object) -> Float64Array:
    there: Float64Array = np.asarray(points, np.float64) @ matrix[:, :2].T + matrix[:, 2]
    return there


faces = st.builds(
    face,
    st.tuples(st.floats(0, 80), st.floats(0, 80), st.floats(120, 400), st.floats(120, 400)),
    st.floats(-90, 90),
    st.tuples(st.floats(40, 200), st.floats(40, 200)),
)


@given(faces, st.integers(16, 512), st.floats(0, 1))
def test_eyes_are_level_and_their_midpoint_on_the_centre_line(one: Face, size: int, margin: float) -> None:
    placement = square(one, size, margin)
    left, right = mapped(placement.matrix, one.landmarks[:2])
    assert left[1] == pytest.approx(right[1], abs=1e-3)
    assert left[0] < right[0]
    assert (left[0] + right[0]) / 2 == pytest.approx((size - 1) / 2, abs=1e-3)


@given(faces, st.integers(16, 512))
def test_the_photo_is_scaled_alike_in_both_directions_and_never_mirrored(one: Face, size: int) -> None:
    linear = square(one, size).matrix[:, :2]
    scale = np.sqrt(np.linalg.det(linear))
    np.testing.assert_allclose(linear @ linear.T, scale**2 * np.eye(2), atol=1e-9)


@given(faces)
def test_the_longer_side_fills_the_square_and_the_rest_is_centred(one: Face) -> None:
    x0, y0, x1, y1 = square(one, 240).window
    assert max(x1 - x0, y1 - y0) == 240
    assert abs(x0 - (240 - x1)) <= 1
    assert abs(y0 - (240 - y1)) <= 1


def test_a_level_face_worked_by_hand() -> None:
    # box 80 x 100 about (110, 100), eyes about (100, 90): the left side, 30 px away from the eyes' midpoint
    # and so the nearer one, is widened to 50: the rectangle is 50..150, 100 x 100, scale 2.4
    placement = square(face((70, 50, 150, 150)), 240)
    np.testing.assert_allclose(
        placement.matrix, [[2.4, 0, 119.5 - 2.4 * 100], [0, 2.4, 119.5 - 2.4 * 100]], atol=1e-6
    )
    assert placement.window == (0, 0, 240, 240)


def test_a_tall_box_leaves_black_bars_left_and_right() -> None:
    placement = square(face((75, 40, 125, 140)), 240)  # 50 x 100 about the eyes' column
    assert placement.window == (60, 0, 180, 240)
    white = np.full((200, 200, 3), 255, np.uint8)
    crop = warp(white, placement, 240)
    assert not crop[:, :60].any()
    assert not crop[:, 180:].any()
    assert (crop[:, 60:180] == 255).all()


def test_what_lies_outside_the_photo_is_black() -> None:
    crop = warp(np.full((100, 200, 3), 255, np.uint8), square(face((50, 40, 150, 140)), 240), 240)
    below = int(np.ceil(mapped(square(face((50, 40, 150, 140)), 240).matrix, [[100, 99.5]])[0, 1])) + 2
    assert not crop[below:].any()
    assert (crop[: below - 6] == 255).all()


def test_margin_grows_the_box_on_each_side() -> None:
    plain, grown = square(face((50, 40, 150, 140)), 240), square(face((50, 40, 150, 140)), 240, margin=0.25)
    assert np.linalg.det(plain.matrix[:, :2]) == pytest.approx(1.5**2 * np.linalg.det(grown.matrix[:, :2]))


def slow_warp(image: UInt8Image, placement: Placement, size: int) -> Float64Array:
    """Bilinear, pixel by pixel, in float64."""
    inverse = np.linalg.inv(np.vstack([placement.matrix, [0, 0, 1]]))
    padded = np.pad(image.astype(np.float64), ((1, 2), (1, 2), (0, 0)))
    crop = np.zeros((size, size, 3))
    x0, y0, x1, y1 = placement.window
    for row in range(y0, y1):
        for column in range(x0, x1):
            x, y, _ = inverse @ (column, row, 1)
            if -1 < x < image.shape[1] and -1 < y < image.shape[0]:
                i, j = int(np.floor(y)), int(np.floor(x))
                v, u = y - i, x - j
                part = padded[i + 1 : i + 3, j + 1 : j + 3]
                crop[row, column] = (
                    part[0, 0] * (1 - v) * (1 - u)
                    + part[0, 1] * (1 - v) * u
                    + part[1, 0] * v * (1 - u)
                    + part[1, 1] * v * u
                )
    return crop


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
