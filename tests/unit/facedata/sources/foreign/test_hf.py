"""Other people's Parquet files with pictures: people, splits, names; pictures beside the files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from facedata.config import PrepareConfig
from facedata.errors import SourceError, UsageError
from facedata.files.remote import Location
from facedata.interchange.hub_parquet import IMAGE, hub_schema
from facedata.sources.base import Scan
from facedata.sources.foreign.hf import HubSource


def images(count: int, named: bool = True, first: int = 0) -> pa.Array:
    numbers = range(first, first + count)
    return pa.array([{"bytes": b"%d" % n, "path": f"in/{n}.jpg" if named else None} for n in numbers], IMAGE)


def write(file: Path, names: dict[str, list[str]] | None = None, **columns: Any) -> None:
    table = pa.table(columns)
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table.cast(hub_schema(table.schema, names)), file)


def source(*paths: Path, **options: Any) -> HubSource:
    roots: dict[str, Location] = {f"#{number}": path for number, path in enumerate(paths)}
    return HubSource.open(roots, PrepareConfig(kind="hf", **options))


def column(scan: Scan, name: str) -> list[Any]:
    values: list[Any] = scan.photos.column(name).to_pylist()
    return values


def test_people_are_the_class_label_s_names(tmp_path: Path) -> None:
    write(
        tmp_path / "data/train-00000-of-00001.parquet", {"who": ["Anna", "Bo"]},
        image=images(5), who=pa.array([1, 0, -1, None, 2]), name=list("abcde"), age=[1, 2, 3, 4, 5],
    )  # fmt: skip
    write(
        tmp_path / "data/test-00000-of-00001.parquet", {"who": ["Anna", "Bo"]},
        image=images(1, named=False, first=9), who=[1], name=["f"], age=[6],
    )  # fmt: skip
    scan = source(tmp_path).scan()
    assert column(scan, "identity") == ["Bo", "Bo", "Anna", None, None, None]
    assert column(scan, "status")[3:] == ["no_identity"] * 3
    assert column(scan, "reason")[3] == "its column who names nobody"
    assert column(scan, "official_split") == ["test"] + ["train"] * 5
    train = "data/train-00000-of-00001.parquet"
    assert (
        column(scan, "record")
        == column(scan, "photo")
        == [
            "data/test-00000-of-00001.parquet/00000000",
            *(f"{train}/{row:08d}/{row}.jpg" for row in range(5)),
        ]
    )
    assert (column(scan, "meta_name"), column(scan, "meta_age")) == (list("fabcde"), [6, 1, 2, 3, 4, 5])
    assert [scan.reader(photo) for photo in column(scan, "photo")] == [b"9", b"0", b"1", b"2", b"3", b"4"]
    assert scan.protocol is None
    with pytest.raises(FileNotFoundError):
        scan.reader(f"{train}/00000099/9.jpg")


@pytest.mark.parametrize(
    ("columns", "chosen"),
    [
        ({"identity": ["a"], "label": [3], "name": ["x"]}, "identity"),
        ({"label": [3], "age": [30]}, "label"),
        ({"Name": ["x"], "caption": ["hi"]}, "Name"),
        ({"person_id": pa.array(["x"]).dictionary_encode(), "age": [3]}, "person_id"),
        ({"label": [3], "name": ["x"]}, None),
        ({"caption": ["x"], "score": [0.5]}, None),
        ({"score": [0.5]}, None),
    ],
)
def test_people_are_in_the_usual_column_or_it_is_asked(
    columns: dict[str, Any], chosen: str | None, tmp_path: Path
) -> None:
    write(tmp_path / "x.parquet", image=images(1), **columns)
    if chosen:
        value = pa.array(columns[chosen])[0].as_py()
        assert column(source(tmp_path).scan(), "identity") == [str(value)]
        return
    with pytest.raises(UsageError, match="--identity-from COLUMN"):
        source(tmp_path).scan()
    for name in columns:
        if name != "score":
            assert column(source(tmp_path, identity_from=name).scan(), "identity") == [str(columns[name][0])]
    with pytest.raises(UsageError, match=r"--identity-from nobody: .* no such column"):
        source(tmp_path, identity_from="nobody").scan()
    if "score" in columns:
        with pytest.raises(UsageError, match="no such column"):
            source(tmp_path, identity_from="score").scan()


def test_files_that_are_different_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", {"label": ["x", "y"]}, image=images(1), label=[0])
    write(tmp_path / "b.parquet", {"label": ["y", "x"]}, image=images(1), label=[0])
    with pytest.raises(SourceError, match=r"b\.parquet gives the numbers in label other names"):
        source(tmp_path).scan()
    write(tmp_path / "b.parquet", image=images(1), who=["x"])
    with pytest.raises(SourceError, match=r"b\.parquet has no column label"):
        source(tmp_path).scan()
    write(tmp_path / "b.parquet", {"label": ["x", "y"]}, image=images(1), label=[0], age=["old"])
    write(tmp_path / "a.parquet", {"label": ["x", "y"]}, image=images(1), label=[0], age=[3])
    with pytest.raises(SourceError, match="different columns"):
        source(tmp_path).scan()


def test_folders_that_may_be_configurations_are_refused(tmp_path: Path) -> None:
    for config in ("full", "cropped"):
        for split in ("train", "test"):
            write(tmp_path / config / split / "0000.parquet", image=images(1), label=[0])
    with pytest.raises(UsageError, match=r"2 folders \(cropped, full\).*name one of the folders"):
        source(tmp_path).scan()
    scan = source(tmp_path / "full").scan()
    assert column(scan, "official_split") == ["test", "train"]


def test_files_without_pictures_or_rows_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "x.parquet", label=[0], path=["a.jpg"])
    with pytest.raises(SourceError, match=r"none of the 1 Parquet files .*`facedata prepare table`"):
        source(tmp_path).scan()
    write(tmp_path / "y.parquet", image=images(0), label=pa.array([], pa.int64()))
    with pytest.raises(SourceError, match="have no rows"):
        source(tmp_path).scan()
    write(tmp_path / "y.parquet", left=images(1), right=images(1), label=[0])
    with pytest.raises(UsageError, match=r"several columns \(left, right\)"):
        source(tmp_path).scan()


def test_one_split_alone_is_not_taken_for_a_division(tmp_path: Path) -> None:
    write(tmp_path / "train-00000-of-00001.parquet", image=images(2), label=[0, 1])
    scan = source(tmp_path).scan()
    assert column(scan, "official_split") == [None, None]
    assert any("one split, train" in note for note in scan.notes)


def test_pictures_may_lie_beside_the_file_and_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    (tmp_path / "hub/in").mkdir(parents=True)
    (tmp_path / "hub/in/ok.jpg").write_bytes(b"fine")
    (tmp_path / "hub/link.jpg").symlink_to(tmp_path / "secret.jpg")
    paths = [
        "in/ok.jpg",
        "in/../in/ok.jpg",
        "../secret.jpg",
        str(tmp_path / "secret.jpg"),
        "link.jpg",
        "in",
        "",
        None,
    ]
    rows = pa.array([{"bytes": None, "path": path} for path in paths], IMAGE)
    write(tmp_path / "hub/x.parquet", image=rows, label=[0] * len(paths))
    scan = source(tmp_path / "hub").scan()
    photos = column(scan, "photo")
    assert [scan.reader(photo) for photo in photos[:2]] == [b"fine"] * 2
    for photo in photos[2:5]:
        with pytest.raises(OSError, match="outside"):
            scan.reader(photo)
    for photo, why in zip(photos[5:], ("not beside", "has no picture", "has no picture"), strict=True):
        with pytest.raises(OSError, match=why):
            scan.reader(photo)


def test_a_licence_of_all_photos_is_the_source_s(tmp_path: Path) -> None:
    write(tmp_path / "x.parquet", image=images(2), label=[0, 1], licence=["CC0", "CC0"])
    own = source(tmp_path)
    assert "meta_licence" not in own.scan().photos.column_names
    assert own.licence == "CC0"
    write(tmp_path / "x.parquet", image=images(2), label=[0, 1], licence=["CC0", "MIT"])
    own = source(tmp_path)
    assert column(own.scan(), "meta_licence") == ["CC0", "MIT"]
    assert own.licence is None


def test_odd_columns_are_passed_on_or_left(tmp_path: Path) -> None:
    write(
        tmp_path / "x.parquet",
        **{
            "image": images(2), "label": [0, 1], "a.b": [1, 2], "meta_c": ["x", None],
            "kind": pa.array(["u", "v"]).dictionary_encode(), "none": pa.nulls(2), "box": [[1.0], [2.0]],
        },
    )  # fmt: skip
    scan = source(tmp_path).scan()
    assert [name for name in scan.photos.column_names if name.startswith("meta_")] == [
        "meta_a.b", "meta_meta_c"[5:], "meta_kind", "meta_none",
    ]  # fmt: skip
    assert column(scan, "meta_kind") == ["u", "v"]
    assert column(scan, "meta_none") == [None, None]
