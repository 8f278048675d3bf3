"""The hub's layout: rows of pairs, too many people to name, columns that `datasets` does not know."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from facedata import export_set, open_set
from facedata.errors import OtherSetError, StoreError, UsageError
from facedata.exports import hf
from facedata.tables.parquet import write_table
from tests.support.small_set import make_set

PEOPLE = {"Anna": 3, "Bo": 3, "Cy": 2, "Di": 4}


def test_row_numbers_are_places_among_ids_with_holes() -> None:
    ids, wanted = np.array([2, 5, 9]), np.array([9, 2, 5, 5, 3, 10, 0])
    assert hf.find_rows(ids, wanted).to_pylist() == [2, 0, 1, 1, None, None, None]


@pytest.mark.parametrize("skip_ids", [0, 3])
def test_pairs_name_the_rows_of_their_split(skip_ids: int, tmp_path: Path) -> None:
    make_set(tmp_path / "faces", PEOPLE, skip_ids=skip_ids)
    export_set(tmp_path / "faces", tmp_path / "hub", to="hf")
    for split in ("train", "test"):
        name = f"{split}-00000-of-00001.parquet"
        crops = pq.read_table(tmp_path / "hub/data" / name).to_pylist()
        for kind, parts in (("pairs", ("left", "right")), ("triplets", ("anchor", "positive", "negative"))):
            rows = pq.read_table(tmp_path / "hub" / kind / name).to_pylist()
            assert rows
            for row in rows:
                for part in parts:
                    crop = crops[row[f"{part}_row"]]
                    assert (crop["id"], crop["path"]) == (row[part], row[f"{part}_path"])
            if kind == "pairs":
                same = [
                    crops[row["left_row"]]["identity"] == crops[row["right_row"]]["identity"] for row in rows
                ]
                assert [row["same"] for row in rows] == same


def test_what_is_not_in_it_and_how_to_open_it_is_said(tmp_path: Path) -> None:
    make_set(tmp_path / "faces", PEOPLE)
    exported = export_set(tmp_path / "faces", tmp_path / "hub", to="hf")
    assert exported.note.left_out == [
        "the set's labels; people have their names",
        "1 photo that was not kept",
    ]
    assert exported.lines == tuple(
        f"datasets.load_dataset('{tmp_path / 'hub'}'{name})" for name in ("", ", 'pairs'", ", 'triplets'")
    )


def test_more_people_than_can_be_named_have_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_set(tmp_path / "faces", PEOPLE)
    monkeypatch.setattr(hf, "_MOST_NAMED", 3)
    exported = export_set(tmp_path / "faces", tmp_path / "hub", to="hf")
    assert any("`identity` has them" in sentence for sentence in exported.note.left_out)
    rows = pa.concat_tables(map(pq.read_table, sorted((tmp_path / "hub/data").iterdir()))).to_pylist()
    assert {row["label"]: row["identity"] for row in rows} == dict(enumerate(sorted(PEOPLE)))


def test_columns_that_the_hub_does_not_know_are_refused(tmp_path: Path) -> None:
    prepared = make_set(tmp_path / "faces", PEOPLE)
    ledger = prepared.table("photos")
    for odd in (pa.array([{"a": 1}] * len(ledger)), pa.array([[{"a": 1}]] * len(ledger))):
        added = ledger.append_column("meta_odd", odd)
        write_table(
            tmp_path / "faces/photos.parquet", added, kind="photos", schema=added.schema,
            fingerprint=prepared.fingerprint,
        )  # fmt: skip
        with pytest.raises(UsageError, match=r"meta_odd .* --to csv"):
            export_set(tmp_path / "faces", tmp_path / "hub", to="hf")
    assert not (tmp_path / "hub").exists()


@pytest.mark.parametrize("to", ["hf", "webdataset"])
def test_a_ledger_of_other_crops_is_refused(to: str, tmp_path: Path) -> None:
    prepared = make_set(tmp_path / "faces", PEOPLE)
    ledger = prepared.table("photos")
    paths = ["Eve/1.jpg", *ledger.column("path").to_pylist()[1:]]
    at = ledger.schema.get_field_index("path")
    other = ledger.set_column(at, ledger.schema.field(at), pa.array(paths, pa.string()))
    write_table(
        tmp_path / "faces/photos.parquet", other, kind="photos", schema=other.schema,
        fingerprint=prepared.fingerprint,
    )  # fmt: skip
    with pytest.raises(OtherSetError, match="does not list the crops"):
        export_set(tmp_path / "faces", tmp_path / "out", to=to)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("to", ["hf", "webdataset"])
def test_a_damaged_crop_leaves_no_export(to: str, tmp_path: Path) -> None:
    make_set(tmp_path / "faces", PEOPLE)
    crop = tmp_path / "faces/crops/Di/2.jpg"
    crop.write_bytes(crop.read_bytes()[:-1])
    with pytest.raises(StoreError, match=r"Di/2\.jpg"):
        export_set(tmp_path / "faces", tmp_path / "out", to=to)
    assert not (tmp_path / "out").exists()
    assert open_set(tmp_path / "faces").has("classes")


def test_a_set_without_triplets_has_no_such_configuration(tmp_path: Path) -> None:
    make_set(tmp_path / "faces", {"Anna": 1, "Bo": 1, "Cy": 1, "Di": 1})
    export_set(tmp_path / "faces", tmp_path / "hub", to="hf")
    assert {entry.name for entry in (tmp_path / "hub").iterdir() if entry.is_dir()} <= {"data", "pairs"}
    assert "triplets" not in (tmp_path / "hub/README.md").read_text().split("---")[1]
