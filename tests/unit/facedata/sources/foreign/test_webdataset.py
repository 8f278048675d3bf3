"""Other people's WebDataset tars: which file is the picture, who is in it, and what is refused."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from facedata.config import PrepareConfig
from facedata.errors import SourceError, TooLargeImageError, UsageError
from facedata.files.remote import Location
from facedata.sources.base import Scan
from facedata.sources.foreign import tar_samples
from facedata.sources.foreign.webdataset import TarSource


def write(tar: Path, files: Iterable[tuple[str, bytes | str | dict[str, Any]]]) -> None:
    tar.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(tar, "w") as archive:
        for name, content in files:
            text = json.dumps(content) if isinstance(content, dict) else content
            data = text.encode() if isinstance(text, str) else text
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


def source(*paths: Path, **options: Any) -> TarSource:
    roots: dict[str, Location] = {f"#{number}": path for number, path in enumerate(paths)}
    return TarSource.open(roots, PrepareConfig(kind="webdataset", **options))


def column(scan: Scan, name: str) -> list[Any]:
    values: list[Any] = scan.photos.column(name).to_pylist()
    return values


def people(tmp_path: Path, files: list[tuple[str, Any]], **options: Any) -> list[str | None]:
    write(tmp_path / "x.tar", files)
    return column(source(tmp_path, **options).scan(), "identity")


def test_samples_are_photos(tmp_path: Path) -> None:
    write(
        tmp_path / "train-0000.tar",
        [
            ("a/1.jpg", b"one"), ("a/1.json", {"name": "Anna"}),
            ("a/2.json", {"name": ""}), ("a/2.seg.png", b"mask"), ("a/2.JPG", b"two"),
            ("note", b""), (".hidden.jpg", b""), ("a/._1.jpg", b""),
            ("3.txt", b"no picture"), ("4.photo.png", b"four"), ("4.json", {"name": 7}), ("5.png", b"five"),
        ],
    )  # fmt: skip
    write(tmp_path / "val-0000.tar", [("a/1.jpg", b"another"), ("a/1.json", {"name": "Bo"})])
    scan = source(tmp_path).scan()
    assert dict(zip(column(scan, "photo"), column(scan, "identity"), strict=True)) == {
        "train-0000.tar/a/1.jpg": "Anna",
        "train-0000.tar/a/2.jpg": None,
        "train-0000.tar/4.photo.png": "7",
        "train-0000.tar/5.png": None,
        "val-0000.tar/a/1.jpg": "Bo",
    }
    assert column(scan, "record") == column(scan, "photo")
    assert [scan.reader(photo) for photo in column(scan, "photo")] == [
        b"one",
        b"two",
        b"four",
        b"five",
        b"another",
    ]
    assert column(scan, "size") == [3, 3, 4, 4, 7]
    assert column(scan, "official_split") == ["train"] * 4 + ["val"]
    assert column(scan, "status").count("no_identity") == 2
    assert scan.notes == ["1 sample has no picture"]
    with pytest.raises(FileNotFoundError):
        scan.reader("train-0000.tar/a/9.jpg")


def test_who_it_is_stands_where_it_usually_does_or_is_asked(tmp_path: Path) -> None:
    jpg = ("1.jpg", b"x")
    assert people(tmp_path, [jpg, ("1.json", {"identity": "A", "label": 3}), ("1.cls", b"4")]) == ["A"]
    assert people(tmp_path, [jpg, ("1.json", {"label": 3, "caption": "x"})]) == ["3"]
    assert people(tmp_path, [jpg, ("1.cls", b" 4\n")]) == ["4"]
    assert people(tmp_path, [jpg, ("1.txt", " Zoë\n")]) == ["Zoë"]
    assert people(tmp_path, [("Bo/1.jpg", b"x")]) == ["Bo"]
    assert people(tmp_path, [("a/Bo/1.jpg", b"x"), ("2.jpg", b"y")]) == ["Bo", None]
    several = [jpg, ("1.json", {"label": 3, "name": "A", "tags": ["x"], "ok": True}), ("1.cls", b"4")]
    with pytest.raises(UsageError, match="label or name or cls"):
        people(tmp_path, several)
    for name, value in (("label", "3"), ("name", "A"), ("cls", "4")):
        assert people(tmp_path, several, identity_from=name) == [value]
    for name in ("tags", "ok", "jpg", "other"):
        with pytest.raises(UsageError, match=f"--identity-from {name}: .*it has label, name, cls"):
            people(tmp_path, several, identity_from=name)


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ([("1.jpg", b""), ("2.jpg", b""), ("1.json", b"{}")], "the sample '1' twice"),
        ([("1.jpg", b""), ("1.JPG", b"")], r"the file '1\.JPG' twice"),
        ([("1.jpg", b""), ("1.png", b"")], r"2 pictures \(jpg, png\)"),
        ([("1.a.jpg", b""), ("1.b.jpg", b"")], r"2 pictures \(a\.jpg, b\.jpg\)"),
        ([("1.jpg", b""), ("1.json", b"{")], r"1\.json .* is no JSON"),
        ([("1.jpg", b""), ("1.json", b"[" * 100_000)], r"1\.json .* is no JSON"),
        ([("1.jpg", b""), ("1.json", rb'{"name": "\ud800"}')], r"1\.json .* is no JSON"),
        ([("1.jpg", b""), ("1.cls", b"\xff")], "no text in UTF-8"),
        ([("1.txt", b"")], r"hold no photos \(1 samples"),
        ([], r"hold no photos \(0 samples"),
    ],
)
def test_tars_that_make_no_sense_are_refused(files: list[tuple[str, Any]], why: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=why):
        people(tmp_path, files)


def test_a_text_that_is_far_too_long_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tar_samples, "_MOST_TEXT_BYTES", 10)
    with pytest.raises(SourceError, match="has 11 bytes, too many"):
        people(tmp_path, [("1.jpg", b""), ("1.json", b"           ")])


def test_a_tar_that_changes_after_it_was_listed_gives_no_wrong_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "x.tar", [("1.jpg", b"one" * 1000), ("1.cls", "a"), ("2.jpg", b"two"), ("2.cls", "b")])
    scan = source(tmp_path).scan()
    assert scan.reader("x.tar/2.jpg") == b"two"
    write(tmp_path / "x.tar", [("0.jpg", b"zero"), ("2.jpg", b"another two")])
    assert scan.reader("x.tar/2.jpg") == b"another two"
    with pytest.raises(FileNotFoundError):
        scan.reader("x.tar/1.jpg")
    (tmp_path / "x.tar").write_bytes((tmp_path / "x.tar").read_bytes()[:700])
    with pytest.raises(OSError, match="breaks off"):
        scan.reader("x.tar/2.jpg")
    write(tmp_path / "x.tar", [("1.jpg", b"one" * 1000)])
    monkeypatch.setattr(tar_samples, "_MOST_BYTES", 1000)
    with pytest.raises(TooLargeImageError):
        scan.reader("x.tar/1.jpg")


def test_names_that_are_no_utf_8_are_kept_apart(tmp_path: Path) -> None:
    info = tarfile.TarInfo("caf\udce9.jpg")
    info.size = 1
    other = tarfile.TarInfo("caf\\xe9.jpg")
    other.size = 1
    with tarfile.open(tmp_path / "x.tar", "w", format=tarfile.GNU_FORMAT) as tar:
        tar.addfile(info, io.BytesIO(b"1"))
        tar.addfile(other, io.BytesIO(b"2"))
    scan = source(tmp_path).scan()
    photos = column(scan, "photo")
    assert photos == ["x.tar/caf\\xe9.jpg", "x.tar/caf\\x5cxe9.jpg"]
    assert [scan.reader(photo) for photo in photos] == [b"1", b"2"]
