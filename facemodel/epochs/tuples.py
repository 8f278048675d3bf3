"""Epochs of triplets and pairs: a manifest's in another order each time, or freshly drawn ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facedata.sampling.sample import sample_pairs, sample_triplets
from facedata.sampling.spaces import Rule
from facedata.types import BoolArray, Int64Array

from ..batches.people import TrainingPeople
from .plan import EpochRows, as_data_errors, epoch_rng


@dataclass(frozen=True, eq=False)
class TripletSampler:
    """Plans epochs of triplets: a manifest's, or freshly drawn ones.

    Attributes:
        training: the crops.
        seed: of the run.
        batch: triplets in a batch.
        count: triplets in an epoch; None for all of ``fixed``.
        fixed: ``(m, 3)`` int64 rows; None to draw fresh ones each epoch.
        rule: how fresh ones are drawn.
        notes: for the user.
    """

    training: TrainingPeople
    seed: int
    batch: int
    count: int | None
    fixed: Int64Array | None = None
    rule: Rule = Rule()  # noqa: RUF009  frozen
    notes: tuple[str, ...] = ()

    def epoch(self, number: int) -> EpochRows:
        """Return an epoch's triplets, in random order.

        Raises:
            DataError: there is one person only, or no person has two photos (or a reference photo).
        """
        rng = epoch_rng(self.seed, number)
        if self.fixed is not None:
            return EpochRows(self.fixed[rng.permutation(len(self.fixed))[: self.count]], None, self.batch)
        with as_data_errors():
            drawn = sample_triplets(self.training.person, self.count, rng, self.rule, self.training.reference)
        rows = np.column_stack(drawn)
        return EpochRows(rows[rng.permutation(len(rows))], None, self.batch)


@dataclass(frozen=True, eq=False)
class PairSampler:
    """Plans epochs of pairs, like :class:`TripletSampler`.

    Attributes:
        training: the crops.
        seed: of the run.
        batch: pairs in a batch.
        count: pairs in an epoch; None for all of ``fixed``.
        fixed: ``(m, 2)`` int64 rows; None to draw fresh ones each epoch.
        same: ``(m,)`` bool, which of ``fixed`` are of one person.
        rule: how fresh ones are drawn.
        notes: for the user.
    """

    training: TrainingPeople
    seed: int
    batch: int
    count: int | None
    fixed: Int64Array | None = None
    same: BoolArray | None = None
    rule: Rule = Rule()  # noqa: RUF009  frozen
    notes: tuple[str, ...] = ()

    def epoch(self, number: int) -> EpochRows:
        """Return an epoch's pairs, in random order; errors as in :meth:`TripletSampler.epoch`."""
        rng = epoch_rng(self.seed, number)
        if self.fixed is not None and self.same is not None:
            order = rng.permutation(len(self.fixed))[: self.count]
            return EpochRows(self.fixed[order], self.same[order], self.batch)
        with as_data_errors():
            left, right, same = sample_pairs(
                self.training.person, self.count, rng, self.rule, self.training.reference
            )
        order = rng.permutation(len(left))
        return EpochRows(np.column_stack([left, right])[order], same[order], self.batch)
