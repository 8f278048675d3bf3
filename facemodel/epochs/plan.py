"""An epoch: which crops it sees, in which order."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from facedata.errors import SampleError
from facedata.sampling.sample import Usage as UsageFigures
from facedata.sampling.sample import usage
from facedata.types import BoolArray, Int64Array

from ..errors import DataError

_EPOCH = 0x65706F6368
"""First seed of an epoch, so that no other draw shares its random numbers."""


@dataclass(frozen=True, eq=False)
class EpochRows:
    """What an epoch sees.

    Attributes:
        rows: ``(m, k)`` int64 row numbers: k = 3 anchor, positive, negative; 2 left, right; 1 a photo.
        same: ``(m,)`` bool, which pairs are of one person; None if rows are not pairs.
        batch: rows in a batch; the last batch may have fewer.
    """

    rows: Int64Array
    same: BoolArray | None
    batch: int

    def __len__(self) -> int:
        return len(self.rows)

    def with_negatives(self, negatives: Int64Array) -> EpochRows:
        """Return the same triplets with other negatives, ``(m,)`` int64 rows."""
        return dataclasses.replace(self, rows=np.column_stack([self.rows[:, :2], negatives]))


class Sampler(Protocol):
    """Plans epochs."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know about the rows, a sentence each."""
        ...

    def epoch(self, number: int) -> EpochRows:
        """Return the plan of an epoch, counted from 1; the same for the same number, always."""
        ...


class Usage:
    """Counts which crops training really used, hard negatives included.

    Args:
        photos: how many crops there are.

    Attributes:
        counts: ``(photos,)`` int64.

    >>> used = Usage(3)
    >>> used.add(np.array([[0, 2], [0, 2]]))
    >>> used.summary().never, used.summary().most
    (1, 2)
    """

    def __init__(self, photos: int) -> None:
        self.counts: Int64Array = np.zeros(photos, np.int64)

    def add(self, rows: Int64Array) -> None:
        """Count rows of any shape."""
        self.counts += np.bincount(rows.reshape(-1), minlength=len(self.counts))

    def summary(self) -> UsageFigures:
        """Return mean, spread, how many were never used, and the largest count."""
        return usage(self.counts)


def epoch_rng(seed: int, number: int) -> np.random.Generator:
    """Return an epoch's random numbers, from the run's seed and its number alone."""
    return np.random.default_rng([_EPOCH, seed, number])


def shuffles(count: int, rounds: int, rng: np.random.Generator) -> Int64Array:
    """Return ``rounds`` random orders of the numbers below ``count``, ``(rounds * count,)``."""
    return rng.permuted(np.tile(np.arange(count), (rounds, 1)), axis=1).reshape(-1)


@contextmanager
def as_data_errors() -> Iterator[None]:
    """Turn sampling errors into data errors: here the data cause them."""
    try:
        yield
    except SampleError as error:
        raise DataError(str(error)) from error
