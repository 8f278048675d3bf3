"""Epochs of photos: each equally often, or P people with K photos each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facedata.types import Int64Array

from ..batches.people import TrainingPeople
from ..errors import DataError
from .plan import EpochRows, epoch_rng, shuffles


@dataclass(frozen=True, eq=False)
class PhotoSampler:
    """Photos one by one, each equally often (counts differ by at most one).

    Attributes:
        training: the crops.
        seed: of the run.
        batch: photos in a batch.
        count: photos in an epoch; None for each photo once.
        notes: for the user.
    """

    training: TrainingPeople
    seed: int
    batch: int
    count: int | None = None
    notes: tuple[str, ...] = ()

    def epoch(self, number: int) -> EpochRows:
        """Return an epoch's photos, in random order."""
        rng, photos = epoch_rng(self.seed, number), len(self.training)
        count = photos if self.count is None else self.count
        rows = shuffles(photos, -(-count // photos), rng)[:count]
        return EpochRows(rows[:, None], None, self.batch)


@dataclass(frozen=True, eq=False)
class PeopleSampler:
    """P people with K photos each: batches in which miners find pairs, and margin losses many classes.

    No person is in a batch twice. A person's photos take turns, in another order each epoch, and repeat only
    where there are too few. Photos that do not fill a batch are left out of the epoch.

    Attributes:
        training: the crops.
        seed: of the run.
        people: P; if there are fewer people, all of them.
        each: K.
        count: approximate number of photos in an epoch; None for as many as there are.
        singles: use people with one photo, too.
        notes: for the user.
    """

    training: TrainingPeople
    seed: int
    people: int
    each: int
    count: int | None = None
    singles: bool = False
    notes: tuple[str, ...] = ()

    def epoch(self, number: int) -> EpochRows:
        """Return an epoch's photos, the K of each person in a row.

        Raises:
            DataError: fewer than two people can be in a batch.
        """
        rng, sizes = epoch_rng(self.seed, number), self.training.counts
        able = np.flatnonzero(sizes >= (1 if self.singles else 2))
        if len(able) < 2:
            raise DataError(
                f"{len(able)} of {len(sizes)} people here have two photos, and a batch needs two such "
                "people: add photos of the same people"
            )
        people = min(self.people, len(able))
        count = int(sizes[able].sum()) if self.count is None else self.count
        steps = max(1, count // (people * self.each))
        # who is in each batch: as many batches as one shuffle of the people fills, then the next shuffle
        used = len(able) // people * people
        rounds = -(-steps * people // used)
        shuffled = shuffles(len(able), rounds, rng).reshape(rounds, len(able))[:, :used]
        order = able[shuffled.reshape(-1)[: steps * people]]
        return EpochRows(self._draw_photos(order, rng)[:, None], None, people * self.each)

    def _draw_photos(self, people: Int64Array, rng: np.random.Generator) -> Int64Array:
        """Return K rows for each entry of ``people``, the person's next ones, ``(len(people) * K,)``."""
        person = self.training.person
        rows = np.lexsort((rng.random(len(person)), person))  # person by person, shuffled within
        size = self.training.counts
        start = np.cumsum(size) - size
        number = self.each * _count_before(people)[:, None] + np.arange(self.each)
        return np.asarray(rows[start[people][:, None] + number % size[people][:, None]].reshape(-1))


def _count_before(values: Int64Array) -> Int64Array:
    """Return how often each value occurred before.

    >>> _count_before(np.array([5, 3, 5, 5, 3])).tolist()
    [0, 0, 1, 2, 1]
    """
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    first = np.searchsorted(ordered, ordered)
    before = np.empty(len(values), np.int64)
    before[order] = np.arange(len(values)) - first
    return before
