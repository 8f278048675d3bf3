"""What crops look like, from a template's name."""

from __future__ import annotations

import numpy as np
import pytest

from facedata.config import TEMPLATES
from facedata.crops.arcface112 import arcface112
from facedata.crops.cut import CropShape, cut_crop, make_shape
from facedata.crops.facenet160 import facenet160
from facedata.crops.square import square
from facedata.detect.quarter_turns import turn_back, turn_image
from facedata.painted import paint
from facedata.photos.picture import Picture
from tests.support.placed_faces import in_box


def test_a_shape_is_its_template_s_own() -> None:
    one = in_box((50, 40, 150, 140), 9.0)
    for template, by_name in zip(TEMPLATES, (square, arcface112, facenet160), strict=True):
        shape = make_shape(template)
        assert np.array_equal(shape.place(one).matrix, by_name(one).matrix)
        assert template.endswith(str(shape.size_px)) or (template, shape.size_px) == ("square", 240)
    assert CropShape() == make_shape("square")


def test_a_template_without_a_margin_takes_none() -> None:
    with pytest.raises(ValueError, match="arcface112 takes no margin"):
        make_shape("arcface112", 112, 0.1)
    assert make_shape("square", 240, 0.1).margin == 0.1


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("turned_deg", [90, 180, 270])
def test_a_turned_face_is_cut_as_from_the_turned_photo(template: str, turned_deg: int) -> None:
    """In one interpolation: as sharp as from a photo that was turned first, and in the same place."""
    upright, shape = paint(1, 2, seed=3).image, make_shape(template, 128)
    size = upright.shape[1], upright.shape[0]
    face = in_box((size[0] * 0.3, size[1] * 0.25, size[0] * 0.7, size[1] * 0.8), 11.0)
    wanted = cut_crop(Picture.of_pixels(upright), face, shape)
    lying = Picture.of_pixels(turn_image(upright, 360 - turned_deg))
    found = cut_crop(lying, turn_back(face, turned_deg, size), shape)
    np.testing.assert_allclose(
        np.linalg.det(found.matrix[:, :2]), np.linalg.det(wanted.matrix[:, :2]), rtol=1e-5
    )
    assert np.abs(found.image.astype(int) - wanted.image.astype(int)).mean() < 1
    in_crop = found.face.landmarks @ found.matrix[:, :2].T + found.matrix[:, 2]
    np.testing.assert_allclose(
        in_crop, face.landmarks @ wanted.matrix[:, :2].T + wanted.matrix[:, 2], atol=1e-3
    )
