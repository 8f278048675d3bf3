"""Quarter turns against the pixels themselves."""

from __future__ import annotations

import numpy as np
import pytest

from facedata.detect.quarter_turns import turn_back, turn_box, turn_image, turn_points
from facedata.types import Face

TURNS = [0, 90, 180, 270]


@pytest.mark.parametrize("turned_deg", TURNS)
def test_a_point_goes_where_its_pixel_goes(turned_deg: int) -> None:
    image = np.zeros((30, 40, 3), np.uint8)
    image[7, 11] = 255
    turned = turn_image(image, turned_deg)
    (y,), (x,) = np.nonzero(turned[..., 0])
    assert turn_points(np.array([[11, 7]], np.float32), turned_deg, (40, 30)).tolist() == [[x, y]]


def test_turns_are_clockwise() -> None:
    image = np.zeros((2, 3, 3), np.uint8)
    image[0, 0] = 255
    assert turn_image(image, 90)[0, 1, 0] == 255  # the upper left corner goes to the upper right
    assert turn_image(image, 90).shape == (3, 2, 3)


@pytest.mark.parametrize("turned_deg", TURNS)
def test_a_box_keeps_what_it_covers(turned_deg: int) -> None:
    image = np.zeros((30, 40, 3), np.uint8)
    image[4:9, 10:21] = 255
    box = turn_box(np.array([10, 4, 20, 8], np.float32), turned_deg, (40, 30))
    rows, columns = np.nonzero(turn_image(image, turned_deg)[..., 0])
    assert box.tolist() == [columns.min(), rows.min(), columns.max(), rows.max()]


@pytest.mark.parametrize("turned_deg", TURNS)
def test_a_face_comes_back_bit_for_bit_with_its_points_in_their_order(turned_deg: int) -> None:
    points = np.array([[12.25, 9.5], [18.5, 9.75], [15, 12], [13, 15], [17.5, 15.5]], np.float32)
    face = Face(np.array([10.5, 4.25, 20.75, 18], np.float32), 0.9, points)
    size = (40, 30)
    there = Face(turn_box(face.box, turned_deg, size), 0.9, turn_points(face.landmarks, turned_deg, size))
    turned_size = size if turned_deg in (0, 180) else size[::-1]
    back = turn_back(there, turned_deg, turned_size)
    assert back.turned_deg == turned_deg
    np.testing.assert_array_equal(back.box, face.box)
    np.testing.assert_array_equal(back.landmarks, face.landmarks)
    assert {str(back.box.dtype), str(back.landmarks.dtype)} == {"float32"}
