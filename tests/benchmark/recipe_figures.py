"""Figures of many runs on the same pairs, and of their differences, when the people are drawn again.

Each run's pairs are sorted once; a draw of people then only weighs them. So some fifty runs over half a
million pairs have their intervals in minutes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from facedata.types import BoolArray, Float32Array, Float64Array, Int64Array
from facemodel.scoring.intervals import people_weights
from facemodel.scoring.metrics import Roc

FIGURES = ("AUC", "EER", "TAR at FAR 1e-2", "TAR at FAR 1e-3")


@dataclass(frozen=True, eq=False)
class RankedPairs:
    """Pairs from the most to the least alike.

    Attributes:
        order: ``(n,)`` int64, the pairs' numbers.
        same: ``(n,)`` bool in that order.
        ends: ``(k,)`` int64, the last pair of each likeness: equal ones are accepted together.
    """

    order: Int64Array
    same: BoolArray
    ends: Int64Array

    @classmethod
    def of(cls, likeness: Float32Array, same: BoolArray) -> RankedPairs:
        order = np.argsort(-likeness, kind="stable")
        ranked = likeness[order]
        ends = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
        return cls(order, same[order], ends)

    def figures(self, weights: Float64Array) -> Float64Array:
        """Return :data:`FIGURES`, ``(4,)``, of pairs that weigh so much, ``(n,)`` in the pairs' own order."""
        mine = weights[self.order]
        every = np.cumsum(mine)[self.ends]
        true = np.cumsum(np.where(self.same, mine, 0.0))[self.ends]
        false, true = np.append(0.0, every - true), np.append(0.0, true)
        curve = Roc(np.empty(0), false, true, 0, 0)
        far, tar = curve.far, curve.tar
        at = [tar[np.searchsorted(far, limit, side="right") - 1] for limit in (1e-2, 1e-3)]
        return np.array([curve.auc(), curve.eer(), *at])


@dataclass(frozen=True, eq=False)
class Drawn:
    """Figures of groups of runs, means over each group's runs.

    Attributes:
        names: the groups.
        found: ``(groups, 4)`` with the people as they are.
        draws: ``(draws, groups, 4)`` with people drawn again, with replacement; the same for all groups.
    """

    names: tuple[str, ...]
    found: Float64Array
    draws: Float64Array

    def of(self, name: str) -> Float64Array:
        """Return a group's figures, ``(4,)``."""
        return np.asarray(self.found[self.names.index(name)])

    def difference(
        self, one: str, other: str, level: float = 0.95
    ) -> tuple[Float64Array, Float64Array, Float64Array]:
        """Return one group's figures less another's, and the ends of their intervals, ``(4,)`` each."""
        a, b = self.names.index(one), self.names.index(other)
        drawn = self.draws[:, a] - self.draws[:, b]
        low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
        return self.found[a] - self.found[b], low, high


def draw_groups(
    groups: Mapping[str, Sequence[Float32Array]],
    person: tuple[Int64Array, Int64Array],
    draws: int = 300,
    seed: int = 0,
) -> Drawn:
    """Return the figures of groups of runs, such as a recipe's three seeds.

    Args:
        groups: each group's runs: the likeness of all pairs, ``(n,)`` float32, in the same order everywhere.
        person: of the pairs' left and right photos, ``(n,)`` int64 each.
        draws: how often people are drawn.
        seed: of the draws.
    """
    left, right = person
    runs = [[RankedPairs.of(one, left == right) for one in some] for some in groups.values()]

    def figures(weights: Float64Array) -> Float64Array:
        return np.array([np.mean([run.figures(weights) for run in some], axis=0) for some in runs])

    drawn = np.array([figures(weights) for weights in people_weights(left, right, draws, seed)])
    return Drawn(tuple(groups), figures(np.ones(len(left))), drawn)


def mean_of(several: Sequence[Drawn]) -> Drawn:
    """Return the mean of the figures of the same groups, drawn alike."""
    found, draws = (
        np.mean(one, axis=0) for one in zip(*((each.found, each.draws) for each in several), strict=True)
    )
    return Drawn(several[0].names, found, draws)
