"""A set to InsightFace's files and back: crops bit for bit, names, splits, pairs; MXNet's files as crops."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from facedata import PreparedSet, crop_set, export_set, open_set, prepare
from facedata.errors import SourceError
from facedata.interchange.recordio import RecordWriter, read_image, read_records
from facedata.testing import FakeDetector, marked_folder
from tests.support.inline_engine import inline
from tests.support.mxnet_files import MXNET_FILES, mxnet_records
from tests.support.pickled_pairs import pickle_pairs
from tests.support.set_bytes import set_bytes

AS_CROPS: dict[str, Any] = {
    "as_crops": True, "template": "arcface112", "size": 48, "workers": 1, "report": False,
}  # fmt: skip


def prepare_here(source: Path, out: Path, **options: Any) -> PreparedSet:
    with inline():
        return prepare(source, out, **{**AS_CROPS, **options})


def mxnet_images() -> list[bytes]:
    """The twelve images of a file that MXNet wrote, three of each of four people."""
    path = MXNET_FILES / "insightface/train.rec"
    return [read_image(path, offset) for offset in read_records(path).offsets.tolist()][:12]


def crops(prepared: PreparedSet) -> list[tuple[Any, ...]]:
    names = ["path", "identity", "split", "crop_sha256"]
    return sorted(tuple(row.values()) for row in prepared.table("classes").select(names).to_pylist())


def pairs(prepared: PreparedSet) -> list[list[Any]]:
    """The pairs of each split, in their order."""
    names = ["split", "left_path", "right_path", "same", "fold"]
    return sorted(
        (list(row.values()) for row in prepared.table("pairs").select(names).to_pylist()),
        key=lambda row: row[0],
    )


@pytest.mark.parametrize("split_by", ["identity", "photo"])
def test_a_set_comes_back_as_it_was(tmp_path: Path, split_by: str) -> None:
    options = {"kind": "rec", "splits": "train=0.5,test=0.5", "split_by": split_by}
    first = prepare_here(MXNET_FILES / "insightface", tmp_path / "first", **options)
    export_set(first, tmp_path / "out", to="rec")
    again = prepare_here(tmp_path / "out", tmp_path / "again", kind="rec")
    assert len(crops(first)) == 12
    assert crops(again) == crops(first)
    assert pairs(again) == pairs(first)
    assert again.info["drawing"]["pairs"]["strategy"] == "official"
    before = set_bytes(tmp_path / "again")
    prepare_here(tmp_path / "out", tmp_path / "again", kind="rec")
    assert set_bytes(tmp_path / "again") == before


def test_hard_names_and_crops_in_no_split_come_back(tmp_path: Path) -> None:
    images = mxnet_images()
    for at, person in enumerate(
        ["te st/a:b", "te st/con", "te st/50% {x}", "val/Ä ö", "val/-", "-/nobody else"]
    ):
        (tmp_path / "photos" / person).mkdir(parents=True)
        for number in range(2):
            (tmp_path / "photos" / person / f"{number} é.jpg").write_bytes(images[2 * at + number])
    first = prepare_here(tmp_path / "photos", tmp_path / "first", split_from="^([^-/]+)/")
    exported = export_set(first, tmp_path / "out", to="rec")
    assert exported.note.splits.keys() == {"te st", "val", ""}
    again = prepare_here(tmp_path / "out", tmp_path / "again", kind="rec")
    assert {row[1] for row in crops(again)} == {"a:b", "con", "50% {x}", "Ä ö", "-", "nobody else"}
    assert crops(again) == crops(first)
    assert pairs(again) == pairs(first)


def test_mxnets_files_become_a_set_of_their_bytes(tmp_path: Path) -> None:
    made = prepare_here(MXNET_FILES / "im2rec/train.rec", tmp_path / "faces", kind="rec")
    shas = sorted(one.sha256 for one in mxnet_records("im2rec"))
    assert sorted(made.table("classes").column("crop_sha256").to_pylist()) == shas
    photos = open_set(tmp_path / "faces").table("photos")
    assert sorted(photos.column("sha256").to_pylist()) == shas
    assert photos.column("source").unique().to_pylist() == ["rec"]


def test_a_bin_becomes_a_set_whose_pairs_are_official(tmp_path: Path) -> None:
    images = mxnet_images()
    rows = [(at, (at + step) % 12) for step in (1, 2, 3) for at in range(12)]
    same = [left // 3 == right // 3 for left, right in rows]
    path = pickle_pairs(tmp_path / "some.bin", [images[at] for row in rows for at in row], same)
    made = prepare_here(path, tmp_path / "faces", kind="bin")
    table = made.table("classes")
    sha_of = dict(zip(table.column("path").to_pylist(), table.column("crop_sha256").to_pylist(), strict=True))
    assert sorted(sha_of.values()) == sorted(hashlib.sha256(image).hexdigest() for image in images)
    found = made.table("pairs").to_pylist()
    assert [(sha_of[row["left_path"]], sha_of[row["right_path"]], row["same"]) for row in found] == [
        (*(hashlib.sha256(images[at]).hexdigest() for at in row), one)
        for row, one in zip(rows, same, strict=True)
    ]
    assert {row["fold"] for row in found} == set(range(10))
    assert len(set(table.column("identity").to_pylist())) == 4
    exported = export_set(made, tmp_path / "out", to="rec")
    assert "the pairs' folds in a .bin: InsightFace divides it into ten equal ones" in exported.note.left_out
    again = prepare_here(tmp_path / "out", tmp_path / "again", kind="rec")
    assert crops(again) == crops(made)
    assert pairs(again) == pairs(made)


def test_a_file_that_was_cut_off_makes_no_set(tmp_path: Path) -> None:
    for ending in (".rec", ".idx"):
        data = (MXNET_FILES / "im2rec/train").with_suffix(ending).read_bytes()
        (tmp_path / f"train{ending}").write_bytes(data[: len(data) // 2] if ending == ".rec" else data)
    with pytest.raises(SourceError, match=r"train\.rec: byte"):
        prepare_here(tmp_path / "train.rec", tmp_path / "faces", kind="rec")
    assert not (tmp_path / "faces").exists()


def test_photos_in_a_rec_are_searched_like_any_and_cut_again(tmp_path: Path) -> None:
    marked_folder(tmp_path / "photos", 2, 3)
    files = sorted((tmp_path / "photos").glob("*/*"))
    people = sorted({file.parent.name for file in files})
    with (tmp_path / "train.rec").open("wb") as file, (tmp_path / "train.idx").open("wb") as index:
        writer = RecordWriter(file, index)
        for key, photo in enumerate(files):
            writer.write(key, people.index(photo.parent.name), photo.read_bytes())
    options: dict[str, Any] = {"size": 64, "workers": 2, "report": False, "splits": "train=0.5,test=0.5"}
    by_rec = prepare(tmp_path / "train.rec", tmp_path / "rec", kind="rec", detector=FakeDetector, **options)
    with inline():
        by_folder = prepare(tmp_path / "photos", tmp_path / "folder", detector=FakeDetector, **options)
        again = [crop_set(tmp_path / name, tmp_path / f"{name}-48", size=48) for name in ("folder", "rec")]
    found = [
        sorted(one.table("classes").column("crop_sha256").to_pylist()) for one in (by_folder, by_rec, *again)
    ]
    assert len(found[0]) == 6
    assert found[0] == found[1] != found[2] == found[3]
    assert set(by_rec.table("classes").column("identity").to_pylist()) == {"000000", "000001"}
