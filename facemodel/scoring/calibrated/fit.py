"""A calibration from all comparisons of the photos that validate."""

from __future__ import annotations

import math

import numpy as np

from facedata.types import Float64Array, Int64Array

from ...validated.calibration import ISOTONIC, PLATT, Calibration
from ...validated.summary import FEWEST_PEOPLE
from ..distances import likeness
from .isotonic import find_knots, fit_logistic

FEWEST_GENUINE = 200
"""With fewer comparisons of one person the curve is a logistic one: two numbers, not dozens."""

_MOST_GROUPS = 20_000
"""Comparisons of two people that the logistic curve sees; more are joined, neighbours by score."""

_DIGITS = 6


def fit_calibration(
    genuine: Float64Array, person: Int64Array, impostors: Float64Array, metric: str
) -> Calibration | None:
    """Return the calibration that comparisons show; None where too few people do, or all scores are equal.

    Both kinds weigh the same, whatever their numbers, and within the genuine ones each person does. The curve
    is isotonic (Zadrozny and Elkan, Transforming classifier scores into accurate multiclass probability
    estimates, 2002): blocks of equal probability, whose mean scores are its knots. It differs in three ways.
    Blocks that weigh less than two comparisons of one person are joined to the next. Half a comparison of
    either kind is added to each, since of n that are alike none proves a probability of 1. And between the
    knots the log-odds are interpolated, beyond them continued by the logistic curve's slope. With few
    comparisons it is that curve.

    Args:
        genuine: ``(n,)`` likenesses of two photos of one person.
        person: ``(n,)`` int64, that person.
        impostors: ``(m,)`` likenesses of photos of two people, ascending.
        metric: ``euclidean`` or ``cosine``.
    """
    people, codes, counts = np.unique(person, return_inverse=True, return_counts=True)
    if len(people) < FEWEST_PEOPLE or not len(impostors):
        return None
    parts = math.ceil(len(impostors) / _MOST_GROUPS)
    starts = np.arange(0, len(impostors), parts)
    sizes = np.diff(np.append(starts, len(impostors))).astype(np.float64)
    alike = np.concatenate([genuine, np.add.reduceat(impostors, starts) / sizes])
    if not float(alike.min()) < float(alike.max()):
        return None
    same = np.arange(len(alike)) < len(genuine)
    fair = 1 / counts[codes]
    weights = np.concatenate([fair / fair.sum(), sizes / sizes.sum()])
    slope, offset = fit_logistic(alike, same, weights, (len(genuine), len(impostors)))
    slope = max(slope, 0.0)  # worse than chance: no score says anything
    if len(genuine) < FEWEST_GENUINE or not slope:
        method, knots = PLATT, np.array([alike.mean()])
        odds = slope * knots + offset if slope else np.zeros(1)
    else:
        method = ISOTONIC
        everything = np.concatenate([genuine, impostors])
        is_genuine = np.arange(len(everything)) < len(genuine)
        every = np.concatenate([fair / fair.sum(), np.full(len(impostors), 1 / len(impostors))])
        knots, odds = find_knots(everything, is_genuine, every, len(genuine))
    values = [round(float(one), _DIGITS) for one in likeness(knots, metric)]
    kept = [at for at in range(len(values)) if at == 0 or values[at] != values[at - 1]]
    return Calibration(
        method, metric, tuple(values[at] for at in kept), tuple(round(float(odds[at]), _DIGITS) for at in
        kept), round(slope, _DIGITS), len(genuine), len(impostors), len(people),
    )  # fmt: skip
