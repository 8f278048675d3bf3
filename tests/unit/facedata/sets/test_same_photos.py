"""Rows that were made for one set, opened with another."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from facedata import ClassManifest, PairManifest, TripletManifest, crop_set, open_set, split_set
from facedata.errors import OtherSetError
from facedata.testing import marked_folder
from tests.support.inline_engine import inline
from tests.support.marked_photos import prepare_marked


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a set, its crops by another template, and files of its rows."""
    home = tmp_path_factory.mktemp("same")
    marked_folder(home / "photos", people=8, photos=4)
    prepare_marked(home / "photos", home / "set", size=64)
    with inline():
        crop_set(home / "set", home / "cropped", template="arcface112", workers=1)
    classes = ClassManifest.open(home / "set", split="train")
    TripletManifest.sample(classes, count=50, seed=5).write(home / "triplets.parquet")
    PairManifest.sample(classes, count=50, seed=5).write(home / "pairs.parquet")
    return home


@pytest.mark.parametrize("kind", [TripletManifest, PairManifest])
def test_rows_of_a_set_fit_its_crops_by_another_template(home: Path, kind: type[PairManifest]) -> None:
    assert open_set(home / "set").fingerprint != open_set(home / "cropped").fingerprint
    file = home / f"{kind.kind}.parquet"
    rows = kind.open(file, of=home / "cropped", split="train")
    assert rows.table.equals(kind.open(file, of=home / "set", split="train").table)
    assert rows[0].split == "train"
    rows.write(home / f"again-{kind.kind}.parquet")
    assert len(kind.open(home / f"again-{kind.kind}.parquet", of=home / "set")) == 50


def test_a_file_of_an_older_facedata_is_compared_by_its_paths(home: Path, tmp_path: Path) -> None:
    table = pq.read_table(home / "triplets.parquet")
    metadata = {key: value for key, value in table.schema.metadata.items() if key != b"facedata.photos"}
    pq.write_table(table.replace_schema_metadata(metadata), tmp_path / "old.parquet")
    assert len(TripletManifest.open(tmp_path / "old.parquet", of=home / "cropped")) == 50
    swapped = table.column("negative_path").cast(pa.string()).to_pylist()[::-1]
    table = table.set_column(5, "negative_path", pa.array(swapped).dictionary_encode())
    pq.write_table(table.replace_schema_metadata(metadata), tmp_path / "wrong.parquet")
    with pytest.raises(OtherSetError, match=r"is the crop .* here, not"):
        TripletManifest.open(tmp_path / "wrong.parquet", of=home / "cropped")


def test_other_photos_of_the_same_names_are_refused(home: Path, tmp_path: Path) -> None:
    marked_folder(tmp_path / "photos", people=8, photos=4, seed=1)
    prepare_marked(tmp_path / "photos", tmp_path / "set", size=32)
    with pytest.raises(OtherSetError, match="made from other photos of the same names"):
        TripletManifest.open(home / "triplets.parquet", of=tmp_path / "set")


def test_other_people_and_ids_are_refused(home: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for person in sorted((home / "photos").iterdir()):
        if person.name != "person-00":
            (tmp_path / "photos" / person.name).symlink_to(person)
    prepare_marked(tmp_path / "photos", tmp_path / "set", size=32)
    with pytest.raises(OtherSetError, match="belongs to the set"):
        TripletManifest.open(home / "triplets.parquet", of=tmp_path / "set")


def test_rows_whose_photos_are_in_another_split_now_are_refused(home: Path, tmp_path: Path) -> None:
    prepare_marked(home / "photos", tmp_path / "set", size=32)
    assert len(PairManifest.open(home / "pairs.parquet", of=tmp_path / "set")) == 50
    split_set(tmp_path / "set", seed=3)
    with pytest.raises(OtherSetError, match="is in the split test here, not train"):
        PairManifest.open(home / "pairs.parquet", of=tmp_path / "set")


def test_crops_of_another_set_stay_refused(home: Path) -> None:
    ClassManifest.open(home / "set", split="train").write(home / "crops.parquet")
    with pytest.raises(OtherSetError, match="its ids may mean other crops"):
        ClassManifest.open(home / "crops.parquet", of=home / "cropped")
