"""Figures of slices: the pairs whose photos are both in a group, and whether they differ from the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from facedata.types import BoolArray, Float64Array, Int64Array

from ...errors import ScoreError
from ...validated.summary import FEWEST_PEOPLE
from ..distances import is_same
from ..intervals import draw_figures
from ..metrics import auc_of
from ..pair_figures import ScoredPairs
from ..plan import ScoringPlan
from ..thresholds import Threshold
from .photo_groups import PhotoGroups

FIGURES = ("accuracy", "auc", "eer")
_LEVEL = 0.95


def all_slices(
    plan: ScoringPlan, scored: Mapping[str, ScoredPairs], thresholds: Mapping[str, Threshold], seed: int
) -> dict[str, Any]:
    """Compute the ``slices`` by each column of the plan; nothing where it has none."""
    if not plan.groups:
        return {}
    main, threshold = scored[plan.metric], thresholds[plan.metric].value
    ends = plan.tested.left, plan.tested.right
    return {"slices": [slice_figures(main, ends, one, threshold, seed) for one in plan.groups]}


def slice_figures(
    pairs: ScoredPairs,
    ends: tuple[Int64Array, Int64Array],
    groups: PhotoGroups,
    threshold: float | None,
    seed: int = 0,
) -> dict[str, Any]:
    """Compute the figures of each group's pairs, and how they differ from those of the other groups.

    A pair is in a group when both of its photos are; pairs of two groups are only counted. A group is
    compared with the pairs within the other groups, people drawn again for both at once; the difference is
    significant where its interval excludes 0. A group is refused where an interval would say too much.

    Args:
        pairs: the pairs.
        ends: their crops, ``(n,)`` int64 both, as numbers of ``groups.codes``.
        groups: of the crops.
        threshold: what is accepted; without one there is no accuracy.
        seed: of the draws of people.

    Returns:
        Plain values: ``column``, ``groups`` (``name``, counts, ``figures``, ``intervals``, ``differences``
        and ``refused``, the reason why there are none), ``mixed`` and ``unknown`` (how many pairs are of two
        groups, or of a photo in none), ``left_out`` (values without a group) and ``compared``.
    """
    left, right = (groups.codes[side] for side in ends)
    is_known = (left >= 0) & (right >= 0)
    within = np.where(is_known & (left == right), left, -1)
    sliced = [_slice_of(pairs, within, code, name, threshold, seed) for code, name in enumerate(groups.names)]
    return {
        "column": groups.column,
        "groups": sliced,
        "mixed": int((is_known & (left != right)).sum()),
        "unknown": int((~is_known).sum()),
        "left_out": groups.left_out,
        "compared": sum(len(one["differences"] or {}) for one in sliced),
    }


def eer_of(likeness: Float64Array, same: BoolArray) -> Callable[[Float64Array], float]:
    """Return a function from weights ``(n,)``, none negative, to the EER; see :func:`~.metrics.auc_of`.

    It raises :class:`ScoreError` if all pairs with a weight above zero are of one kind.
    """
    order = np.argsort(likeness, kind="stable")[::-1]
    last = np.append(np.flatnonzero(np.diff(likeness[order])), len(order) - 1)
    genuine = same[order].astype(np.float64)

    def rate(weights: Float64Array) -> float:
        mine = weights[order]
        both, true = np.cumsum(mine)[last], np.cumsum(mine * genuine)[last]
        false = both - true
        if not true[-1] > 0 or not false[-1] > 0:
            raise ScoreError("all pairs that weigh something are of one kind")
        far = np.concatenate([[0.0], false / false[-1]])
        lead = far + np.concatenate([[0.0], true / true[-1]]) - 1
        at = int(np.argmax(lead >= 0))
        part = -lead[at - 1] / (lead[at] - lead[at - 1])
        return float(far[at - 1] + part * (far[at] - far[at - 1]))

    return rate


def _slice_of(
    pairs: ScoredPairs, within: Int64Array, code: int, name: str, threshold: float | None, seed: int
) -> dict[str, Any]:
    """Return one group's figures, or why there are none."""
    inside, others = within == code, (within >= 0) & (within != code)
    mine, rest = pairs.take(inside), pairs.take(others)
    values: dict[str, Any] = {
        "name": name,
        "genuine": int(mine.same.sum()),
        "impostors": int((~mine.same).sum()),
        "people": len(np.unique(np.concatenate([mine.left, mine.right]))),
        **dict.fromkeys(("figures", "intervals", "differences", "refused")),
    }
    try:
        _check_large_enough(mine)
        measure = _measures(mine, threshold)
        drawn = draw_figures(measure, mine.left, mine.right, seed=seed)
    except ScoreError as error:
        return {**values, "refused": str(error)}
    names = FIGURES if threshold is not None else FIGURES[1:]
    values["figures"] = dict(zip(names, measure(np.ones(len(mine.same))), strict=True))
    values["intervals"] = {name: _interval(drawn[:, at]) for at, name in enumerate(names)}
    try:
        _check_large_enough(rest)
        measure_rest, union = _measures(rest, threshold), inside | others
        in_union = inside[union]
        both = pairs.take(union)
        drawn = draw_figures(
            lambda weights: np.subtract(measure(weights[in_union]), measure_rest(weights[~in_union])),
            both.left, both.right, seed=seed,
        )  # fmt: skip
    except ScoreError:
        return values  # nothing to compare with
    apart = np.subtract(measure(np.ones(len(mine.same))), measure_rest(np.ones(len(rest.same))))
    values["differences"] = {
        name: {"value": float(apart[at]), "interval": (ends := _interval(drawn[:, at]))}
        | {"significant": ends is not None and not ends[0] <= 0 <= ends[1]}
        for at, name in enumerate(names)
    }
    return values


def _check_large_enough(pairs: ScoredPairs) -> None:
    """Check that there are people enough for figures with intervals.

    Raises:
        ScoreError: there are fewer than ten people with a pair of their own, or with one with somebody else.
    """
    for kind, what in ((pairs.same, "with two photos here"), (~pairs.same, "in pairs of two here")):
        count = len(np.unique(np.concatenate([pairs.left[kind], pairs.right[kind]])))
        if count < FEWEST_PEOPLE:
            raise ScoreError(f"too few people {what} ({count}; {FEWEST_PEOPLE} are needed)")


def _measures(pairs: ScoredPairs, threshold: float | None) -> Callable[[Float64Array], list[float]]:
    """Return a function from pair weights to the figures, in the order of :data:`FIGURES`."""
    area, rate = auc_of(pairs.likeness, pairs.same), eer_of(pairs.likeness, pairs.same)
    if threshold is None:
        return lambda weights: [area(weights), rate(weights)]
    right = (is_same(pairs.values, threshold, pairs.metric) == pairs.same).astype(np.float64)

    def measure(weights: Float64Array) -> list[float]:
        figures = [area(weights), rate(weights)]  # first: it refuses weights of nothing
        return [float(right @ weights / weights.sum()), *figures]

    return measure


def _interval(drawn: Float64Array) -> list[float] | None:
    """Return the interval of a figure's draws; None if all are the same."""
    low, high = np.quantile(drawn, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return [float(low), float(high)] if low < high else None
