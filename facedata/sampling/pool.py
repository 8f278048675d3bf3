"""Photos sorted by person, and photos of other people drawn from them; no files are read."""

from __future__ import annotations

import numpy as np

from ..types import BoolArray, Int32Array, Int64Array
from .quota import draw_below


class Pool:
    """Some photos, sorted by person and then by row.

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
        chosen = person if mask is None else person[mask]
        order = np.argsort(chosen, kind="stable")
        self.rows: Int64Array = order if mask is None else np.flatnonzero(mask)[order]
        self.size: Int64Array = np.bincount(chosen, minlength=people)
        self.start: Int64Array = np.cumsum(self.size) - self.size
        self.owner: Int32Array = np.repeat(np.arange(people, dtype=np.int32), self.size)
        self._present: Int64Array = np.flatnonzero(self.size)
        self._slot: Int64Array = np.searchsorted(self._present, np.arange(people))

    def count_others(self, person: Int64Array) -> Int64Array:
        """Return how many photos the pool has of people other than each person."""
        return np.asarray(len(self.rows) - self.size[person])

    def other_row(self, person: Int64Array, number: Int64Array) -> Int64Array:
        """Return the row of the number-th photo of people other than each person."""
        return np.asarray(self.rows[number + np.where(number >= self.start[person], self.size[person], 0)])

    def draw_other(self, person: Int64Array, uniform: str, rng: np.random.Generator) -> Int64Array:
        """Draw numbers for :meth:`other_row`: uniform over ``photos``, or ``people`` and then photos."""
        if uniform == "photos":
            return draw_below(self.count_others(person), rng)
        present = self.size[person] > 0
        slot = draw_below(len(self._present) - present.astype(np.int64), rng)
        chosen = self._present[slot + (present & (slot >= self._slot[person]))]
        index = self.start[chosen] + draw_below(self.size[chosen], rng)
        return np.asarray(index - np.where(chosen > person, self.size[person], 0))

    def count_later(self, person: Int64Array) -> Int64Array:
        """Return how many photos the pool has of people that come after each person."""
        return np.asarray(len(self.rows) - self.start[person] - self.size[person])

    def later_row(self, person: Int64Array, number: Int64Array) -> Int64Array:
        """Return the row of the number-th photo of the people after each person."""
        return np.asarray(self.rows[self.start[person] + self.size[person] + number])

    def draw_later(self, person: Int64Array, uniform: str, rng: np.random.Generator) -> Int64Array:
        """Draw numbers for :meth:`later_row`; for ``people``, every later person must have a photo."""
        if uniform == "photos":
            return draw_below(self.count_later(person), rng)
        chosen = person + 1 + draw_below(len(self.size) - 1 - person, rng)
        index = self.start[chosen] + draw_below(self.size[chosen], rng)
        return np.asarray(index - self.start[person] - self.size[person])
