"""Which findings are decided on a page, and which photos stand beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from facedata.checks.findings import Finding, Kind, Proposal, Severity, findings_table
from facedata.review import items
from facedata.review.items import Choice, Item, Shape, choose_items
from facedata.sets.prepared import PreparedSet
from tests.support.review_findings import Planter
from tests.support.small_set import make_set


@pytest.fixture
def prepared(tmp_path: Path) -> PreparedSet:
    """Ids with a hole between any two: ana has 0 to 6, bo 8 to 12, cy 14 and 16."""
    return make_set(tmp_path / "faces", {"ana": 4, "bo": 3, "cy": 2}, skip_ids=1)


def choose(prepared: PreparedSet, *findings: Finding, with_notes: bool = False) -> Choice:
    classes = prepared.table("classes")
    return choose_items(findings_table(findings, classes), classes, with_notes)


def only(choice: Choice) -> Item:
    (item,) = choice.items
    return item


def groups(item: Item) -> list[tuple[str, list[int], int]]:
    return [(group.person, group.rows, group.more) for group in item.groups]


def finding(kind: Kind, severity: Severity = Severity.SUSPECT, **about: Any) -> Finding:
    return Finding(kind, severity, 0.5, "why", **about)


def test_a_photo_that_looks_like_somebody_else_stands_beside_both_people(prepared: PreparedSet) -> None:
    item = only(choose(prepared, Planter(prepared).wrong_person("photos/ana/1.jpg", "bo")))
    assert (item.shape, item.left, item.right) == (Shape.PHOTO, 1, None)
    assert groups(item) == [("ana", [0, 2, 3], 0), ("bo", [4, 5, 6], 0)]


def test_a_stranger_stands_beside_their_own_name_alone(prepared: PreparedSet) -> None:
    item = only(choose(prepared, Planter(prepared).stranger("photos/cy/0.jpg")))
    assert groups(item) == [("cy", [8], 0)]


def test_swapped_photos_stand_beside_both_people_without_themselves(prepared: PreparedSet) -> None:
    item = only(choose(prepared, Planter(prepared).swapped("photos/ana/0.jpg", "photos/cy/1.jpg")))
    assert (item.shape, item.left, item.right) == (Shape.PAIR, 0, 8)
    assert groups(item) == [("ana", [1, 2, 3], 0), ("cy", [7], 0)]


def test_all_photos_of_two_people_are_shown_the_most_similar_first(prepared: PreparedSet) -> None:
    about: dict[str, Any] = {"left": 4, "right": 10, "identity": "ana", "to_identity": "bo"}
    item = only(choose(prepared, finding(Kind.DOUBLE_NAME, **about)))
    assert (item.shape, item.left, item.right) == (Shape.PEOPLE, None, None)
    assert groups(item) == [("ana", [2, 0, 1, 3], 0), ("bo", [5, 4, 6], 0)]


def test_copies_of_one_person_stand_alone_and_of_two_people_beside_both(prepared: PreparedSet) -> None:
    copy = finding(Kind.SAME_BYTES, Severity.NOTE, left=0, right=2, proposal=Proposal.DROP)
    assert groups(only(choose(prepared, copy))) == []
    across = Planter(prepared).same_picture("photos/ana/0.jpg", "photos/bo/0.jpg")
    assert [person for person, _, _ in groups(only(choose(prepared, across)))] == ["ana", "bo"]


def test_many_photos_are_bounded_and_the_rest_counted(
    prepared: PreparedSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(items, "MOST_OF_PHOTO", 2)
    monkeypatch.setattr(items, "MOST_OF_PERSON", 3)
    planter = Planter(prepared)
    assert groups(only(choose(prepared, planter.wrong_person("photos/ana/0.jpg", "bo")))) == [
        ("ana", [1, 2], 1),
        ("bo", [4, 5], 1),
    ]
    about: dict[str, Any] = {"left": 6, "right": 8, "identity": "ana", "to_identity": "bo"}
    double = only(choose(prepared, finding(Kind.DOUBLE_NAME, **about)))
    assert groups(double) == [("ana", [3, 0, 1], 1), ("bo", [4, 5, 6], 0)]


def test_notes_are_left_out_unless_they_propose_something_or_are_asked_for(prepared: PreparedSet) -> None:
    planter = Planter(prepared)
    copy = finding(Kind.SAME_BYTES, Severity.NOTE, left=0, right=2, proposal=Proposal.DROP)
    notes = [planter.blurred("photos/ana/0.jpg"), planter.look_alikes("ana", "bo"), copy]
    choice = choose(prepared, *notes)
    assert [item.finding["kind"] for item in choice.items] == ["same_bytes"]
    assert choice.notes == 2
    choice = choose(prepared, *notes, with_notes=True)
    assert [item.finding["kind"] for item in choice.items] == ["same_bytes", "look_alikes", "blurred"]
    assert choice.notes == 0


@pytest.mark.parametrize(
    "damage",
    [
        finding(Kind.CROP_MISSING, Severity.ERROR, left=0),
        finding(Kind.TABLE_TORN, Severity.ERROR),
        finding(Kind.TRAIN_IN_TEST, Severity.ERROR, left=0, right=2),
        finding(Kind.PERSON_IN_TWO_SPLITS, Severity.ERROR, identity="ana"),
        finding(Kind.STRANGER, left=1),  # no crop has this id
        finding(Kind.STRANGER, left_photo="photos/lost.jpg"),
        finding(Kind.SWAPPED, left=0, right=99),
        finding(Kind.DOUBLE_NAME, identity="ana", to_identity="zoe"),
        finding(Kind.DOUBLE_NAME, identity="ana", to_identity="ana"),
    ],
)
def test_what_no_correction_settles_is_counted_by_kind(prepared: PreparedSet, damage: Finding) -> None:
    choice = choose(prepared, damage)
    assert choice.items == []
    assert choice.others == {damage.kind.value: 1}


def test_two_names_in_two_splits_can_be_merged(prepared: PreparedSet) -> None:
    both = finding(Kind.PERSON_IN_TWO_SPLITS, Severity.ERROR, identity="ana", to_identity="bo")
    assert only(choose(prepared, both)).shape is Shape.PEOPLE


def test_a_page_has_so_many_findings_the_worst_first(
    prepared: PreparedSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(items, "MOST_ITEMS", 2)
    planter = Planter(prepared)
    choice = choose(prepared, *(planter.stranger(f"photos/ana/{at}.jpg", score=at / 10) for at in range(4)))
    assert [item.left for item in choice.items] == [3, 2]
    assert choice.beyond == 2


def test_every_kind_is_decided_or_left_to_other_means() -> None:
    damage = {
        "crop_missing", "crop_changed", "table_torn", "counts_differ", "unknown_id", "labels_wrong",
        "train_in_test",
    }  # fmt: skip
    assert {kind.value for kind in items._SHAPES} == {kind.value for kind in Kind} - damage
