"""check/corrections.csv: what the findings propose, joined with the lines that the user wrote or edited.

A line that a check wrote carries a mark at the end of its note, ``[proposed 1a2b3c4d]``: a hash of the line's
other text. A line with the right mark has not been edited, so a later check may take it back; every other
line is the user's and stays. The mark survives sorting, other separators and encodings, and needs no record
elsewhere that could disagree with the file.

The proposals can be applied as they are: a photo has one line, people are merged into the name with more
photos, nobody into two, and never two who are said to look alike or to be two.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from ..plan.corrections import CorrectionLine
from .finding_names import CropNames
from .findings import Finding, Kind, Proposal, order_of

_MARK = re.compile(r" ?\[proposed ([0-9a-f]{8})\]$")

COPIES = {Kind.SAME_BYTES, Kind.SAME_PICTURE}
"""Findings about two crops of one picture."""


class ProposedLine(NamedTuple):
    """A line of corrections.csv; empty text where a column is not used."""

    action: str
    photo: str
    identity: str
    to_identity: str
    note: str


def propose(
    findings: Sequence[Finding],
    mine: Sequence[ProposedLine],
    distinct: Iterable[Iterable[str]],
    names: CropNames,
) -> list[ProposedLine]:
    """Return what findings propose, beyond and not against what the user's lines say.

    Args:
        findings: those that are not settled, in any order.
        mine: the user's lines.
        distinct: pairs of people who are known to be two.
        names: of the set's crops.
    """
    ordered = sorted((one for one in findings if one.proposal is not None), key=order_of)
    alike = [
        (one.identity, one.to_identity)
        for one in findings
        if one.kind is Kind.LOOK_ALIKES and one.identity and one.to_identity
    ]
    merges = _Merges(mine, [*alike, *distinct], names.photos_of)
    lines = [_marked("merge", "", *merge) for merge in merges.add(ordered)]
    taken = {line.photo for line in mine if line.photo}
    for finding in ordered:
        for action, crop, photo, to in _photo_proposals(finding, names):
            record, person = names.record(crop) or photo, names.identity(crop) or finding.identity or ""
            if not record or not taken.isdisjoint({record, photo}):
                continue
            to = merges.final(to)
            if action == "move" and (not to or to == merges.final(person)):
                continue
            taken.add(record)
            lines.append(_marked(action, record, person, to, finding.why))
    return lines


def _photo_proposals(finding: Finding, names: CropNames) -> Iterator[tuple[str, int | None, str, str]]:
    """Yield action, crop, photo and the person to move to; nothing for a merge."""
    sides = [(finding.left, finding.left_photo), (finding.right, finding.right_photo)]
    left, right = ((crop, names.photo(crop) or photo or "") for crop, photo in sides)
    if finding.proposal is Proposal.DROP:
        # of two copies the later one goes
        is_copy = finding.kind in COPIES and right[1]
        yield ("drop", *(right if is_copy and (right[0] or 0) >= (left[0] or 0) else left), "")
    elif finding.proposal is Proposal.MOVE and finding.kind is Kind.SWAPPED:
        yield ("move", *left, names.identity(finding.right) or "")
        yield ("move", *right, names.identity(finding.left) or "")
    elif finding.proposal is Proposal.MOVE:
        yield ("move", *left, finding.to_identity or "")


class _Merges:
    """People that become one: groups, each with the name that stays."""

    def __init__(
        self, mine: Sequence[ProposedLine], apart: Iterable[Iterable[str]], photos_of: Mapping[str, int]
    ) -> None:
        self._photos_of, self._into = photos_of, dict[str, str]()
        for line in mine:
            # of lines that contradict each other the first counts here; `fix` refuses them
            if line.action == "merge" and self.final(line.to_identity) != self.final(line.identity):
                self._into.setdefault(line.identity, line.to_identity)
        self._apart: dict[str, set[str]] = {}
        for one, other in ([self.final(person) for person in pair] for pair in apart):
            if one == other:  # the user's lines merge them
                continue
            self._apart.setdefault(one, set()).add(other)
            self._apart.setdefault(other, set()).add(one)

    def final(self, person: str) -> str:
        """Return the name under which a person is in the end."""
        while person in self._into:
            person = self._into[person]
        return person

    def add(self, findings: Sequence[Finding]) -> list[tuple[str, str, str]]:
        """Add what findings propose, the surest first; return person, name that stays, and why."""
        why: dict[str, str] = {}
        for finding in findings:
            ends = {self.final(person) for person in (finding.identity, finding.to_identity) if person}
            if finding.proposal is not Proposal.MERGE or len(ends) < 2:
                continue
            stays, goes = sorted(ends, key=self._rank)
            if goes not in self._photos_of:  # two names that only the user's lines make
                continue
            if goes not in self._apart.get(stays, ()):
                self._join(goes, stays)
                why[goes] = finding.why
        return [(person, self.final(person), text) for person, text in why.items()]

    def _rank(self, person: str) -> tuple[bool, int, str]:
        """Return the place of a name among those that may stay: new ones first, then by photos, by name."""
        return person in self._photos_of, -self._photos_of.get(person, 0), person

    def _join(self, goes: str, stays: str) -> None:
        self._into[goes] = stays
        for other in self._apart.pop(goes, ()):
            self._apart[other].discard(goes)
            self._apart[other].add(stays)
            self._apart.setdefault(stays, set()).add(other)


def _marked(action: str, photo: str, identity: str, to_identity: str, why: str) -> ProposedLine:
    line = ProposedLine(action, photo, identity, to_identity, " ".join(why.split()))
    return line._replace(note=f"{line.note} [proposed {_digest(line)}]")


def is_own(line: ProposedLine) -> bool:
    """Return whether a check proposed this line and nobody has edited it."""
    mark = _MARK.search(line.note)
    return mark is not None and mark[1] == _digest(line._replace(note=_MARK.sub("", line.note)))


def _digest(line: ProposedLine) -> str:
    text = "\0".join(unicodedata.normalize("NFC", cell.strip()) for cell in line)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def as_proposed(line: CorrectionLine) -> ProposedLine:
    """Return a line that was read as one that can be written."""
    cells = (line.photo, line.identity, line.to_identity, line.note)
    return ProposedLine(line.action.value, *(cell or "" for cell in cells))


def join_lines(before: Sequence[ProposedLine], proposed: Sequence[ProposedLine]) -> list[ProposedLine]:
    """Return the lines of the new file: the user's all stay, in their places; new proposals follow.

    Without lines of the user's the file is the proposals alone, in their order.
    """
    if all(map(is_own, before)):
        return list(proposed)
    wanted, lines = dict.fromkeys(proposed), list[ProposedLine]()
    for line in before:
        if not is_own(line):
            lines.append(line)
        elif line in wanted:
            del wanted[line]
            lines.append(line)
    return [*lines, *wanted]
