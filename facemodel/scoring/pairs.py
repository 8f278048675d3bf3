"""The pairs that are scored, and the others that choose a threshold, as rows of the set's crops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.compute as pc

from facedata import ClassManifest, PairManifest
from facedata.sampling.tables import split_names
from facedata.types import BoolArray, Int64Array

from ..batches.people import TrainingPeople
from ..config import EvaluateConfig
from ..errors import DataError
from .intervals import largest_share
from .thresholds import CHOOSING_SPLITS, MOST_CHOOSING_PAIRS


@dataclass(frozen=True, eq=False)
class PairRows:
    """Pairs of crops.

    Attributes:
        left: ``(n,)`` int64, row numbers of the set's crops.
        right: ``(n,)`` int64.
        same: ``(n,)`` bool.
        folds: ``(n,)`` int64, 0-based; None if the pairs have none.
    """

    left: Int64Array
    right: Int64Array
    same: BoolArray
    folds: Int64Array | None = None

    @classmethod
    def none(cls) -> PairRows:
        """Return an empty list of pairs."""
        return cls(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.bool_))

    @classmethod
    def of(cls, pairs: PairManifest) -> PairRows:
        """Read a manifest's columns."""
        left, right = (pairs.crops.find(side) for side in (pairs.left, pairs.right))
        fold = pairs.table.column("fold")
        folds = None if fold.null_count or not len(pairs) else fold.to_numpy().astype(np.int64)
        return cls(left, right, pairs.same, folds)

    def __len__(self) -> int:
        return len(self.same)

    def sample(self, most: int, seed: int) -> PairRows:
        """Return at most ``most`` of them, drawn at random, in their original order."""
        if len(self) <= most:
            return self
        rows = np.sort(np.random.default_rng(seed).choice(len(self), most, replace=False))
        return PairRows(self.left[rows], self.right[rows], self.same[rows])

    def repeats(self) -> int:
        """Return how many of them repeat another one, in either direction."""
        ends = np.sort(np.column_stack([self.left, self.right]), axis=1)
        return len(self) - len(np.unique(ends[:, 0] * (ends.max(initial=0) + 1) + ends[:, 1]))

    def has_both_kinds(self) -> bool:
        """Tell whether there are genuine and impostor pairs."""
        return bool(self.same.any() and not self.same.all())

    def counts(self, person: Int64Array) -> dict[str, Any]:
        """Return how many there are, of how many people, and the share of the person with the most."""
        left, right = person[self.left], person[self.right]
        return {
            "genuine": int(self.same.sum()),
            "impostors": int((~self.same).sum()),
            "people": len(np.unique(np.concatenate([left, right]))),
            "largest_share": largest_share(left, self.same),
        }


def tested_rows(classes: ClassManifest, config: EvaluateConfig) -> PairRows:
    """Return the pairs of the split that are scored: those of ``--pairs FILE``, else the set's own.

    Raises:
        DataError: there are none, or pairs of the file contradict the set or are of a photo with itself.
        UsageError: the set has no such split.
        OtherSetError: the file belongs to another set.
    """
    prepared = classes.prepared
    if config.pairs is None and not prepared.has("pairs"):
        raise DataError(f"{prepared.path} has no pairs: make some with `facedata pairs {prepared.path}`")
    source = config.pairs or prepared.path
    pairs = PairManifest.open(source, split=config.split, of=prepared.path if config.pairs else None)
    if not len(pairs):
        raise DataError(
            f"{source} has no pair of the split {config.split}: it needs two people there, one with two "
            "photos; make pairs with `facedata pairs`, or name another --split"
        )
    rows = PairRows.of(pairs)
    if config.pairs is not None:  # it may be made by hand
        person = TrainingPeople.of(classes).person
        wrong = int(np.count_nonzero((person[rows.left] == person[rows.right]) != rows.same))
        own = int(np.count_nonzero(rows.left == rows.right))
        for count, what in (
            (wrong, "contradict the set on whether their two photos show one person"),
            (own, "are of a photo with itself"),
        ):
            if count:
                raise DataError(f"{count:,} of the {len(rows):,} pairs of {source} {what}")
    return rows


def choosing_rows(classes: ClassManifest, config: EvaluateConfig) -> tuple[PairRows, str | None]:
    """Return the set's val pairs, else its train pairs, and their split; never the split that is scored."""
    prepared = classes.prepared
    there = set(split_names(classes.table)) - {config.split}
    for split in CHOOSING_SPLITS:
        if split in there and prepared.has("pairs"):
            table = prepared.table("pairs")
            mine = table.filter(pc.equal(table.column("split"), split))
            pairs = PairRows.of(PairManifest(prepared, mine, split, classes))
            if pairs.has_both_kinds():
                return pairs.sample(MOST_CHOOSING_PAIRS, config.seed), split
    return PairRows.none(), None
