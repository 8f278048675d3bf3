from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from facedata.errors import NotASetError, OtherSetError
from facedata.report.crop_columns import (
    NO_SPLIT,
    UNKNOWN_SCORE,
    UNKNOWN_TILT,
    longer_sides,
    read_crop_columns,
)
from facedata.sets.prepared import open_set
from tests.support.damaged_sets import alter_table
from tests.support.report_sets import prepare_photos
from tests.support.small_set import make_set


def test_each_crop_has_what_the_ledger_and_the_classes_say(tmp_path: Path) -> None:
    prepared = prepare_photos(tmp_path)
    crops = read_crop_columns(prepared)
    ledger = {row["path"]: row for row in prepared.table("photos").to_pylist() if row["path"]}
    rows = prepared.table("classes").to_pylist()
    assert len(rows) == len(crops) == 12
    assert crops.people == ["Amara", "Birgit", "Chidi", "Dolores"]
    assert crops.splits == ["train", "test"]
    for at, row in enumerate(rows):
        face = ledger[row["path"]]
        assert crops.ids[at] == row["id"]
        assert crops.people[crops.person[at]] == row["identity"]
        assert crops.splits[crops.split[at]] == row["split"]
        assert crops.score[at] == int(face["score"] * 10_000)
        assert crops.tilt[at] == math.floor(face["tilt_deg"] * 100)
        x0, y0, x1, y1 = face["box"]
        assert crops.face_px[at] == int(max(x1 - x0, y1 - y0))
    assert set(crops.tilt.tolist()) >= {700, 1399, 2099, -1250}


def test_what_is_not_known_has_a_number_of_its_own(tmp_path: Path) -> None:
    prepared = make_set(tmp_path, {"anna": 2, "ben": 1})
    alter_table(tmp_path, "classes", lambda table: _replace(table, "split", [None, "test", "val"]))
    crops = read_crop_columns(open_set(tmp_path))
    assert prepared.has("classes")
    assert crops.splits == ["test", "val"]
    assert crops.split.tolist() == [NO_SPLIT, 0, 1]
    assert crops.score.tolist() == [UNKNOWN_SCORE] * 3
    assert crops.tilt.tolist() == [UNKNOWN_TILT] * 3
    assert crops.face_px.tolist() == [0] * 3


def test_train_is_the_first_split_and_the_others_follow_in_order(tmp_path: Path) -> None:
    make_set(tmp_path, {"anna": 4})
    alter_table(tmp_path, "classes", lambda table: _replace(table, "split", ["val", "dev", "train", "dev"]))
    crops = read_crop_columns(open_set(tmp_path))
    assert crops.splits == ["train", "dev", "val"]
    assert crops.split.tolist() == [2, 1, 0, 1]


def test_rows_are_found_by_id_also_where_ids_have_holes(tmp_path: Path) -> None:
    crops = read_crop_columns(make_set(tmp_path, {"anna": 3}, skip_ids=4))
    assert crops.ids.tolist() == [0, 5, 10]
    assert crops.rows_of(np.array([10, 0, 4, 11, -1, 5])).tolist() == [2, 0, -1, -1, -1, 1]


def test_a_ledger_of_other_crops_is_refused(tmp_path: Path) -> None:
    make_set(tmp_path, {"anna": 3})
    alter_table(tmp_path, "photos", lambda table: table.slice(1))
    with pytest.raises(NotASetError, match="have other crops: `facedata check"):
        read_crop_columns(open_set(tmp_path))
    other = tmp_path / "other"
    make_set(other, {"anna": 3})
    alter_table(other, "classes", lambda table: table.slice(0, 2))
    with pytest.raises(NotASetError, match="have other crops"):
        read_crop_columns(open_set(other))


def test_a_table_of_another_set_is_refused(tmp_path: Path) -> None:
    make_set(tmp_path / "one", {"anna": 3})
    make_set(tmp_path / "two", {"ben": 3})
    (tmp_path / "two/photos.parquet").replace(tmp_path / "one/photos.parquet")
    with pytest.raises(OtherSetError, match="belongs to the set"):
        read_crop_columns(open_set(tmp_path / "one"))


def test_boxes_have_a_longer_side_and_null_has_none() -> None:
    boxes = pa.array([[0, 0, 3, 4], None, [5, 5, 25.9, 6], [float("nan")] * 4], pa.list_(pa.float32()))
    assert longer_sides(boxes).tolist() == [4, 0, 20, 0]
    assert longer_sides(boxes.slice(1, 2)).tolist() == [0, 20]


def _replace(table: pa.Table, name: str, values: list[str | None]) -> pa.Table:
    at = table.schema.get_field_index(name)
    return table.set_column(at, table.schema.field(at), pa.array(values, table.schema.field(at).type))
