"""The square template against known points."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facedata.crops.align import warp
from facedata.crops.square import square
from facedata.types import Face
from tests.support.placed_faces import face, faces, mapped


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
