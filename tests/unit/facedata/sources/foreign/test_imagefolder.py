"""Folders of splits and people: what the folders at the top are, and what is refused as ambiguous."""

from __future__ import annotations

import dataclasses
import pickle
import tarfile
import zipfile
from pathlib import Path

import fsspec
import pytest
from PIL import Image

from facedata import prepare
from facedata.config import PrepareConfig
from facedata.errors import SourceError, UsageError
from facedata.files.remote import parse_location
from facedata.interchange.export_note import EXPORT_NOTE, ExportNote, write_export_note
from facedata.sources.base import Scan
from facedata.sources.foreign.imagefolder import ImageFolderSource
from facedata.sources.open import open_source

NOTE = ExportNote(
    "imagefolder", "f" * 64, "1", "square", 64, {}, {"a%2Fb": "a/b", "anna": "Anna"}, [], None,
    {"unassigned": "", "x%3F": "x?"},
)  # fmt: skip


def _fill(folder: Path, *files: str) -> Path:
    for name in files:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (16, 16), (len(name), 9, 9)).save(file, "JPEG")
    return folder


def _scan(location: object, cache: Path | None = None) -> Scan:
    config = PrepareConfig(kind="imagefolder", cache=str(cache) if cache else None)
    return open_source(str(location), config).scan()


def _rows(scan: Scan) -> dict[str, tuple[str | None, str | None, str | None]]:
    return {
        row["photo"]: (row["official_split"], row["identity"], row["status"])
        for row in scan.photos.to_pylist()
    }


def test_folders_named_like_splits_hold_people(tmp_path: Path) -> None:
    _fill(
        tmp_path, "Train/anna/1.jpg", "Train/anna/more/2.jpg", "val/ben/1.jpg", "Train/loose.jpg", "top.jpg"
    )
    (tmp_path / "val" / "ben" / "film.mp4").write_bytes(bytes(9))
    (tmp_path / "val" / "film.mp4").write_bytes(bytes(9))
    (tmp_path / "readme.txt").write_text("x")
    scan = _scan(tmp_path)
    assert _rows(scan) == {
        "Train/anna/1.jpg": ("Train", "anna", None),
        "Train/anna/more/2.jpg": ("Train", "anna", None),
        "val/ben/1.jpg": ("val", "ben", None),
        "Train/loose.jpg": ("Train", None, "no_identity"),
        "top.jpg": (None, None, "no_identity"),
        "val/ben/film.mp4": ("val", "ben", "unsupported"),
        "val/film.mp4": ("val", None, "unsupported"),
    }
    reasons = {row["photo"]: row["reason"] for row in scan.photos.to_pylist()}
    assert reasons["top.jpg"] == "it lies in no person's folder"
    assert reasons["val/film.mp4"] == "a video"
    assert reasons["val/ben/1.jpg"] is None
    assert scan.other_files == 1
    assert pickle.loads(pickle.dumps(scan.reader))("Train/anna/1.jpg")[:2] == b"\xff\xd8"


