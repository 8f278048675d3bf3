"""A detector from outside is one row of the table: an option by name, and what workers run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import pyarrow.parquet as pq
import pytest

from facedata import PrepareConfig, find_crops, prepare
from facedata.config import DETECTORS
from facedata.detect.base import Detector
from facedata.detect.factory import make_factory
from facedata.errors import UsageError
from facedata.testing import FakeDetector, MarkedFace, marked_folder, marked_image


@dataclass(frozen=True)
class MarkReader:
    """Makes a detector of another package, with the smallest face and the device that the options name."""

    min_face_px: float
    device: str

    def __call__(self) -> Detector:
        """Load it, in a worker."""
        return FakeDetector()


@pytest.fixture
def added() -> Iterator[None]:
    with patch.dict(DETECTORS):
        DETECTORS["marks"] = MarkReader
        yield


@pytest.mark.usefixtures("added")
def test_its_name_is_an_option_and_workers_run_it(tmp_path: Path) -> None:
    marked_folder(tmp_path / "photos", people=2, photos=2)
    faces = prepare(tmp_path / "photos", tmp_path / "faces", detector=None, size=64, workers=2,
                    config=PrepareConfig(detector="marks"))  # fmt: skip
    assert faces.info["settings"]["detector"] == "marks"
    assert faces.info["counts"]["status"] == {"kept": 4}
    assert pq.read_table(tmp_path / "faces/photos.parquet").column("faces").to_pylist() == [1] * 4


@pytest.mark.usefixtures("added")
def test_find_crops_knows_it() -> None:
    image = marked_image(120, 110, [MarkedFace((10, 5, 80, 85))])
    (crop,) = find_crops(image, detector="marks", size=64)
    assert crop.image.shape == (64, 64, 3)


@pytest.mark.usefixtures("added")
def test_a_row_may_be_text_that_is_imported_when_it_is_used() -> None:
    DETECTORS["later"] = f"{__name__}:MarkReader"
    assert make_factory("later", 30.0, "cpu") == MarkReader(30.0, "cpu")
    with pytest.raises(UsageError, match="marks takes none"):
        make_factory("marks", 30.0, "cpu", weights="mine.pt")


def test_without_its_row_it_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match="'marks'; it takes one of mtcnn, yunet, retinaface"):
        PrepareConfig(detector="marks")
    with pytest.raises(UsageError, match="no detector 'marks'; the detectors are mtcnn, yunet, retinaface"):
        find_crops(marked_image(64, 64), detector="marks")
