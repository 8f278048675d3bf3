"""Source and licence in the ledger: from the command to the file, and noticed when they change."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from facedata import crop_set, open_set
from facedata.testing import marked_folder
from tests.support.inline_engine import inline
from tests.support.marked_photos import CannotRun, prepare_marked
from tests.support.set_bytes import set_bytes, snapshot


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    marked_folder(tmp_path / "photos", people=2, photos=3)
    return tmp_path / "photos"


def column(out: Path, name: str) -> list[Any]:
    values: list[Any] = open_set(out).table("photos", [name]).column(name).to_pylist()
    return values


def test_a_changed_licence_is_written_without_detecting_again(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "faces"
    first = prepare_marked(photos, out, size=64)
    assert column(out, "source") == ["folder"] * 6
    assert column(out, "licence") == [None] * 6
    prepare_marked(photos, out, CannotRun(), size=64, licence="CC BY 4.0")
    assert column(out, "licence") == ["CC BY 4.0"] * 6
    assert open_set(out).info["licence"] == "CC BY 4.0"
    assert open_set(out).fingerprint == first.fingerprint
    before = snapshot(out)
    prepare_marked(photos, out, CannotRun(), size=64, licence="CC BY 4.0")
    assert snapshot(out) == before  # nothing to do
    prepare_marked(photos, tmp_path / "fresh", size=64, licence="CC BY 4.0")
    assert set_bytes(out) == set_bytes(tmp_path / "fresh")
    prepare_marked(photos, out, CannotRun(), size=64)
    assert column(out, "licence") == [None] * 6


def test_each_root_is_a_source_and_crops_keep_it(photos: Path, tmp_path: Path) -> None:
    marked_folder(tmp_path / "more", people=2, photos=2, seed=4)
    sources = {"a": photos, "b": tmp_path / "more"}
    prepare_marked(sources, tmp_path / "faces", size=64, licence="mine")  # type: ignore[arg-type]
    assert column(tmp_path / "faces", "source") == ["a"] * 6 + ["b"] * 4
    with inline():
        crop_set(tmp_path / "faces", tmp_path / "crops", template="facenet160", size=64)
    assert column(tmp_path / "crops", "source") == ["a"] * 6 + ["b"] * 4
    assert column(tmp_path / "crops", "licence") == ["mine"] * 10


def test_a_table_s_own_licences_stay(photos: Path, tmp_path: Path) -> None:
    names = sorted(str(file.relative_to(photos)) for file in photos.rglob("*.png"))
    with (tmp_path / "t.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["path", "identity", "license"])
        writer.writerows(
            [name, name.split("/")[0], "CC0" if number % 2 else ""] for number, name in enumerate(names)
        )
    options: dict[str, Any] = {"size": 64, "kind": "table", "licence": "mine"}
    prepare_marked([tmp_path / "t.csv", photos], tmp_path / "faces", **options)  # type: ignore[arg-type]
    assert column(tmp_path / "faces", "licence") == ["mine", "CC0"] * 3
    assert column(tmp_path / "faces", "source") == ["table"] * 6


def test_columns_of_one_value_cost_next_to_nothing(photos: Path, tmp_path: Path) -> None:
    prepare_marked(photos, tmp_path / "faces", size=64, licence="CC BY 4.0")
    group = pq.read_metadata(tmp_path / "faces" / "photos.parquet").row_group(0)
    sizes = {
        group.column(i).path_in_schema: group.column(i).total_compressed_size
        for i in range(group.num_columns)
    }
    assert sizes["source"] < 150
    assert sizes["licence"] < 150
