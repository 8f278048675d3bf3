"""Findings about photos under a wrong name: wrong person, stranger, and photos that were exchanged."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import pyarrow as pa

from facedata.checks.findings import Finding, Kind, Proposal, Severity
from facedata.types import BoolArray, Float64Array

from .likelihood import Nearness
from .thresholds import similarity_at
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
    size = np.zeros(len(names), np.int64)
    size[who.people.person] = who.people.size
    exchanged = _exchanged(who, reported)
    found = []
    for row in np.flatnonzero(reported).tolist():
        if row in exchanged and exchanged[row] < row:
            continue
        one = {name: crops.column(name)[row].as_py() for name in ("id", "photo", "identity")}
        to = names[who.to[row]] if who.to[row] >= 0 else None
        carried = bool(who.by_majority[row]) or (who.to[row] >= 0 and size[who.to[row]] >= _ENOUGH)
        about: dict[str, Any] = {
            "severity": Severity.SUSPECT, "score": float(chance[row]), "left": one["id"],
            "identity": one["identity"], "to_identity": to, "value": _number(who.similar[row]),
        }  # fmt: skip
        if row in exchanged:
            other = {name: crops.column(name)[exchanged[row]].as_py() for name in ("id", "photo", "identity")}
            text = (
                f"{one['photo']} looks like {other['identity']} and {other['photo']} like {one['identity']}"
            )
            text += ": they seem to be exchanged" + ("." if carried else _no_majority(one["identity"]))
            about |= {"right": other["id"], "proposal": Proposal.MOVE if carried else None}
            found.append(Finding(Kind.SWAPPED, why=text, threshold=_asked(who, row, size), **about))
        elif who.wrong[row]:
            text = _wrong_text(one, to, float(who.similar[row]), float(who.own[row]))
            text += "." if carried else _no_majority(one["identity"])
            about["proposal"] = Proposal.MOVE if carried and to is not None else None
            found.append(Finding(Kind.WRONG_PERSON, why=text, threshold=_asked(who, row, size), **about))
        else:
            text = f"{one['photo']} is far from {one['identity']}'s other photos (similarity "
            text += f"{who.similar[row]:.2f}), and near nobody here"
            text += (
                "." if carried else f": {one['identity']} may be two people, and nothing says which is which."
            )
            about["proposal"] = Proposal.DROP if carried else None
            found.append(Finding(Kind.STRANGER, why=text, threshold=_far(who, row, size), **about))
    return found


def _exchanged(who: WhoIsWho, reported: BoolArray) -> dict[int, int]:
    """Return rows of photos that show each other's people, in both directions."""
    going: dict[tuple[int, int], list[int]] = defaultdict(list)
    people = who.person
    for row in np.flatnonzero(reported & who.wrong & (who.to >= 0)).tolist():
        going[int(people[row]), int(who.to[row])].append(row)
    pairs: dict[int, int] = {}
    for (person, to), rows in going.items():
        pairs |= dict(zip(rows, going.get((to, person), ()), strict=False))
    return pairs


def _wrong_text(one: dict[str, Any], to: str | None, similar: float, own: float) -> str:
    nearer = "" if np.isnan(own) else f", {own:.2f} to {one['identity']}'s"
    if to is None:
        text = f"{one['photo']} shows the same person as photos under other names (similarity {similar:.2f}"
        return f"{text}{nearer}), and none of these names seems to be that person's"
    return f"{one['photo']} looks like {to}: similarity {similar:.2f} to {to}'s photos{nearer}"


def _no_majority(name: str) -> str:
    return f", but {name} has as many photos of each, so nothing says whose the name is."


def _asked(who: WhoIsWho, row: int, size: np.ndarray[Any, np.dtype[np.int64]]) -> float | None:
    """Return the similarity to the other person at which this photo would not have been reported."""
    if who.to[row] < 0:
        return None
    group = int(np.searchsorted(who.people.person, who.to[row]))
    if group >= len(who.people.person) or who.people.person[group] != who.to[row]:
        return None
    sides = who.photo_near.take([row]), who.people.near.take([group])
    odds = float(_odds_at(who, np.array([who.similar[row]]), int(size[who.to[row]]), sides)[0])
    return similarity_at(who.likelihood, odds - float(who.score[row]), 1, int(size[who.to[row]]), sides)


def _odds_at(
    who: WhoIsWho, similar: Float64Array, size: int, sides: tuple[Nearness, Nearness]
) -> Float64Array:
    return who.likelihood.log_same(similar, 1, size) - who.likelihood.log_best(similar, *sides)


def _far(who: WhoIsWho, row: int, size: np.ndarray[Any, np.dtype[np.int64]]) -> float | None:
    """Return the similarity to its own people below which this photo is reported as a stranger."""
    own = int(size[who.person[row]])
    group = int(np.searchsorted(who.people.person, who.person[row]))
    if not own or group >= len(who.people.person):
        return None
    prior = float(np.log(who.stranger_share / (1 - who.stranger_share)))
    sides = who.photo_near.take([row]), who.people.near.take([group])
    return similarity_at(who.likelihood, prior, 1, own, sides, of_any=True)


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
