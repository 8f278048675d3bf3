"""A template from outside is one row of the table: an option by name, and what workers cut by."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

from facedata import ClassManifest, CropConfig, PrepareConfig, crop_set, find_crops, prepare
from facedata.config import TEMPLATES
from facedata.crops.align import Placement, Template
from facedata.errors import UsageError
from facedata.testing import FakeDetector, MarkedFace, marked_folder, marked_image
from facedata.types import Face


def nose(face: Face, size_px: int) -> Placement:
    """Place the nose in the middle, at the photo's own scale."""
    x, y = face.landmarks[2].astype(np.float64)
    middle = (size_px - 1) / 2
    return Placement(np.array([[1, 0, middle - x], [0, 1, middle - y]]), (0, 0, size_px, size_px))


@pytest.fixture
def added() -> Iterator[None]:
    with patch.dict(TEMPLATES):
        TEMPLATES["nose"] = Template(nose, size_px=48)
        yield


@pytest.mark.usefixtures("added")
def test_its_name_is_an_option_and_workers_cut_by_it(tmp_path: Path) -> None:
    marked_folder(tmp_path / "photos", people=2, photos=2)
    faces = prepare(
        tmp_path / "photos", tmp_path / "faces", template="nose", detector=FakeDetector, workers=2
    )
    assert (faces.info["settings"]["template"], faces.size_px) == ("nose", 48)
    for row in ClassManifest.open(tmp_path / "faces"):
        photo = (tmp_path / "photos" / row.photo).read_bytes()
        (crop,) = find_crops(photo, face="largest", template="nose", detector=FakeDetector())
        assert crop.matrix[:, :2].tolist() == [[1, 0], [0, 1]]
        assert np.abs(row.image().astype(int) - crop.image).mean() < 6  # JPEG
    TEMPLATES["larger"] = Template(nose, size_px=64)
    cut = crop_set(tmp_path / "faces", tmp_path / "larger", template="larger", workers=1)
    assert (cut.info["settings"]["template"], cut.size_px) == ("larger", 64)


@pytest.mark.usefixtures("added")
def test_a_margin_is_refused_unless_its_row_takes_one() -> None:
    with pytest.raises(UsageError, match="the template nose has a fixed margin"):
        CropConfig(template="nose", margin=0.1)
    TEMPLATES["wide"] = Template(lambda face, size_px, margin: nose(face, size_px), 48, takes_margin=True)
    assert CropConfig(template="wide", margin=0.1).margin == 0.1


def test_without_its_row_it_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match="'nose'; it takes one of square, arcface112, facenet160"):
        PrepareConfig(template="nose")
    with pytest.raises(UsageError, match="'nose'; it takes one of square, arcface112, facenet160"):
        find_crops(
            marked_image(64, 64, [MarkedFace((9, 9, 50, 50))]), template="nose", detector=FakeDetector()
        )
