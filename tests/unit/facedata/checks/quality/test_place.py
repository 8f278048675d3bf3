"""Size and border, against counting a face's pixels one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facedata.checks.quality.place import measure_size, measure_uncut
from facedata.types import Float64Array
from tests.support.measured_faces import head_points


def _counted(points: Float64Array, width: int, height: int) -> float:
    """Count the pixels of the face's oval: .95 eyes' distances to each side, 1.3 up and down."""
    eyes, mouth = points[:2].mean(axis=0), points[3:].mean(axis=0)
    along = points[1] - points[0]
    down, middle = np.array([-along[1], along[0]]), (eyes + mouth) / 2
    y, x = np.mgrid[-400:900, -400:900]
    there = np.stack([x, y], axis=-1) - middle
    unit = float(along @ along)
    is_oval = ((there @ along) / unit / 0.95) ** 2 + ((there @ down) / unit / 1.3) ** 2 <= 1
    is_inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    return float((is_oval & is_inside).sum() / is_oval.sum())


@pytest.mark.parametrize("roll_deg", [0.0, 30.0])
@pytest.mark.parametrize("size", [(400, 300), (200, 300), (220, 190), (400, 120), (150, 150), (90, 300)])
def test_uncut_is_the_share_of_the_oval_inside_the_photo(size: tuple[int, int], roll_deg: float) -> None:
    points = head_points(roll_deg=roll_deg)
    assert measure_uncut(points, *size) == pytest.approx(_counted(points, *size), abs=0.025)


@pytest.mark.parametrize("shift", [(-1, 0), (1, 0), (0, -1), (0, 1)])
def test_it_falls_as_a_face_leaves_the_photo(shift: tuple[int, int]) -> None:
    moved = [measure_uncut(head_points() + np.multiply(shift, by), 400, 300) for by in range(0, 400, 10)]
    assert moved[0] == 1
    assert moved[-1] == 0
    assert (np.diff(moved) <= 0).all()


def test_a_photo_of_unknown_size_or_points_tells_nothing() -> None:
    assert np.isnan(measure_uncut(head_points(), float("nan"), 100))
    assert np.isnan(measure_uncut(np.full((5, 2), np.nan), 100, 100))


@given(st.floats(0, 500), st.floats(0, 500), st.floats(1, 400), st.floats(1, 400))
def test_size_is_the_root_of_the_area_over_200(x: float, y: float, width: float, height: float) -> None:
    box = np.array([x, y, x + width, y + height])
    assert measure_size(box) == pytest.approx(min(np.sqrt(width * height) / 200, 1), rel=1e-6)


@pytest.mark.parametrize("box", [(np.nan, 0, 1, 1), (5, 5, 5, 9), (5, 5, 3, 9), (0, 0, np.inf, 1)])
def test_no_box_has_no_size(box: tuple[float, ...]) -> None:
    assert np.isnan(measure_size(np.array(box, np.float64)))
