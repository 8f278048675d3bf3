"""The pairs on which runs disagree: one takes them for one person, another for two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from facedata.types import BoolArray, Float64Array

from .common_pairs import CommonPairs
from .figures import JudgedRun

MOST = 24
"""How many of the pairs are listed."""


def count_disagreements(judged: Sequence[JudgedRun], pairs: CommonPairs) -> list[dict[str, int] | None]:
    """Return for each run but the first on how many pairs it decides otherwise, and who is right.

    Returns:
        ``pairs``, and how many of them ``first`` and ``this`` decide correctly; None where one cannot decide.
    """
    counts: list[dict[str, int] | None] = []
    first = judged[0].accepted
    for one in judged[1:]:
        if first is None or one.accepted is None:
            counts.append(None)
            continue
        differ = first != one.accepted
        right = int((one.accepted == pairs.same)[differ].sum())
        counts.append({"pairs": int(differ.sum()), "first": int(differ.sum()) - right, "this": right})
    return counts


def find_disagreements(
    judged: Sequence[JudgedRun], pairs: CommonPairs, most: int = MOST
) -> list[dict[str, Any]]:
    """Return the pairs that the runs decide differently, those first where they are furthest apart.

    Scores of different metrics cannot be compared; ranks can. How far apart the runs are is the largest
    difference between the shares of all pairs that each of them finds less alike.

    Args:
        judged: the runs.
        pairs: their common pairs.
        most: how many pairs are listed.

    Returns:
        For each pair ``left`` and ``right`` (ids), ``left_identity`` and ``right_identity``, ``same``,
        ``apart`` (0 to 1), and ``runs``: for each run ``score``, ``says_same`` and ``is_right`` (None where
        it decides nothing).
    """
    decided = np.array([one.accepted for one in judged if one.accepted is not None])
    differ: BoolArray = (decided != decided[:1]).any(0) if len(decided) else np.zeros(len(pairs), np.bool_)
    ranks = np.array([rank_shares(one.likeness) for one in judged])
    apart = ranks.max(0) - ranks.min(0)
    candidates = np.flatnonzero(differ)
    chosen = candidates[np.argsort(-apart[candidates], kind="stable")][:most]
    found = []
    for at in chosen.tolist():
        runs = []
        for one in judged:
            says = None if one.accepted is None else bool(one.accepted[at])
            right = None if says is None else says == bool(pairs.same[at])
            runs.append({"score": float(one.values[at]), "says_same": says, "is_right": right})
        found.append(
            {
                "left": int(pairs.ids[0][at]),
                "right": int(pairs.ids[1][at]),
                "left_identity": pairs.names[pairs.people[0][at]],
                "right_identity": pairs.names[pairs.people[1][at]],
                "same": bool(pairs.same[at]),
                "apart": float(apart[at]),
                "runs": runs,
            }
        )
    return found


def rank_shares(likeness: Float64Array) -> Float64Array:
    """Return for each pair the share of all pairs that are less alike; equal ones count half.

    >>> rank_shares(np.array([0.1, 0.7, 0.7, 0.9]))
    array([0.125, 0.5  , 0.5  , 0.875])
    """
    _, place, counts = np.unique(likeness, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - counts / 2
    return np.asarray(middle[place] / len(likeness))
