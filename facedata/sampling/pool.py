"""Photos sorted by person, and photos of other people drawn from them; pure."""

from __future__ import annotations

import numpy as np

from ..types import BoolArray, Int32Array, Int64Array
from .quota import below


class Pool:
    """Some photos, sorted by person and then by row.

    Args:
        person: ``(n,)`` int64, each row's person, from 0 to ``people - 1``.
        people: how many people there are, those without a photo in the pool too.
        mask: ``(n,)`` bool, which rows are in the pool; None for all.

    Attributes:
        rows: ``(m,)`` row numbers; person p's are ``rows[start[p]:start[p] + size[p]]``.
        owner: ``(m,)`` int32, the person of each of them.
        start: ``(people,)`` where a person's rows begin.
        size: ``(people,)`` how many there are.

    >>> pool = Pool(np.array([1, 0, 1]), people=2)
    >>> pool.rows.tolist(), pool.size.tolist(), pool.other(np.array([0]), np.array([1])).tolist()
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

    def others(self, person: Int64Array) -> Int64Array:
        """Return how many photos the pool has of people other than each person."""
        return np.asarray(len(self.rows) - self.size[person])

    def other(self, person: Int64Array, number: Int64Array) -> Int64Array:
        """Return the row of the number-th photo of people other than each person."""
        return np.asarray(self.rows[number + np.where(number >= self.start[person], self.size[person], 0)])

    def draw_other(self, person: Int64Array, uniform: str, rng: np.random.Generator) -> Int64Array:
        """Draw numbers for :meth:`other`, uniformly over ``people`` and then their photos, or ``photos``."""
        if uniform == "photos":
            return below(self.others(person), rng)
        present = self.size[person] > 0
        slot = below(len(self._present) - present.astype(np.int64), rng)
        chosen = self._present[slot + (present & (slot >= self._slot[person]))]
        place = self.start[chosen] + below(self.size[chosen], rng)
        return np.asarray(place - np.where(chosen > person, self.size[person], 0))

    def later(self, person: Int64Array) -> Int64Array:
        """Return how many photos the pool has of people that come after each person."""
        return np.asarray(len(self.rows) - self.start[person] - self.size[person])

    def later_one(self, person: Int64Array, number: Int64Array) -> Int64Array:
        """Return the row of the number-th photo of the people after each person."""
        return np.asarray(self.rows[self.start[person] + self.size[person] + number])

    def draw_later(self, person: Int64Array, uniform: str, rng: np.random.Generator) -> Int64Array:
        """Draw numbers for :meth:`later_one`; over ``people``, every later person must have a photo."""
        if uniform == "photos":
            return below(self.later(person), rng)
        chosen = person + 1 + below(len(self.size) - 1 - person, rng)
        place = self.start[chosen] + below(self.size[chosen], rng)
        return np.asarray(place - self.start[person] - self.size[person])
