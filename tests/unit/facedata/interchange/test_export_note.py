"""facedata-export.json: written, read back, and refused where it is not what it should be."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from facedata.errors import SourceError
from facedata.interchange.export_note import EXPORT_NOTE, ExportNote, read_export_note, write_export_note

NOTE = ExportNote(
    "imagefolder", "f" * 64, "1.0", "square", 64, {"train": {"crops": 3, "people": 2}},
    {"a%2Fb": "a/b"}, ["5 pairs"], None, {"unassigned": ""},
)  # fmt: skip


def test_a_note_reads_back(tmp_path: Path) -> None:
    assert read_export_note(tmp_path) is None
    assert read_export_note(tmp_path / "nothing") is None
    write_export_note(tmp_path, NOTE)
    assert read_export_note(tmp_path) == NOTE


def test_the_same_note_has_the_same_bytes(tmp_path: Path) -> None:
    write_export_note(tmp_path, NOTE)
    first = (tmp_path / EXPORT_NOTE).read_bytes()
    write_export_note(tmp_path, dataclasses.replace(NOTE))
    assert (tmp_path / EXPORT_NOTE).read_bytes() == first


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kind": "facedata set"}, "is not the note of an export"),
        ({"version": 2}, "has version 2"),
        ({"version": None}, "has version None"),
        ({"people": ["a"]}, "people is"),
        ({"people": {"a": 5}}, "an identity is no text"),
        ({"split_names": {"a": None}}, "a split is no text"),
        ({"margin": "wide"}, "margin is 'wide'"),
        ({"size_px": "64"}, "size_px is '64'"),
        ({"splits": {"train": 3}}, "counts are no numbers"),
        ({"splits": {"train": {"crops": True, "people": 1}}}, "counts are no numbers"),
        ({"licence": 5}, "licence is 5"),
    ],
)
def test_a_damaged_note_is_refused(changes: dict[str, Any], said: str, tmp_path: Path) -> None:
    write_export_note(tmp_path, NOTE)
    values = json.loads((tmp_path / EXPORT_NOTE).read_text()) | changes
    (tmp_path / EXPORT_NOTE).write_text(json.dumps(values))
    with pytest.raises(SourceError, match=said):
        read_export_note(tmp_path)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe\xff", b"[" * 100_000, b"[]", b"null", b'{"kind": 1}'])
def test_what_is_no_note_is_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / EXPORT_NOTE).write_bytes(data)
    with pytest.raises(SourceError, match=r"facedata-export\.json is"):
        read_export_note(tmp_path)


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(ExportNote)])
def test_a_note_without_a_value_is_refused(name: str, tmp_path: Path) -> None:
    write_export_note(tmp_path, NOTE)
    values = json.loads((tmp_path / EXPORT_NOTE).read_text())
    del values[name]
    (tmp_path / EXPORT_NOTE).write_text(json.dumps(values))
    with pytest.raises(SourceError, match=f"no {name}"):
        read_export_note(tmp_path)
