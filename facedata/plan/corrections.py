"""Corrections of who is in the photos: drop, move, merge, applied to the records before anything is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ..errors import CorrectionsError
from ..tables.blocks import take_rows
from ..tables.names import show_name
from ..tables.people import person_codes
from ..tables.schema import CORRECTIONS
from ..types import Int32Array, Status
from .corrected_records import apply_decided, decided_table, people_after
from .correction_names import LETTER_BY_LETTER, PeopleNames, find_photos, suggest_photo
from .correction_rules import Action as Action
from .correction_rules import Decision, Problem, decide

_NEW_PERSON = " (of a new person, write +NAME, or new:NAME where a spreadsheet takes + for a formula)"

_MOST_SUGGESTIONS = 20
"""How many problems get the name that may be meant: looking for it takes time."""


@dataclass(frozen=True)
class CorrectionLine:
    """One line of a file of corrections.

    Attributes:
        file: the file's number, from 1.
        line: the line's number in it (the row's in a workbook), from 1; no two alike.
        action: what is to be done.
        photo: the record or photo (drop, move, keep).
        identity: the person (merge, distinct), or whose photo it is now (may be None).
        to_identity: the person that photos go to (move, merge), or the other one (distinct).
        note: a remark of the user's.
    """

    file: int
    line: int
    action: Action
    photo: str | None = None
    identity: str | None = None
    to_identity: str | None = None
    note: str | None = None


def correct_records(
    records: pa.Table, files: Sequence[Sequence[CorrectionLine]], names: Sequence[str] = ()
) -> tuple[pa.Table, pa.Table]:
    """Apply files of corrections in turn, each to the result of the one before.

    ``drop`` makes a record ``excluded``, and the reason names the line; ``move`` gives one photo, ``merge``
    all photos of a person to somebody else. A record of the status ``no_identity`` that is moved to a person
    is to be processed: its status becomes null. Nothing brings back an excluded record. Within a file the
    order of the lines does not matter, see :func:`.correction_rules.decide`.

    Where the official split divides people, a photo follows its person, see
    :func:`.corrected_records.follow_people`.

    Args:
        records: columns record, photo, identity, status and reason, in any order; perhaps official_split. All
            others stay as they are.
        files: the lines of each file.
        names: what messages call the files; by default their numbers.

    Returns:
        The corrected records, and what was corrected (:data:`facedata.tables.schema.CORRECTIONS`).

    Raises:
        CorrectionsError: a line's photo or person is not there or not clear, it does not fit the records, or
            contradicts another line; it names all such lines of the first file that has any.
    """
    tables = [CORRECTIONS.empty_table()]
    for index, lines in enumerate(files):
        if lines:
            number = lines[0].file
            name = names[index] if names else f"corrections file {number}" if number > 1 else ""
            records, table = correct_file(records, lines, name)
            tables.append(table)
    return records, pa.concat_tables(tables)


def place(name: str, line: int, text: str) -> str:
    """Return a problem with its place; without a name for the file, the line alone."""
    return f"{name}, line {line}: {text}" if name else f"line {line}: {text}"


def correct_file(
    records: pa.Table, lines: Sequence[CorrectionLine], name: str, problems: Sequence[Problem] = ()
) -> tuple[pa.Table, pa.Table]:
    """Apply one file of corrections; see :func:`correct_records`.

    Args:
        records: as there.
        lines: the file's.
        name: what messages call it.
        problems: what is wrong with other lines of it.
    """
    if not lines and not problems:
        return records, CORRECTIONS.empty_table()
    codes, names = person_codes(records.column("identity"))
    meant = _Meant(records, lines, names, codes)
    decisions = [one for line in lines if (one := meant.decision(line)) is not None]
    decided, contradictions = decide(
        decisions, lambda node: show_name(meant.people.names[node]), lambda row: repr(meant.record(row))
    )
    if wrong := sorted([*problems, *meant.problems, *contradictions]):
        raise CorrectionsError([place(name, *one) for one in wrong])
    people = pa.array(meant.people.names, pa.string())
    after = people_after(codes, decided, len(people))
    notes = {line.line: line.note for line in lines}
    table = decided_table(records, lines[0].file, notes, decided, people, codes, after)
    return apply_decided(records, lines[0].file, decided, people, codes, after), table


class _Meant:
    """Finds the photo and the people of each line; collects what is wrong with single lines."""

    def __init__(
        self,
        records: pa.Table,
        lines: Sequence[CorrectionLine],
        people: Sequence[str],
        codes: Int32Array,
    ) -> None:
        self.records, self.codes, self.problems = records, codes, list[Problem]()
        texts = [text for one in lines for text in (one.identity, one.to_identity) if text]
        self.people = PeopleNames(people, texts)
        self.rows = find_photos({one.photo for one in lines if one.photo}, records)
        found = np.unique([row for rows in self.rows.values() for row in rows]).astype(np.int64)
        states = take_rows(records.select(["record", "status", "reason"]), found).to_pylist()
        self.states = dict(zip(found.tolist(), states, strict=True))
        self.unmade: set[int] = set()
        for line in lines:  # first, since other lines may name these people
            makes = line.to_identity if line.action in (Action.MOVE, Action.MERGE) else None
            if makes and (wrong := self.people.make(makes)):
                self._fail(line, wrong)
                self.unmade.add(line.line)

    def record(self, row: int) -> str:
        """Return the key of a record that a line means."""
        return str(self.states[row]["record"])

    def decision(self, line: CorrectionLine) -> Decision | None:
        """Return a line's decision; None, and a problem, if it does not fit the records."""
        count = len(self.problems)
        row = person = target = -1
        if line.action in (Action.MERGE, Action.DISTINCT):
            person = self._person(line, line.identity)
            if line.action is Action.MERGE and person >= self.people.count:
                self._fail(line, f"there is nobody called {line.identity!r} before this file is applied")
        else:
            row = self._row(line)
            person = int(self.codes[row]) if row >= 0 else -1
        if line.line in self.unmade:
            return None
        if line.action not in (Action.DROP, Action.KEEP):
            target = self._person(line, line.to_identity)
        return Decision(line.line, line.action, row, person, target) if len(self.problems) == count else None

    def _fail(self, line: CorrectionLine, text: str) -> int:
        self.problems.append((line.line, text))
        return -1

    def _person(self, line: CorrectionLine, text: str | None) -> int:
        found = self.people.find(text or "")
        if isinstance(found, int):
            return found
        if found.endswith(LETTER_BY_LETTER):
            return self._fail(line, found)
        hint = self.people.suggest(text or "") if len(self.problems) < _MOST_SUGGESTIONS else ""
        makes = text == line.to_identity and line.action in (Action.MOVE, Action.MERGE)
        return self._fail(line, f"{found}{hint}{_NEW_PERSON if makes else ''}")

    def _row(self, line: CorrectionLine) -> int:
        """Return the record that a line means, if it is of the person that the line says."""
        text = line.photo or ""
        rows = self.rows.get(text, [])
        if not rows:
            hint = suggest_photo(text, self.records) if len(self.problems) < _MOST_SUGGESTIONS else ""
            return self._fail(line, f"there is no photo {text.strip()!r}{hint}")
        person = self.people.find(line.identity) if line.identity else None
        mine = [row for row in rows if line.identity is None or self.codes[row] == person]
        if len(mine) > 1:
            some = " or ".join(repr(self.record(row)) for row in mine[:3])
            more = " …" if len(mine) > 3 else ""
            return self._fail(line, f"{text.strip()!r} has several records: write {some}{more}")
        record = repr(self.record((mine or rows)[0]))
        if not mine:
            whose = sorted({int(self.codes[row]) for row in rows})
            names = " and ".join(show_name(self.people.names[one]) if one >= 0 else "nobody" for one in whose)
            return self._fail(line, f"{record} is of {names}, not of {show_name(str(line.identity).strip())}")
        state = self.states[mine[0]]
        if state["status"] == Status.EXCLUDED.value and line.action is not Action.DROP:
            return self._fail(line, f"{record} is excluded already ({state['reason']})")
        return mine[0]
