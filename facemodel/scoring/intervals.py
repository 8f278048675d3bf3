"""The people behind pairs: weights that count each person the same, and bootstrap intervals over people."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from facedata.types import BoolArray, Float64Array, Int64Array

from ..errors import ScoreError
from ..validated.summary import FEWEST_PEOPLE

_DRAWS = 1000
_FEWEST_DRAWS = 100
_MOST_NUMBERS = 50_000_000
"""Pairs times draws; more would take longer than scoring the pairs."""


def fair_weights(left: Int64Array, right: Int64Array, same: BoolArray) -> Float64Array:
    """Return weights that count each person the same.

    A person's genuine pairs together weigh one. An impostor pair has two halves, one for each of its people,
    and a person's halves together weigh one. Then each kind is scaled to weigh its number of pairs again.

    Args:
        left: ``(n,)`` int64, the left crops' people.
        right: ``(n,)`` int64.
        same: ``(n,)`` bool.

    Returns:
        ``(n,)`` float64.

    >>> fair_weights(np.array([0, 0, 0, 1]), np.array([0, 0, 0, 1]), np.ones(4, bool))
    array([0.66666667, 0.66666667, 0.66666667, 2.        ])
    """
    weights = np.zeros(len(same), np.float64)
    for kind in (same, ~same):
        if not kind.any():
            continue
        sides = np.stack([left[kind], right[kind]])
        _, codes, counts = np.unique(sides, return_inverse=True, return_counts=True)
        # both sides of a genuine pair are one person, who is therefore counted twice
        shares = (1.0 / counts)[codes].reshape(sides.shape).sum(0)
        weights[kind] = shares * (len(shares) / shares.sum())
    return weights


def largest_share(left: Int64Array, same: BoolArray) -> float:
    """Return the share of the genuine pairs that the person with the most has; 0 if there are none."""
    counts = np.unique(left[same], return_counts=True)[1]
    return float(counts.max() / counts.sum()) if len(counts) else 0.0


@dataclass(frozen=True)
class Interval:
    """A bootstrap interval, from ``low`` to ``high``.

    Attributes:
        draws: how many draws of people gave a figure.
        people: how many people there are to draw from.
    """

    low: float
    high: float
    draws: int
    people: int


def bootstrap(
    figure: Callable[[Float64Array], float],
    left: Int64Array,
    right: Int64Array,
    *,
    draws: int | None = None,
    seed: int = 0,
    level: float = 0.95,
) -> Interval:
    """Return the interval of a figure when people are drawn again, with replacement.

    The genuine pairs of a person drawn k times count k times, the impostor pairs of two people drawn k and m
    times count k·m times. Draws for which the figure cannot be computed are left out.

    Args:
        figure: from pair weights ``(n,)`` float64 to a number; raises ScoreError if it has none. It may be a
            difference: ``lambda w: new(w) - old(w)``.
        left: ``(n,)`` int64, the left crops' people.
        right: ``(n,)`` int64.
        draws: how many; by default 1,000, for very many pairs fewer, at least 100.
        seed: the same seed gives the same draws.
        level: share of the draws within the interval.

    Raises:
        ScoreError: there are fewer than ten people, or fewer than ten with a genuine pair where there are
            genuine pairs; or all draws give the same figure. An interval of them would say too much.
    """
    drawn = draw_figures(lambda weights: [figure(weights)], left, right, draws=draws, seed=seed)[:, 0]
    people = len(np.unique(np.concatenate([left, right])))
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    if not low < high:
        raise ScoreError(f"no interval: every draw of {people:,} people gives {low:.4g}")
    return Interval(float(low), float(high), len(drawn), people)


def draw_figures(
    figures: Callable[[Float64Array], Sequence[float] | Float64Array],
    left: Int64Array,
    right: Int64Array,
    *,
    draws: int | None = None,
    seed: int = 0,
) -> Float64Array:
    """Return several figures for the same draws of people, as :func:`bootstrap` draws them.

    The difference of two columns is drawn in pairs: what makes a draw hard is hard for both.

    Args:
        figures: from pair weights ``(n,)`` float64 to ``(k,)`` numbers; raises ScoreError if it has none.
        left: ``(n,)`` int64, the left crops' people.
        right: ``(n,)`` int64.
        draws: how many; as :func:`bootstrap` does by default.
        seed: the same seed gives the same draws.

    Returns:
        ``(draws, k)`` float64; without the draws for which there are no figures.

    Raises:
        ScoreError: as :func:`bootstrap` does, unless all draws give the same figures.
    """
    draws = draws or int(np.clip(_MOST_NUMBERS // max(len(left), 1), _FEWEST_DRAWS, _DRAWS))
    people = len(np.unique(np.concatenate([left, right])))
    genuine = len(np.unique(left[left == right]))
    for count, who in ((people, "people"), (genuine or FEWEST_PEOPLE, "people with two photos")):
        if count < FEWEST_PEOPLE:
            raise ScoreError(f"too few {who} for an interval ({count}; {FEWEST_PEOPLE} are needed)")
    drawn = []
    for weights in people_weights(left, right, draws, seed):
        try:
            drawn.append(figures(weights))
        except ScoreError:
            continue  # without a genuine or an impostor pair
    if len(drawn) * 2 < draws:
        raise ScoreError(
            f"too few people for an interval: most draws of {people} have pairs of one kind only"
        )
    return np.array(drawn, np.float64)


def people_weights(left: Int64Array, right: Int64Array, draws: int, seed: int) -> Iterator[Float64Array]:
    """Yield the weights of the pairs, ``(n,)`` float64, for each draw of people."""
    people, codes = np.unique(np.concatenate([left, right]), return_inverse=True)
    ones, others = codes[: len(left)], codes[len(left) :]
    # a genuine pair counts its person once: its other side points past the people, to a count of one
    others = np.where(ones == others, len(people), others)
    rng = np.random.default_rng(seed)
    for _ in range(draws):
        drawn = rng.integers(len(people), size=len(people)) if len(people) else np.empty(0, np.int64)
        counts = np.append(np.bincount(drawn, minlength=len(people)), 1.0)
        yield counts[ones] * counts[others]
