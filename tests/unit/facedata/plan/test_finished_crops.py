"""Finished crops in the plan: an export's note, and boxes that mean nothing."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from facedata.config import PrepareConfig
from facedata.errors import SourceError, UsageError
from facedata.files.remote import parse_location
from facedata.interchange.export_note import EXPORT_NOTE, ExportNote, write_export_note
from facedata.plan.finished_crops import drop_boxes, refuse_other_crops
from facedata.sources.base import PLAN


def config(template: str = "arcface112", size: int | None = None) -> PrepareConfig:
    return PrepareConfig(as_crops=True, template=template, size=size)


def write_note(folder: Path, template: str = "arcface112", size_px: int = 112, margin: float = 0.0) -> None:
    note = ExportNote("csv", "0" * 64, "1.0", template, size_px, {}, margin=margin)
    write_export_note(folder, note)


@pytest.mark.parametrize(("template", "size"), [("arcface112", None), ("arcface112", 112)])
def test_the_same_template_and_size_pass(tmp_path: Path, template: str, size: int | None) -> None:
    write_note(tmp_path)
    refuse_other_crops(config(template, size), [tmp_path])


@pytest.mark.parametrize(
    ("template", "size", "mine"),
    [
        ("square", None, "square of 240 px"),
        ("square", 112, "square of 112 px"),
        ("arcface112", 96, "of 96 px"),
    ],
)
def test_others_are_refused_with_the_flags(
    tmp_path: Path, template: str, size: int | None, mine: str
) -> None:
    write_note(tmp_path)
    flags = "use --template arcface112 --size 112"
    with pytest.raises(UsageError, match=f"arcface112 of 112 px, not .*{mine}: {flags}"):
        refuse_other_crops(config(template, size), [tmp_path / "none", tmp_path])


def test_another_margin_is_refused_with_the_flag(tmp_path: Path) -> None:
    write_note(tmp_path, "square", 240, 0.3)
    refuse_other_crops(PrepareConfig(as_crops=True, margin=0.3), [tmp_path])
    with pytest.raises(UsageError, match=r"with a margin of 0.3, not .*: use .* --size 240 --margin 0.3"):
        refuse_other_crops(config("square"), [tmp_path])


def test_a_file_or_folder_in_an_export_has_its_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_note(tmp_path)
    (tmp_path / "train").mkdir()
    (tmp_path / "train.rec").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    for name in ("train", "train.rec", "train-{000..003}.tar"):
        for path in (tmp_path / name, Path(name)):
            with pytest.raises(UsageError, match="use --template arcface112 --size 112"):
                refuse_other_crops(config("square"), [path])
            refuse_other_crops(config(), [path])


def test_without_a_note_anything_goes(tmp_path: Path) -> None:
    (tmp_path / "photos.zip").write_bytes(b"")
    refuse_other_crops(
        config(), [tmp_path, tmp_path / "photos.zip", tmp_path / "gone", parse_location("s3://bucket/faces")]
    )


def test_a_damaged_note_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / EXPORT_NOTE).write_text("{")
    with pytest.raises(SourceError, match="is damaged"):
        refuse_other_crops(config(), [tmp_path])


def records(boxes: list[list[float] | None]) -> pa.Table:
    rows = [
        {"record": str(number), "photo": str(number), "given_box": box, "size": 1, "mtime_ns": 1}
        for number, box in enumerate(boxes)
    ]
    return pa.Table.from_pylist(rows, schema=PLAN)


def test_boxes_are_dropped_and_counted() -> None:
    given = records([[1, 2, 3, 4], None, [5, 6, 7, 8]])
    bare, notes = drop_boxes(given)
    assert bare.schema == given.schema
    assert bare.column("given_box").null_count == 3
    assert bare.drop_columns(["given_box"]) == given.drop_columns(["given_box"])
    assert notes == ["the boxes of 2 photos play no part, since the photos are finished crops"]


def test_without_boxes_nothing_is_said() -> None:
    bare, notes = drop_boxes(records([None, None]))
    assert notes == []
    assert bare == records([None, None])
