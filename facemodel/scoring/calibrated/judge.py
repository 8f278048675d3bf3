"""The probabilities of an evaluation: whose calibration they are by, and how far they are from the truth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from facedata.types import Float32Array, Int64Array

from ...spec import InputSpec
from ...validated.calibration import EVEN
from ..open_set import summarise_validation
from ..pair_figures import ScoredPairs
from ..plan import ScoringPlan
from ..thresholds import HEAD, MODEL
from .error import calibration_error

_NONE = (
    "no probabilities: the model brings no calibration, and the set has no val or train pairs for one "
    "(`facemodel evaluate MODEL SET --keep-threshold` keeps one)"
)
_FEW = (
    "no probabilities: fewer than ten people with two photos could calibrate them, or an earlier version "
    "chose the model's threshold (`facemodel evaluate MODEL SET --keep-threshold` measures both anew)"
)


def judge_probabilities(
    plan: ScoringPlan,
    spec: InputSpec,
    scored: Mapping[str, ScoredPairs],
    choosing: tuple[Float32Array, Int64Array],
    seed: int,
) -> dict[str, Any]:
    """Return the ``calibration`` of an evaluation: its error on the tested pairs, and its source.

    A model's own calibration is used where its own threshold is; else one is fitted to all comparisons of the
    photos that choose the threshold, which are never those that are tested; ``--keep-threshold`` keeps just
    that one. A pair head gives probabilities itself.

    Args:
        plan: what is scored.
        spec: the model's.
        scored: the tested pairs by metric.
        choosing: the photos that choose the threshold, each once: embeddings ``(n, dim)`` and people
            ``(n,)``.
        seed: of the draws of people.
    """
    metric = HEAD if plan.metric == HEAD else spec.metric
    known, source = spec.validation, MODEL
    if metric != HEAD and plan.own[metric] is None:
        known, source = None, f"{plan.choosing_split} pairs"
        if len(choosing[1]):
            known = summarise_validation(*choosing, metric, unseen=True)
    curve = None if known is None else known.calibration
    told: dict[str, Any] = {"metric": metric, "from": source, "prior": EVEN, "unseen": None, "error": None}
    if metric == HEAD:
        told |= {"from": HEAD, "sentence": "the pair head's own probabilities"}
    elif known is None or curve is None:
        return {"calibration": told | {"from": "none", "sentence": _NONE if known is None else _FEW}}
    else:
        told |= {"sentence": curve.describe(), "unseen": known.unseen if source == MODEL else None}
    pairs = scored[metric]
    chance = pairs.values if metric == HEAD or curve is None else curve.probability(pairs.values)
    error = calibration_error(np.clip(chance, 0.0, 1.0), pairs.same, pairs.left, pairs.right, seed)
    return {"calibration": told | error}
