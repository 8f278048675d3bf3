from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facedata.checks.findings import Finding, Kind, Severity
from facedata.pages.sheets import Sheets
from facedata.report import page_data
from facedata.report.check_files import read_check_files
from facedata.report.choice import choose_crops
from facedata.report.crop_columns import read_crop_columns
from facedata.report.drawn_rows import read_drawn_rows
from facedata.report.page_data import describe_page
from facedata.report.thumbnails import read_shown_crops
from facedata.sets.prepared import PreparedSet
from tests.support.packed_pages import read_column
from tests.support.report_sets import prepare_photos, write_check
from tests.support.small_set import make_set

_NAN = float("nan")


def _describe(
    prepared: PreparedSet, most: int = 1000, crop_files: str | None = "../crops/"
) -> dict[str, Any]:
    crops = read_crop_columns(prepared)
    check = read_check_files(prepared, crops)
    choice = choose_crops(crops, check.of_person, check.named_rows(crops), most)
    drawn = {kind: read_drawn_rows(prepared, kind, crops, choice.place) for kind in ("pairs", "triplets")}
    _, names = read_shown_crops(prepared, choice)
    sheets = Sheets(96, len(choice.crops), ("sheets/sheet-00000.jpg",))
    return describe_page(crops, choice, names, sheets, check, drawn, crop_files)


def _columns(packed: dict[str, Any]) -> dict[str, Any]:
    """Return columns with their numbers unpacked."""
    return {
        name: read_column(one).tolist() if isinstance(one, dict) and "kind" in one else one
        for name, one in packed.items()
    }


@pytest.fixture
def checked(tmp_path: Path) -> PreparedSet:
    """A prepared set with three findings, and qualities that grow with the id; the last crop has none."""
    prepared = prepare_photos(tmp_path)
    findings = [
        Finding(
            Kind.WRONG_PERSON, Severity.SUSPECT, 0.123456, "<b>no</b>", left=4, right=1, identity="Birgit",
            to_identity="Amara",
        ),
        Finding(Kind.BLURRED, Severity.NOTE, 0.5, "blurred", left=0, value=0.1, threshold=0.28),
        Finding(Kind.SHARED_WITH_OTHER_SET, Severity.NOTE, 0.5, "shared", identity="Zoe", value=_NAN),
    ]  # fmt: skip
    write_check(prepared, findings, [[at / 11 if at < 11 else _NAN] * 9 for at in range(12)])
    return prepared


def test_people_and_crops_are_as_the_tables_have_them(checked: PreparedSet) -> None:
    data = _describe(checked)
    rows = sorted(checked.table("classes").to_pylist(), key=lambda row: (row["identity"].encode(), row["id"]))
    faces = {row["path"]: row for row in checked.table("photos").to_pylist()}
    people, crops = _columns(data["people"]), _columns(data["crops"])
    assert people == {
        "name": ["Amara", "Birgit", "Chidi", "Dolores"], "start": [0, 3, 6, 9], "count": [3] * 4,
        "findings": [2, 1, 0, 0], "quality": [23, 92, 162, 220], "shown_of": None,
    }  # fmt: skip
    assert crops["id"] == [row["id"] for row in rows]
    assert crops["photo"] == [row["photo"] for row in rows]
    assert crops["path"] == [row["path"] for row in rows]
    assert [data["splits"][split] for split in crops["split"]] == [row["split"] for row in rows]
    assert crops["score"] == [99] * 12
    assert crops["tilt"] == [round(faces[row["path"]]["tilt_deg"] * 10) for row in rows]
    assert crops["face_px"] == [80] * 12
    for kind, sides in (("pairs", ("left", "right")), ("triplets", ("anchor", "positive", "negative"))):
        drawn = checked.table(kind).to_pylist()
        assert crops[kind] == [sum(row[side] == one["id"] for row in drawn for side in sides) for one in rows]
    pose = read_column(crops["quality"]["pose"]).tolist()
    assert pose == [round(at / 11 * 254) for at in range(11)] + [255]
    assert data["total"] == {"people": 4, "crops": 12}
    assert data["crop_files"] == "../crops/"
    json.dumps(data, allow_nan=False)


def test_findings_name_the_places_of_their_crops(checked: PreparedSet) -> None:
    data = _describe(checked)
    ids = read_column(data["crops"]["id"]).tolist()
    assert data["kinds"] == ["wrong_person", "blurred", "shared_with_other_set"]
    first, second, third = data["findings"]
    assert first == {
        "kind": "wrong_person", "severity": "suspect", "score": 0.1235, "left": ids.index(4),
        "right": ids.index(1), "left_photo": "Birgit/1.png", "left_identity": "Birgit",
        "left_split": first["left_split"],
        "right_photo": "Amara/1.png", "right_identity": "Amara", "right_split": first["right_split"],
        "identity": "Birgit", "to_identity": "Amara", "value": None, "threshold": None, "proposal": None,
        "why": "<b>no</b>",
    }  # fmt: skip
    assert (second["value"], second["threshold"], second["right"]) == (0.1, 0.28, None)
    assert (third["left"], third["identity"], third["value"]) == (None, "Zoe", None)


def test_of_a_part_of_the_crops_the_page_says_how_many_there_are(checked: PreparedSet) -> None:
    data = _describe(checked, most=5)
    people = _columns(data["people"])
    assert sum(people["count"]) == 5
    assert people["shown_of"] == [3] * len(people["name"])
    ids = read_column(data["crops"]["id"]).tolist()
    assert {0, 1, 4} <= set(ids)  # those that findings are about
    assert data["total"] == {"people": 4, "crops": 12}
    assert data["findings"][0]["left"] == ids.index(4)
    for split in data["pairs"].values():
        assert all(0 <= at < 5 for left, right, _ in split for at in (left, right))


def test_a_finding_about_a_crop_that_is_not_on_the_page_has_no_place(checked: PreparedSet) -> None:
    data = _describe(checked, most=1)
    assert [one["left"] for one in data["findings"]].count(0) == 1
    assert [one["left"] for one in data["findings"]].count(None) == 2


def test_a_set_that_was_never_checked_has_no_qualities_and_no_findings(tmp_path: Path) -> None:
    data = _describe(make_set(tmp_path, {"anna": 2, "ben": 1}), crop_files=None)
    crops = _columns(data["crops"])
    assert (data["kinds"], data["findings"], crops["quality"]) == ([], [], {})
    assert read_column(data["people"]["quality"]).tolist() == [255, 255]
    assert (crops["score"], crops["tilt"], crops["face_px"]) == ([255] * 3, [-32_768] * 3, [0] * 3)
    assert (crops["path"], data["crop_files"]) == (None, None)


def test_numbers_of_many_crops_are_rounded_but_unknown_ones_stay(
    checked: PreparedSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = _columns(_describe(checked)["crops"])
    monkeypatch.setattr(page_data, "_MANY_CROPS", 10)
    rough = _columns(_describe(checked)["crops"])
    assert rough["tilt"] == [round(tilt / 10) * 10 for tilt in exact["tilt"]]
    fine, coarse = (read_column(one["quality"]["pose"]).astype(int) for one in (exact, rough))
    assert np.abs(fine - coarse).max() <= 4
    assert coarse[-1] == 255
    assert coarse.max(where=coarse != 255, initial=0) <= 254
    assert len(set(coarse.tolist())) < 34
    assert rough["id"] == exact["id"]
