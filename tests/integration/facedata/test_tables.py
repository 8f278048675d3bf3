"""Tables of boxes: one face under one name, whatever the rows say; boxes in another form."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facedata import PreparedSet, crop_set, prepare
from facedata.errors import WrongBoxesError
from tests.support.facedata_command import here
from tests.support.inline_engine import inline
from tests.support.marked_photos import FACE, write_marked
from tests.support.patch_faces import PatchDetector
from tests.support.patch_faces import write_patches as write
from tests.support.set_bytes import set_bytes

LEFT, RIGHT = (20, 30, 80, 110), (150, 60, 230, 170)


def made(table: Path, out: Path, **options: Any) -> PreparedSet:
    with inline():
        return prepare(
            table, out, detector=PatchDetector, workers=1, kind="table", size=64, splits="train=0.5,test=0.5",
            **options,
        )  # fmt: skip


def table_of(folder: Path, *rows: str, header: str = "path,identity,box") -> Path:
    (folder / "faces.csv").write_text("\n".join([header, *rows]) + "\n")
    return folder / "faces.csv"


def ledger(prepared: PreparedSet) -> dict[str, dict[str, Any]]:
    return {row["record"]: row for row in prepared.table("photos").to_pylist()}


def text(box: Sequence[float]) -> str:
    return " ".join(f"{value:g}" for value in box)


def test_rows_of_one_photo_without_boxes_are_unselected_and_never_one_face(tmp_path: Path) -> None:
    write(tmp_path / "group.png", LEFT, RIGHT)
    write(tmp_path / "anna.png", LEFT, shade=1)
    table = table_of(tmp_path, "group.png,anna", "group.png,bert", "anna.png,anna", header="path,identity")
    prepared = made(table, tmp_path / "set")
    found = ledger(prepared)
    assert [found[name]["status"] for name in ("group.png#1", "group.png#2", "anna.png")] == [
        "unselected", "unselected", "kept",
    ]  # fmt: skip
    assert "without a box" in found["group.png#1"]["reason"]
    assert found["group.png#1"]["sha256"] is None  # it was not even opened
    assert [note for note in prepared.info["notes"] if "the box of its face" in note]


def test_a_face_is_kept_once_by_the_box_that_fits_it_best(tmp_path: Path) -> None:
    write(tmp_path / "group.png", LEFT)  # carl's face is not found
    write(tmp_path / "twice.png", LEFT, shade=1)
    near = (LEFT[0] + 15, LEFT[1] + 20, LEFT[2] + 25, LEFT[3] + 20)
    table = table_of(
        tmp_path, f"group.png,bert,{text(near)}", f"group.png,anna,{text(LEFT)}",
        f"twice.png,dora,{text(LEFT)}", f"twice.png,dora,{text(near)}",
    )  # fmt: skip
    found = ledger(made(table, tmp_path / "set", box_format="xyxy"))
    assert {name: row["status"] for name, row in found.items()} == {
        "group.png#1": "unselected", "group.png#2": "kept", "twice.png#1": "kept", "twice.png#2": "duplicate",
    }  # fmt: skip
    assert "whose box fits it better" in found["group.png#1"]["reason"]
    assert found["group.png#1"]["path"] is None
    assert found["group.png#1"]["box"] == found["group.png#2"]["box"]
    before = set_bytes(tmp_path / "set")
    made(table, tmp_path / "set", box_format="xyxy")
    assert set_bytes(tmp_path / "set") == before


def test_a_row_that_lost_its_face_gets_it_back_once_nobody_else_has_it(tmp_path: Path) -> None:
    write(tmp_path / "group.png", LEFT, RIGHT)
    write(tmp_path / "bert.png", RIGHT, shade=1)
    near = (LEFT[0] + 15, LEFT[1] + 20, LEFT[2] + 25, LEFT[3] + 20)
    rows = [f"group.png,bert,{text(near)}", f"group.png,anna,{text(LEFT)}", f"bert.png,bert,{text(RIGHT)}"]
    first = ledger(made(table_of(tmp_path, *rows), tmp_path / "set"))
    assert first["group.png#1"]["status"] == "unselected"
    rows[1] = f"group.png,anna,{text(RIGHT)}"
    after = ledger(made(table_of(tmp_path, *rows), tmp_path / "set"))
    assert {row["status"] for row in after.values()} == {"kept"}
    made(tmp_path / "faces.csv", tmp_path / "fresh")
    assert set_bytes(tmp_path / "set") == set_bytes(tmp_path / "fresh")


def people_of(folder: Path, count: int = 8) -> list[tuple[str, str, tuple[int, int, int, int]]]:
    """Photos of one face each; a box written as a size is a narrow strip when it is read as corners."""
    rows = []
    for number in range(count):
        x0 = 100 + 3 * number
        box = (x0, 20, 2 * x0 + 6, 170)
        write(folder / f"{number}.png", box, shade=number)
        rows.append((f"{number}.png", "ab"[number % 2], box))
    return rows


def as_written(box: Sequence[int], form: str) -> str:
    x0, y0, x1, y1 = box
    numbers = np.array([x0, y0, x1 - x0, y1 - y0] if form.endswith("xywh") else box, float)
    return text((numbers / (300, 200, 300, 200) if form.startswith("relative") else numbers).tolist())


@pytest.mark.parametrize("form", ["xywh", "relative", "relative-xywh"])
def test_every_form_of_box_makes_the_same_set(tmp_path: Path, form: str) -> None:
    rows = people_of(tmp_path)
    wanted = made(
        table_of(tmp_path, *(f"{photo},{who},{text(box)}" for photo, who, box in rows)), tmp_path / "corners"
    )
    table = table_of(tmp_path, *(f"{photo},{who},{as_written(box, form)}" for photo, who, box in rows))
    found = made(table, tmp_path / "set", box_format=form)
    assert found.table("classes").equals(wanted.table("classes"))
    for row in found.table("photos").to_pylist():
        np.testing.assert_allclose(row["given_box"], rows[int(row["photo"][0])][2], atol=1e-3)
        assert row["box_iou"] > 0.99
    crop_set(tmp_path / "set", tmp_path / "cropped", template="arcface112", workers=1)


def test_boxes_that_do_not_fit_are_an_error_that_shows_the_right_form(tmp_path: Path) -> None:
    rows = people_of(tmp_path)
    lines = [f"{photo},{who},{as_written(box, 'xywh').replace(' ', ',')}" for photo, who, box in rows]
    table = table_of(tmp_path, *lines, header="path,identity,x1,y1,x2,y2")  # the names say corners
    with pytest.raises(WrongBoxesError) as raised:
        made(table, tmp_path / "set")
    error = str(raised.value)
    assert (
        "most boxes hold no face; in 8 photos searched everywhere, the median overlap (IoU) is 0.0" in error
    )
    assert "as x y width height it would be 1.00: run again with --box-format xywh --overwrite" in error
    assert not (tmp_path / "set" / "dataset.json").exists()
    found = made(table, tmp_path / "set", box_format="xywh", overwrite=True)
    assert found.info["counts"]["status"] == {"kept": 8}
    assert found.info["counts"]["given_boxes"]["median_iou"] == 1


def test_boxes_of_other_photos_are_an_error(tmp_path: Path) -> None:
    for number in range(6):
        write(tmp_path / f"{number}.png", RIGHT, shade=number)
    rows = [f"{number}.png,{'ab'[number % 2]},{text((140, 50, 165, 80))}" for number in range(6)]
    table = table_of(tmp_path, *rows, f"5.png,c,{text(RIGHT)}")
    with pytest.raises(
        WrongBoxesError, match=r"median overlap .* is 0\.\d\d: check that they belong to these"
    ):
        made(table, tmp_path / "set")


def test_boxes_declared_by_the_user_are_only_warned_about(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = people_of(tmp_path)
    table = table_of(
        tmp_path, *(f"{photo},{who},{as_written(box, 'xywh')}" for photo, who, box in rows[:-1]),
        f"{rows[-1][0]},b,{text(rows[-1][2])}",
    )  # fmt: skip
    found = made(table, tmp_path / "set", box_format="xyxy")
    assert found.info["counts"]["status"] == {"kept": 1, "no_face": 7}
    assert "the boxes do not fit the faces found" in caplog.text
    assert "(--box-format xyxy was given)" in caplog.text


def test_boxes_in_which_a_face_cannot_be_found_are_no_reason_to_stop(tmp_path: Path) -> None:
    rows = people_of(tmp_path)
    for photo, _, _ in rows[1:]:
        write(tmp_path / photo, shade=int(photo[0]))  # no face anywhere
    table = table_of(tmp_path, *(f"{photo},{who},{text(box)}" for photo, who, box in rows))
    assert made(table, tmp_path / "set").info["counts"]["status"] == {"kept": 1, "no_face": 7}


def test_what_was_understood_is_in_the_summary(tmp_path: Path) -> None:
    for number in range(4):
        write_marked(tmp_path / f"{number}.png", seed=number, faces=(FACE,))
    lines = [f"{number}.png;{'ab'[number % 2]};30;20;60;80" for number in range(4)]
    table = table_of(tmp_path, *lines, header="Filename;Subject;X;Y;W;H")
    out = tmp_path / "set"
    here("prepare", "table", table, "--out", out, "--size", "64", "--workers", "1", "--splits", "train=1")
    notes = {line.removeprefix("note       ") for line in here("info", out).stdout.splitlines()}
    assert "columns: photos in Filename, people: column Subject" in notes
    assert "boxes: columns X, Y, W, H, x y width height in pixels" in notes
