"""Error versus discard for several qualities on the same pairs: which of them helps, and which most."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from facedata.types import BoolArray, Float64Array, Int64Array

from ...errors import ScoreError
from ..distances import is_same, likeness
from ..intervals import draw_figures
from ..metrics import FEWEST_FALSE_ACCEPTS, roc
from ..pair_figures import ScoredPairs
from ..plan import ScoringPlan
from ..thresholds import Threshold
from .columns import Quality
from .curve import MOST_DISCARDED, best_curve, discard_curve, mean_rate

FEWEST_REJECTED = FEWEST_FALSE_ACCEPTS
_FAR = 0.01
_LEVEL = 0.95
_SHOWN = (0.0, 0.1, 0.2)
_CURVE = np.linspace(0.0, 0.5, 51)


def all_discards(
    plan: ScoringPlan, scored: Mapping[str, ScoredPairs], thresholds: Mapping[str, Threshold], seed: int
) -> dict[str, Any]:
    """Compute the ``discard`` of the plan's qualities; nothing where it has none."""
    if not plan.qualities:
        return {}
    main, threshold = scored[plan.metric], thresholds[plan.metric].value
    sentence = "the threshold that decides the pairs"
    if threshold is None:
        rate = roc(main.likeness, main.same).tar_at_far(_FAR)
        threshold = None if rate.threshold is None else float(likeness(rate.threshold, main.metric))
        sentence = (
            f"where {_FAR:.0%} of these pairs of two people are accepted, as there is no other threshold"
        )
    ends = plan.tested.left, plan.tested.right
    return {
        "discard": discard_figures(main, ends, plan.qualities, threshold, seed) | {"decided_by": sentence}
    }


def discard_figures(
    pairs: ScoredPairs,
    ends: tuple[Int64Array, Int64Array],
    qualities: tuple[Quality, ...],
    threshold: float | None,
    seed: int = 0,
) -> dict[str, Any]:
    """Compute the error versus discard of each quality.

    Args:
        pairs: the pairs; those of one person count.
        ends: their crops, ``(n,)`` int64 both, as numbers of a quality's values.
        qualities: of the crops.
        threshold: what is accepted.
        seed: of the draws of people, the same for all qualities.

    Returns:
        Plain values: ``threshold``, ``columns``, best first (each with ``column``, ``pairs`` whose quality is
        known, the rates ``left_out``, ``mean``, ``random`` and ``best`` up to a fifth, ``of_possible``, its
        ``interval`` and ``helps``, ``curve``, or ``refused``, the reason why there is none), ``lead`` (of the
        best over the next).
    """
    same = pairs.same
    sides = [side[same] for side in ends]
    people = pairs.left[same], pairs.right[same]
    accepted = is_same(pairs.values[same], threshold, pairs.metric)
    every = {one.column: np.minimum(one.values[sides[0]], one.values[sides[1]]) for one in qualities}
    refused: dict[str, str | None] = {}
    for name, values in every.items():
        count = int((~accepted)[np.isfinite(values)].sum())
        refused[name] = None
        if threshold is None:
            refused[name] = "there is no threshold, and too few pairs of two people to choose one"
        elif not np.isfinite(values).any():
            refused[name] = "no pair of one person has it"
        elif count < FEWEST_REJECTED:
            refused[name] = (
                f"too few pairs of one person are rejected ({count}; {FEWEST_REJECTED} are needed)"
            )
    judged = {name: values for name, values in every.items() if refused[name] is None}
    measures = {name: _Measure(~accepted, values) for name, values in judged.items()}
    drawn, why_none = np.empty((0, len(judged))), None
    try:
        if judged:
            drawn = draw_figures(
                lambda weights: [one.of_possible(weights) for one in measures.values()], *people, seed=seed
            )
    except ScoreError as error:
        why_none = str(error)
    columns = [
        {"column": name, **measures[name].figures(), **_interval(drawn[:, at])}
        for at, name in enumerate(judged)
    ]
    for one in columns:
        one["helps"] = one["interval"] is not None and one["interval"][0] > 0
    columns.sort(key=lambda one: -one["of_possible"])
    lead = None
    if len(columns) > 1 and len(drawn):
        first, second = (list(judged).index(one["column"]) for one in columns[:2])
        ends_of_lead = _interval(drawn[:, first] - drawn[:, second])["interval"]
        lead = {"column": columns[0]["column"], "over": columns[1]["column"], "interval": ends_of_lead}
        lead["significant"] = ends_of_lead is not None and ends_of_lead[0] > 0
    columns += [{"column": name, "refused": why} for name, why in refused.items() if why is not None]
    return {
        "metric": pairs.metric,
        "threshold": threshold,
        "columns": columns,
        "lead": lead,
        "no_interval": why_none,
    }


class _Measure:
    """The figures of one quality, on the pairs that have it."""

    def __init__(self, rejected: BoolArray, quality: Float64Array) -> None:
        self.known = np.isfinite(quality)
        self.rejected = rejected[self.known]
        self.curve = discard_curve(self.rejected, quality[self.known])

    def areas(self, weights: Float64Array) -> tuple[float, float, float]:
        """Return the mean rates up to a fifth left out: by this quality, at random, at best."""
        mine = weights[self.known]
        start = float(self.curve(mine, np.zeros(1))[0])
        by_quality = mean_rate(lambda shares: self.curve(mine, shares))
        return by_quality, start, mean_rate(lambda shares: best_curve(start, shares))

    def of_possible(self, weights: Float64Array) -> float:
        """Return which share of the possible gain over leaving out at random this quality has."""
        mine, random, best = self.areas(weights)
        if not random > best:
            raise ScoreError("no rejected pair was drawn")
        return (random - mine) / (random - best)

    def figures(self) -> dict[str, Any]:
        ones = np.ones(len(self.known))
        mean, random, best = self.areas(ones)
        mine = ones[self.known]
        return {
            "pairs": int(self.known.sum()),
            "rejected": int(self.rejected.sum()),
            "left_out": dict(zip(map(str, _SHOWN), self.curve(mine, np.array(_SHOWN)).tolist(), strict=True)),
            "up_to": MOST_DISCARDED,
            "mean": mean,
            "random": random,
            "best": best,
            "of_possible": self.of_possible(ones),
            "curve": {
                "left_out": _CURVE.tolist(),
                "rejected": self.curve(mine, _CURVE).tolist(),
                "best": best_curve(random, _CURVE).tolist(),
            },
        }


def _interval(drawn: Float64Array) -> dict[str, Any]:
    """Return the interval of draws; None if there are none."""
    if not len(drawn):
        return {"interval": None}
    return {"interval": [float(end) for end in np.quantile(drawn, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])]}
