"""Each kind of row as a number, called its code, so that distinct rows are distinct numbers; pure functions.

A triplet's code is below (positives × negatives) of its anchor, the code of a pair of one person is below the
number of that person's pairs, and the code of a pair of two people is the number of the right photo among
those that its left photo may be paired with.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from ..types import BoolArray, Float64Array, Int64Array
from .pool import Pool
from .quota import clipped_product, draw_below, draw_distinct, fill, spread

MOST_ROWS = 1 << 40
"""Larger capacities are reduced to this, so that their sums fit int64; no table has as many rows."""


@dataclass(frozen=True)
class Rule:
    """How to draw rows.

    Attributes:
        strategy: ``random``; ``reference`` (a reference photo is the anchor, or left); ``all`` (every
            positive pair).
        uniform: draw uniformly over ``people`` or over ``photos``, anchors and negatives alike.
        max_per_person: the most triplets with one person as anchor; the most positive pairs of one person.
    """

    strategy: str = "random"
    uniform: str = "people"
    max_per_person: int | None = None


class TripletRows(NamedTuple):
    """Triplets as row numbers, ``(m,)`` int64 each, ordered by the anchor's person and then the anchor."""

    anchor: Int64Array
    positive: Int64Array
    negative: Int64Array


class PairRows(NamedTuple):
    """Pairs as row numbers, ``(m,)`` int64 each, and ``same``, ``(m,)`` bool; same ones come first."""

    left: Int64Array
    right: Int64Array
    same: BoolArray


class Triplets:
    """Triplets by anchor photo. A code is (positive, negative) as one number; with ``all``, the positive."""

    def __init__(self, every: Pool, anchors: Pool, partners: Pool, rule: Rule) -> None:
        self.every, self.anchors, self.partners, self.rule = every, anchors, partners, rule
        people = np.arange(len(every.size))
        own = partners.size - (anchors is partners)  # a photo is not its own positive
        codes = own if rule.strategy == "all" else own * every.count_others(people)
        self.own = own
        self._codes = codes
        self.capacity = _capped(clipped_product(anchors.size, codes, most=MOST_ROWS), rule)

    @cached_property
    def codes(self) -> Int64Array:
        """Return how many codes each anchor has, ``(anchors,)``."""
        return np.asarray(self._codes[self.anchors.owner])

    def share(self, count: int, rng: np.random.Generator) -> Int64Array:
        """Return ``(anchors,)``: how many triplets each anchor gives."""
        quota = fill(count, self.capacity, _weight(self.anchors, self.rule), rng)
        return spread(quota, self.anchors.size, rng)

    def chunk(self, span: Int64Array, quota: Int64Array, rng: np.random.Generator) -> TripletRows:
        """Draw the triplets of a span of anchors."""
        owner = self.anchors.owner[span].astype(np.int64)
        group, code = draw_distinct(
            quota[span], self.codes[span], lambda group: self._propose(owner[group], rng), rng
        )
        whose = owner[group]
        if self.rule.strategy == "all":
            positive, negative = code, self.every.draw_other(whose, self.rule.uniform, rng)
        else:
            positive, negative = np.divmod(code, self.every.count_others(whose))
        if self.anchors is self.partners:
            positive = positive + (positive >= (span - self.anchors.start[owner])[group])
        return TripletRows(
            self.anchors.row_at(span[group]),
            self.partners.row_at(self.partners.start[whose] + positive),
            self.every.other_row(whose, negative),
        )

    def _propose(self, person: Int64Array, rng: np.random.Generator) -> Int64Array:
        positive = draw_below(self.own[person], rng)
        if self.rule.strategy == "all":
            return positive
        negative = self.every.draw_other(person, self.rule.uniform, rng)
        return np.asarray(positive * self.every.count_others(person) + negative)


