"""Photos sorted by person, and photos of other people drawn from them; no files are read."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from ..types import BoolArray, Int32Array, Int64Array
from .quota import draw_below


class Pool:
    """Some photos, sorted by person and then by row on first use.

    Args:
        person: ``(n,)`` int64, each row's person, from 0 to ``people - 1``.
        people: how many people there are, including those without a photo in the pool.
        mask: ``(n,)`` bool, which rows are in the pool; None for all.

    Attributes:
        rows: ``(m,)`` row numbers; person p's are ``rows[start[p]:start[p] + size[p]]``.
        owner: ``(m,)`` int32, the person of each of them.
        start: ``(people,)`` where a person's rows begin.
        size: ``(people,)`` how many there are.

    >>> pool = Pool(np.array([1, 0, 1]), people=2)
    >>> pool.rows.tolist(), pool.size.tolist(), pool.other_row(np.array([0]), np.array([1])).tolist()
    ([1, 0, 2], [1, 2], [2])
    """

    def __init__(self, person: Int64Array, people: int, mask: BoolArray | None = None) -> None:
        self._person, self._mask = person, mask
        self.size: Int64Array = np.bincount(person if mask is None else person[mask], minlength=people)
        self.start: Int64Array = np.cumsum(self.size) - self.size
        self._count = int(self.size.sum())
        self._present: Int64Array = np.flatnonzero(self.size)
        self._slot: Int64Array = np.searchsorted(self._present, np.arange(people))

    @cached_property
    def rows(self) -> Int64Array:
        """Return the row numbers, sorted by person."""
        if self._in_order:
            return np.arange(len(self._person))
        rows = np.arange(len(self._person)) if self._mask is None else np.flatnonzero(self._mask)
        return rows[np.argsort(self._person[rows], kind="stable")]

    @cached_property
    def owner(self) -> Int32Array:
        """Return the person of each of the rows."""
        return np.repeat(np.arange(len(self.size), dtype=np.int32), self.size)

    @cached_property
    def _in_order(self) -> bool:
        """Return whether all photos are in the pool, and sorted by person already."""
        return self._mask is None and bool((self._person[1:] >= self._person[:-1]).all())

    def row_at(self, place: Int64Array) -> Int64Array:
        """Return ``rows[place]``; nothing is looked up where the photos are sorted by person already."""
        return place if self._in_order else np.asarray(self.rows[place])

    def count_others(self, person: Int64Array) -> Int64Array:
        """Return how many photos the pool has of people other than each person."""
        return np.asarray(self._count - self.size[person])

    def other_row(self, person: Int64Array, number: Int64Array) -> Int64Array:
        """Return the row of the number-th photo of people other than each person."""
        return self.row_at(number + np.where(number >= self.start[person], self.size[person], 0))

    def draw_other(self, person: Int64Array, uniform: str, rng: np.random.Generator) -> Int64Array:
        """Draw numbers for :meth:`other_row`: uniform over ``photos``, or ``people`` and then photos."""
        if uniform == "photos":
            return draw_below(self.count_others(person), rng)
        if len(self._present) == len(self.size):  # then a person's slot is their number
            chosen = draw_below(np.broadcast_to(np.int64(len(self.size) - 1), person.shape), rng)
            chosen += chosen >= person
        else:
            present = self.size[person] > 0
            slot = draw_below(len(self._present) - present.astype(np.int64), rng)
            chosen = self._present[slot + (present & (slot >= self._slot[person]))]
        index = self.start[chosen]
        index += draw_below(self.size[chosen], rng)
        index -= np.where(chosen > person, self.size[person], 0)
        return np.asarray(index)

    def count_later(self, person: Int64Array) -> Int64Array:
        """Return how many photos the pool has of people that come after each person."""
        return np.asarray(self._count - self.start[person] - self.size[person])

    def later_row(self, person: Int64Array, number: Int64Array) -> Int64Array:
        """Return the row of the number-th photo of the people after each person."""
        return self.row_at(self.start[person] + self.size[person] + number)

    def draw_later(self, person: Int64Array, uniform: str, rng: np.random.Generator) -> Int64Array:
        """Draw numbers for :meth:`later_row`; for ``people``, every later person must have a photo."""
        if uniform == "photos":
            return draw_below(self.count_later(person), rng)
        chosen = person + 1 + draw_below(len(self.size) - 1 - person, rng)
        index = self.start[chosen] + draw_below(self.size[chosen], rng)
        return np.asarray(index - self.start[person] - self.size[person])
