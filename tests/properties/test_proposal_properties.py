"""Whatever is found and whatever the user wrote: the file of proposals can be applied as it is."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import pyarrow as pa
from hypothesis import assume, given
from hypothesis import strategies as st

from facedata.checks.finding_names import CropNames
from facedata.checks.findings import Finding, Kind, Proposal, Severity
from facedata.checks.proposals import ProposedLine, is_own, join_lines, propose
from facedata.checks.settled import find_meant
from facedata.errors import CorrectionsError
from facedata.plan.corrections import Action, CorrectionLine, correct_records

PEOPLE = {"Ana": 3, "Bo": 2, "Cem": 2, "Dag": 1, "=Eva": 1, "'t Hooft": 1}
PHOTOS = [f"{person}/{number}.jpg" for person, count in PEOPLE.items() for number in range(count)]
OWNERS = [photo.split("/")[0] for photo in PHOTOS]
# the third photo has two faces, and so two records
RECORDS = {2: "Ana/0.jpg#2"}
CROPS = pa.table({"id": list(range(len(PHOTOS))), "photo": PHOTOS, "identity": OWNERS})
PHOTO_TEXTS = [RECORDS.get(number, photo) for number, photo in enumerate(PHOTOS)]
LEDGER = pa.table(
    {
        "record": PHOTO_TEXTS,
        "photo": PHOTOS,
        "identity": OWNERS,
        "status": pa.array([None] * len(PHOTOS), pa.string()),
        "reason": pa.array([None] * len(PHOTOS), pa.string()),
    }
)
crops = st.integers(0, len(PHOTOS) - 1)
people = st.sampled_from(list(PEOPLE))
scores = st.floats(0, 1)


@st.composite
def finding(draw: st.DrawFn) -> Finding:
    kind, proposal = draw(
        st.sampled_from(
            [
                (Kind.SAME_PICTURE, Proposal.DROP),
                (Kind.STRADDLING, Proposal.DROP),
                (Kind.WRONG_PERSON, Proposal.MOVE),
                (Kind.SWAPPED, Proposal.MOVE),
                (Kind.DOUBLE_NAME, Proposal.MERGE),
                (Kind.LOOK_ALIKES, None),
                (Kind.STRANGER, None),
            ]
        )
    )
    why = draw(st.sampled_from(["it seems so", "they are  one\nperson"]))
    about: dict[str, Any] = {"proposal": proposal, "why": why}
    if kind in (Kind.DOUBLE_NAME, Kind.LOOK_ALIKES):
        one, other = draw(st.lists(people, min_size=2, max_size=2, unique=True))
        return Finding(kind, Severity.SUSPECT, draw(scores), identity=one, to_identity=other, **about)
    left, right = draw(st.lists(crops, min_size=2, max_size=2, unique=True))
    if kind in (Kind.SAME_PICTURE, Kind.SWAPPED):
        return Finding(kind, Severity.SUSPECT, draw(scores), left=left, right=right, **about)
    return Finding(kind, Severity.SUSPECT, draw(scores), left=left, to_identity=draw(people), **about)


@st.composite
def line(draw: st.DrawFn) -> ProposedLine:
    action, photo = draw(st.sampled_from(list(Action))), draw(st.sampled_from(PHOTO_TEXTS))
    one, other = draw(people), draw(people | st.just("+Zoe"))
    if action in (Action.MERGE, Action.DISTINCT):
        return ProposedLine(action.value, "", one, other, "mine")
    to = other if action is Action.MOVE else ""
    return ProposedLine(action.value, photo, "", to, draw(st.sampled_from(["", "mine"])))


def apply(lines: Sequence[ProposedLine]) -> pa.Table:
    """Apply lines as `fix` does."""
    read = [
        CorrectionLine(1, number, Action(line.action), *(cell or None for cell in line[1:]))
        for number, line in enumerate(lines, 2)
    ]
    return correct_records(LEDGER, [read])[0]


@given(st.lists(finding(), max_size=12), st.lists(line(), max_size=4))
def test_proposals_can_be_applied_with_the_users_lines(
    findings: list[Finding], written: list[ProposedLine]
) -> None:
    try:
        apply(written)
    except CorrectionsError:
        assume(False)  # lines of the user's that contradict each other: `fix` says so
    names = CropNames(findings, CROPS, RECORDS)
    mine = find_meant(written, None, PEOPLE)
    distinct = [(one.identity, one.to_identity) for one in mine if one.action == "distinct"]
    lines = join_lines(written, propose(findings, mine, distinct, names))
    corrected = apply(lines)
    assert [one for one in lines if not is_own(one)] == written
    named = [one.photo for one in lines if one.photo and is_own(one)]
    assert len(named) == len({*named})
    # people who look alike stay two, but where the user merges them
    by_user = dict(zip(PHOTO_TEXTS, apply(written).column("identity").to_pylist(), strict=True))
    now = dict(zip(PHOTO_TEXTS, corrected.column("identity").to_pylist(), strict=True))
    moved = {one.photo for one in lines if one.action == "move"}
    for alike in (one for one in findings if one.kind is Kind.LOOK_ALIKES):
        for left in (p for p, who in zip(PHOTO_TEXTS, OWNERS, strict=True) if who == alike.identity):
            for right in (p for p, who in zip(PHOTO_TEXTS, OWNERS, strict=True) if who == alike.to_identity):
                if not moved & {left, right} and by_user[left] != by_user[right]:
                    assert now[left] != now[right]


@given(st.lists(finding(), max_size=12), st.lists(line(), max_size=4), st.randoms())
def test_proposing_again_changes_nothing_whatever_the_order(
    findings: list[Finding], written: list[ProposedLine], random: Random
) -> None:
    names = CropNames(findings, CROPS, RECORDS)
    mine = find_meant(written, None, PEOPLE)
    first = join_lines(written, propose(findings, mine, [], names))
    random.shuffle(findings)
    again = find_meant([one for one in first if not is_own(one)], None, PEOPLE)
    assert join_lines(first, propose(findings, again, [], names)) == first
