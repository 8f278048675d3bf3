"""What the user has decided: findings about it are counted, and not reported again.

``keep`` says that a photo is right as it is, ``distinct`` that two names are two people. Such lines stand in
the set's ``corrections`` table, where it was made with them, and in check/corrections.csv.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from ..errors import SetError
from ..plan.correction_names import PeopleNames, find_photos
from ..sets.prepared import PreparedSet
from ..tables.names import escape_unseen
from .finding_names import CropNames
from .findings import Finding, Kind, Severity
from .proposals import COPIES, ProposedLine

logger = logging.getLogger(__name__)

KEEP, DISTINCT = "keep", "distinct"

_OF_TWO_PEOPLE = {Kind.DOUBLE_NAME, Kind.PERSON_IN_TWO_SPLITS, Kind.LOOK_ALIKES, Kind.SAME_PICTURE}


@dataclass(frozen=True)
class Decisions:
    """What is settled.

    Attributes:
        kept: photos, or records, that are right as they are.
        distinct: pairs of people who are two.
    """

    kept: frozenset[str]
    distinct: frozenset[frozenset[str]]

    def settle(self, finding: Finding, names: CropNames) -> str | None:
        """Return the action that settles a finding, or None.

        ``keep`` settles every suspect, note and copy that is about the photo; ``distinct`` settles what says
        that two people are one, or look alike, or have the same picture. Damage is never settled.
        """
        if finding.kind in _OF_TWO_PEOPLE and self.distinct:
            one = finding.identity or names.identity(finding.left)
            other = finding.to_identity or names.identity(finding.right)
            if one is not None and other is not None and frozenset((one, other)) in self.distinct:
                return DISTINCT
        is_open = finding.severity is not Severity.ERROR or finding.kind in COPIES
        if is_open and self.kept and not self.kept.isdisjoint(names.of(finding)):
            return KEEP
        return None


def find_meant(
    lines: Sequence[ProposedLine], prepared: PreparedSet | None, people: Collection[str]
) -> list[ProposedLine]:
    """Return lines with the set's own names of the photos and people that they mean, however they spell them.

    A photo with several records gives a line for each. What is not found stays as it is written.

    Args:
        lines: the user's.
        prepared: the set; None if its dataset.json cannot be read.
        people: the names in the set.
    """
    ledger = pa.table({"record": pa.array([], pa.string()), "photo": pa.array([], pa.string())})
    if prepared is not None and lines:
        with contextlib.suppress(SetError, OSError, pa.ArrowException):  # a torn ledger is a finding
            ledger = prepared.table("photos", ["record", "photo"])
    rows = find_photos({line.photo for line in lines if line.photo}, ledger)
    known = sorted(people)
    texts = {text for line in lines for text in (line.identity, line.to_identity) if text}
    names = PeopleNames(known, texts)
    found = {text: names.find(text) for text in texts}
    person = {text: known[node] for text, node in found.items() if isinstance(node, int)}
    records = ledger.column("record")
    unknown = [
        line
        for line in lines
        if (line.photo and line.photo not in rows)
        or any(text and text not in person and text[0] != "+" for text in (line.identity, line.to_identity))
    ]
    if prepared is not None and unknown:
        example = next(text for text in unknown[0][1:4] if text)
        logger.warning(
            "%d of your lines in corrections.csv have a photo or person that the set does not have, such as "
            "the line of %s: they settle nothing, and `facedata fix` will refuse them",
            len(unknown), escape_unseen(example),
        )  # fmt: skip
    return [
        line._replace(
            photo=line.photo if row is None else records[row].as_py(),
            identity=person.get(line.identity, line.identity),
            to_identity=person.get(line.to_identity, line.to_identity),
        )
        for line in lines
        for row in rows.get(line.photo, [None])
    ]


def read_decisions(prepared: PreparedSet | None, lines: Iterable[ProposedLine]) -> Decisions:
    """Collect the decisions in a set's own corrections and in further lines, which use the set's names."""
    rows = [(line.action, line.photo, "", line.identity, line.to_identity) for line in lines]
    if prepared is not None and prepared.has("corrections"):
        columns = ["action", "record", "photo", "identity", "to_identity"]
        with contextlib.suppress(SetError, OSError, pa.ArrowException):
            table = prepared.table("corrections", columns)
            rows += zip(*(column.to_pylist() for column in table.columns), strict=True)
    kept = {name for action, *names, _, _ in rows if action == KEEP for name in names if name}
    pairs = {
        frozenset((one, other)) for action, _, _, one, other in rows if action == DISTINCT and one and other
    }
    return Decisions(frozenset(kept), frozenset(pairs))


def leave_out_settled(
    findings: Iterable[Finding], decisions: Decisions, names: CropNames
) -> tuple[list[Finding], dict[str, int]]:
    """Leave out what is settled; see :meth:`Decisions.settle`.

    Returns:
        The other findings, and how many each action settled.
    """
    others, counts = [], {KEEP: 0, DISTINCT: 0}
    for finding in findings:
        action = decisions.settle(finding, names)
        if action is None:
            others.append(finding)
        else:
            counts[action] += 1
    return others, counts
