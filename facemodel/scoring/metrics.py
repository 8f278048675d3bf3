"""Figures of pairs: ROC, AUC, EER, TAR at FAR, thresholds, decisions; pure functions on arrays.

All take ``likeness``, ``(n,)``, higher the more alike, and ``same``, ``(n,)`` bool: which pairs show one
person (*genuine*; the others are *impostor* pairs). ``weights``, ``(n,)``, count a pair more than once, or by
a fraction. Pairs of equal likeness are one step of the curve: they are accepted together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from facedata.types import BoolArray, Float64Array

from ..errors import ScoreError

FARS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
"""False accept rates at which the true accept rate is looked up."""

FEWEST_FALSE_ACCEPTS = 10
"""A rate is reported only if it allows at least this many false accepts; with fewer, one decides too much."""


@dataclass(frozen=True)
class TarAtFar:
    """The true accept rate at a false accept rate.

    Attributes:
        far: the highest false accept rate allowed.
        tar: the highest true accept rate at that rate or below; None if there are too few impostor pairs.
        threshold: the lowest likeness accepted there; None if ``tar`` is.
        impostors: number of impostor pairs.
    """

    far: float
    tar: float | None
    threshold: float | None
    impostors: int


@dataclass(frozen=True, eq=False)
class Roc:
    """A ROC curve with every step, from nothing accepted to all accepted.

    Attributes:
        thresholds: ``(k + 1,)`` float64, falling, the first infinite; pairs at least as alike are accepted.
        false_accepts: ``(k + 1,)``, weight of the impostor pairs accepted at each threshold.
        true_accepts: ``(k + 1,)``, weight of the genuine pairs accepted.
        impostors: number of impostor pairs, unweighted.
        genuine: number of genuine pairs, unweighted.
    """

    thresholds: Float64Array
    false_accepts: Float64Array
    true_accepts: Float64Array
    impostors: int
    genuine: int

    @property
    def far(self) -> Float64Array:
        """False accept rate at each threshold."""
        return np.asarray(self.false_accepts / self.false_accepts[-1])

    @property
    def tar(self) -> Float64Array:
        """True accept rate at each threshold."""
        return np.asarray(self.true_accepts / self.true_accepts[-1])

    def auc(self) -> float:
        """Return the area below the curve; ties count half."""
        steps = np.diff(self.far) * (self.tar[1:] + self.tar[:-1]) / 2
        return float(steps.sum())

    def eer(self) -> float:
        """Return the rate at which as many impostors are accepted as genuine pairs are rejected.

        Between two thresholds the curve is a straight line.
        """
        lead = self.far + self.tar - 1  # false accepts less false rejects: rises from -1 to 1
        at = int(np.argmax(lead >= 0))
        low, high = lead[at - 1], lead[at]
        part = -low / (high - low)
        return float(self.far[at - 1] + part * (self.far[at] - self.far[at - 1]))

    def tar_at_far(self, far: float) -> TarAtFar:
        """Look up one rate; no figure where ``impostors * far`` is below :data:`FEWEST_FALSE_ACCEPTS`."""
        if self.impostors < round(FEWEST_FALSE_ACCEPTS / far):
            return TarAtFar(far, None, None, self.impostors)
        at = int(np.searchsorted(self.far, far, side="right")) - 1
        # the strictest of the thresholds that accept the same genuine pairs
        at = int(np.searchsorted(self.true_accepts, self.true_accepts[at], side="left"))
        return TarAtFar(far, float(self.tar[at]), self._finite(at), self.impostors)

    def best_threshold(self) -> float:
        """Return the likeness from which to accept pairs so that most are decided correctly.

        It is always the likeness of a pair, so that any metric chooses the same pair; of several equally good
        thresholds, the strictest.
        """
        right = self.true_accepts + (self.false_accepts[-1] - self.false_accepts)
        return self._finite(int(np.argmax(right)))

    def _finite(self, at: int) -> float:
        """Return a threshold; for the infinite one the next number above all likenesses."""
        return float(self.thresholds[at] if at else np.nextafter(self.thresholds[1], np.inf))


def roc(likeness: Float64Array, same: BoolArray, weights: Float64Array | None = None) -> Roc:
    """Compute the ROC curve, as scikit-learn's ``roc_curve(…, drop_intermediate=False)``.

    Raises:
        ScoreError: a likeness is NaN, a weight is negative, or all pairs are of one kind.

    >>> curve = roc([0.9, 0.8, 0.8, 0.1], [True, True, False, False])
    >>> curve.auc(), curve.best_threshold()
    (0.875, 0.9)
    """
    likeness, same = _check_pairs(likeness, same)
    if weights is not None:
        weights = np.asarray(weights, np.float64)
        if weights.shape != same.shape or not (weights >= 0).all():
            raise ScoreError("weights are one a pair, and none is negative or NaN")
        if not (some := weights > 0).all():  # a pair that weighs nothing must not make a step of its own
            likeness, same, weights = likeness[some], same[some], weights[some]
    impostors, genuine = int((~same).sum()), int(same.sum())
    if not impostors or not genuine:
        kind = "genuine" if genuine else "impostor"
        raise ScoreError(f"all {len(same):,} pairs are {kind} pairs: figures need both kinds")
    order = np.argsort(likeness, kind="stable")[::-1]
    ranked = likeness[order]
    ends = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    mine = np.where(same[order], 1.0, 0.0), np.where(same[order], 0.0, 1.0)
    if weights is not None:
        mine = mine[0] * weights[order], mine[1] * weights[order]
    true, false = (np.concatenate([[0.0], np.cumsum(one)[ends]]) for one in mine)
    return Roc(np.concatenate([[np.inf], ranked[ends]]), false, true, impostors, genuine)


def auc_of(likeness: Float64Array, same: BoolArray) -> Callable[[Float64Array], float]:
    """Return a function from weights ``(n,)``, none negative, to the area below the ROC curve.

    It sorts the pairs once, so for many weightings it is much quicker than :meth:`Roc.auc`. It raises
    :class:`ScoreError` if all pairs with a weight above zero are of one kind.
    """
    likeness, same = _check_pairs(likeness, same)
    order = np.argsort(likeness, kind="stable")[::-1]
    ends = np.append(np.flatnonzero(np.diff(likeness[order])), len(order) - 1)
    genuine = same[order].astype(np.float64)

    def area(weights: Float64Array) -> float:
        mine = weights[order]
        both = np.cumsum(mine)[ends]
        true = np.cumsum(mine * genuine)[ends]
        false = both - true
        if not true[-1] > 0 or not false[-1] > 0:
            raise ScoreError("all pairs that weigh something are of one kind")
        heights = true.copy()
        heights[1:] += true[:-1]
        return float(np.diff(false, prepend=0.0) @ heights / 2 / true[-1] / false[-1])

    return area


@dataclass(frozen=True)
class Decisions:
    """How many pairs were accepted and rejected, rightly and wrongly: the weights of the four kinds.

    Attributes:
        true_accepts: genuine pairs accepted.
        false_accepts: impostor pairs accepted.
        true_rejects: impostor pairs rejected.
        false_rejects: genuine pairs rejected.
    """

    true_accepts: float
    false_accepts: float
    true_rejects: float
    false_rejects: float

    @property
    def accuracy(self) -> float:
        """Share of pairs decided correctly."""
        right = self.true_accepts + self.true_rejects
        return right / (right + self.false_accepts + self.false_rejects)

    @property
    def precision(self) -> float | None:
        """Share of the accepted pairs that are genuine; None if none is accepted."""
        accepted = self.true_accepts + self.false_accepts
        return self.true_accepts / accepted if accepted else None

    @property
    def recall(self) -> float | None:
        """Share of the genuine pairs that are accepted; None if there is none."""
        genuine = self.true_accepts + self.false_rejects
        return self.true_accepts / genuine if genuine else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall; None if no pair is genuine or accepted."""
        total = 2 * self.true_accepts + self.false_accepts + self.false_rejects
        return 2 * self.true_accepts / total if total else None


