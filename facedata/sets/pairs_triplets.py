"""The pairs and triplets of a set, as typed rows over Arrow columns."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import UsageError
from ..sampling.sample import Usage, usage
from ..sampling.spaces import Rule
from ..sampling.split import share_out
from ..sampling.tables import SplitCrops, split_names
from ..tables import schema
from ..types import BoolArray, Int64Array
from .classes import ClassManifest, ClassRow
from .manifest import Manifest, RowT
from .prepared import PreparedSet

__all__ = ["ClassManifest", "ClassRow", "PairManifest", "PairRow", "TripletManifest", "TripletRow"]


@dataclass(frozen=True)
class PairRow:
    """Two crops, and whether they show one person; fold counts from 0, None if there are no folds."""

    left: ClassRow
    right: ClassRow
    same: bool
    split: str
    fold: int | None


@dataclass(frozen=True)
class TripletRow:
    """Two crops of one person, anchor and positive, and one of another."""

    anchor: ClassRow
    positive: ClassRow
    negative: ClassRow
    split: str


class _TupleManifest(Manifest[RowT]):
    """Rows of several crops each."""

    per_crop: ClassVar[int]
    """Rows per crop if no count is given."""

    def __init__(
        self,
        prepared: PreparedSet,
        table: pa.Table,
        split: str | None = None,
        crops: ClassManifest | None = None,
    ) -> None:
        super().__init__(prepared, table, split)
        self.crops = ClassManifest.open(prepared) if crops is None else crops
        """All crops of the set."""
        if crops is None:
            for side in self.sides:
                self.crops.find(self._ids(side))

    def usage(self) -> Usage:
        """Count how often each crop occurs, on any side.

        The counts cover the crops of the manifest's split, in ascending id; for a manifest of all splits,
        the crops of every split that occurs in its rows.
        """
        names = split_names(self.table) if self.split is None else [self.split]
        counts = np.zeros(len(self.crops), np.int64)
        for side in self.sides:
            counts += np.bincount(self.crops.find(self._ids(side)), minlength=len(counts))
        eligible = pc.is_in(self.crops.table.column("split"), value_set=pa.array(names, pa.string()))
        return usage(counts[eligible.to_numpy()])

    @classmethod
    def sample(
        cls: type[TupleManifestT],
        classes: ClassManifest,
        count: int | None = None,
        seed: int = 0,
        strategy: str = "random",
        uniform: str = "people",
        max_per_person: int | None = None,
    ) -> TupleManifestT:
        """Draw rows from crops; several splits share the count in proportion to their crops.

        Args:
            classes: crops of one or several splits; those without a split are ignored.
            count: how many rows; fewer if no more distinct ones exist. None for two pairs or ten triplets
                per crop (strategy ``all``: for all rows).
            seed: the same crops, options and seed give the same rows.
            strategy: random, reference or all.
            uniform: draw over people or over photos.
            max_per_person: as in :class:`facedata.sampling.spaces.Rule`.

        Raises:
            SampleError: a split has only one person, no person with two photos, or no reference photo.
            UsageError: an option's value is not allowed, or no crop is in a split.
        """
        if count is not None and count < 1:
            raise UsageError(f"count is {count}; take at least 1, or None")
        for value, choices in ((strategy, ("random", "reference", "all")), (uniform, ("people", "photos"))):
            if value not in choices:
                raise UsageError(f"{value!r} is not one of {', '.join(choices)}")
        rule = Rule(strategy, uniform, max_per_person)
        splits = [SplitCrops(classes.table, name) for name in split_names(classes.table)]
        if not splits:
            raise UsageError(f"none of the crops is in a split of {classes.prepared}: run `facedata split`")
        sizes = [len(crops) for crops in splits]
        if count is None and strategy != "all":
            count = cls.per_crop * sum(sizes)
        counts = [None] * len(sizes) if count is None else share_out(count, sizes)
        tables = [schema.KINDS[cls.kind].empty_table()]
        for crops, part in zip(splits, counts, strict=True):
            tables += cls._draw(crops, part, seed, rule) if part != 0 else []
        table = pa.concat_tables(tables).unify_dictionaries()
        return cls(classes.prepared, table, splits[0].split if len(splits) == 1 else None)

    @classmethod
    @abstractmethod
    def _draw(cls, crops: SplitCrops, count: int | None, seed: int, rule: Rule) -> Iterator[pa.Table]:
        """Draw the rows of one split."""

    def _like(self: TupleManifestT, table: pa.Table) -> TupleManifestT:
        return type(self)(self.prepared, table, self.split, self.crops)

    def _sides(self, table: pa.Table) -> list[list[ClassRow]]:
        """Return each side's crops."""
        return [self.crops.take(self.crops.find(table.column(side).to_numpy())) for side in self.sides]


TupleManifestT = TypeVar("TupleManifestT", bound=_TupleManifest[Any])


class PairManifest(_TupleManifest[PairRow]):
    """Pairs of crops, as many of one person as of two, if there are enough.

    The ids are in ``left`` and ``right``, ``(n,)`` int64.
    """

    kind = "pairs"
    sides = ("left", "right")
    per_crop = 2

    @property
    def left(self) -> Int64Array:
        """The left crops' ids, ``(n,)`` int64."""
        return self._ids("left")

    @property
    def right(self) -> Int64Array:
        """The right crops' ids, ``(n,)`` int64."""
        return self._ids("right")

    @property
    def same(self) -> BoolArray:
        """Which pairs are of one person, ``(n,)`` bool."""
        return np.asarray(self.table.column("same").to_numpy())

    def _repr_html_(self) -> str:
        from ..pages.notebook import render_object
        from .notebook import show_pairs

        return render_object(repr(self), lambda: show_pairs(self))

    @classmethod
    def _draw(cls, crops: SplitCrops, count: int | None, seed: int, rule: Rule) -> Iterator[pa.Table]:
        return crops.pair_tables(crops.pairs(count, seed, rule).chunks)

    def _rows(self, table: pa.Table) -> list[PairRow]:
        rest = (table.column(name).to_pylist() for name in ("same", "split", "fold"))
        return [PairRow(*row) for row in zip(*self._sides(table), *rest, strict=True)]


class TripletManifest(_TupleManifest[TripletRow]):
    """Triplets of crops, ordered by anchor: shuffle before training."""

    kind = "triplets"
    sides = ("anchor", "positive", "negative")
    per_crop = 10

    @property
    def anchor(self) -> Int64Array:
        """The anchors' ids, ``(n,)`` int64."""
        return self._ids("anchor")

    @property
    def positive(self) -> Int64Array:
        """The positives' ids, ``(n,)`` int64."""
        return self._ids("positive")

    @property
    def negative(self) -> Int64Array:
        """The negatives' ids, ``(n,)`` int64."""
        return self._ids("negative")

    @classmethod
    def _draw(cls, crops: SplitCrops, count: int | None, seed: int, rule: Rule) -> Iterator[pa.Table]:
        return crops.triplet_tables(crops.triplets(count, seed, rule).chunks)

    def _rows(self, table: pa.Table) -> list[TripletRow]:
        splits = table.column("split").to_pylist()
        return [TripletRow(*row) for row in zip(*self._sides(table), splits, strict=True)]
