"""What crops look like, from a template's name."""

from __future__ import annotations

import numpy as np
import pytest

from facedata.config import TEMPLATES
from facedata.crops.arcface112 import arcface112
from facedata.crops.cut import CropShape, make_shape
from facedata.crops.facenet160 import facenet160
from facedata.crops.square import square
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
