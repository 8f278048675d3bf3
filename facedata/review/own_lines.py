"""The lines of corrections.csv that no check proposed: they are carried on, and decisions must fit them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ..checks.proposals import ProposedLine, as_proposed, is_own
from ..plan.correction_names import PeopleNames, find_photos
from ..plan.correction_rules import Action, Decision, decide
from ..plan.corrections import CorrectionLine
from ..sets.prepared import PreparedSet
from ..tables.names import show_name
from ..types import Status

NEW = "new:"
"""What the page puts before the name of somebody who is not in the set."""


@dataclass(frozen=True)
class OwnLine:
    """A line that a person wrote or edited, or that an earlier review did.

    Attributes:
        line: its number in the file.
        cells: as they were read, in the order of the columns.
        meant: what it says with the set's own names, for each record that it means; none if `fix` will refuse
            it.
        problem: why that is; empty for a line that is right.
    """

    line: int
    cells: ProposedLine
    meant: tuple[dict[str, Any], ...] = ()
    problem: str = ""


def find_own_lines(lines: Sequence[CorrectionLine], prepared: PreparedSet) -> list[OwnLine]:
    """Return the lines that are a person's, with what they mean in a set.

    Args:
        lines: those of corrections.csv.
        prepared: the set.

    Raises:
        SetError: the ledger cannot be read.
    """
    mine = [line for line in lines if not is_own(as_proposed(line))]
    if not mine:
        return []
    meanings = _Meanings(mine, prepared.table("photos", ["record", "photo", "identity", "status"]))
    decisions = {line.line: meanings.decisions(line) for line in mine}
    _, contradictions = decide(
        [one for some in decisions.values() for one in some], meanings.show_person, meanings.show_record
    )
    problems = {**meanings.problems, **dict(contradictions)}
    return [
        OwnLine(
            line.line,
            as_proposed(line),
            () if line.line in problems else tuple(map(meanings.say, decisions[line.line])),
            problems.get(line.line, ""),
        )
        for line in mine
    ]


class _Meanings:
    """Finds the photos and people of lines; ``problems`` says what is wrong with single ones, by line."""

    def __init__(self, lines: Sequence[CorrectionLine], ledger: pa.Table) -> None:
        self.problems: dict[int, str] = {}
        self._records, self._owners = ledger.column("record"), ledger.column("identity")
        self._states = ledger.column("status")
        people = sorted(self._owners.drop_null().unique().to_pylist())
        self._number = {name: number for number, name in enumerate(people)}
        texts = [text for one in lines for text in (one.identity, one.to_identity) if text]
        self._people = PeopleNames(people, texts)
        for line in lines:  # first, since other lines may name these people
            if line.action in (Action.MOVE, Action.MERGE):
                self._people.make(line.to_identity or "")
        self._rows = find_photos({line.photo for line in lines if line.photo}, ledger)

    def decisions(self, line: CorrectionLine) -> list[Decision]:
        """Return what a line decides; none, and a problem, where `fix` will refuse it."""
        ends = [self._find(line, text) for text in (line.identity, line.to_identity)]
        if line.action is Action.MERGE and ends[0] >= self._people.count:
            nobody = show_name(line.identity or "")
            self.problems[line.line] = f"{nobody} is nobody before the file is applied"
        if line.line in self.problems:
            return []
        if line.action in (Action.MERGE, Action.DISTINCT):
            return [Decision(line.line, line.action, -1, *ends)]
        rows = self._rows.get(line.photo or "", [])
        owners = [self._number.get(self._owners[row].as_py(), -1) for row in rows]
        found = [
            Decision(line.line, line.action, row, owner, ends[1])
            for row, owner in zip(rows, owners, strict=True)
            if line.identity is None or owner == ends[0]
        ]
        if not found:
            self.problems[line.line] = f"there is no photo {show_name(line.photo or '')} of that person"
        elif len(found) > 1:
            some = " or ".join(self.show_record(one.row) for one in found[:3])
            self.problems[line.line] = f"{show_name(line.photo or '')} has several records: write {some}"
        elif line.action is not Action.DROP and self._states[found[0].row].as_py() == Status.EXCLUDED.value:
            self.problems[line.line] = f"{self.show_record(found[0].row)} is excluded already"
        return [] if line.line in self.problems else found

    def _find(self, line: CorrectionLine, text: str | None) -> int:
        found = self._people.find(text) if text else -1
        if isinstance(found, int):
            return found
        self.problems.setdefault(line.line, found)
        return -1

    def show_person(self, node: int) -> str:
        """Return a person's name in quotes, for problems."""
        return show_name(self._people.names[node])

    def show_record(self, row: int) -> str:
        """Return a record's name in quotes, for problems."""
        return show_name(self._records[row].as_py())

    def say(self, one: Decision) -> dict[str, Any]:
        """Return what is decided with the set's own names, as the page's scripts read it."""
        record = "" if one.row < 0 else self._records[one.row].as_py()
        return {
            "action": one.action.value,
            "photo": record,
            "person": self._name(one.person),
            "to": self._name(one.target),
        }

    def _name(self, node: int) -> str:
        if node < 0:
            return ""
        return ("" if node < self._people.count else NEW) + self._people.names[node]
