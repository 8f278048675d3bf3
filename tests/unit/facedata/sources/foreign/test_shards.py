"""Sources of many files: which are found, which split they are of, and where a photo is."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from facedata.errors import SourceError, UsageError
from facedata.files.remote import Location, parse_location
from facedata.interchange.export_note import ExportNote, write_export_note
from facedata.sources.foreign.shards import (
    PhotoIndex,
    ShardPaths,
    find_shard_of,
    span_of,
    split_of,
    typed_paths,
    usual_splits,
)  # fmt: skip

NOTE = ExportNote("hf", "f", "1", "square", 64, {}, left_out=[], split_names={"a_b": "a/b", "unassigned": ""})


def shards(*paths: Path) -> ShardPaths:
    roots: dict[str, Location] = {f"#{number}": path for number, path in enumerate(paths)}
    return ShardPaths(roots, "webdataset", ".tar")


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("data/train-00000-of-00002.parquet", "train"),
        ("held_out.v2-00001-of-00002.parquet", "held_out.v2"),
        ("train-00000-of-00001-a09b74b3ef9c3b56.parquet", "train"),
        ("default/validation/0000.parquet", "validation"),
        ("test/train/0000.parquet", "train"),
        ("faces-train-000012.tar", "train"),
        ("Test_0001.tar", "Test"),
        ("training.tar", "training"),
        ("train_test.parquet", None),
        ("00000.tar", None),
        ("retrain-0001.tar", None),
        ("faces.parquet", None),
    ],
)
def test_splits_by_name(name: str, split: str | None) -> None:
    assert split_of(name) == split


def test_an_export_s_note_says_what_names_mean() -> None:
    names = ["a_b-000000.tar", "unassigned-00000-of-00001.parquet", "train-00000-of-00001.parquet"]
    assert [split_of(name, NOTE) for name in names] == ["a/b", None, "train"]


def test_files_are_found_with_those_of_folders_below(tmp_path: Path) -> None:
    for name in (
        "b/train-0.tar",
        "a-1.tar",
        "README.md",
        "other.json",
        ".hidden.tar",
        ".git/x.tar",
        "croissant.json",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"123")
    write_export_note(tmp_path, NOTE)
    found = shards(tmp_path).find()
    assert [(file.name, file.size, file.split) for file in found.files] == [
        ("a-1.tar", 3, None),
        ("b/train-0.tar", 3, "train"),
    ]
    assert (found.other_files, found.note) == (2, NOTE)
    named = shards(tmp_path / "b/train-0.tar", tmp_path / "a-1.tar").find()
    assert [file.name for file in named.files] == ["a-1.tar", "train-0.tar"]
    assert named.note == NOTE
    assert shards(tmp_path / "b/train-0.tar").find().note == NOTE


def test_what_cannot_be_a_source_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no source is given"):
        shards()
    with pytest.raises(UsageError, match="is a folder: prepare each"):
        shards(tmp_path, tmp_path / "x.tar")
    with pytest.raises(UsageError, match="this machine only"):
        ShardPaths({"#0": parse_location("memory://x/y.tar")}, "webdataset", ".tar")
    (tmp_path / "x.zip").touch()
    with pytest.raises(SourceError, match=r"holds no \.tar file \(1 other file\)"):
        shards(tmp_path).find()
    with pytest.raises(SourceError, match="cannot open"):
        shards(tmp_path / "none.tar").find()
    with pytest.raises(SourceError, match="cannot open the folder"):
        shards(tmp_path / "none").find()
    for folder in "ab":
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.tar").touch()
    with pytest.raises(SourceError, match="the same name"):
        shards(tmp_path / "a" / "x.tar", tmp_path / "b" / "x.tar").find()


def test_the_text_of_several_files_is_taken_apart(tmp_path: Path) -> None:
    odd = tmp_path / "a.tar,b.tar"
    odd.touch()
    typed = typed_paths(".tar")
    assert typed(shards(tmp_path / "a.tar", tmp_path / "b,c.tar").root, None) == [
        str(tmp_path / "a.tar"),
        str(tmp_path / "b,c.tar"),
    ]
    assert typed(str(odd), None) == str(odd)
    assert typed("a.tar,b.tar", "moved") == "moved"


def test_one_split_alone_divides_nothing() -> None:
    one, two = pa.chunked_array([["train", "train"]]), pa.chunked_array([["train", "test"]])
    some = pa.chunked_array([pa.array(["train", None])])
    assert usual_splits(one, is_own=True) == (one, [])
    assert usual_splits(two, is_own=False) == (two, [])
    assert usual_splits(some, is_own=False) == (some, [])
    splits, notes = usual_splits(one, is_own=False)
    assert splits.null_count == 2
    assert "one split, train" in notes[0]


def test_a_photo_is_looked_for_only_where_it_can_be(tmp_path: Path) -> None:
    photos = {"a.tar": ["b", "d", "é"], "b.tar": ["c", "x"], "c.tar": ["a"]}
    for name in photos:
        (tmp_path / name).touch()
    spans = [span_of(file, pa.array(photos[file.name])) for file in shards(tmp_path).find().files]
    index = {name: PhotoIndex(pa.array(each)) for name, each in photos.items()}
    for name, each in photos.items():
        for number, photo in enumerate(each):
            looked: list[object] = []

            def find(span: object, photo: str = photo, looked: list[object] = looked) -> int:
                looked.append(span)
                return index[span.name].find(photo)  # type: ignore[attr-defined]

            assert find_shard_of(spans, photo, find) == (tmp_path / name, number)
            assert len(looked) <= 2
    with pytest.raises(FileNotFoundError, match="'e'"):
        find_shard_of(spans, "e", lambda span: index[span.name].find("e"))
