"""What the page's scripts read of findings: by records, with the names and numbers of the set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from facedata.checks.findings import Finding, Kind, Proposal, Severity
from facedata.review.check_findings import CheckFindings, read_findings
from facedata.review.items import Choice, choose_items
from facedata.review.own_lines import find_own_lines
from facedata.review.page_data import Shown, describe_own_lines, describe_review, find_shown
from facedata.sets.prepared import PreparedSet, open_set
from tests.support.damaged_sets import alter_rows
from tests.support.people_set import face
from tests.support.review_findings import Planter
from tests.support.small_set import make_set

PEOPLE = {"ana": 4, "bo": 2, "cy": 2}


@pytest.fixture
def prepared(tmp_path: Path) -> PreparedSet:
    return make_set(tmp_path / "faces", PEOPLE, picture=face)


def describe(prepared: PreparedSet, *findings: Finding) -> tuple[dict[str, Any], Shown]:
    found: CheckFindings = read_findings(prepared, Planter(prepared).write(findings).folder)
    classes = prepared.table("classes")
    choice: Choice = choose_items(found.table, classes)
    shown = find_shown(choice.items, classes, prepared)
    return describe_review(found, choice, shown, classes, prepared), shown


def test_each_crop_is_there_once_with_its_photo_person_and_split(prepared: PreparedSet) -> None:
    planter = Planter(prepared)
    data, shown = describe(
        prepared,
        planter.wrong_person("photos/ana/0.jpg", "bo"),
        planter.stranger("photos/ana/0.jpg"),
        planter.swapped("photos/ana/1.jpg", "photos/cy/0.jpg"),
    )
    assert len(shown.rows) == len(set(shown.rows)) == 8
    crops = data["crops"]
    assert [data["people"][at] for at in crops["person"]] == [path.split("/")[1] for path in crops["photo"]]
    splits = {row["photo"]: row["split"] for row in prepared.table("classes").to_pylist()}
    assert [data["splits"][at] for at in crops["split"]] == [splits[photo] for photo in crops["photo"]]
    assert data["people"] == ["ana", "bo", "cy"]
    assert data["counts"] == [4, 2, 2]
    wrong = data["items"][0]
    assert crops["photo"][wrong["left"]] == "photos/ana/0.jpg"
    assert [crops["photo"][tile] for tile in wrong["groups"][1]["tiles"]] == [
        "photos/bo/0.jpg",
        "photos/bo/1.jpg",
    ]


def test_the_name_with_more_photos_is_proposed_to_stay(prepared: PreparedSet) -> None:
    planter = Planter(prepared)
    data, _ = describe(
        prepared,
        planter.double_name("ana", "bo"),
        planter.double_name("cy", "bo", score=0.5),
        planter.wrong_person("photos/bo/0.jpg", "ana"),
        planter.stranger("photos/bo/1.jpg"),
        planter.swapped("photos/ana/1.jpg", "photos/cy/0.jpg"),
        planter.official_pair("photos/ana/0.jpg", "photos/ana/2.jpg"),
    )
    merges = {item["kind"]: item.get("merge") for item in reversed(data["items"])}
    assert merges == {
        "double_name": ["bo", "ana"],
        "wrong_person": ["bo", "ana"],
        "stranger": None,
        "swapped": ["cy", "ana"],
        "official_pair": None,
    }
    assert [item["merge"] for item in data["items"] if item["kind"] == "double_name"][1] == ["cy", "bo"]


def test_a_person_of_another_set_is_not_one_to_merge_with(prepared: PreparedSet) -> None:
    shared = Finding(
        Kind.SHARED_WITH_OTHER_SET, Severity.SUSPECT, 0.9, "it is there too", left=0, identity="ana",
        to_identity="bo", proposal=Proposal.DROP,
    )  # fmt: skip
    data, _ = describe(prepared, shared)
    assert "merge" not in data["items"][0]


def test_of_two_copies_the_later_one_is_meant(prepared: PreparedSet) -> None:
    planter = Planter(prepared)
    later = planter.same_picture("photos/ana/0.jpg", "photos/bo/0.jpg")
    earlier = planter.same_picture("photos/cy/0.jpg", "photos/ana/1.jpg", score=0.5)
    swapped = planter.swapped("photos/ana/2.jpg", "photos/bo/1.jpg")
    data, _ = describe(prepared, later, earlier, swapped)
    assert [item["side"] for item in data["items"]] == ["right", "left", "left"]


def test_a_face_is_named_by_its_record_where_its_photo_has_several(prepared: PreparedSet) -> None:
    def rename(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{**row, "record": f"{row['photo']}#2"} if row["path"] == "ana/0.jpg" else row for row in rows]

    alter_rows(Path(str(prepared)), "photos", rename)
    prepared = open_set(prepared.path)
    planter = Planter(prepared)
    data, _ = describe(prepared, planter.stranger("photos/ana/0.jpg"), planter.stranger("photos/bo/0.jpg"))
    lefts = [data["crops"]["photo"][item["left"]] for item in data["items"]]
    assert lefts == ["photos/ana/0.jpg#2", "photos/bo/0.jpg"]


def test_the_key_is_of_the_set_and_its_findings(prepared: PreparedSet) -> None:
    planter = Planter(prepared)
    keys = [
        describe(prepared, planter.stranger(photo))[0]["key"]
        for photo in ("photos/ana/0.jpg", "photos/bo/0.jpg")
    ]
    assert keys[0] != keys[1]
    assert all(key.startswith(f"{prepared.fingerprint[:16]}-") for key in keys)


def test_reasons_are_one_line(prepared: PreparedSet) -> None:
    odd = Finding(Kind.STRANGER, Severity.SUSPECT, 0.5, "two\nlines\tand  more", left=0, identity="ana")
    data, _ = describe(prepared, odd)
    assert data["items"][0]["why"] == "two lines and more"


def test_nothing_to_decide_is_no_error(prepared: PreparedSet) -> None:
    data, shown = describe(prepared)
    assert data["items"] == []
    assert shown.crops.num_rows == 0
    assert shown.crops.schema.field("record").type == pa.string()
    assert describe_own_lines(find_own_lines([], prepared)) == []
