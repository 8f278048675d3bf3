"""The figures of all scored pairs, and again of those that show nobody whom the training set has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...errors import ScoreError
from ...validated.summary import FEWEST_PEOPLE
from ..folds import judge_as_insightface
from ..pair_figures import ScoredPairs, pair_figures
from ..pairs import PairRows
from ..plan import ScoringPlan
from ..thresholds import Threshold

THRESHOLDS = (
    "both columns are decided at the same threshold; where each fold has its own, it is chosen again, "
    "without the pairs that are left out"
)


def all_figures(
    plan: ScoringPlan, scored: Mapping[str, ScoredPairs], thresholds: Mapping[str, Threshold], seed: int
) -> dict[str, Any]:
    """Compute ``figures`` by metric, and where the plan knows shared crops the same ``without_overlap``.

    ``insightface`` is what its verification would print of all pairs; None where there are not ten folds.

    Args:
        plan: what is scored.
        scored: the plan's tested pairs, by metric.
        thresholds: by metric.
        seed: of dealt folds and of the draws of people.

    Raises:
        ScoreError: a score is NaN, or the pairs are of one kind.
    """
    figures = {metric: pair_figures(pairs, thresholds[metric], seed) for metric, pairs in scored.items()}
    cosine, stepped = scored.get("cosine"), None
    if cosine is not None and cosine.folds is not None:
        stepped = judge_as_insightface(cosine.values, cosine.same, cosine.folds)
    found = {"figures": figures, "insightface": stepped and stepped.figures()}
    if plan.shared is None:
        return found
    return {**found, "without_overlap": figures_without(plan, scored, thresholds, seed)}


def figures_without(
    plan: ScoringPlan, scored: Mapping[str, ScoredPairs], thresholds: Mapping[str, Threshold], seed: int
) -> dict[str, Any]:
    """Return what is left out, and the figures of the other pairs; see :func:`all_figures`.

    Raises:
        ScoreError: the plan knows of no shared crops.
    """
    shared, person, tested = plan.shared, plan.people.person, plan.tested
    gone = plan.shared_pairs
    if shared is None or gone is None:
        raise ScoreError("the plan knows of no shared crops")
    rows = np.unique(np.concatenate([tested.left, tested.right]))
    mine = rows[shared.is_shared[rows]]
    left = PairRows(tested.left[~gone], tested.right[~gone], tested.same[~gone])
    figures, why_none = None, None
    try:
        if not len(left):
            raise ScoreError("every pair shows somebody whom the training set has: no pair is left")
        figures = {
            metric: pair_figures(pairs.take(~gone), thresholds[metric], seed)
            for metric, pairs in scored.items()
        }
    except ScoreError as error:
        why_none = str(error)
    counts = left.counts(person)
    notes = list(shared.notes)
    if why_none is None and counts["people"] < FEWEST_PEOPLE:
        notes.append(
            f"only {counts['people']} people are left without the shared ones: the figures say little"
        )
    return {
        "other": shared.other,
        "compared_by": shared.model,
        "by": shared.by,
        "left_out": {
            "pairs": int(gone.sum()),
            "genuine": int((gone & tested.same).sum()),
            "impostors": int((gone & ~tested.same).sum()),
            "photos": len(mine),
            "people": len(np.unique(person[mine])),
        },
        "pairs": counts,
        "figures": figures,
        "no_figures": why_none,
        "thresholds": THRESHOLDS,
        "notes": notes,
    }
