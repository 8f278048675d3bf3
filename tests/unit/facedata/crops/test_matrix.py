"""The matrix of a template: what `prepare` cuts with, known points, and the formula of the docs."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facedata import find_crops, template_matrix
from facedata.config import TEMPLATES
from facedata.crops.arcface112 import ARCFACE_POINTS
from facedata.crops.cut import CropShape
from facedata.errors import UsageError
from facedata.options import look_up
from facedata.types import Face, Float64Array
from facemodel.models.placement import describe_placement
from facemodel.spec import InputSpec
from tests.support.placed_faces import faces, in_box, mapped, moved
from tests.support.shared_data import SHARED, needs_shared

POINTS = in_box((40, 30, 160, 190), 12).landmarks
BOX = [40.0, 30.0, 160.0, 190.0]
PAGE = Path(__file__).parents[4] / "docs" / "deploy.md"


def documented() -> Callable[..., Float64Array]:
    """Return ``box_matrix`` as the page prints it."""
    (code,) = [
        block
        for block in re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
        if "def box_matrix" in block
    ]
    names: dict[str, Any] = {}
    exec(code, names)
    found: Callable[..., Float64Array] = names["box_matrix"]
    return found


@given(faces, st.sampled_from(sorted(TEMPLATES)), st.integers(16, 512))
def test_it_is_the_matrix_that_a_crop_is_cut_with(one: Face, template: str, size: int) -> None:
    matrix = template_matrix(template, one.landmarks, one.box, size)
    assert matrix.shape == (2, 3)
    assert matrix.dtype == np.float64
    expected = CropShape(look_up(TEMPLATES, template), size).place(one).matrix
    assert np.array_equal(matrix, expected)


@given(faces, st.sampled_from(["square", "facenet160"]), st.integers(16, 512), st.floats(0, 1))
def test_the_formula_of_the_docs_gives_the_same_from_the_numbers_of_the_json(
    one: Face, template: str, size: int, margin: float
) -> None:
    margin = margin if template == "square" else 0.0
    spec = InputSpec(size, template, 128, margin=margin)
    rule = describe_placement(spec)["template_box"]
    box, points = one.box.astype(float), one.landmarks.astype(float)
    expected = template_matrix(template, points, box, size, margin)
    assert np.allclose(documented()(points, box, rule, size), expected, atol=1e-6 * size)


@given(faces, st.integers(16, 240), st.floats(0, 1))
def test_the_black_outside_the_box_of_a_square_crop_is_where_the_docs_say(
    one: Face, size: int, margin: float
) -> None:
    """round((size - s·width) / 2) … round((size + s·width) / 2), at least one pixel."""
    window = CropShape(look_up(TEMPLATES, "square"), size, margin).place(one).window
    x0, y0, x1, y1 = one.box.astype(float)
    eyes = one.landmarks[:2].astype(float)
    (x, y), middle = (eyes[1] - eyes[0]) / np.linalg.norm(eyes[1] - eyes[0]), eyes.mean(axis=0)
    aside = (np.array([[x, y], [-y, x]]) @ (np.array([x0 + x1, y0 + y1]) / 2 - middle))[0]
    sides = np.array([(x1 - x0) * (1 + 2 * margin) + 2 * abs(aside), (y1 - y0) * (1 + 2 * margin)])
    shown = sides * size / sides.max()
    for low, high, side in zip(window[:2], window[2:], shown, strict=True):
        assert low == pytest.approx((size - side) / 2, abs=0.5 + 1e-6)
        assert high == pytest.approx((size + side) / 2, abs=1 + 1e-6)


@pytest.mark.parametrize("size", [112, 224])
def test_landmarks_that_are_the_points_moved_come_back_to_the_points(size: int) -> None:
    points = moved(ARCFACE_POINTS, 2.5, 33, (120, 80))
    assert np.allclose(
        mapped(template_matrix("arcface112", points, None, size), points), ARCFACE_POINTS * size / 112
    )


@pytest.mark.parametrize(("size", "crop"), [(112, None), (112, 112), (56, 112), (160, 112)])
def test_the_points_in_the_json_are_those_of_the_resized_crop(size: int, crop: int | None) -> None:
    """Pixel p of a crop covers p - ½ … p + ½, and a resize keeps the outer edges in their place."""
    points = describe_placement(InputSpec(size, "arcface112", 128, crop_px=crop))["template_points"]
    own = ARCFACE_POINTS * ((crop or size) / 112)
    assert np.allclose((np.array(points) + 0.5) / size, (own + 0.5) / (crop or size))


@needs_shared
def test_a_photo_s_crop_has_this_matrix() -> None:
    photo = SHARED / "data/knn_examples/test/obama1.jpg"
    for template in ("square", "arcface112", "facenet160"):
        (crop,) = find_crops(photo, face="largest", template=template)
        found = template_matrix(template, crop.face.landmarks, crop.face.box, crop.image.shape[0])
        assert np.array_equal(found, crop.matrix)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (("round", POINTS, BOX, 112), "there is no template 'round'; there are square, arcface112"),
        (("arcface112", POINTS, BOX, 112, 0.1), "arcface112 takes no margin"),
        (("square", POINTS, None, 112), "square goes by the face's box: give x0 y0 x1 y1"),
        (("square", POINTS, BOX, 0), "the size is 0"),
        (("square", POINTS, BOX, 112, -0.1), r"the margin -0\.1"),
        (("square", POINTS[:4], BOX, 112), "not five different points"),
        (("arcface112", np.ones((5, 2)), BOX, 112), "not five different points"),
        (("arcface112", POINTS * np.nan, BOX, 112), "not five different points"),
        (("square", POINTS, [10, 10, 10, 50], 112), "not x0 y0 x1 y1 with x1 above x0"),
        (("square", POINTS, BOX[:3], 112), "not x0 y0 x1 y1"),
    ],
)
def test_what_is_no_face_is_refused(values: tuple[Any, ...], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        template_matrix(*values)
