"""Crops as pictures in a page: the right ones, no larger than they are, each read once."""

from __future__ import annotations

import base64
from pathlib import Path

import cv2
import numpy as np
import pytest

from facedata import ClassManifest
from facemodel.errors import DataError
from facemodel.pages.pictures import read_pictures
from tests.support.small_set import SIZE_PX, make_set


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> ClassManifest:
    return ClassManifest.open(make_set(tmp_path_factory.mktemp("set"), {"a": 4, "b": 4}))


@pytest.mark.parametrize(("asked", "side"), [(8, 8), (SIZE_PX, SIZE_PX), (500, SIZE_PX)])
def test_each_row_has_its_picture(classes: ClassManifest, asked: int, side: int) -> None:
    pictures = read_pictures(classes, [5, 0, 5, 3], asked, 1)
    assert sorted(pictures) == [0, 3, 5]
    for row, url in pictures.items():
        data = np.frombuffer(base64.b64decode(url.removeprefix("data:image/jpeg;base64,")), np.uint8)
        image = cv2.imdecode(data, cv2.IMREAD_COLOR)
        assert image is not None
        assert image.shape == (side, side, 3)
        assert np.abs(image[..., ::-1].mean((0, 1)) - classes[row].image().mean((0, 1))).max() < 6


def test_no_rows_are_no_pictures(classes: ClassManifest) -> None:
    assert read_pictures(classes, [], 80) == {}


def test_a_crop_that_is_gone_is_named(tmp_path: Path) -> None:
    prepared = make_set(tmp_path, {"a": 2, "b": 2})
    (tmp_path / "crops/a/1.jpg").unlink()
    with pytest.raises(DataError, match=r"a/1\.jpg"):
        read_pictures(ClassManifest.open(prepared), [1], 80)
