"""The error versus discard characteristic: rejections of one person as the worst pairs are left out.

Grother and Tabassi, Performance of biometric quality measures, IEEE TPAMI 29, 2007; ISO/IEC 29794-1. A pair's
quality is that of the worse of its two photos.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from facedata.types import BoolArray, Float64Array

from ...errors import ScoreError

MOST_DISCARDED = 0.2
"""Where the area ends: nobody can afford to send more people to the photographer again."""

_POINTS = 201


def discard_curve(
    rejected: BoolArray, quality: Float64Array
) -> Callable[[Float64Array, Float64Array], Float64Array]:
    """Return a function from pair weights and shares to leave out, to the share rejected of what stays.

    Pairs of equal quality leave together, as if drawn at random.

    Args:
        rejected: ``(n,)`` bool, of pairs of one person: those that the threshold rejects.
        quality: ``(n,)``, of each pair; low ones leave first.

    Returns:
        From weights ``(n,)`` and ``(k,)`` shares from 0 up to, not including, 1, to ``(k,)`` rates. It raises
        :class:`ScoreError` if nothing weighs anything.

    >>> rate = discard_curve(np.array([True, False, False, True]), np.array([0.1, 0.5, 0.7, 0.9]))
    >>> rate(np.ones(4), np.array([0.0, 0.25, 0.5]))
    array([0.5       , 0.33333333, 0.5       ])
    """
    order = np.argsort(quality, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(quality[order]) > 0, True))
    wrong = rejected[order].astype(np.float64)

    def rates(weights: Float64Array, shares: Float64Array) -> Float64Array:
        mine = weights[order]
        gone = np.concatenate([[0.0], np.cumsum(mine)[ends]])
        errors = np.concatenate([[0.0], np.cumsum(mine * wrong)[ends]])
        if not gone[-1] > 0:
            raise ScoreError("no pair of one person was drawn")
        left = errors[-1] - np.interp(shares * gone[-1], gone, errors)
        return np.asarray(np.maximum(left, 0.0) / (gone[-1] * (1 - shares)))

    return rates


def best_curve(rate: float, shares: Float64Array) -> Float64Array:
    """Return the rates if exactly the rejected pairs left first."""
    return np.asarray(np.maximum(rate - shares, 0.0) / (1 - shares))


def mean_rate(rates: Callable[[Float64Array], Float64Array]) -> float:
    """Return the area below a curve up to a fifth left out, divided by that fifth: the mean rate there."""
    shares = np.linspace(0.0, MOST_DISCARDED, _POINTS)
    values = rates(shares)
    return float((values[1:] + values[:-1]).mean() / 2)
