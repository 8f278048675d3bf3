"""What a check reports about photos and people that the other set has too."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ...tables.names import clean_name
from ...types import BoolArray
from ..findings import Finding, Kind, Proposal, Severity
from .shared import OVERLAP_FILE, By, Overlap, render_certificate

_SUMMARY = ("set", "other", "model", "shared", "by", "notes")


def shared_findings(overlap: Overlap) -> list[Finding]:
    """Return a finding for each crop whose photo or person the other set has, by the surest evidence."""
    mine, theirs = overlap.this.photos, overlap.other.photos
    findings: list[Finding] = []
    reported = np.zeros(len(mine), np.bool_)
    for by, photos in overlap.photos.items():
        best = photos.best_of(True, len(mine))
        for at in np.flatnonzero((best >= 0) & ~reported).tolist():
            place = int(best[at])
            match, likeness = int(photos.theirs[place]), float(photos.likeness[place])
            what = (
                "the same photo" if by is By.BYTES else f"this picture, saved again (likeness {likeness:.3f})"
            )
            record, name = theirs.record[match].as_py(), theirs.identity[match].as_py()
            findings.append(
                _finding(
                    int(mine.ids[at]),
                    1.0 if by is By.BYTES else 0.95 * likeness,
                    f"The other set has {what}: {record}, of {name}.",
                    identity=mine.identity[at].as_py(),
                    to_identity=name,
                    value=None if by is By.BYTES else likeness,
                )
            )
            reported[at] = True
    findings += face_findings(overlap, reported)
    return findings


def report_overlap(overlap: Overlap | None) -> tuple[list[Finding], dict[str, Any], dict[str, bytes]]:
    """Return the findings, what summary.json says under ``overlap``, and overlap.json; nothing for None."""
    if overlap is None:
        return [], {}, {}
    certificate = overlap.certificate()
    summary = {name: certificate[name] for name in _SUMMARY}
    return shared_findings(overlap), {"overlap": summary}, {OVERLAP_FILE: render_certificate(certificate)}


def face_findings(overlap: Overlap, reported: BoolArray) -> Iterator[Finding]:
    """Yield a finding for each crop of a person whom the other set has, by the likeliest of its people.

    Args:
        overlap: what the two sets share.
        reported: ``(n,)`` bool, crops of this set that have a finding already.
    """
    people, mine, theirs = overlap.people, overlap.this.photos, overlap.other.photos
    if people is None:
        return
    counts = [np.bincount(side.person, minlength=len(side.people)) for side in (mine, theirs)]
    shown = dict(zip(theirs.person[::-1].tolist(), range(len(theirs) - 1, -1, -1), strict=True))
    first: dict[int, int] = {}
    for place in np.argsort(-people.log_odds, kind="stable").tolist():
        first.setdefault(int(people.mine[place]), place)
    threshold = people.figures.get("threshold")
    for at in np.flatnonzero(~reported & np.isin(mine.person, people.mine)).tolist():
        place = first[int(mine.person[at])]
        one, two = int(people.mine[place]), int(people.theirs[place])
        value, odds = float(people.value[place]), float(people.log_odds[place])
        here, there = mine.people[one], theirs.people[two]
        photo = theirs.record[shown[two]].as_py()
        names = {clean_name(name.replace("_", " ")).casefold() for name in (here, there)}
        hint = "; the names are the same" if len(names) == 1 else ""
        numbers = f"{counts[0][one]:,} photos here, {counts[1][two]:,} there"
        why = (
            f"By their faces {here} is {there} in the other set ({photo}): {value:.3f} more similar than "
            f"people who look alike{'' if threshold is None else f', where {threshold:.3f} is enough'} "
            f"({numbers}){hint}."
        )
        yield _finding(
            int(mine.ids[at]),
            0.9 / (1 + math.exp(-min(max(odds, -50.0), 50.0))),
            why,
            identity=here,
            to_identity=there,
            value=value,
            threshold=threshold,
        )


def _finding(left: int, score: float, why: str, **more: Any) -> Finding:
    return Finding(
        Kind.SHARED_WITH_OTHER_SET, Severity.SUSPECT, score, why, left=left, proposal=Proposal.DROP, **more
    )