def decide(accepted: BoolArray, same: BoolArray, weights: Float64Array | None = None) -> Decisions:
    """Count decisions.

    Args:
        accepted: ``(n,)`` bool.
        same: ``(n,)`` bool.
        weights: ``(n,)``, or None for one each.

    Raises:
        ScoreError: there is no pair.
    """
    if not len(accepted):
        raise ScoreError("there is no pair to decide")
    counted = np.ones(len(accepted)) if weights is None else weights
    kinds = [accepted & same, accepted & ~same, ~accepted & ~same, ~accepted & same]
    return Decisions(*(float(counted[kind].sum()) for kind in kinds))


def accuracy(likeness: Float64Array, same: BoolArray, threshold: float) -> float:
    """Return the share of pairs decided correctly when a likeness of at least ``threshold`` is accepted."""
    likeness, same = _check_pairs(likeness, same)
    return decide(likeness >= threshold, same).accuracy


def _check_pairs(likeness: Float64Array, same: BoolArray) -> tuple[Float64Array, BoolArray]:
    likeness, same = np.asarray(likeness, np.float64), np.asarray(same, np.bool_)
    if likeness.shape != same.shape or likeness.ndim != 1:
        raise ScoreError(f"{likeness.shape} likenesses and {same.shape} answers do not belong together")
    if np.isnan(likeness).any():
        raise ScoreError(f"{int(np.isnan(likeness).sum()):,} of {len(same):,} likenesses are NaN")
    return likeness, same
