"""Records as a source: who is in them, which split, and what is refused."""

from __future__ import annotations

import hashlib
import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest

from facedata.config import PrepareConfig
from facedata.errors import SourceError, UsageError
from facedata.interchange.recordio import RecordWriter
from facedata.sources.base import Scan
from facedata.sources.foreign.rec import RecSource
from facedata.sources.open import SourceLike, open_source
from tests.support.mxnet_files import MXNET_FILES, SETS, mxnet_records


def scan(source: SourceLike | None) -> Scan:
    return open_source(source, PrepareConfig(kind="rec")).scan()


def column(found: Scan, name: str) -> list[object]:
    return list(found.photos.column(name).to_pylist())


def write_rec(path: Path, labels: list[float], keys: list[int] | None = None) -> Path:
    """Write a .rec with its index, an image of a byte a label."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file, path.with_suffix(".idx").open("wb") as index:
        writer = RecordWriter(file, index)
        for key, label in zip(keys or range(1, len(labels) + 1), labels, strict=True):
            writer.write(key, label, b"%d" % key)
    return path


@pytest.mark.parametrize("name", SETS)
def test_every_image_of_mxnets_is_a_photo_and_its_bytes_are_read(name: str) -> None:
    found = scan(MXNET_FILES / name / "train.rec")
    expected = {one.key: one for one in mxnet_records(name) if one.length}
    photos = found.photos.to_pylist()
    assert [int(photo["photo"].split("/")[1].removesuffix(".jpg")) for photo in photos] == sorted(expected)
    for photo, key in zip(photos, sorted(expected), strict=True):
        image = found.reader(photo["photo"])
        assert hashlib.sha256(image).hexdigest() == expected[key].sha256
        assert photo["size"] == len(image)


def test_people_are_the_list_s_folders(tmp_path: Path) -> None:
    for name in ("insightface", "im2rec"):
        found = scan(MXNET_FILES / name)
        assert column(found, "identity") == [
            name for name in ("Amara", "Birgit", "Chidi", "Dolores") for _ in "123"
        ]
        assert column(found, "photo")[4].endswith("/Birgit/02.jpg")  # type: ignore[attr-defined]
        assert not found.notes


def test_without_a_list_people_are_their_labels(tmp_path: Path) -> None:
    path = write_rec(tmp_path / "a.rec", [0, 12, 1_234_567])
    found = scan(path)
    assert column(found, "identity") == ["000000", "000012", "1234567"]
    assert column(found, "photo") == ["a/00000001.jpg", "a/00000002.jpg", "a/00000003.jpg"]
    assert column(found, "official_split") == [None] * 3


def test_several_files_are_splits_whose_labels_are_their_own(tmp_path: Path) -> None:
    write_rec(tmp_path / "test.rec", [0, 1])
    write_rec(tmp_path / "train.rec", [0])
    found = scan(tmp_path)
    assert column(found, "identity") == ["test-000000", "test-000001", "train-000000"]
    assert column(found, "official_split") == ["test", "test", "train"]
    named = scan({"val": tmp_path / "test.rec", "train": tmp_path / "train.rec"})
    assert column(named, "photo") == ["val/00000001.jpg", "val/00000002.jpg", "train/00000001.jpg"]
    assert named.reader("val/00000002.jpg") == b"2"


def test_without_an_index_a_photo_is_named_by_its_first_byte(tmp_path: Path) -> None:
    path = write_rec(tmp_path / "a.rec", [5, 6])
    path.with_suffix(".idx").unlink()
    found = scan(path)
    assert column(found, "photo") == ["a/byte-000000000000.jpg", "a/byte-000000000036.jpg"]
    assert found.reader("a/byte-000000000036.jpg") == b"2"


def test_a_worker_reads_what_it_gets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_rec(tmp_path / "a.rec", [5, 6], keys=[7, 3])
    monkeypatch.chdir(tmp_path)
    reader = pickle.loads(pickle.dumps(scan("a.rec").reader))
    monkeypatch.chdir("/")
    assert (reader("a/00000007.jpg"), reader("a/00000003.jpg")) == (b"7", b"3")
    for photo, said in {
        "a/00000004.jpg": "lists no record 00000004",
        "b/00000004.jpg": "begins with the name of no .rec file",
        "a/byte-000000000004.jpg": "should begin a record",
        "a/byte--5.jpg": "Invalid argument",
        "a/x.jpg": "invalid literal",
    }.items():
        with pytest.raises(OSError, match=said):
            reader(photo)
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(OSError, match=r"a\.rec: byte 36 begins"):
        reader("a/00000003.jpg")
    path.with_suffix(".idx").unlink()
    with pytest.raises(OSError, match=r"a\.idx"):
        reader("a/00000003.jpg")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            "1\t0\ta/1.jpg\n2\t1\ta/2.jpg\n3\t1\tb/3.jpg\n",
            "2 folders for 2 labels, which are not one for one",
        ),
        ("1\t0\tx/1.jpg\n2\t1\tx/2.jpg\n3\t1\tx/3.jpg\n", "1 folders for 2 labels"),
        ("1\t0\ta/1.jpg\n2\t1\tb/2.jpg\n", "lists 2 of the 3 images"),
        ("1\t0\t1.jpg\n2\t1\t2.jpg\n3\t1\t3.jpg\n", "paths that are not <folder>/<name>"),
        ("1\t0\ta/..\n2\t1\tb/2.jpg\n3\t1\tb/3.jpg\n", "paths that are not <folder>/<name>"),
    ],
)
def test_a_list_that_names_nobody_is_told(tmp_path: Path, lines: str, said: str) -> None:
    path = write_rec(tmp_path / "a.rec", [0, 1, 1])
    path.with_suffix(".lst").write_text(lines)
    found = scan(path)
    assert column(found, "identity") == ["000000", "000001", "000001"]
    assert len(found.notes) == 1
    assert said in found.notes[0]


def test_a_list_s_folders_may_be_anywhere(tmp_path: Path) -> None:
    path = write_rec(tmp_path / "a.rec", [3, 4, 4])
    path.with_suffix(".lst").write_text("1\t3\t/data/../x/ä b/1.jpg\n2\t4\tC:\\y\\z\\1.jpg\n3\t4\tz/2.jpg\n")
    found = scan(path)
    assert column(found, "identity") == ["ä b", "z", "z"]
    assert column(found, "photo")[:2] == ["a/00000001/ä b/1.jpg", "a/00000002/z/1.jpg"]


@pytest.mark.parametrize("label", [-1, 0.5, np.nan, np.inf, 16_777_218])
def test_a_label_that_is_no_number_of_a_person_is_refused(tmp_path: Path, label: float) -> None:
    path = write_rec(tmp_path / "a.rec", [0, label])
    with pytest.raises(SourceError, match=r"a\.rec: record 2 has the label"):
        scan(path)


def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="there is no"):
        scan(tmp_path / "a.rec")
    with pytest.raises(SourceError, match=r"holds no \.rec file"):
        scan(tmp_path)
    with pytest.raises(UsageError, match=r"a \.rec file, or a folder"):
        scan(None)
    (tmp_path / "lfw.bin").write_bytes(b"\x80\x02")
    with pytest.raises(SourceError, match=r"lfw\.bin holds pairs .*: use `facedata prepare bin`"):
        scan(tmp_path / "lfw.bin")
    path = write_rec(tmp_path / "a.rec", [0])
    with pytest.raises(UsageError, match="a name of its own"):
        RecSource({"#0": path, "#1": write_rec(tmp_path / "b/a.rec", [0])})
    with pytest.raises(UsageError, match="a name of its own"):
        scan([tmp_path, path])


def test_labels_alone_are_no_photos(tmp_path: Path) -> None:
    with (tmp_path / "a.rec").open("wb") as file, (tmp_path / "a.idx").open("wb") as index:
        RecordWriter(file, index).write(0, [1, 2])
    with pytest.raises(SourceError, match="holds no image: its 1 records have labels only"):
        scan(tmp_path / "a.rec")


def test_others_pairs_are_told(tmp_path: Path) -> None:
    shutil.copytree(MXNET_FILES / "insightface", tmp_path / "faces")
    for name in ("lfw.bin", "agedb_30.bin"):
        (tmp_path / "faces" / name).touch()
    found = scan(tmp_path / "faces")
    assert found.notes == [
        (
            "agedb_30.bin, lfw.bin: pairs to verify, which are not part of this set; make a set of each with "
            "`facedata prepare bin`"
        )
    ]
    assert found.other_files == 2


def test_a_note_that_is_damaged_is_refused(tmp_path: Path) -> None:
    path = write_rec(tmp_path / "a.rec", [0])
    (tmp_path / "facedata-export.json").write_text(json.dumps({"kind": "something"}))
    with pytest.raises(SourceError, match="is not the note of an export"):
        scan(path)
