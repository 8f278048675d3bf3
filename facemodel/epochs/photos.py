"""Epochs of photos: each as often as any other, or P people with K photos each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facedata.types import Int64Array

from ..batches.people import TrainingSet
from ..errors import DataError
from .plan import EpochRows, epoch_rng, shuffles


@dataclass(frozen=True, eq=False)
class PhotoSampler:
    """Photos one by one, each as often as any other (but for one).

    Attributes:
        training: the crops.
        seed: of the run.
        batch: photos in a batch.
        count: photos in an epoch; None for each once.
        notes: for the user.
    """

    training: TrainingSet
    seed: int
    batch: int
    count: int | None = None
    notes: tuple[str, ...] = ()

    def epoch(self, number: int) -> EpochRows:
        """Return an epoch's photos, in random order."""
        rng, photos = epoch_rng(self.seed, number), len(self.training)
        wanted = photos if self.count is None else self.count
        rows = shuffles(photos, -(-wanted // photos), rng)[:wanted]
        return EpochRows(rows[:, None], None, self.batch)


@dataclass(frozen=True, eq=False)
class PeopleSampler:
    """P people with K photos each: batches in which in-batch miners find pairs, and margins many classes.

    No person is twice in a batch. A person's photos come in turn, in another order each epoch, and repeat
    only where there are fewer than asked. What does not fill a batch is left to another epoch.

    Attributes:
        training: the crops.
        seed: of the run.
        people: P; fewer where there are not so many.
        each: K.
        count: photos in an epoch, about; None for as many as there are.
        singles: take people with one photo, too.
        notes: for the user.
    """

    training: TrainingSet
    seed: int
    people: int
    each: int
    count: int | None = None
    singles: bool = False
    notes: tuple[str, ...] = ()

    def epoch(self, number: int) -> EpochRows:
        """Return an epoch's photos, K of a person after each other.

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
        wanted = int(sizes[able].sum()) if self.count is None else self.count
        steps = max(1, wanted // (people * self.each))
        order = self._people(able, people, steps, rng)
        return EpochRows(self._photos(order, rng)[:, None], None, people * self.each)

    def _people(self, able: Int64Array, people: int, steps: int, rng: np.random.Generator) -> Int64Array:
        """Return who is in each batch, ``(steps * people,)``: whole batches of one shuffle after another."""
        whole = len(able) // people * people
        rounds = -(-steps * people // whole)
        shuffled = shuffles(len(able), rounds, rng).reshape(rounds, len(able))[:, :whole]
        return np.asarray(able[shuffled.reshape(-1)[: steps * people]])

    def _photos(self, people: Int64Array, rng: np.random.Generator) -> Int64Array:
        """Return K rows for each visit to a person, ``(visits * K,)``: the person's next ones."""
        person = self.training.person
        rows = np.lexsort((rng.random(len(person)), person))  # person by person, shuffled within
        size = self.training.counts
        start = np.cumsum(size) - size
        place = self.each * _earlier(people)[:, None] + np.arange(self.each)
        return np.asarray(rows[start[people][:, None] + place % size[people][:, None]].reshape(-1))


def _earlier(values: Int64Array) -> Int64Array:
    """Return how often each value stood before.

    >>> _earlier(np.array([5, 3, 5, 5, 3])).tolist()
    [0, 0, 1, 2, 1]
    """
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    first = np.searchsorted(ordered, ordered)
    before = np.empty(len(values), np.int64)
    before[order] = np.arange(len(values)) - first
    return before
