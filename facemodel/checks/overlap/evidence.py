"""From known pairs to a threshold, to the odds that two people are one, and to the errors to expect.

The similarities of different people have a tail that is nearly normal, whatever the network, though not
that of the bulk: a line is fitted to the normal quantiles of the highest ranks, without the very highest,
which may be people under two names. Where the line expects fewer false matches than allowed, among all pairs
across the two sets, is the threshold. The halves of one person say how often a person is missed there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from facedata.types import Float64Array, Int64Array

from ...errors import ScoreError
from .known_pairs import OtherPeople, OwnHalves

_NORMAL = NormalDist()

_LEFT_OUT = 0.02
_FEWEST_LEFT_OUT = 3
"""Of the most similar different people, so many pairs per person do not count: names may be wrong."""

_LOWEST_RANK = 4
_RANKS = 24
_LARGEST_SHARE = 0.25
"""The line is fitted from there to one pair a person, or four times that rank, at most this share of all."""

_FEWEST_PAIRS = 100
_FEWEST_HALVES = 10
_STEPS = 1_000
"""The threshold is rounded up to a thousandth."""

_FALSE_PER_PERSON = 1 / 8_000
_LEAST_FALSE = 0.03
"""Expected false matches that are allowed: per person of the smaller set, and in any case."""

_BENDS = {1: 2.0, 2: 3.0, 4: 4.0, 8: 4.0}
"""From so many deviations below its median the own side falls no quicker, by the photos of the smaller half:
some photos have wrong names or are poor, and that counts less among several."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """What two sets and a model say about how similar people are.

    Attributes:
        people: how many people the two sets have.
        line: offset and slope: ``offset + slope * similarity`` is the normal quantile at which different
            people are that similar.
        own: the halves of one person, of those numbers of photos of which there are enough.
        threshold: two people are one from this similarity above the crowd's.
        pairs: how many pairs of different people were measured.
    """

    people: tuple[int, int]
    line: tuple[float, float]
    own: tuple[OwnHalves, ...]
    threshold: float
    pairs: int

    @property
    def expected_false(self) -> float:
        """How many pairs of different people across the sets are expected above the threshold."""
        offset, slope = self.line
        share = 0.5 * math.erfc((offset + slope * self.threshold) / math.sqrt(2))
        return self.people[0] * self.people[1] * share

    def log_odds(self, similarity: Float64Array, left: Int64Array, right: Int64Array) -> Float64Array:
        """Return the natural logarithm of the odds that two people are one, ``(n,)``.

        Before anything was measured, the odds are those of one partner among the larger set's people.

        Args:
            similarity: ``(n,)``, above the crowd's.
            left: ``(n,)`` int64, how many photos one of them has.
            right: ``(n,)`` int64, the other.
        """
        return self._ratio(similarity, self._kind(left, right)) - math.log(max(*self.people, 1))

    def accepts(
        self, similarity: Float64Array, left: Int64Array, right: Int64Array
    ) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Return which pairs are one person: above the threshold, and more like one person than like two.

        The latter counts for people with many photos, which agree within and differ across: siblings.
        """
        return (similarity >= self.threshold) & (self._ratio(similarity, self._kind(left, right)) >= 0)

    def missed(self, left: Int64Array, right: Int64Array) -> float | None:
        """Return the share of shared people that are missed, if any two of these may be one; None if unknown.

        Args:
            left: ``(n,)`` int64, how many photos each of this set's people has.
            right: ``(m,)`` int64, the other set's.
        """
        if not self.own or not len(left) or not len(right):
            return None
        rates = np.array([self._missed_of(number) for number in range(len(self.own))])
        ones, ones_count = np.unique(left, return_counts=True)
        others, others_count = np.unique(right, return_counts=True)
        kinds = self._kind(np.repeat(ones, len(others)), np.tile(others, len(ones)))
        weights = np.outer(ones_count, others_count).ravel()
        return float((rates[kinds] * weights).sum() / weights.sum())

    def missed_by_photos(self) -> list[dict[str, Any]]:
        """Return the share of people that are missed, by how many photos the two sets have of them."""
        return [
            {
                "photos": list(half.photos),
                "people": len(half.values),
                "missed": round(self._missed_of(number), 4),
            }
            for number, half in enumerate(self.own)
        ]

    def _missed_of(self, number: int) -> float:
        values = self.own[number].values
        counts = [np.full(len(values), count) for count in self.own[number].photos]
        return float(1 - self.accepts(values, counts[0], counts[1]).mean())

    def _kind(self, left: Int64Array, right: Int64Array) -> Int64Array:
        """Return which of the halves is nearest, with no more photos; the first where even it has more."""
        spread = 1 / left + 1 / right
        kinds = np.array([1 / one + 1 / two for one, two in (half.photos for half in self.own)])
        return np.asarray(np.maximum((kinds >= spread[:, None] - 1e-9).sum(axis=1) - 1, 0), np.int64)

    def _ratio(self, similarity: Float64Array, kind: Int64Array) -> Float64Array:
        """Return how much likelier a similarity is of one person than of two, as a logarithm."""
        offset, slope = self.line
        other = math.log(slope) - np.square(np.maximum(offset + slope * similarity, 0)) / 2
        if not self.own:
            return -other
        middles = np.array([np.median(half.values) for half in self.own])
        spreads = np.array([half.spread for half in self.own])
        below = np.maximum((middles[kind] - similarity) / spreads[kind], 0)
        bends = np.array([_BENDS[min(half.photos)] for half in self.own])[kind]
        bent = np.where(below <= bends, np.square(below) / 2, bends * below - np.square(bends) / 2)
        return np.asarray(-bent - np.log(spreads[kind]) - other)


