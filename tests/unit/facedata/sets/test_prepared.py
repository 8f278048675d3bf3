"""A set's fingerprint, and the tables that an interrupted `facedata split` leaves."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pyarrow as pa
import pytest

from facedata.commands.redraw import split_set
from facedata.errors import OtherSetError
from facedata.sets.prepared import open_set, set_fingerprint
from facedata.tables import schema
from facedata.tables.parquet import read_table, write_table
from tests.support.small_set import class_table, make_set

PEOPLE = {f"p{i}": 3 for i in range(8)}


def test_the_fingerprint_is_of_each_crops_line() -> None:
    crops = class_table({"anna": 2, "bert": 1})
    crops = crops.set_column(
        crops.schema.get_field_index("label"), "label", pa.array([0, 0, None], pa.int64())
    )
    digest = hashlib.sha256(b"settings\n")
    names = ["id", "path", "identity", "label", "split", "crop_sha256"]
    for row in crops.to_pylist():
        cells = ["" if row[name] is None else str(row[name]) for name in names]
        digest.update(("\0".join(cells) + "\n").encode())
    assert set_fingerprint("settings", crops) == digest.hexdigest()
    assert set_fingerprint("settings", [crops.slice(0, 1), crops.slice(1)]) == digest.hexdigest()
    assert set_fingerprint("settings", []) == hashlib.sha256(b"settings\n").hexdigest()


def half_split(folder: Path, kinds: list[str]) -> Path:
    """Return a set in which only some tables are those of a later `split`."""
    make_set(folder / "set", PEOPLE)
    shutil.copytree(folder / "set", folder / "later")
    split_set(folder / "later", splits="train=0.5,test=0.5", seed=1)
    for kind in kinds:
        shutil.copy(folder / "later" / f"{kind}.parquet", folder / "set" / f"{kind}.parquet")
    return folder / "set"


@pytest.mark.parametrize(
    "kinds", [["photos"], ["pairs", "triplets"], ["photos", "classes", "pairs", "triplets"]]
)
def test_an_interrupted_split_is_repaired_by_another(kinds: list[str], tmp_path: Path) -> None:
    folder = half_split(tmp_path, kinds)
    with pytest.raises(OtherSetError):
        open_set(folder).table(kinds[0])
    split_set(folder, splits="train=0.5,test=0.5", seed=1)
    for kind in ("photos", "classes", "pairs", "triplets"):
        file = f"{kind}.parquet"
        assert (folder / file).read_bytes() == (tmp_path / "later" / file).read_bytes()


@pytest.mark.parametrize(
    "change", ["a crop less in the ledger", "a crop more", "another order", "other bytes"]
)
def test_tables_of_another_set_are_not_taken_for_an_interrupted_split(change: str, tmp_path: Path) -> None:
    folder = half_split(tmp_path, ["photos", "classes", "pairs", "triplets"])
    kind = "classes" if change == "other bytes" else "photos"
    rows = read_table(folder / f"{kind}.parquet", kind)
    fingerprint = open_set(tmp_path / "later").fingerprint
    count = rows.num_rows
    if change == "a crop less in the ledger":
        rows = rows.slice(1)
    elif change == "a crop more":
        rows = pa.concat_tables([rows, rows.slice(0, 1)])
    elif change == "another order":
        rows = rows.take([1, 0, *range(2, count)])
    else:
        digests = pa.array(["0" * 64] * count)
        rows = rows.set_column(rows.schema.get_field_index("crop_sha256"), "crop_sha256", digests)
    columns = schema.KINDS[kind]
    write_table(folder / f"{kind}.parquet", rows, kind=kind, schema=columns, fingerprint=fingerprint)
    faces = open_set(folder)
    faces.accept_interrupted_split()
    with pytest.raises(OtherSetError):
        faces.table("classes", ["id"])
