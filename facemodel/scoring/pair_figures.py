"""All figures of scored pairs, as plain values."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from facedata.types import BoolArray, Float64Array, Int64Array

from ..errors import ScoreError
from .distances import is_same, likeness
from .folds import Folds, deal_folds, over_folds
from .intervals import bootstrap, fair_weights
from .metrics import FARS, Decisions, Roc, TarAtFar, auc_of, decide, roc
from .thresholds import Threshold


@dataclass(frozen=True, eq=False)
class ScoredPairs:
    """Pairs and how alike a model finds them.

    Attributes:
        values: ``(n,)`` float64 distances or similarities.
        metric: ``euclidean``; of ``cosine`` and ``head`` (a pair head) more is more alike.
        same: ``(n,)`` bool.
        left: ``(n,)`` int64, the left crops' people.
        right: ``(n,)`` int64.
        folds: ``(n,)`` int64, the protocol's folds; None where it has none.
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
        return alike(self.values, self.metric)


def alike(values: Float64Array, metric: str) -> Float64Array:
    """Return scores of any metric as numbers that are higher the more alike; its own inverse."""
    return likeness(values, _kind(metric))


def pair_figures(pairs: ScoredPairs, threshold: Threshold, seed: int = 0) -> dict[str, Any]:
    """Compute everything that is told of scored pairs.

    Decisions (accuracy, precision, recall, F1, confusion) are made at the threshold; where there is none,
    each fold's pairs are decided at the threshold of the other folds.

    Args:
        pairs: the pairs.
        threshold: from elsewhere, never chosen on these pairs.
        seed: of dealt folds and of the draws of people.

    Raises:
        ScoreError: a score is NaN, or the pairs are of one kind.
    """
    curve = roc(pairs.likeness, pairs.same)
    folds, why_none = _folds(pairs, seed)
    said = _said(pairs, threshold, folds)
    weights = fair_weights(pairs.left, pairs.right, pairs.same)
    value = threshold.value
    return {
        "metric": pairs.metric,
        "threshold": {"value": value, "from": threshold.source, "pairs": threshold.pairs}
        | {"sentence": threshold.sentence(), "decided_by": _decided_by(threshold, folds)},
        **_decided(said, pairs.same, None),
        **_ranked(curve),
        "tar_at_far": [asdict(_in_terms(curve, far, pairs.metric)) for far in FARS],
        "folds": None if folds is None else _fold_values(folds, pairs),
        "no_folds": why_none,
        "weighted": {
            **_decided(said, pairs.same, weights),
            **_ranked(roc(pairs.likeness, pairs.same, weights)),
        },
        "intervals": _intervals(pairs, said, seed),
    }


def _folds(pairs: ScoredPairs, seed: int) -> tuple[Folds | None, str | None]:
    """Return accuracy over the protocol's folds or dealt ones, or why there is none."""
    people = pairs.left, pairs.right
    try:
        if pairs.folds is not None:
            return over_folds(pairs.likeness, pairs.same, pairs.folds), None
        return over_folds(pairs.likeness, pairs.same, deal_folds(*people, seed), people), None
    except ScoreError as error:
        return None, str(error)


def _said(pairs: ScoredPairs, threshold: Threshold, folds: Folds | None) -> BoolArray | None:
    if threshold.value is not None:
        return is_same(pairs.values, threshold.value, _kind(pairs.metric))
    return None if folds is None else folds.said


def _decided_by(threshold: Threshold, folds: Folds | None) -> str:
    if threshold.value is not None:
        return "threshold"
    return "nothing" if folds is None else "each fold's threshold, chosen by the others"


def _decided(said: BoolArray | None, same: BoolArray, weights: Float64Array | None) -> dict[str, Any]:
    names = ("accuracy", "precision", "recall", "f1")
    if said is None:
        return {**dict.fromkeys(names), "confusion": None}
    found: Decisions = decide(said, same, weights)
    counts = asdict(found)
    if weights is None:
        counts = {name: round(count) for name, count in counts.items()}
    return {**{name: getattr(found, name) for name in names}, "confusion": counts}


def _ranked(curve: Roc) -> dict[str, Any]:
    return {
        "auc": curve.auc(),
        "eer": curve.eer(),
        "genuine": curve.genuine,
        "impostors": curve.impostors,
    }


def _in_terms(curve: Roc, far: float, metric: str) -> TarAtFar:
    """Look up one rate; its threshold as the metric has it."""
    found = curve.tar_at_far(far)
    if found.threshold is None:
        return found
    return replace(found, threshold=float(alike(np.array([found.threshold]), metric)[0]))


def _fold_values(folds: Folds, pairs: ScoredPairs) -> dict[str, Any]:
    official = pairs.folds is not None
    return {
        "accuracy": folds.mean,
        "standard_error": folds.standard_error,
        "folds": len(folds.numbers),
        "official": official,
        "how": "the protocol's folds; each judged at the threshold best for the others"
        if official
        else "people dealt into folds by lot, a pair goes with its left person; each fold judged at the "
        "threshold best for those pairs of the others that share nobody with it",
        "accuracies": list(folds.accuracies),
        "thresholds": alike(np.array(folds.thresholds), pairs.metric).tolist(),
        "pairs": list(folds.pairs),
    }


def _intervals(pairs: ScoredPairs, said: BoolArray | None, seed: int) -> dict[str, Any] | None:
    """Return 95% intervals over people; None where people are too few."""
    people = pairs.left, pairs.right
    found: dict[str, Any] = {"level": 0.95, "over": "people"}
    try:
        area = bootstrap(auc_of(pairs.likeness, pairs.same), *people, seed=seed)
        found.update(auc=[area.low, area.high], draws=area.draws, people=area.people)
        if said is not None:
            right = (said == pairs.same).astype(np.float64)
            share = bootstrap(lambda weights: _mean(right, weights), *people, seed=seed)
            found["accuracy"] = [share.low, share.high]
    except ScoreError:
        return None
    return found


def _mean(right: Float64Array, weights: Float64Array) -> float:
    total = float(weights.sum())
    if not total:
        raise ScoreError("no pair was drawn")
    return float(right @ weights) / total


def _kind(metric: str) -> str:
    """A pair head's score is read as a similarity is."""
    return "euclidean" if metric == "euclidean" else "cosine"
