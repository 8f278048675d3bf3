"""Findings as a notebook shows them: how many of each kind, and the worst as pictures."""

from __future__ import annotations

from pathlib import Path

from facedata.checks.findings import Finding, Findings, Kind, Severity, count_kinds, findings_table
from facedata.sets.prepared import PreparedSet
from tests.support.notebook_html import Piece
from tests.support.small_set import make_set


def findings_of(found: list[Finding], prepared: PreparedSet, is_at_hand: bool = True) -> Findings:
    table = findings_table(found, prepared.table("classes"))
    return Findings(
        Path("faces/check"), table, {"findings": count_kinds(table)}, prepared if is_at_hand else None
    )


def test_counts_and_the_worst_of_each_kind_stand_in_the_order_of_the_table(tmp_path: Path) -> None:
    prepared = make_set(tmp_path / "faces", {"anna": 3, "ben": 3})
    dark = [Finding(Kind.DARK, Severity.NOTE, score / 10, f"dark {score}", left=score) for score in range(6)]
    copies = [
        Finding(Kind.SAME_PICTURE, Severity.SUSPECT, 0.9, "twice", left=0, right=4),
        Finding(Kind.SAME_PICTURE, Severity.SUSPECT, 0.1, "perhaps twice", left=1, right=2),
    ]
    torn = Finding(Kind.TABLE_TORN, Severity.ERROR, 1.0, "<b>pairs.parquet</b> is torn")
    piece = Piece(findings_of([*dark, *copies, torn], prepared)._repr_html_())
    assert piece.texts[0] == "Findings('faces/check': table_torn 1, same_picture 2, dark 6)"
    assert piece.texts[1:9] == [
        "finding", "count", "table_torn, error", "1", "same_picture, suspect", "2", "dark, note", "6",
    ]  # fmt: skip
    captions = [text for text in piece.texts[9:] if ": " in text]
    assert captions == [
        "error, table_torn: <b>pairs.parquet</b> is torn",
        "suspect, same_picture: twice",
        "suspect, same_picture: perhaps twice",
        "note, dark: dark 5",
        "note, dark: dark 4",
        "note, dark: dark 3",
    ]
    photos = [alt.split(", ")[1] for alt in piece.alts]
    assert photos == [
        f"photos/{one}.jpg" for one in ("anna/0", "ben/1", "anna/1", "anna/2", "ben/2", "ben/1", "ben/0")
    ]


def test_crops_are_grey_where_the_set_is_not_at_hand_or_does_not_have_them(tmp_path: Path) -> None:
    prepared = make_set(tmp_path / "faces", {"anna": 2, "ben": 2})
    found = [Finding(Kind.UNKNOWN_ID, Severity.ERROR, 1.0, "no crop has the id 77", left=77, right=1)]
    piece = Piece(findings_of(found, prepared)._repr_html_())
    assert piece.alts == ["", f"anna, photos/anna/1.jpg, {prepared.table('classes')['split'][1]}"]
    piece = Piece(findings_of(found, prepared, is_at_hand=False)._repr_html_())
    assert piece.alts == ["", "anna, photos/anna/1.jpg"]
    assert all(abs(int(picture.mean()) - 128) <= 1 for picture in piece.pictures)


def test_nothing_found_is_said(tmp_path: Path) -> None:
    prepared = make_set(tmp_path / "faces", {"anna": 2, "ben": 2})
    assert Piece(findings_of([], prepared)._repr_html_()).texts == ["Findings('faces/check': nothing found)"]
