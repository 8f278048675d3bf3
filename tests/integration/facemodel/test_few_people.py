"""Training on few people, who are told what to type; and on triplets of another template's crops."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from facedata import ClassManifest, TripletManifest
from facedata.config import SplitConfig
from facedata.errors import OtherSetError
from facemodel import fit
from facemodel.errors import DataError
from tests.support.people_set import face, people_set
from tests.support.small_set import make_set
from tests.support.tiny_fit import TINY

DEFAULT = "train=0.75,test=0.25"
ONE = {**TINY, "epochs": 1, "rows_per_epoch": 36}


@pytest.mark.parametrize(("people", "options"), [(4, {}), (2, {"split_by": "photo"})])
def test_too_few_people_to_set_any_aside_are_told_of_closed(
    tmp_path: Path, people: int, options: dict[str, str]
) -> None:
    faces = people_set(tmp_path / "set", people=people, photos=8, splits=DEFAULT, **options)
    with pytest.raises(DataError, match=r"2 people in the split 'train' are too few.* add --closed"):
        fit(faces.path, tmp_path / "run", **ONE)
    fit(faces.path, tmp_path / "run2", **ONE, closed=True)


def test_a_set_divided_by_photo_is_told_of_closed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "facemodel")
    faces = people_set(tmp_path / "set", people=6, photos=8, splits=DEFAULT, split_by="photo")
    fit(faces.path, tmp_path / "run", **ONE)
    assert "the set is divided by photo" in caplog.text
    assert "add --closed" in caplog.text
    caplog.clear()
    fit(faces.path, tmp_path / "closed", **ONE, closed=True)
    assert "add --closed" not in caplog.text


def test_triplets_of_a_set_train_on_its_crops_by_another_template(tmp_path: Path) -> None:
    names = {f"p{number:02d}": 6 for number in range(10)}
    mined = people_set(tmp_path / "mined", people=10, photos=6)
    other = make_set(
        tmp_path / "other", names, split=SplitConfig(splits="train=0.8,test=0.2"),
        picture=lambda path, number: face(path, number)[::-1].copy(),
    )  # fmt: skip
    assert other.fingerprint != mined.fingerprint
    classes = ClassManifest.open(mined, split="train")
    TripletManifest.sample(classes, count=200, seed=5).write(tmp_path / "hard.parquet")
    options = {**TINY, "epochs": 1, "triplets": str(tmp_path / "hard.parquet")}
    fit(other.path, tmp_path / "run", **options)
    fewer = people_set(tmp_path / "fewer", people=9, photos=6)
    with pytest.raises(OtherSetError, match="belongs to the set"):
        fit(fewer.path, tmp_path / "run2", **options)
