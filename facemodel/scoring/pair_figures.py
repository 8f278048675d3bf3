"""All figures of scored pairs, as plain values."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from facedata.types import BoolArray, Float64Array, Int64Array

from ..errors import ScoreError
from ..validated.summary import FEWEST_PEOPLE
from .distances import is_same, likeness
from .folds import deal_folds, judge_folds
from .intervals import bootstrap, fair_weights
from .metrics import FARS, Roc, auc_of, decide, roc
from .thresholds import Threshold

_OFFICIAL = "those of the protocol; each is judged at the threshold that is best for the others"
_DEALT = (
    "each person is put into one at random, and a pair is in that of its left photo's person; each fold is "
    "judged at the threshold that is best for the other folds' pairs, without those that show its own people"
)


@dataclass(frozen=True, eq=False)
class ScoredPairs:
    """Pairs and how alike a model finds them.

    Attributes:
        values: ``(n,)`` float64 distances or similarities.
        metric: ``euclidean`` (a distance), or ``cosine`` or ``head`` (a pair head): higher is more alike.
        same: ``(n,)`` bool.
        left: ``(n,)`` int64, the left crops' people.
        right: ``(n,)`` int64.
        folds: ``(n,)`` int64, the protocol's folds; None if it has none.
    """

    values: Float64Array
    metric: str
    same: BoolArray
    left: Int64Array
    right: Int64Array
    folds: Int64Array | None = None

    @property
    def likeness(self) -> Float64Array:
        """``(n,)``, higher the more alike."""
        return likeness(self.values, self.metric)

    def take(self, kept: BoolArray) -> ScoredPairs:
        """Return some of the pairs: ``kept`` is ``(n,)`` bool."""
        people = self.left[kept], self.right[kept]
        folds = None if self.folds is None else self.folds[kept]
        return ScoredPairs(self.values[kept], self.metric, self.same[kept], *people, folds)


def pair_figures(pairs: ScoredPairs, threshold: Threshold, seed: int = 0) -> dict[str, Any]:
    """Compute every figure of scored pairs.

    Decisions (accuracy, precision, recall, F1, confusion) are made at the threshold; if there is none, each
    fold's pairs are decided at the threshold of the other folds.

    Args:
        pairs: the pairs.
        threshold: from elsewhere, never chosen on these pairs.
        seed: of dealt folds and of the draws of people.

    Raises:
        ScoreError: a score is NaN, or the pairs are of one kind.
    """
    alike, same, people = pairs.likeness, pairs.same, (pairs.left, pairs.right)
    curve = roc(alike, same)
    folds, why_none = None, None
    try:
        if pairs.folds is not None:
            folds = judge_folds(alike, same, pairs.folds)
        else:
            folds = judge_folds(alike, same, deal_folds(*people, seed), people)
    except ScoreError as error:
        why_none = str(error)
    if threshold.value is not None:
        accepted, decided_by = is_same(pairs.values, threshold.value, pairs.metric), "threshold"
    elif folds is not None:
        accepted, decided_by = folds.accepted, "each fold's threshold, chosen by the others"
    else:
        accepted, decided_by = None, "nothing"
    weights, count = fair_weights(*people, same), len(np.unique(np.concatenate(people)))
    rates = [asdict(curve.tar_at_far(far)) for far in FARS]
    for rate in rates:
        rate["threshold"] = None if rate["threshold"] is None else likeness(rate["threshold"], pairs.metric)
    return {
        "metric": pairs.metric,
        "threshold": {"value": threshold.value, "from": threshold.source, "pairs": threshold.pairs}
        | {"sentence": threshold.sentence(), "decided_by": decided_by},
        **_decision_figures(accepted, same, None),
        **_curve_figures(curve),
        "tar_at_far": rates,
        "folds": None
        if folds is None
        else {
            "accuracy": folds.mean,
            "standard_error": folds.standard_error if count >= FEWEST_PEOPLE else None,
            "folds": len(folds.numbers),
            "official": pairs.folds is not None,
            "how": _DEALT if pairs.folds is None else _OFFICIAL,
            "accuracies": list(folds.accuracies),
            "thresholds": likeness(np.array(folds.thresholds), pairs.metric).tolist(),
            "pairs": list(folds.pairs),
        },
        "no_folds": why_none,
        "weighted": {
            **_decision_figures(accepted, same, weights),
            **_curve_figures(roc(alike, same, weights)),
        },
        **_interval_figures(pairs, accepted, seed),
    }


def _decision_figures(
    accepted: BoolArray | None, same: BoolArray, weights: Float64Array | None
) -> dict[str, Any]:
    names = ("accuracy", "precision", "recall", "f1")
    if accepted is None:
        return {**dict.fromkeys(names), "confusion": None}
    decisions = decide(accepted, same, weights)
    counts = asdict(decisions)
    if weights is None:
        counts = {name: round(count) for name, count in counts.items()}
    return {**{name: getattr(decisions, name) for name in names}, "confusion": counts}


def _curve_figures(curve: Roc) -> dict[str, Any]:
    return {
        "auc": curve.auc(),
        "eer": curve.eer(),
        "genuine": curve.genuine,
        "impostors": curve.impostors,
    }


def _interval_figures(pairs: ScoredPairs, accepted: BoolArray | None, seed: int) -> dict[str, Any]:
    """Return 95% intervals over people, or None and the reason if there are too few people."""
    people = pairs.left, pairs.right
    intervals: dict[str, Any] = {"level": 0.95, "over": "people"}
    why_none: str | None = None
    try:
        area = bootstrap(auc_of(pairs.likeness, pairs.same), *people, seed=seed)
        intervals.update(auc=[area.low, area.high], draws=area.draws, people=area.people)
    except ScoreError as error:
        why_none = str(error)
    try:
        right = np.zeros(0) if accepted is None else (accepted == pairs.same).astype(np.float64)

        def share_right(weights: Float64Array) -> float:
            if not (total := float(weights.sum())):
                raise ScoreError("no pair was drawn")
            return float(right @ weights) / total

        if accepted is not None:
            share = bootstrap(share_right, *people, seed=seed)
            intervals["accuracy"] = [share.low, share.high]
            intervals.update(draws=share.draws, people=share.people)
    except ScoreError as error:
        why_none = why_none or str(error)
    has_any = "auc" in intervals or "accuracy" in intervals
    return {"intervals": intervals if has_any else None, "no_interval": why_none}
