"""How far probabilities are from the truth: calibration error, Brier score, and the diagram of both."""

from __future__ import annotations

from typing import Any

import numpy as np

from facedata.types import BoolArray, Float64Array, Int64Array

from ...errors import ScoreError
from ..intervals import draw_figures

BINS = 15
_LEVEL = 0.95


def calibration_error(
    chance: Float64Array, same: BoolArray, left: Int64Array, right: Int64Array, seed: int = 0
) -> dict[str, Any]:
    """Return the calibration error of pairs' probabilities, with an interval over people.

    Both kinds of pairs weigh one half, whatever their numbers. The pairs are cut into up to 15 bins of equal
    weight by probability; the error is the mean over the pairs of the distance between their bin's mean
    probability and its share of pairs of one person (expected calibration error; Naeini, Cooper, Hauskrecht
    2015, there with bins of equal width). Chance makes it larger than the truth; people drawn again show by
    how much, and ``debiased`` is without that, as is the interval, a basic bootstrap one.

    Args:
        chance: ``(n,)`` probabilities that a pair shows one person.
        same: ``(n,)`` bool, whether it does; of both kinds.
        left: ``(n,)`` int64, the left crops' people.
        right: ``(n,)`` int64.
        seed: of the draws of people.

    Returns:
        Plain values: ``error``, ``debiased``, ``interval`` (the latter two None, and ``no_interval`` the
        reason, if there are too few people), ``brier`` (mean squared distance to 1 or 0), ``bins`` (each with
        ``pairs``, ``probability``, ``share`` and the share's ``interval``).

    Raises:
        ScoreError: the pairs are of one kind.
    """
    ones = _balance(np.ones(len(same)), same)
    places = np.unique(chance, return_inverse=True)[1]  # equal probabilities are in one bin
    mass = np.bincount(places, ones)
    codes = np.unique(((np.cumsum(mass) - mass / 2) * BINS).astype(np.int64)[places], return_inverse=True)[1]
    count = int(codes.max()) + 1

    def shares(weights: Float64Array) -> Float64Array:
        """Return each bin's weight, mean probability and share of one person; NaN if it is empty."""
        mine = _balance(weights, same)
        total, sums, true = (
            np.bincount(codes, mine * one, count) for one in (np.ones(len(same)), chance, same)
        )
        with np.errstate(invalid="ignore"):
            return np.stack([total, sums / total, true / total])

    def error_of(of_bins: Float64Array) -> float:
        return float(np.nansum(of_bins[0] * np.abs(of_bins[1] - of_bins[2])))

    found = shares(np.ones(len(same)))
    error, why_none = error_of(found), None
    spans: list[list[float] | None] = [None] * count
    told: dict[str, Any] = dict.fromkeys(("debiased", "interval"))
    try:
        drawn = draw_figures(lambda weights: shares(weights).ravel(), left, right, seed=seed)
        drawn = drawn.reshape(-1, 3, count)
        errors = np.array([error_of(one) for one in drawn])
        ends = [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2]
        told["debiased"] = max(0.0, 2 * error - float(errors.mean()))
        least, most = np.quantile(errors, ends)
        told["interval"] = [max(0.0, 2 * error - float(most)), max(0.0, 2 * error - float(least))]
        spans = [[float(low), float(high)] for low, high in np.nanquantile(drawn[:, 2], ends, axis=0).T]
    except ScoreError as reason:
        why_none = str(reason)
    bins = [
        {"pairs": int((codes == at).sum()), "probability": float(found[1, at]), "share": float(found[2, at])}
        | {"interval": spans[at]}
        for at in range(count)
    ]
    brier = float(ones @ (chance - same) ** 2)
    return {"error": error, **told, "brier": brier, "bins": bins, "no_interval": why_none}


def _balance(weights: Float64Array, same: BoolArray) -> Float64Array:
    """Scale weights so that those of either kind add up to one half.

    Raises:
        ScoreError: a kind weighs nothing.
    """
    true, false = float(weights[same].sum()), float(weights[~same].sum())
    if not true > 0 or not false > 0:
        raise ScoreError("all pairs that weigh something are of one kind")
    return np.where(same, weights / (2 * true), weights / (2 * false))
