"""Figures of several runs on the same pairs, and their differences, with intervals over people.

An interval of a difference is drawn in pairs: each draw of people gives the figures of all runs on the same
pairs, and the difference is taken within the draw.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from facedata.types import BoolArray, Float64Array

from ...errors import ScoreError
from ..distances import is_same, likeness
from ..folds import deal_folds, judge_folds
from ..intervals import draw_figures
from ..metrics import FEWEST_FALSE_ACCEPTS, decide, roc
from .common_pairs import CommonPairs
from .scored_run import ScoredRun

FARS = (1e-2, 1e-3)
"""False accept rates at which runs are compared, where there are enough pairs of two people."""

LEVEL = 0.95
_DIGITS = 12
"""After the point, of a difference: a single pair changes more, and floating point leaves less."""

LOWER_IS_BETTER = ("eer",)

BETTER, WORSE, UNCLEAR, EQUAL = "better", "worse", "not significant", "the same"
"""What a difference's interval says: better or worse only where it excludes 0."""


@dataclass(frozen=True, eq=False)
class JudgedRun:
    """What a run says about the common pairs.

    Attributes:
        run: its scores.
        values: ``(n,)`` float64 distances or similarities by its own metric.
        accepted: ``(n,)`` bool, the pairs it takes for one person; None if nothing can decide.
        decided_by: what decided, in words.
    """

    run: ScoredRun
    values: Float64Array
    accepted: BoolArray | None
    decided_by: str

    @property
    def likeness(self) -> Float64Array:
        """``(n,)``, higher the more alike."""
        return likeness(self.values, self.run.metric)


def judge_runs(runs: Sequence[ScoredRun], pairs: CommonPairs, seed: int) -> list[JudgedRun]:
    """Decide the pairs at each run's own threshold.

    A run without a threshold is decided as evaluate does it: each fold's pairs at the threshold that is best
    for the other folds. Nothing is chosen on the pairs that it then decides.

    Args:
        runs: the runs.
        pairs: their common pairs.
        seed: of the folds, where the pairs have none.
    """
    judged = []
    for run, rows in zip(runs, pairs.rows, strict=True):
        values = run.table.column(run.metric).to_numpy()[rows].astype(np.float64)
        threshold = run.threshold["value"]
        if threshold is not None:
            judged.append(JudgedRun(run, values, is_same(values, threshold, run.metric), "its own threshold"))
            continue
        alike = likeness(values, run.metric)
        try:
            if pairs.folds is not None:
                folds = judge_folds(alike, pairs.same, pairs.folds)
            else:
                folds = judge_folds(alike, pairs.same, deal_folds(*pairs.people, seed), pairs.people)
            accepted, decided_by = folds.accepted, "each fold's threshold, chosen by the others"
        except ScoreError as error:
            accepted, decided_by = None, f"nothing: it has no threshold, and {error}"
        judged.append(JudgedRun(run, values, accepted, decided_by))
    return judged


def compare_figures(judged: Sequence[JudgedRun], pairs: CommonPairs, seed: int) -> dict[str, Any]:
    """Return each run's figures and their differences to the first run's, with 95% intervals over people.

    Args:
        judged: two runs or more.
        pairs: their common pairs.
        seed: of the draws of people.

    Returns:
        ``runs``: for each run and figure its ``value`` and ``interval`` (None where there is none);
        ``differences``: for each run but the first and each figure ``value``, ``interval`` and ``verdict``;
        ``draws`` and ``people``; ``no_interval``, the reason if there are none; ``fars_left_out``.

    Raises:
        ScoreError: a score is NaN.
    """
    impostors = int((~pairs.same).sum())
    fars = [far for far in FARS if impostors >= round(FEWEST_FALSE_ACCEPTS / far)]
    names = ["accuracy", "auc", "eer", *(f"tar_at_far_{far:g}" for far in fars)]
    values = np.array([exact_figures(one, pairs.same, fars) for one in judged])
    functions = [weighted_figures(one, pairs.same, fars) for one in judged]
    drawn, why_none = np.empty((0, *values.shape)), None
    try:
        drawn = draw_figures(
            lambda weights: np.concatenate([function(weights) for function in functions]),
            *pairs.people,
            seed=seed,
        ).reshape(-1, *values.shape)
    except ScoreError as error:
        why_none = str(error)
    runs, differences = [], []
    for at in range(len(judged)):
        # as evaluate has it: where every draw gives the same, an interval would say too much
        ends = [one if one and one[0] < one[1] else None for one in _intervals(drawn[:, at])]
        runs.append(
            {
                name: {"value": _plain(values[at, place]), "interval": ends[place]}
                for place, name in enumerate(names)
            }
        )
        if not at:
            continue
        # the same order by two metrics must not differ by what floating point leaves
        apart, within = (np.round(one[..., at, :] - one[..., 0, :], _DIGITS) + 0.0 for one in (values, drawn))
        ends = _intervals(within)
        differences.append(
            {
                name: {"value": _plain(apart[place]), "interval": ends[place]}
                | {"verdict": judge_difference(ends[place], lower_is_better=name in LOWER_IS_BETTER)}
                for place, name in enumerate(names)
            }
        )
    return {
        "runs": runs,
        "differences": differences,
        "draws": len(drawn),
        "level": LEVEL,
        "no_interval": why_none,
        "fars_left_out": [far for far in FARS if far not in fars],
    }