@pytest.mark.parametrize(
    "files",
    [
        ("anna/1.jpg", "ben/1.jpg"),
        ("anna/1.jpg", "ben/2019/1.jpg"),
        ("anna/1.jpg", "anna/2019/1.jpg"),
        ("Val/1.jpg", "Test/1.jpg", "anna/1.jpg"),
    ],
)
def test_people_at_the_top_have_no_splits(files: tuple[str, ...], tmp_path: Path) -> None:
    rows = _rows(_scan(_fill(tmp_path, *files)))
    assert rows == {file: (None, file.partition("/")[0], None) for file in files}


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (("train/anna/1.jpg", "extra/ben/1.jpg"), "train look like splits, and beside them are extra"),
        (("train/anna/1.jpg", "ben/1.jpg"), "train look like splits, and beside them are ben"),
        (("train/1.jpg", "test/1.jpg"), "test, train are named like splits, and hold photos but no people"),
        (
            ("gallery/anna/1.jpg", "probe/anna/1.jpg"),
            r"the folders at the top \(gallery, probe\) hold folders only",
        ),
        (("faces/anna/1.jpg",), r"the folders at the top \(faces\) hold folders only"),
        (
            tuple(f"{letter}/anna/1.jpg" for letter in "abcdefg"),
            r"the folders at the top \(a, b, c, d, e, …\) hold folders only",
        ),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused_with_the_flags(
    files: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    with pytest.raises(
        SourceError, match=f"could be read in two ways: {said}.*--identity-from.*--split-from"
    ):
        _scan(_fill(tmp_path, *files))


def test_the_flags_of_the_refusal_settle_it(tmp_path: Path) -> None:
    files = (f"{top}/{who}/1.jpg" for top in ("gallery", "probe") for who in ("x", "y"))
    source = _fill(tmp_path / "photos", *files)
    made = prepare(
        source, tmp_path / "faces", split_from="^([^/]+)/", as_crops=True, size=16, workers=1, report=False
    )
    crops = made.table("classes", ["photo", "identity", "split"]).to_pylist()
    assert [tuple(crop.values()) for crop in crops] == [
        (f"{top}/{who}/1.jpg", who, top) for top in ("gallery", "probe") for who in ("x", "y")
    ]


def test_a_note_says_what_is_a_split_and_who_is_who(tmp_path: Path) -> None:
    _fill(tmp_path, "x%3F/a%2Fb/1.jpg", "unassigned/anna/1.jpg", "train/carl/1.jpg")
    write_export_note(tmp_path, NOTE)
    assert _rows(_scan(tmp_path)) == {
        "x%3F/a%2Fb/1.jpg": ("x?", "a/b", None),
        "unassigned/anna/1.jpg": (None, "Anna", None),
        "train/carl/1.jpg": ("train", "carl", None),
    }


@pytest.mark.parametrize("kind", ["zip", "tar", "url"])
@pytest.mark.parametrize("wrapper", ["", "my faces/"])
@pytest.mark.parametrize("has_note", [True, False])
def test_archives_and_urls_perhaps_with_a_folder_around(
    kind: str, wrapper: str, has_note: bool, tmp_path: Path
) -> None:
    splits = ("x%3F", "unassigned") if has_note else ("train", "test")
    folder = _fill(tmp_path / "made", *(f"{wrapper}{split}/a%2Fb/1.jpg" for split in splits))
    if has_note:
        write_export_note(folder / wrapper, NOTE)
    files = [file for file in folder.rglob("*") if file.is_file()]
    location = str(tmp_path / f"faces.{kind}")
    if kind == "zip":
        with zipfile.ZipFile(location, "w") as archive:
            for file in files:
                archive.write(file, file.relative_to(folder))
    elif kind == "tar":
        with tarfile.open(location, "w") as tar:
            tar.add(folder, ".")
    else:
        location = f"memory://{tmp_path.name}/faces"
        memory = fsspec.filesystem("memory")
        for file in files:
            memory.pipe(f"{location}/{file.relative_to(folder).as_posix()}", file.read_bytes())
    scan = _scan(location, tmp_path / "cache")
    expected = [("x?", "a/b"), (None, "a/b")] if has_note else [("train", "a%2Fb"), ("test", "a%2Fb")]
    rows = _rows(scan)
    assert rows == {
        f"{wrapper}{split}/a%2Fb/1.jpg": (*row, None) for split, row in zip(splits, expected, strict=True)
    }
    for photo in rows:
        assert scan.reader(photo) == (folder / photo).read_bytes()


@pytest.mark.parametrize(
    ("form", "hint"), [("csv", "use `facedata prepare table`"), ("coco", "from which no photos can be taken")]
)
def test_an_export_to_another_format_is_refused(form: str, hint: str, tmp_path: Path) -> None:
    _fill(tmp_path, "crops/anna/1.jpg")
    write_export_note(tmp_path, dataclasses.replace(NOTE, format=form))
    with pytest.raises(SourceError, match=f"is an export to {form}, not to imagefolder.*{hint}"):
        _scan(tmp_path)


def test_a_damaged_note_is_refused(tmp_path: Path) -> None:
    _fill(tmp_path, "train/anna/1.jpg")
    (tmp_path / EXPORT_NOTE).write_text("{")
    with pytest.raises(SourceError, match=r"facedata-export\.json is damaged"):
        _scan(tmp_path)


def test_one_folder_is_taken(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no source is given"):
        open_source(None, PrepareConfig(kind="imagefolder"))
    with pytest.raises(UsageError, match=r"takes one folder, not 2.*name=DIR name=DIR"):
        open_source(["a=x", "b=y"], PrepareConfig(kind="imagefolder"))
    with pytest.raises(SourceError, match="holds no photos"):
        _scan(tmp_path)
    assert ImageFolderSource(parse_location(str(tmp_path))).root == str(tmp_path)