def weigh(
    others: OtherPeople, own: Sequence[OwnHalves], people: tuple[int, int], given: float | None = None
) -> Evidence:
    """Find the threshold of two sets.

    Args:
        others: how similar different people are, within each set.
        own: how similar the halves of one person are.
        people: how many people the two sets have.
        given: a threshold of the user's; None to estimate it.

    Raises:
        ScoreError: there are too few pairs of different people, or the model finds them all alike.
    """
    if others.pairs < _FEWEST_PAIRS:
        raise ScoreError(
            f"within the two sets there are {others.pairs:,} pairs of different people, too few to tell how "
            f"similar others may be ({_FEWEST_PAIRS} are needed): the sets were not compared by face"
        )
    offset, slope = fit_tail(others)
    allowed = max(_LEAST_FALSE, min(people) * _FALSE_PER_PERSON)
    quantile = -_NORMAL.inv_cdf(min(allowed / (people[0] * people[1]), 0.5))
    estimated = math.ceil((quantile - offset) / slope * _STEPS) / _STEPS
    threshold = estimated if given is None else given
    enough = tuple(half for half in own if len(half.values) >= _FEWEST_HALVES)
    return Evidence(people, (offset, slope), enough, threshold, others.pairs)


def fit_tail(others: OtherPeople) -> tuple[float, float]:
    """Fit a line to the normal quantiles of the most similar pairs of different people, by least squares.

    Returns:
        Its offset and its slope.

    Raises:
        ScoreError: they are all equally similar.
    """
    first = max(_FEWEST_LEFT_OUT, round(others.people * _LEFT_OUT))
    last = min(max(first * _LOWEST_RANK, others.people), int(others.pairs * _LARGEST_SHARE))
    ranks = np.unique(np.geomspace(min(first, last - 1), last, _RANKS).astype(np.int64))
    levels = others.levels[np.searchsorted(others.above, ranks)]
    quantiles = np.array([-_NORMAL.inv_cdf((rank - 0.5) / others.pairs) for rank in ranks.tolist()])
    spread = levels - levels.mean()
    if np.ptp(levels) < 1 / _STEPS:
        raise ScoreError(
            "the model finds different people of these sets all equally similar: they were not compared by "
            "face"
        )
    slope = float((spread * quantiles).sum() / np.square(spread).sum())
    return float(quantiles.mean() - slope * levels.mean()), slope