def weighted_figures(
    judged: JudgedRun, same: BoolArray, fars: Sequence[float]
) -> Callable[[Float64Array], Float64Array]:
    """Return a function from pair weights ``(n,)`` to accuracy, AUC, EER and the TAR at each FAR.

    It sorts the pairs once; the figures are those of :class:`~..metrics.Roc`, however few the pairs. The
    accuracy is NaN where nothing decides. The function raises :class:`ScoreError` if all pairs that weigh
    something are of one kind.
    """
    alike = judged.likeness
    order = np.argsort(alike, kind="stable")[::-1]
    ends = np.append(np.flatnonzero(np.diff(alike[order])), len(order) - 1)
    genuine = same[order].astype(np.float64)
    right = None if judged.accepted is None else (judged.accepted == same).astype(np.float64)

    def figures(weights: Float64Array) -> Float64Array:
        mine = weights[order]
        both = np.concatenate([[0.0], np.cumsum(mine)[ends]])
        true = np.concatenate([[0.0], np.cumsum(mine * genuine)[ends]])
        false = both - true
        if not true[-1] > 0 or not false[-1] > 0:
            raise ScoreError("all pairs that weigh something are of one kind")
        far, tar = false / false[-1], true / true[-1]
        area = float(np.diff(far) @ (tar[1:] + tar[:-1])) / 2
        lead = far + tar - 1  # false accepts less false rejects: rises from -1 to 1
        at = int(np.argmax(lead >= 0))
        part = -lead[at - 1] / (lead[at] - lead[at - 1])
        crossing = far[at - 1] + part * (far[at] - far[at - 1])
        rates = tar[np.searchsorted(far, fars, side="right") - 1] if len(fars) else []
        accuracy = np.nan if right is None else right @ weights / weights.sum()
        return np.array([accuracy, area, crossing, *rates])

    return figures


def judge_difference(interval: Sequence[float] | None, *, lower_is_better: bool = False) -> str | None:
    """Return what the interval of a difference says, in a word; None without an interval.

    >>> judge_difference([0.01, 0.03]), judge_difference([0.01, 0.03], lower_is_better=True)
    ('better', 'worse')
    >>> judge_difference([-0.01, 0.03]), judge_difference([0.0, 0.0])
    ('not significant', 'the same')
    """
    if interval is None:
        return None
    low, high = interval
    if low == high == 0:
        return EQUAL
    if low <= 0 <= high:
        return UNCLEAR
    return BETTER if (low > 0) is not lower_is_better else WORSE


def exact_figures(judged: JudgedRun, same: BoolArray, fars: Sequence[float]) -> list[float]:
    """Return what :func:`weighted_figures` gives for weights of one, to the last bit as evaluate gives it."""
    curve = roc(judged.likeness, same)
    rates = [curve.tar_at_far(far).tar for far in fars]
    accuracy = np.nan if judged.accepted is None else decide(judged.accepted, same).accuracy
    return [accuracy, curve.auc(), curve.eer(), *(np.nan if rate is None else rate for rate in rates)]


def _intervals(drawn: Float64Array) -> list[list[float] | None]:
    """Return the interval of each column of ``(draws, k)`` figures; None where there is none."""
    if not len(drawn):
        return [None] * drawn.shape[1]
    ends = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return [[float(low), float(high)] if np.isfinite(low) else None for low, high in ends.T]


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
