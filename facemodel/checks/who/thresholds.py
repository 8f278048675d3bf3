"""The similarity at which the evidence reaches given odds, to be printed: decisions are made on the odds."""

from __future__ import annotations

import numpy as np

from .likelihood import Likelihood, Nearness


def similarity_at(
    likelihood: Likelihood, log_odds: float, left: int, right: int, sides: tuple[Nearness, Nearness],
    *, of_any: bool = False,
) -> float:  # fmt: skip
    """Return the similarity from which groups are one person with these log odds; between -.99 and .99.

    Args:
        likelihood: the distributions.
        log_odds: natural logarithm.
        left: photos of one group.
        right: photos of the other.
        sides: how near their nearest others are, each with one row.
        of_any: against any other person, not the most similar one.
    """
    low, high = -0.99, 0.99
    for _ in range(40):
        middle = np.array([(low + high) / 2])
        other = likelihood.log_other if of_any else likelihood.log_best
        odds = likelihood.log_same(middle, left, right) - other(middle, *sides)
        low, high = (float(middle[0]), high) if odds[0] < log_odds else (low, float(middle[0]))
    return high


def usual_nearness(near: Nearness) -> Nearness:
    """Return the median nearness, as one row."""
    return Nearness(np.array([np.median(near.mean)]), np.array([np.median(near.deviation)]))
