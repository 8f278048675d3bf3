"""What `check` prints: a table by severity and kind, on lines that a terminal can show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from facedata.checks.findings import Finding, Findings, Kind, Severity, findings_table
from facedata.checks.report_lines import finding_lines, refuse_undecided
from facedata.errors import FindingsLeftError
from facedata.tables.schema import CLASSES


def result(found: list[Finding], **about: Any) -> Findings:
    table = findings_table(found, CLASSES.empty_table())
    counts: dict[str, dict[str, int]] = {}
    for severity, kind in zip(table["severity"].to_pylist(), table["kind"].to_pylist(), strict=True):
        counts.setdefault(severity, {}).setdefault(kind, 0)
        counts[severity][kind] += 1
    summary = {
        "crops": 1200,
        "people": 30,
        "findings": counts,
        "settled": {"keep": 0, "distinct": 0},
        "corrections": {"proposed": 0, "yours": 0},
    }
    return Findings(Path("faces/check"), table, {**summary, **about})


def test_the_worst_of_each_kind_are_shown_below_their_number() -> None:
    blurred = [Finding(Kind.BLURRED, Severity.NOTE, i / 10, f"blurred {i}") for i in range(5)]
    damage = Finding(Kind.CROP_MISSING, Severity.ERROR, 1.0, "the crop a/1.jpg is not there")
    assert finding_lines(result([*blurred, damage]), "faces") == [
        "checked        1,200 crops of 30 people",
        "error              1  crop_missing",
        "                      the crop a/1.jpg is not there",
        "note               5  blurred",
        "                      blurred 4",
        "                      blurred 3",
        "                      blurred 2",
        "                      … and 2 more",
        "findings   faces/check",
    ]


def test_the_photo_is_named_where_the_sentence_does_not() -> None:
    poor = Finding(Kind.DARK, Severity.NOTE, 0.5, "the face is too dark", left_photo="a/1.jpg")
    copy = Finding(Kind.SAME_PICTURE, Severity.NOTE, 0.5, "a/2.jpg is a/1.jpg again", left_photo="a/1.jpg")
    lines = finding_lines(result([poor, copy]), "faces")
    assert "                      a/1.jpg: the face is too dark" in lines
    assert "                      a/2.jpg is a/1.jpg again" in lines


def test_what_to_do_next_can_be_typed() -> None:
    corrections, file = {"proposed": 3, "yours": 2}, "faces/check/corrections.csv"
    lines = finding_lines(result([], corrections=corrections, settled={"keep": 4, "distinct": 1}), "my faces")
    assert lines[1:] == [
        "settled            5  by `keep` and `distinct`, not listed",
        "nothing found",
        "proposed           3  corrections, and 2 lines of your own: look at " + file + ", then",
        f"           facedata fix 'my faces' {file} --out DIR",
        "findings   faces/check",
    ]


def test_names_cannot_write_to_the_terminal() -> None:
    sly = Finding(Kind.CROP_MISSING, Severity.ERROR, 1.0, "the crop a\x1b[2J\nerror 0/1.jpg is not there")
    long = Finding(Kind.CROP_CHANGED, Severity.ERROR, 1.0, "x" * 500)
    lines = finding_lines(result([sly, long]), "faces")
    assert "                      the crop a\\x1b[2J\\nerror 0/1.jpg is not there" in lines
    assert max(map(len, lines)) < 270
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize(
    ("severities", "said"),
    [
        ([Severity.ERROR, Severity.SUSPECT, Severity.SUSPECT], "1 error and 2 undecided suspects left"),
        ([Severity.ERROR, Severity.ERROR], "2 errors left"),
        ([Severity.SUSPECT, Severity.NOTE], "1 undecided suspect left"),
    ],
)
def test_what_is_left_to_decide_is_an_error(severities: list[Severity], said: str) -> None:
    found = [Finding(Kind.STRADDLING, severity, 0.5, "two halves") for severity in severities]
    with pytest.raises(FindingsLeftError, match=said):
        refuse_undecided(result(found))


def test_notes_alone_are_no_error() -> None:
    refuse_undecided(result([Finding(Kind.DARK, Severity.NOTE, 0.5, "dark")]))
