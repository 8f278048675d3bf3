"""Which crops an epoch sees, in which order: pure functions of (seed, epoch), so that a run goes on exactly.

An epoch's plan is arrays of row numbers, made at once and without a loop over rows.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from facedata import PairManifest, TripletManifest
from facedata.combine import Rule
from facedata.errors import SampleError
from facedata.sample import Usage as UsageFigures
from facedata.sample import sample_pairs, sample_triplets, usage
from facedata.types import BoolArray, Int64Array

from .config import FitConfig
from .dataset import TrainingSet
from .errors import DataError

logger = logging.getLogger(__name__)

_TRIPLETS_PER_PHOTO, _PAIRS_PER_PHOTO = TripletManifest.per_crop, PairManifest.per_crop

_EPOCH = 0x65706F6368
"""Stands before every epoch's number among the seeds, so that no other draw shares its random numbers."""

_GRADED = ("arcface", "cosface")
"""Losses that a person with one photo teaches something, as a class of its own."""


@dataclass(frozen=True, eq=False)
class EpochRows:
    """What an epoch sees.

    Attributes:
        rows: ``(m, k)`` int64 row numbers: k = 3 anchor, positive, negative; 2 left, right; 1 a photo.
        same: ``(m,)`` bool, which pairs are of one person; None where rows are no pairs.
        batch: rows in a batch; the last batch may hold fewer.
    """

    rows: Int64Array
    same: BoolArray | None
    batch: int

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def steps(self) -> int:
        """How many batches there are."""
        return -(-len(self.rows) // self.batch)

    def batches(self, first: int = 0) -> Iterator[Int64Array]:
        """Yield each batch's rows, ``(b, k)`` int64, from batch number ``first`` on."""
        for step in range(first, self.steps):
            yield self.rows[step * self.batch : (step + 1) * self.batch]

    def same_of(self, step: int) -> BoolArray | None:
        """Return which pairs of a batch are of one person."""
        return None if self.same is None else self.same[step * self.batch : (step + 1) * self.batch]

    def with_negatives(self, negatives: Int64Array) -> EpochRows:
        """Return the same triplets with other negatives, ``(m,)`` int64 rows."""
        return dataclasses.replace(self, rows=np.column_stack([self.rows[:, :2], negatives]))


class Sampler(Protocol):
    """Plans epochs."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know of the rows, a sentence each."""
        ...

    def epoch(self, number: int) -> EpochRows:
        """Return the plan of an epoch, counted from 1; the same for the same number, always."""
        ...


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


def make_sampler(
    config: FitConfig, training: TrainingSet, manifest: TripletManifest | PairManifest | None = None
) -> TripletSampler | PairSampler | PhotoSampler | PeopleSampler:
    """Return what plans the epochs of a run.

    Triplets and pairs are those of the manifest, without the rows that use a crop set aside for validation;
    fresh ones each epoch where ``--rows-per-epoch`` says how many, or where the set's own were drawn by
    another ``--strategy``. From a file of triplets ``--rows-per-epoch`` takes so many each epoch.

    Args:
        config: of the run.
        training: the crops that train.
        manifest: the set's or the file's rows; None to draw them.

    Raises:
        DataError: one person only, nobody with two photos, or no row of the manifest is left.
    """
    if len(training.names) < 2:
        raise DataError(
            f"{len(training.names)} people have photos to train on, and two are needed: add photos of more "
            "people, or choose other splits"
        )
    count, seed, batch = config.rows_per_epoch, config.seed, config.batch
    if config.batches == "photos":
        return PhotoSampler(training, seed, batch, count)
    if config.batches == "people":
        people, singles = batch // config.photos_per_person, config.loss in _GRADED
        left_out = () if singles else _singles(training, "are left out")
        return _tried(
            PeopleSampler(training, seed, people, config.photos_per_person, count, singles, left_out)
        )
    rule = Rule(config.strategy)
    pairs = config.batches == "pairs"
    if manifest is None or not _serves(config, manifest):
        count = count or (_PAIRS_PER_PHOTO if pairs else _TRIPLETS_PER_PHOTO) * len(training)
        notes = _singles(training, "are only ever shown as another person")
        if pairs:
            return _tried(PairSampler(training, seed, batch, count, rule=rule, notes=notes))
        return _tried(TripletSampler(training, seed, batch, count, rule=rule, notes=notes))
    rows, kept = _rows_of(training, manifest)
    notes = _notes(kept, manifest)
    if isinstance(manifest, PairManifest):
        return PairSampler(training, seed, batch, count, rows, manifest.same[kept], rule, notes)
    return TripletSampler(training, seed, batch, count, rows, rule, notes)


def epoch_rng(seed: int, number: int) -> np.random.Generator:
    """Return an epoch's random numbers: of nothing but the run's seed and its number."""
    return np.random.default_rng([_EPOCH, seed, number])


def shuffles(count: int, rounds: int, rng: np.random.Generator) -> Int64Array:
    """Return the numbers below ``count`` in random order, so many times over, ``(rounds * count,)``."""
    return rng.permuted(np.tile(np.arange(count), (rounds, 1)), axis=1).reshape(-1)


SamplerT = TypeVar("SamplerT", TripletSampler, PairSampler, PeopleSampler)


class Usage:
    """Counts what training really drew, hard negatives too.

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
        """Return mean, spread, how many were never used, and the most."""
        return usage(self.counts)


def _tried(sampler: SamplerT) -> SamplerT:
    """Return the sampler, once it has drawn a row: what it cannot do is said before the first epoch."""
    dataclasses.replace(sampler, count=1).epoch(1)
    return sampler


def _serves(config: FitConfig, manifest: TripletManifest | PairManifest) -> bool:
    """Tell whether the manifest's rows are what the run asks for."""
    if config.triplets is not None and isinstance(manifest, TripletManifest):
        return True
    drawn = manifest.prepared.info.get("drawing", {}).get(manifest.kind, {})
    return config.rows_per_epoch is None and (
        config.strategy == "random" or drawn.get("strategy") == config.strategy
    )


def _rows_of(training: TrainingSet, manifest: TripletManifest | PairManifest) -> tuple[Int64Array, BoolArray]:
    """Return a manifest's rows as row numbers, and which of its rows these are."""
    sides = [np.asarray(manifest.table.column(side).to_numpy()) for side in manifest.sides]
    rows, here = training.rows_of(np.column_stack(sides))
    kept = np.asarray(here.all(axis=1))
    if not kept.any():
        raise DataError(
            f"none of the {len(kept):,} {manifest.kind} has all its photos among the {len(training):,} that "
            "train: draw fresh ones with --rows-per-epoch, or make more of them"
        )
    return rows[kept], kept


def _singles(training: TrainingSet, fate: str) -> tuple[str, ...]:
    few = int(np.count_nonzero(training.counts == 1))
    return (f"{few:,} of {len(training.names):,} people have one photo and {fate}",) if few else ()


def _notes(kept: BoolArray, manifest: TripletManifest | PairManifest) -> tuple[str, ...]:
    lost = len(kept) - int(np.count_nonzero(kept))
    if not lost:
        return ()
    return (f"{lost:,} of {len(kept):,} {manifest.kind} use a photo that does not train, and are left out",)


@contextmanager
def said_as_data() -> Iterator[None]:
    """Say what sampling has against the crops as what it is here: an error of the data."""
    try:
        yield
    except SampleError as error:
        raise DataError(str(error)) from error


def _order(rows: int, count: int | None, rng: np.random.Generator) -> Int64Array:
    """Return a random order of rows, or of some of them."""
    return rng.permutation(rows)[: rows if count is None else count]


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
