"""Decisions settle suspects, notes and copies, but never damage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from facedata.checks.finding_names import CropNames
from facedata.checks.findings import Finding, Kind, Severity
from facedata.checks.proposals import ProposedLine
from facedata.checks.settled import Decisions, find_meant, leave_out_settled, read_decisions
from tests.support.small_set import make_set

CROPS = pa.table(
    {"id": [0, 1, 2], "photo": ["a/1.jpg", "a/2.jpg", "b/group.jpg"], "identity": ["a", "a", "b"]}
)
NONE = frozenset[Any]()


def found(kind: Kind, severity: Severity = Severity.SUSPECT, **about: Any) -> Finding:
    return Finding(kind, severity, 0.5, "so it seems", **about)


def settles(finding: Finding, kept: str = "", distinct: str = "") -> str | None:
    """Return the action that settles a finding."""
    decisions = Decisions(frozenset([kept] if kept else []), frozenset([frozenset(distinct)]))
    others, counts = leave_out_settled(
        [finding], decisions, CropNames([finding], CROPS, {2: "b/group.jpg#1"})
    )
    assert len(others) + sum(counts.values()) == 1
    return next((action for action, count in counts.items() if count), None)


@pytest.mark.parametrize(
    "finding",
    [
        found(Kind.WRONG_PERSON, left=0),
        found(Kind.BLURRED, Severity.NOTE, left=0),
        found(Kind.SAME_PICTURE, Severity.ERROR, left=0, right=2),
        found(Kind.SWAPPED, left=2, right=0),
        found(Kind.STRANGER, left_photo="a/1.jpg"),
    ],
)
def test_keep_settles_what_is_about_its_photo(finding: Finding) -> None:
    assert settles(finding, kept="a/1.jpg") == "keep"
    assert settles(finding, kept="a/2.jpg") is None


@pytest.mark.parametrize("kept", ["b/group.jpg#1", "b/group.jpg"])
def test_keep_may_name_the_record_or_the_photo(kept: str) -> None:
    assert settles(found(Kind.STRANGER, left=2), kept=kept) == "keep"
    assert settles(found(Kind.STRANGER, left=2), kept="b/group.jpg#2") is None


@pytest.mark.parametrize("kind", [Kind.CROP_CHANGED, Kind.CROP_MISSING, Kind.UNKNOWN_ID, Kind.TRAIN_IN_TEST])
def test_damage_is_never_settled(kind: Kind) -> None:
    finding = found(kind, Severity.ERROR, left=0, right=2)
    assert settles(finding, kept="a/1.jpg", distinct="ab") is None


def test_distinct_settles_what_says_that_two_are_one() -> None:
    for one, other in ("ab", "ba"):
        for kind in (Kind.DOUBLE_NAME, Kind.LOOK_ALIKES, Kind.PERSON_IN_TWO_SPLITS):
            finding = found(kind, identity=one, to_identity=other)
            assert settles(finding, distinct="ab") == "distinct"
            assert settles(finding, distinct="ac") is None
    assert settles(found(Kind.SAME_PICTURE, Severity.ERROR, left=0, right=2), distinct="ab") == "distinct"


def test_distinct_leaves_other_findings_of_the_two() -> None:
    # the same bytes cannot show two people; and one person in two splits is damage
    assert settles(found(Kind.SAME_BYTES, Severity.ERROR, left=0, right=2), distinct="ab") is None
    assert settles(found(Kind.PERSON_IN_TWO_SPLITS, Severity.ERROR, identity="a"), distinct="ab") is None
    assert settles(found(Kind.WRONG_PERSON, left=0, to_identity="b"), distinct="ab") is None


def test_lines_may_spell_photos_and_people_otherwise(tmp_path: Path) -> None:
    prepared = make_set(tmp_path, {"Ana Bel": 2, "Bo": 1})
    lines = [
        ProposedLine("keep", "photos\\Bo\\0.jpg", "", "", ""),
        ProposedLine("distinct", "", " Ana  Bel", "Bo", ""),
        ProposedLine("keep", "nowhere.jpg", "", "", ""),
    ]
    meant = find_meant(lines, prepared, {"Ana Bel", "Bo"})
    assert [line[:4] for line in meant] == [
        ("keep", "photos/Bo/0.jpg", "", ""),
        ("distinct", "", "Ana Bel", "Bo"),
        ("keep", "nowhere.jpg", "", ""),
    ]
    decisions = read_decisions(prepared, meant)
    assert decisions.kept == {"photos/Bo/0.jpg", "nowhere.jpg"}
    assert decisions.distinct == {frozenset(("Ana Bel", "Bo"))}


def test_without_decisions_everything_stays() -> None:
    findings = [found(Kind.STRANGER, left=0), found(Kind.DOUBLE_NAME, identity="a", to_identity="b")]
    names = CropNames(findings, CROPS, {})
    assert leave_out_settled(findings, Decisions(NONE, NONE), names) == (findings, {"keep": 0, "distinct": 0})
