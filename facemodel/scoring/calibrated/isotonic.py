"""Two curves from a score to a probability: isotonic and logistic regression, with weights."""

from __future__ import annotations

import numpy as np

from facedata.types import BoolArray, Float64Array

_LEAST_GENUINE = 2
"""Comparisons of one person that a block of the isotonic curve must weigh."""

_MOST_KNOTS = 64

_STEPS = 100
_NEAR = 1e-10


def pool_violators(values: Float64Array, weights: Float64Array) -> Float64Array:
    """Return the rising numbers that are nearest to ``values``: weighted isotonic regression.

    Neighbours that fall are pooled into their mean until none does (Ayer et al. 1955; Best and Chakravarti
    1990).

    Args:
        values: ``(n,)``.
        weights: ``(n,)``, above 0.

    Returns:
        ``(n,)`` float64, never falling.

    >>> pool_violators(np.array([0.0, 1.0, 0.0, 1.0]), np.ones(4))
    array([0. , 0.5, 0.5, 1. ])
    """
    means, masses, counts = list[float](), list[float](), list[int]()
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        mean, mass, count = value, weight, 1
        while means and means[-1] >= mean:
            before, mine = means.pop(), masses.pop()
            mean, mass, count = (
                (mean * mass + before * mine) / (mass + mine),
                mass + mine,
                count + counts.pop(),
            )
        means.append(mean)
        masses.append(mass)
        counts.append(count)
    return np.repeat(np.array(means, np.float64), counts)


def fit_logistic(
    alike: Float64Array, same: BoolArray, weights: Float64Array, counts: tuple[float, float]
) -> tuple[float, float]:
    """Return the slope and the intercept of the log-odds in the likeness, by Newton's method.

    The labels are not 1 and 0 but, as Platt has it, (n + 1) / (n + 2) of the n pairs of one person and 1 / (m
    + 2) of the m of two, so that kinds that do not overlap have a curve too. Platt, Probabilistic outputs for
    support vector machines, 1999.

    Args:
        alike: ``(n,)`` likenesses, not all equal.
        same: ``(n,)`` bool.
        weights: ``(n,)``, above 0.
        counts: how many pairs of one person and of two they stand for.
    """
    middle, spread = float(alike.mean()), float(alike.std())
    x = np.stack([(alike - middle) / spread, np.ones(len(alike))])
    wanted = np.where(same, (counts[0] + 1) / (counts[0] + 2), 1 / (counts[1] + 2))
    found = np.array([1.0, 0.0])
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-found @ x))
        gradient = x @ (weights * (chance - wanted))
        curvature = (x * (weights * chance * (1 - chance))) @ x.T
        step = np.linalg.lstsq(curvature, gradient, rcond=None)[0]
        found = found - step * min(1.0, 4.0 / max(float(np.abs(step).max()), 1e-300))
        if float(np.abs(step).max()) < _NEAR:
            break
    slope = float(found[0]) / spread
    return slope, float(found[1]) - slope * middle


def find_knots(
    alike: Float64Array, same: BoolArray, weights: Float64Array, count: int
) -> tuple[Float64Array, Float64Array]:
    """Return the knots of the isotonic curve: mean scores of its blocks, and their log-odds.

    Args:
        alike: ``(n,)`` likenesses.
        same: ``(n,)`` bool.
        weights: ``(n,)``, those of each kind add up to one.
        count: how many comparisons of one person there are.
    """
    order = np.argsort(alike, kind="stable")
    alike, true, mass = alike[order], (weights * same)[order], weights[order]
    # equal scores are one; then what does not rise is one anyway, which spares the millions of two people
    starts = np.flatnonzero(np.append(True, np.diff(alike) > 0))
    sums = np.add.reduceat(np.stack([true, mass, mass * alike]), starts, axis=1)
    starts = np.flatnonzero(np.append(True, np.diff(sums[0] / sums[1]) > 0))
    sums = np.add.reduceat(sums, starts, axis=1)
    fitted = pool_violators(sums[0] / sums[1], sums[1])
    blocks = np.add.reduceat(sums, np.flatnonzero(np.append(True, np.diff(fitted) > 0)), axis=1)
    least = _LEAST_GENUINE / count
    while (joined := join_small(blocks, least)).shape[1] > _MOST_KNOTS:
        least *= 2
    true, false = joined[0] + 0.5 / count, joined[1] - joined[0] + 0.5 / (len(same) - count)
    chance = pool_violators(true / (true + false), joined[1])
    return joined[2] / joined[1], np.log(chance / (1 - chance))


def join_small(blocks: Float64Array, least: float) -> Float64Array:
    """Join blocks ``(3, n)`` to the next until each weighs ``least``; what is left goes to the last."""
    joined, mine = list[Float64Array](), np.zeros(len(blocks))
    for block in blocks.T:
        mine = mine + block
        if mine[1] >= least:
            joined.append(mine)
            mine = np.zeros(len(blocks))
    if not joined:
        return mine[:, None]
    joined[-1] = joined[-1] + mine
    return np.stack(joined, axis=1)
