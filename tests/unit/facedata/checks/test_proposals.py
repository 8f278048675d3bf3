"""What findings propose, and which lines of the file are the user's."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from facedata.checks.finding_names import CropNames
from facedata.checks.findings import Finding, Kind, Proposal, Severity
from facedata.checks.proposals import ProposedLine, is_own, join_lines, propose

CROPS = pa.table(
    {
        "id": [3, 5, 6, 8, 9, 12],
        "photo": ["a/1.jpg", "a/2.jpg", "a/group.jpg", "b/1.jpg", "b/group.jpg", "c/1.jpg"],
        "identity": ["a", "a", "a", "b", "b", "c"],
    }
)
RECORDS = {6: "a/group.jpg#2"}


def found(kind: Kind, proposal: Proposal | None, **about: Any) -> Finding:
    return Finding(kind, Severity.SUSPECT, about.pop("score", 0.5), "so it seems", proposal=proposal, **about)


def cells(findings: list[Finding], *mine: ProposedLine, distinct: Any = ()) -> list[tuple[str, ...]]:
    """Propose; return the lines without their notes."""
    return [line[:4] for line in propose(findings, mine, distinct, CropNames(findings, CROPS, RECORDS))]


def test_of_two_copies_the_later_goes_whatever_the_order_of_its_sides() -> None:
    for left, right in ((3, 5), (5, 3)):
        finding = found(Kind.SAME_PICTURE, Proposal.DROP, left=left, right=right)
        assert cells([finding]) == [("drop", "a/2.jpg", "a", "")]


def test_swapped_photos_go_to_each_other() -> None:
    finding = found(Kind.SWAPPED, Proposal.MOVE, left=3, right=8)
    assert cells([finding]) == [("move", "a/1.jpg", "a", "b"), ("move", "b/1.jpg", "b", "a")]


def test_a_photo_with_several_records_is_named_by_its_record() -> None:
    finding = found(Kind.WRONG_PERSON, Proposal.MOVE, left=6, to_identity="c")
    assert cells([finding]) == [("move", "a/group.jpg#2", "a", "c")]


def test_a_photo_without_a_crop_is_named_by_the_finding() -> None:
    finding = found(Kind.STRADDLING, Proposal.DROP, left_photo="z/1.jpg", identity="z")
    assert cells([finding]) == [("drop", "z/1.jpg", "z", "")]


def test_a_photo_has_one_line_from_its_most_serious_finding() -> None:
    note = Finding(Kind.SAME_BYTES, Severity.NOTE, 1.0, "twice", left=3, right=5, proposal=Proposal.DROP)
    move = found(Kind.WRONG_PERSON, Proposal.MOVE, left=5, to_identity="b")
    assert cells([note, move]) == [("move", "a/2.jpg", "a", "b")]


@pytest.mark.parametrize(("one", "other"), [("a", "c"), ("c", "a")])
def test_people_are_merged_into_the_name_with_more_photos(one: str, other: str) -> None:
    finding = found(Kind.DOUBLE_NAME, Proposal.MERGE, identity=one, to_identity=other)
    assert cells([finding]) == [("merge", "", "c", "a")]


def test_of_equally_many_photos_the_first_name_stays() -> None:
    finding = found(Kind.DOUBLE_NAME, Proposal.MERGE, identity="A", to_identity="AB")
    crops = pa.table({"id": [1, 2], "photo": ["x", "y"], "identity": ["AB", "A"]})
    names = CropNames([finding], crops, {})
    assert [line[:4] for line in propose([finding], [], [], names)] == [("merge", "", "AB", "A")]


def test_three_names_of_one_person_end_in_one_and_moves_go_there() -> None:
    findings = [
        found(Kind.DOUBLE_NAME, Proposal.MERGE, identity="c", to_identity="b", score=0.9),
        found(Kind.DOUBLE_NAME, Proposal.MERGE, identity="b", to_identity="a", score=0.8),
        found(Kind.DOUBLE_NAME, Proposal.MERGE, identity="c", to_identity="a", score=0.7),
        found(Kind.WRONG_PERSON, Proposal.MOVE, left=12, to_identity="b"),
    ]
    # the move is what the merges do
    assert cells(findings) == [("merge", "", "c", "a"), ("merge", "", "b", "a")]


def test_people_who_look_alike_are_not_merged_nor_by_way_of_a_third() -> None:
    alike = found(Kind.LOOK_ALIKES, None, identity="a", to_identity="c")
    first = found(Kind.DOUBLE_NAME, Proposal.MERGE, identity="a", to_identity="b", score=0.9)
    second = found(Kind.DOUBLE_NAME, Proposal.MERGE, identity="b", to_identity="c", score=0.8)
    assert cells([alike, first, second]) == [("merge", "", "b", "a")]
    assert cells([first, second], distinct=[("c", "a")]) == [("merge", "", "b", "a")]


def test_nothing_is_proposed_about_what_the_user_wrote() -> None:
    mine = ProposedLine("keep", "a/2.jpg", "", "", "")
    assert cells([found(Kind.SAME_PICTURE, Proposal.DROP, left=3, right=5)], mine) == []


def test_the_users_merges_count() -> None:
    mine = ProposedLine("merge", "", "a", "b", "")
    back = found(Kind.DOUBLE_NAME, Proposal.MERGE, identity="b", to_identity="a")
    third = found(Kind.DOUBLE_NAME, Proposal.MERGE, identity="c", to_identity="a")
    assert cells([back, third], mine) == [("merge", "", "c", "b")]


def test_the_user_may_merge_people_who_look_alike() -> None:
    mine = ProposedLine("merge", "", "b", "a", "")
    alike = found(Kind.LOOK_ALIKES, None, identity="a", to_identity="b")
    third = found(Kind.DOUBLE_NAME, Proposal.MERGE, identity="c", to_identity="b")
    assert cells([alike, third], mine) == [("merge", "", "c", "a")]


def test_a_new_name_of_the_users_stays() -> None:
    mine = ProposedLine("merge", "", "c", "+Zoe", "")
    finding = found(Kind.DOUBLE_NAME, Proposal.MERGE, identity="a", to_identity="c")
    assert cells([finding], mine) == [("merge", "", "a", "+Zoe")]


def test_users_merges_in_a_circle_end() -> None:
    circle = [ProposedLine("merge", "", one, other, "") for one, other in ("ab", "bc", "ca")]
    finding = found(Kind.DOUBLE_NAME, Proposal.MERGE, identity="a", to_identity="c")
    assert cells([finding], *circle) == []


def test_a_line_of_ours_is_known_until_a_cell_changes() -> None:
    finding = found(Kind.WRONG_PERSON, Proposal.MOVE, left=3, to_identity="b")
    (line,) = propose([finding], [], [], CropNames([finding], CROPS, RECORDS))
    assert line.note.startswith("so it seems [proposed ")
    assert is_own(line)
    assert is_own(line._replace(to_identity=" b "))  # blanks that a spreadsheet keeps or not
    for changed in ({"action": "keep"}, {"photo": "a/2.jpg"}, {"to_identity": "c"}, {"note": line.note[1:]}):
        assert not is_own(line._replace(**changed)), changed
    assert not is_own(line._replace(note="mine"))
    assert not is_own(line._replace(note="mine [proposed 00000000]"))


def test_lines_of_the_users_stay_in_their_places_and_new_ones_follow() -> None:
    merge = found(Kind.DOUBLE_NAME, Proposal.MERGE, identity="c", to_identity="b")
    drops = [found(Kind.STRADDLING, Proposal.DROP, left=crop, score=crop / 20) for crop in (3, 5, 8)]
    names = CropNames(drops, CROPS, RECORDS)
    first, second, third = propose(drops, [], [], names)
    edited = second._replace(action="keep")
    before = [third, edited, first]
    # the third is proposed no longer, a merge is new
    after = propose([merge, *(drop for drop in drops if drop.left != 3)], [edited], [], names)
    joined = join_lines(before, after)
    assert joined[:2] == [edited, first]
    assert [line[:4] for line in joined[2:]] == [("merge", "", "c", "b")]


def test_a_file_without_lines_of_the_users_is_written_as_if_it_had_not_been_there() -> None:
    drops = [found(Kind.STRADDLING, Proposal.DROP, left=crop, score=crop / 20) for crop in (3, 5, 8)]
    lines = propose(drops, [], [], CropNames(drops, CROPS, RECORDS))
    assert join_lines(lines[::-1], lines) == lines
    assert join_lines(lines, lines[:1]) == lines[:1]