class SamePairs:
    """Pairs of one person's photos, by person. A code is the number of the pair among the person's pairs."""

    def __init__(self, lefts: Pool, rights: Pool, rule: Rule) -> None:
        self.lefts, self.rights, self.rule = lefts, rights, rule
        self.one_pool = lefts is rights
        size = lefts.size
        self.codes: Int64Array = size * (size - 1) // 2 if self.one_pool else size * rights.size
        self.capacity = _capped(np.minimum(self.codes, MOST_ROWS), rule)

    def share(self, count: int, rng: np.random.Generator) -> Int64Array:
        """Return ``(people,)``: how many pairs each person gives."""
        return fill(count, self.capacity, _weight(self.lefts, self.rule), rng)

    def chunk(self, span: Int64Array, quota: Int64Array, rng: np.random.Generator) -> PairRows:
        """Draw the pairs of a span of people."""
        codes = self.codes[span]
        group, code = draw_distinct(quota[span], codes, lambda group: draw_below(codes[group], rng), rng)
        whose = span[group]
        first, second = unrank_pair(code) if self.one_pool else np.divmod(code, self.rights.size[whose])
        left = self.lefts.row_at(self.lefts.start[whose] + first)
        right = self.rights.row_at(self.rights.start[whose] + second)
        return PairRows(left, right, np.ones(len(left), np.bool_))


class OtherPairs:
    """Pairs of two people, by left photo. A code is the number of the right photo.

    Within one pool, the left photo is of the person with the lower code; between reference photos and others,
    the sides cannot be swapped. So each unordered pair belongs to one left photo, and none is drawn twice.
    """

    def __init__(self, lefts: Pool, rights: Pool, rule: Rule) -> None:
        self.lefts, self.rights, self.rule = lefts, rights, rule
        self.one_pool = lefts is rights
        people = np.arange(len(lefts.size))
        partners = rights.count_later(people) if self.one_pool else rights.count_others(people)
        self._partners = partners
        self.capacity = clipped_product(lefts.size, partners, most=MOST_ROWS)

    @cached_property
    def codes(self) -> Int64Array:
        """Return how many codes each left photo has, ``(lefts,)``."""
        return np.asarray(self._partners[self.lefts.owner])

    def share(self, count: int, rng: np.random.Generator) -> Int64Array:
        """Return ``(lefts,)``: how many pairs each left photo gives."""
        weight = _weight(self.lefts, self.rule)
        if self.rule.uniform == "photos":
            weight = self.capacity.astype(np.float64)
        elif (
            self.one_pool
        ):  # all pairs of people weigh the same, so a person's weight is the number of people after
            weight = np.arange(len(weight), dtype=np.float64)[::-1]
        return spread(fill(count, self.capacity, weight, rng), self.lefts.size, rng)

    def chunk(self, span: Int64Array, quota: Int64Array, rng: np.random.Generator) -> PairRows:
        """Draw the pairs of a span of left photos."""
        owner = self.lefts.owner[span].astype(np.int64)
        rights, uniform = self.rights, self.rule.uniform
        draw = rights.draw_later if self.one_pool else rights.draw_other
        group, code = draw_distinct(
            quota[span], self.codes[span], lambda group: draw(owner[group], uniform, rng), rng
        )
        left = self.lefts.row_at(span[group])
        different = np.zeros(len(left), np.bool_)
        if not self.one_pool:
            return PairRows(left, rights.other_row(owner[group], code), different)
        right = rights.later_row(owner[group], code)
        return PairRows(np.minimum(left, right), np.maximum(left, right), different)


def unrank_pair(number: Int64Array) -> tuple[Int64Array, Int64Array]:
    """Return the number-th pair i < j of integers from 0, in the order 01, 02, 12, 03 and so on.

    >>> [array.tolist() for array in unrank_pair(np.arange(4))]
    [[0, 0, 1, 0], [1, 2, 2, 3]]
    """
    j = ((1 + np.sqrt(1 + 8 * number.astype(np.float64))) / 2).astype(np.int64)
    j -= j * (j - 1) // 2 > number  # the root may be off by one in either direction
    j += j * (j + 1) // 2 <= number
    return number - j * (j - 1) // 2, j


def _capped(capacity: Int64Array, rule: Rule) -> Int64Array:
    return capacity if rule.max_per_person is None else np.minimum(capacity, rule.max_per_person)


def _weight(pool: Pool, rule: Rule) -> Float64Array:
    return (pool.size if rule.uniform == "photos" else np.ones(len(pool.size))).astype(np.float64)
