"""Corrections against a slow interpreter that knows only sets: same results, same refusals, in any order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from facedata.errors import CorrectionsError
from facedata.plan.corrections import Action, CorrectionLine, correct_records

PEOPLE = ["ann", "ben", "cleo", "dan"]
PHOTOS = {f"{i}.jpg": person for i, person in enumerate([*PEOPLE, "ann", "ben", None])}

_photos = st.sampled_from(sorted(PHOTOS))
_people = st.sampled_from(PEOPLE)
_targets = st.sampled_from([*PEOPLE, "+eve", "+fay"])


def _line(action: Action, **values: st.SearchStrategy[str]) -> st.SearchStrategy[CorrectionLine]:
    return st.builds(CorrectionLine, file=st.just(1), line=st.just(0), action=st.just(action), **values)


_lines = st.lists(
    _line(Action.DROP, photo=_photos)
    | _line(Action.KEEP, photo=_photos)
    | _line(Action.MOVE, photo=_photos, to_identity=_targets)
    | _line(Action.MERGE, identity=_people, to_identity=_targets)
    | _line(Action.DISTINCT, identity=_people, to_identity=_people),
    max_size=7,
)


class Outcome(NamedTuple):
    people: dict[str, str | None]
    dropped: set[str]
    kept: set[str]
    distinct: set[frozenset[str]]


def interpret(lines: Sequence[CorrectionLine]) -> Outcome | None:
    """Return what lines mean; None if they contradict each other."""
    arrows = {
        (one.identity, str(one.to_identity).removeprefix("+")) for one in lines if one.action is Action.MERGE
    }
    names = {*PEOPLE, "eve", "fay"}
    ways = {(left, right) for left, right in arrows}
    for _ in names:  # everywhere that one can come to
        ways |= {(left, end) for left, middle in ways for start, end in ways if middle == start}
    if any(left == right for left, right in ways):
        return None
    stops = {name for name in names if all(left != name for left, _ in ways)}
    ends = {name: {right for left, right in ways if left == name and right in stops} for name in names}
    if any(len(end) > 1 for end in ends.values()):
        return None
    final = {name: next(iter(end), name) for name, end in ends.items()}
    said: dict[str, set[str]] = {photo: set() for photo in PHOTOS}
    distinct = set()
    for one in lines:
        if one.action is Action.DISTINCT:
            if final[str(one.identity)] == final[str(one.to_identity)]:
                return None
            distinct.add(frozenset((final[str(one.identity)], final[str(one.to_identity)])))
        elif one.action is not Action.MERGE:
            word = one.action.value
            if one.action is Action.MOVE:
                target = final[str(one.to_identity).removeprefix("+")]
                mine = PHOTOS[str(one.photo)]
                if mine is not None and final[mine] == target:
                    return None
                word = f"to {target}"
            said[str(one.photo)].add(word)
    if any(len(words) > 1 for words in said.values()):
        return None
    people = {}
    for photo, person in PHOTOS.items():
        moved = [word.removeprefix("to ") for word in said[photo] if word.startswith("to ")]
        people[photo] = moved[0] if moved else person and final[person]
    dropped, kept = ({photo for photo, words in said.items() if word in words} for word in ("drop", "keep"))
    return Outcome(people, dropped, kept, distinct)


def correct(lines: Sequence[CorrectionLine]) -> Outcome | None:
    """Return what the code under test makes of lines; None if it refuses them."""
    texts = pa.chunked_array([[*PHOTOS][:3], [*PHOTOS][3:]])
    people = pa.chunked_array([[*PHOTOS.values()][:3], [*PHOTOS.values()][3:]])
    nothing = pa.nulls(len(PHOTOS), pa.string())
    status = pa.array([None if person else "no_identity" for person in PHOTOS.values()], pa.string())
    records = pa.table(
        {"record": texts, "photo": texts, "identity": people, "status": status, "reason": nothing}
    )
    numbered = [replace(one, line=number) for number, one in enumerate(lines, 2)]
    try:
        after, table = correct_records(records, [numbered])
    except CorrectionsError:
        return None
    rows = table.to_pylist()
    excluded = {row["record"] for row in after.to_pylist() if row["status"] == "excluded"}
    assert excluded == {row["record"] for row in rows if row["action"] == "drop"}
    for row in rows:
        if row["action"] in ("move", "merge"):
            assert row["identity"] == PHOTOS[row["record"]] != row["to_identity"]
    found = dict(zip(texts.to_pylist(), after.column("identity").to_pylist(), strict=True))
    assert {key for key, person in found.items() if person != PHOTOS[key]} == {
        row["record"] for row in rows if row["action"] in ("move", "merge")
    }
    return Outcome(
        found,
        excluded,
        {row["record"] for row in rows if row["action"] == "keep"},
        {frozenset((row["identity"], row["to_identity"])) for row in rows if row["action"] == "distinct"},
    )


@given(_lines)
def test_the_same_as_a_slow_interpreter(lines: list[CorrectionLine]) -> None:
    assert correct(lines) == interpret(lines)


@given(_lines.flatmap(lambda lines: st.tuples(st.just(lines), st.permutations(lines))))
def test_order_never_matters(orders: tuple[list[CorrectionLine], list[CorrectionLine]]) -> None:
    assert correct(orders[0]) == correct(orders[1])


@given(_lines)
def test_saying_it_all_twice_changes_nothing(lines: list[CorrectionLine]) -> None:
    assert correct([*lines, *lines]) == correct(lines)
