"""Epochs of triplets and pairs: a manifest's in another order each time, or fresh ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facedata.sampling.sample import sample_pairs, sample_triplets
from facedata.sampling.spaces import Rule
from facedata.types import BoolArray, Int64Array

from ..batches.people import TrainingSet
from .plan import EpochRows, epoch_rng, said_as_data


@dataclass(frozen=True, eq=False)
class TripletSampler:
    """Triplets: those of a manifest in another order each epoch, or fresh ones.

    Attributes:
        training: the crops.
        seed: of the run.
        batch: triplets in a batch.
        count: triplets in an epoch; None for all of ``fixed``.
        fixed: ``(m, 3)`` int64 rows; None to draw fresh ones each epoch.
        rule: how fresh ones are drawn.
        notes: for the user.
    """

    training: TrainingSet
    seed: int
    batch: int
    count: int | None
    fixed: Int64Array | None = None
    rule: Rule = Rule()  # noqa: RUF009  frozen
    notes: tuple[str, ...] = ()

    def epoch(self, number: int) -> EpochRows:
        """Return an epoch's triplets, in random order.

        Raises:
            DataError: one person only, or nobody with two photos (or none with a reference photo).
        """
        rng = epoch_rng(self.seed, number)
        if self.fixed is not None:
            return EpochRows(self.fixed[_order(len(self.fixed), self.count, rng)], None, self.batch)
        with said_as_data():
            drawn = sample_triplets(self.training.person, self.count, rng, self.rule, self.training.reference)
        rows = np.column_stack(drawn)
        return EpochRows(rows[rng.permutation(len(rows))], None, self.batch)


@dataclass(frozen=True, eq=False)
class PairSampler:
    """Pairs, as :class:`TripletSampler` has triplets.

    Attributes:
        training: the crops.
        seed: of the run.
        batch: pairs in a batch.
        count: pairs in an epoch; None for all of ``fixed``.
        fixed: ``(m, 2)`` int64 rows; None to draw fresh ones each epoch.
        same: ``(m,)`` bool, of the fixed ones.
        rule: how fresh ones are drawn.
        notes: for the user.
    """

    training: TrainingSet
    seed: int
    batch: int
    count: int | None
    fixed: Int64Array | None = None
    same: BoolArray | None = None
    rule: Rule = Rule()  # noqa: RUF009  frozen
    notes: tuple[str, ...] = ()

    def epoch(self, number: int) -> EpochRows:
        """Return an epoch's pairs, in random order; errors as of :meth:`TripletSampler.epoch`."""
        rng = epoch_rng(self.seed, number)
        if self.fixed is not None and self.same is not None:
            order = _order(len(self.fixed), self.count, rng)
            return EpochRows(self.fixed[order], self.same[order], self.batch)
        with said_as_data():
            left, right, same = sample_pairs(
                self.training.person, self.count, rng, self.rule, self.training.reference
            )
        order = rng.permutation(len(left))
        return EpochRows(np.column_stack([left, right])[order], same[order], self.batch)


def _order(rows: int, count: int | None, rng: np.random.Generator) -> Int64Array:
    """Return a random order of rows, or of some of them."""
    return rng.permutation(rows)[: rows if count is None else count]
