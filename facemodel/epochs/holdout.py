"""Which crops validate: the set's val split, or some of the train split's people (closed sets: photos)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from facedata import ClassManifest, PairManifest, PreparedSet
from facedata.errors import SampleError
from facedata.sampling.split import TRAIN, share_out, split_identities, split_photos
from facedata.sampling.tables import split_names
from facedata.tables import schema
from facedata.types import BoolArray, Int64Array

from ..batches.people import TrainingPeople
from ..config import FitConfig
from ..errors import DataError

VAL = "val"
"""The split that validates, if a set has it."""

_LEAST_PEOPLE = 2
_FEW_PAIRS = 20
"""With fewer, a single pair decides too much."""


class ValidationPairs(NamedTuple):
    """Fixed pairs, as row numbers of the validation crops, ``(m,)`` int64; ``same`` is ``(m,)`` bool."""

    left: Int64Array
    right: Int64Array
    same: BoolArray


@dataclass(frozen=True, eq=False)
class Validation:
    """Which crops train and which judge.

    Attributes:
        training: the crops that train.
        validation: the crops that judge; of other people, or (closed sets) other photos of the same people.
        pairs: fixed pairs of these; empty if a closed set has no two validation photos of a person.
        manifest: the same pairs, to be written.
        set_aside: they were set aside here, not by the set's val split; a run then writes them to a file.
        notes: what the user should know, a sentence each.
        closed: for a closed set: the judges are other photos of the people that train.
    """

    training: ClassManifest
    validation: ClassManifest
    pairs: ValidationPairs
    manifest: PairManifest
    set_aside: bool
    notes: tuple[str, ...] = ()
    closed: bool = False

    def write(self, path: Path) -> None:
        """Write the pairs; for a closed set, the photos that were set aside.

        The file carries the set's fingerprint; `PairManifest.open` or `ClassManifest.open` reads it.
        """
        (self.validation if self.closed else self.manifest).write(path)


def hold_out(prepared: PreparedSet, config: FitConfig, crops: ClassManifest | None = None) -> Validation:
    """Divide a set's crops into those that train and those that judge; the test split is never read.

    People are ranked by the hash that `facedata split` ranks them by, and the first ones judge: a share of
    ``--val-share``, at least two. In a closed set each person's photos are ranked instead.

    Args:
        prepared: the set.
        config: of the run: closed, val_share, val_pairs, seed, best_by.
        crops: the set's crops, if some are left out or have other names; None for all as they are.

    Raises:
        DataError: no train split, too few people or photos, or no pair of one person.
    """
    crops = ClassManifest.open(prepared) if crops is None else crops
    names = split_names(crops.table)
    if TRAIN not in names:
        raise DataError(
            f"{prepared} has no crop in the split {TRAIN!r} (there are: {', '.join(names) or 'none'}): "
            "divide it with `facedata split --splits train=0.75,test=0.25`"
        )
    train, split = (_where(crops, pc.equal(crops.table.column("split"), name), name) for name in (TRAIN, VAL))
    training = TrainingPeople.of(train)
    # in a closed set only people that train can judge, as a classifier can name no others; else only others,
    # as an embedding has seen those that train
    trains = pc.is_in(split.table.column("identity"), value_set=pa.array(training.names, pa.string()))
    judges = _where(split, pc.equal(trains, config.closed), VAL)
    lost, set_aside = len(split) - len(judges), not len(judges)
    if set_aside:
        aside = (_pick_photos if config.closed else _pick_people)(training, config)
        train, judges = (_where(train, pa.array(rows), TRAIN) for rows in (~aside, aside))
    manifest = _draw_pairs(judges, config)
    rows = ValidationPairs(judges.find(manifest.left), judges.find(manifest.right), manifest.same)
    source = f"set aside from the {'photos' if config.closed else 'people'} that train"
    people = len(judges.table.column("identity").unique())
    counts = f"{len(judges):,} photos of {people:,} people, {len(rows.same):,} pairs"
    notes = [f"validation: {counts} ({source if set_aside else f'the split {VAL}'})"]
    if lost:
        whose = "people that do not train, and no classifier names" if config.closed else "people that train"
        hint = "" if config.closed else " (--closed is for sets that are divided by photo)"
        notes.append(f"{lost:,} photos of the split {VAL} show {whose}: they are left out{hint}")
    if not config.closed and prepared.info["counts"]["split"]["by"] == "photo":
        notes.append(
            "the set is divided by photo, so the people of its test split are those that train: add "
            "--closed, so that they validate too"
        )
    if len(rows.same) < _FEW_PAIRS:
        notes.append(
            f"{len(rows.same)} validation pairs are few to choose the best epoch and the threshold by: more "
            "people or photos in validation (--val-share) help"
        )
    return Validation(train, judges, rows, manifest, set_aside, tuple(notes), config.closed)


def _where(crops: ClassManifest, rows: pa.ChunkedArray | pa.Array, split: str) -> ClassManifest:
    return ClassManifest(crops.prepared, crops.table.filter(rows), split)


def _draw_pairs(judges: ClassManifest, config: FitConfig) -> PairManifest:
    """Draw the fixed pairs; none if they cannot be drawn and are not needed."""
    reason = "no pair of one person can be drawn together with a pair of two people"
    try:
        manifest = PairManifest.sample(judges, config.val_pairs, config.seed)
        if manifest.same.any() and not manifest.same.all():
            return manifest
    except SampleError as error:
        reason = str(error)
    if config.names_photos and config.best_by != "auc":  # the classifier names photos, and needs no pair
        return PairManifest(judges.prepared, schema.PAIRS.empty_table(), judges.split, judges)
    raise DataError(
        f"validation needs a positive and a negative pair: {reason}. The photos that "
        "judge must show two people, one of them twice: raise --val-share, add photos, or give the set a "
        "val split (`facedata split`)"
    )


def _pick_people(training: TrainingPeople, config: FitConfig) -> BoolArray:
    """Return which crops are of people to set aside, ``(n,)`` bool."""
    able = training.counts >= 2
    count = min(len(training.names), max(_LEAST_PEOPLE, round(config.val_share * len(training.names))))
    aside = _pick_first(training.names, np.ones(len(able), np.bool_), count, config.seed)
    if not (aside & able).any() and able.any():  # there is no positive pair yet: add a person who has one
        aside |= _pick_first(training.names, able, 1, config.seed)
    if np.count_nonzero(~aside) < _LEAST_PEOPLE:
        raise DataError(
            f"{len(training.names)} people in the split {TRAIN!r} are too few: two are set aside to "
            "validate, and two are needed to train; add photos of more people, or add --closed, which "
            "validates on other photos of the people that train"
        )
    return np.asarray(aside[training.person])


def _pick_first(names: Sequence[str], among: BoolArray, count: int, seed: int) -> BoolArray:
    """Return which people are the first ``count`` of ``among``, by the hash that splits are made with."""
    some = [name for name, taken in zip(names, among, strict=True) if taken]
    shares = {VAL: count / len(some), TRAIN: 1 - count / len(some)}
    splits = split_identities(some, shares, seed)
    return np.array([splits.get(name) == VAL for name in names])


def _pick_photos(training: TrainingPeople, config: FitConfig) -> BoolArray:
    """Return which crops of each person to set aside, ``(n,)`` bool; everyone keeps one that trains.

    People whose share is less than one photo give none, unless then no photo at all would be set aside.
    """
    paths = training.classes.table.column("path").to_pylist()
    shares = {TRAIN: 1 - config.val_share, VAL: config.val_share}
    aside = split_photos(training.person, paths, shares, config.seed).splits == 1
    needs_pairs = not config.names_photos or config.best_by == "auc"
    if needs_pairs and np.bincount(training.person[aside]).max(initial=0) < 2 and training.counts.max() >= 4:
        # two photos of those who have four, since with one of each there is no pair of one person
        aside = split_photos(training.person, paths, shares, config.seed, least=2).splits == 1
        return np.asarray(aside & (training.counts >= 4)[training.person])
    enough = np.array([share_out(int(size), list(shares.values()))[1] > 0 for size in training.counts])
    fair = aside & enough[training.person]
    if fair.any():
        return np.asarray(fair)
    if aside.any():
        return np.asarray(aside)
    raise DataError(
        f"no person in the split {TRAIN!r} has two photos, one to train on and one to validate on: add "
        "photos of the same people"
    )
