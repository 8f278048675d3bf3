"""Findings about photos under a wrong name: wrong person, stranger, and photos that were exchanged."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from facedata.checks.findings import Finding, Kind, Proposal, Severity
from facedata.types import Int64Array

from .weigh import WhoIsWho

_ENOUGH = 2
"""So many photos that agree carry a proposal; one against one does not."""


def photo_findings(who: WhoIsWho, crops: pa.Table, names: list[str], doubt: float) -> list[Finding]:
    """Return the findings about single photos.

    Args:
        who: what the evidence says.
        crops: ``id``, ``photo`` and ``identity`` of each.
        names: the people's names, by code.
        doubt: the probability from which a photo is reported.
    """
    chance = 1 / (1 + np.exp(-np.clip(who.score, -50, 50)))
    reported = (who.wrong | who.stranger) & (chance >= doubt)
    going: dict[tuple[int, int], list[int]] = defaultdict(list)
    for row in np.flatnonzero(reported & who.wrong & (who.to >= 0)).tolist():
        going[int(who.person[row]), int(who.to[row])].append(row)
    exchanged: dict[int, int] = {}
    for (person, to), mine in going.items():
        exchanged |= dict(zip(mine, going.get((to, person), ()), strict=False))
    rows = [row for row in np.flatnonzero(reported).tolist() if exchanged.get(row, row) >= row]
    size, group = np.zeros(len(names), np.int64), np.full(len(names), -1)
    size[who.people.person], group[who.people.person] = who.people.size, np.arange(len(who.people))
    photos = _Photos(who, crops.select(["id", "photo", "identity"]), names, size, group)
    return [photos.finding(row, exchanged.get(row), float(chance[row])) for row in rows]


@dataclass(frozen=True, eq=False)
class _Photos:
    """What the findings about single photos are made of; ``size`` and ``group`` are each person's."""

    who: WhoIsWho
    crops: pa.Table
    names: list[str]
    size: Int64Array
    group: Int64Array

    def finding(self, row: int, partner: int | None, score: float) -> Finding:
        """Return the finding about a photo, and about the one that it was exchanged with, if any."""
        who, one = self.who, self.crops.slice(row, 1).to_pylist()[0]
        to = self.names[who.to[row]] if who.to[row] >= 0 else None
        carried = bool(who.by_majority[row]) or (to is not None and self.size[who.to[row]] >= _ENOUGH)
        name, photo = one["identity"], one["photo"]
        majority = f", but {name} has as many photos of each, so nothing says whose the name is."
        about: dict[str, Any] = {
            "severity": Severity.SUSPECT, "score": score, "left": one["id"], "identity": name,
            "to_identity": to, "value": None if np.isnan(who.similar[row]) else float(who.similar[row]),
            "threshold": self._threshold(row),
        }  # fmt: skip
        if partner is not None:
            other = self.crops.slice(partner, 1).to_pylist()[0]
            text = f"{photo} looks like {other['identity']} and {other['photo']} like {name}"
            text += ": they seem to be exchanged" + ("." if carried else majority)
            about |= {"right": other["id"], "proposal": Proposal.MOVE if carried else None}
            return Finding(Kind.SWAPPED, why=text, **about)
        if who.wrong[row]:
            about["proposal"] = Proposal.MOVE if carried and to is not None else None
            text = self._wrong_text(row, one, to) + ("." if carried else majority)
            return Finding(Kind.WRONG_PERSON, why=text, **about)
        about["proposal"] = Proposal.DROP if carried else None
        text = (
            f"{photo} is far from {name}'s other photos (similarity {who.similar[row]:.2f}), and near nobody "
        )
        text += "here" + ("." if carried else f": {name} may be two people, and nothing says which is which.")
        return Finding(Kind.STRANGER, why=text, **about)

    def _wrong_text(self, row: int, one: dict[str, Any], to: str | None) -> str:
        similar, own = self.who.similar[row], self.who.own[row]
        nearer = "" if np.isnan(own) else f", {own:.2f} to {one['identity']}'s"
        if to is not None:
            return f"{one['photo']} looks like {to}: similarity {similar:.2f} to {to}'s photos{nearer}"
        return (
            f"{one['photo']} shows the same person as photos under other names (similarity {similar:.2f}"
            f"{nearer}), and none of these names seems to be that person's"
        )

    def _threshold(self, row: int) -> float | None:
        """Return the similarity at which the photo would not have been reported.

        That is to the other person, and for a stranger to its own people.
        """
        who = self.who
        person = int(who.to[row] if who.wrong[row] else who.person[row])
        if person < 0 or self.group[person] < 0:
            return None
        size = int(self.size[person])
        sides = who.photo_near.take([row]), who.people.near.take([int(self.group[person])])
        if not who.wrong[row]:
            prior = float(np.log(who.stranger_share / (1 - who.stranger_share)))
            return who.likelihood.similarity_at(prior, (1, size), sides, of_any=True)
        similar = who.similar[[row]]
        odds = who.likelihood.log_same(similar, 1, size) - who.likelihood.log_best(similar, *sides)
        return who.likelihood.similarity_at(float(odds[0]) - float(who.score[row]), (1, size), sides)
