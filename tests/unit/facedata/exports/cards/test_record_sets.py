"""Which files an export has: each is listed with its own SHA-256, and no person's folder is."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from facedata.errors import StoreError
from facedata.exports.cards.record_sets import (
    csv_records,
    describe_files,
    describe_records,
    list_files,
    parquet_records,
)


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())


def test_crops_are_patterns_and_everything_else_is_a_file(tmp_path: Path) -> None:
    write(
        tmp_path, "train/Anna/1.jpg", "train/Ben/1.jpg", "te[s]t/Anna/2.jpg", "data/train-0.parquet",
        "data/a.parquet", "pairs.txt", "README.md", ".hidden", "croissant.json",
    )  # fmt: skip
    (tmp_path / "empty").mkdir()
    files, patterns = list_files(tmp_path, ["README.md", "croissant.json"])
    assert files == ["data/a.parquet", "data/train-0.parquet", "pairs.txt"]
    assert patterns == ["te[[]s]t/*/*.jpg", "train/*/*.jpg"]


def test_folders_of_people_at_the_top_are_not_named(tmp_path: Path) -> None:
    write(tmp_path, "Anna/Anna_0001.jpg", "Ben/Ben_0001.jpg", "pairs.txt")
    assert list_files(tmp_path, []) == (["pairs.txt"], ["*/*.jpg"])


def test_digests_are_those_of_the_files_or_those_that_are_known(tmp_path: Path) -> None:
    write(tmp_path, "a.tar", "b/c d.parquet", "e.lst", "f.rec")
    files = ["a.tar", "b/c d.parquet", "e.lst", "f.rec"]
    objects = describe_files(tmp_path, files, {"f.rec": "known"})
    digests = [hashlib.sha256(name.encode()).hexdigest() for name in files[:3]]
    assert [one["sha256"] for one in objects] == [*digests, "known"]
    assert [one["@id"] for one in objects] == ["a.tar", "b/c%20d.parquet", "e.lst", "f.rec"]
    assert [one["contentUrl"] for one in objects] == files
    assert [one["contentSize"] for one in objects] == ["5 B", "13 B", "5 B", "5 B"]
    kinds = ["application/x-tar", "application/x-parquet", "text/plain", "application/octet-stream"]
    assert [one["encodingFormat"] for one in objects] == kinds
    with pytest.raises(StoreError):
        describe_files(tmp_path, ["gone"], {})


def types(records: dict[str, list[dict[str, str]]]) -> dict[str, str]:
    return {field["name"]: field["dataType"] for field in records["field"]}


def test_columns_of_parquet_have_their_types() -> None:
    schema = pa.schema(
        {
            "image": pa.struct({"bytes": pa.binary(), "path": pa.string()}), "label": pa.int64(),
            "same": pa.bool_(), "box": pa.list_(pa.float32()), "kind": pa.dictionary(pa.int32(), pa.string()),
        }
    )  # fmt: skip
    records = parquet_records("data", "shards", schema)
    assert types(records) == {
        "image": "sc:ImageObject", "label": "sc:Integer", "same": "sc:Boolean", "box": "sc:Float",
        "kind": "sc:Text", "split": "sc:Text",
    }  # fmt: skip
    assert records["field"][3]["repeated"] is True
    assert "split" not in [
        one["name"] for one in parquet_records("x", "s", pa.schema({"split": pa.string()}))["field"][1:]
    ]


def test_columns_of_csv_have_the_set_s_types(tmp_path: Path) -> None:
    (tmp_path / "crops.csv").write_text(
        '\ufeffidentity,label,fraction,meta_age,same\n"0""07",1,2,3,True\n', encoding="utf-8"
    )
    assert types(csv_records(tmp_path, "crops.csv")) == {
        "identity": "sc:Text", "label": "sc:Integer", "fraction": "sc:Float", "meta_age": "sc:Text",
        "same": "sc:Boolean",
    }  # fmt: skip
    (tmp_path / "pairs.csv").write_text("left,right,fold\n", encoding="utf-8")
    assert types(csv_records(tmp_path, "pairs.csv")) == dict.fromkeys(("left", "right", "fold"), "sc:Integer")
    (tmp_path / "protocol.csv").write_text("left,right\n", encoding="utf-8")
    assert types(csv_records(tmp_path, "protocol.csv")) == dict.fromkeys(("left", "right"), "sc:Text")


def test_shards_of_one_folder_are_one_set_of_records(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for name in ("data/train-00000-of-00001.parquet", "data/test-00000-of-00001.parquet"):
        pq.write_table(pa.table({"a": [1]}), tmp_path / name)
    files, patterns = list_files(tmp_path, [])
    sets, records = describe_records(tmp_path, files, patterns, False)
    assert [one["includes"] for one in sets] == [["data/*.parquet"]]
    assert [one["name"] for one in records] == ["data"]
