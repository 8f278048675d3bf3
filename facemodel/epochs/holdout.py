"""What validates: the set's val split, or some of the people that train (closed sets: of their photos)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from facedata import ClassManifest, PairManifest, PreparedSet
from facedata.errors import SampleError
from facedata.sampling.split import TRAIN, cut, split_identities, split_photos
from facedata.sampling.tables import split_names
from facedata.tables import schema
from facedata.types import BoolArray, Int64Array

from ..batches.people import TrainingSet
from ..config import FitConfig
from ..errors import DataError

VAL = "val"
"""The split that validates where a set has it."""

_LEAST_PEOPLE = 2
_FEW_PAIRS = 20
"""With fewer, one pair more or less told right decides."""


class ValidationPairs(NamedTuple):
    """Fixed pairs, as row numbers of the validation crops, ``(m,)`` int64; ``same`` is ``(m,)`` bool."""

    left: Int64Array
    right: Int64Array
    same: BoolArray


@dataclass(frozen=True, eq=False)
class Validation:
    """Who trains and who judges.

    Attributes:
        training: the crops that train.
        validation: the crops that judge; of other people, or (closed sets) other photos of the same people.
        pairs: fixed pairs of these; empty where a closed set has no two validation photos of a person.
        manifest: the same pairs, to be written.
        made: whether they were set aside here, and so are worth writing down.
        notes: what the user should know, a sentence each.
        closed: photos judge, not people.
    """

    training: ClassManifest
    validation: ClassManifest
    pairs: ValidationPairs
    manifest: PairManifest
    made: bool
    notes: tuple[str, ...] = ()
    closed: bool = False

    def write(self, path: Path) -> None:
        """Write the pairs; of a closed set the photos that were set aside.

        The file carries the set's fingerprint; `PairManifest.open` or `ClassManifest.open` reads it.
        """
        (self.validation if self.closed else self.manifest).write(path)


def validation_rows(prepared: PreparedSet, config: FitConfig) -> Validation:
    """Divide a set's crops into those that train and those that judge; the test split is never looked at.

    People are ranked by the hash that `facedata split` ranks them by, and the first ones judge: a share of
    ``--val-share``, at least two. In a closed set each person's photos are ranked instead.

    Args:
        prepared: the set.
        config: of the run: closed, val_share, val_pairs, seed, best_by.

    Raises:
        DataError: no train split, too few people or photos, or no pair of one person.
    """
    crops = ClassManifest.open(prepared.path)
    names = split_names(crops.table)
    if TRAIN not in names:
        raise DataError(
            f"{prepared.path} has no crop in the split {TRAIN!r} (there are: {', '.join(names) or 'none'}): "
            "divide it with `facedata split --splits train=0.75,test=0.25`"
        )
    train = _of_split(crops, TRAIN)
    split = _of_split(crops, VAL)
    judges = _known(split, train, config.closed)
    if len(judges):
        return _validation(train, judges, config, made=False, lost=len(split) - len(judges))
    aside = _photos_aside(train, config) if config.closed else _people_aside(train, config)
    return _validation(_where(train, ~aside), _where(train, aside), config, made=True, lost=len(split))


def _validation(
    train: ClassManifest, judges: ClassManifest, config: FitConfig, made: bool, lost: int
) -> Validation:
    manifest = _pairs(judges, config)
    rows = ValidationPairs(judges.find(manifest.left), judges.find(manifest.right), manifest.same)
    who = (
        f"set aside of the {'photos' if config.closed else 'people'} that train"
        if made
        else f"the split {VAL}"
    )
    people = len(TrainingSet.of(judges).names)
    note = f"validation: {len(judges):,} photos of {people:,} people, {len(rows.same):,} pairs ({who})"
    notes = [note]
    if lost:
        whose = "people that do not train, and no classifier names" if config.closed else "people that train"
        notes.append(
            f"{lost:,} photos of the split {VAL} show {whose}: they are left out"
            + ("" if config.closed else " (--closed is for sets that are divided by photo)")
        )
    if len(rows.same) < _FEW_PAIRS:
        notes.append(
            f"{len(rows.same)} validation pairs are few to choose the best epoch and the threshold by: more "
            "people or photos in validation (--val-share) help"
        )
    return Validation(train, judges, rows, manifest, made, tuple(notes), config.closed)


def _pairs(judges: ClassManifest, config: FitConfig) -> PairManifest:
    """Draw the fixed pairs."""
    try:
        manifest = PairManifest.sample(judges, config.val_pairs, config.seed)
        both = manifest.same.any() and not manifest.same.all()
        reason = "no pair of one person and no pair of two can be had together"
    except SampleError as error:
        manifest, both, reason = _no_pairs(judges), False, str(error)
    if both:
        return manifest
    if config.names_photos and config.best_by != "auc":
        return _no_pairs(judges)  # its photos are named by the classifier, and need no pair
    raise DataError(
        f"validation has no positive pair with a negative one beside it: {reason}. The photos that judge "
        "need two people, and one of them two photos: raise --val-share, add photos, or give the set a val "
        "split (`facedata split`)"
    )


def _no_pairs(judges: ClassManifest) -> PairManifest:
    return PairManifest(judges.prepared, schema.PAIRS.empty_table(), judges.split, judges)


def _people_aside(train: ClassManifest, config: FitConfig) -> BoolArray:
    """Return which crops are of people set aside, ``(n,)`` bool."""
    training = TrainingSet.of(train)
    able = training.counts >= 2
    wanted = min(len(training.names), max(_LEAST_PEOPLE, round(config.val_share * len(training.names))))
    chosen = _ranked_first(training.names, wanted, config.seed)
    aside = np.array([name in chosen for name in training.names])
    if not (aside & able).any() and able.any():  # no positive pair could be had: one person more, who has two
        names = [name for name, fit in zip(training.names, able, strict=True) if fit]
        chosen = _ranked_first(names, 1, config.seed)
        aside |= np.array([name in chosen for name in training.names])
    if np.count_nonzero(~aside) < _LEAST_PEOPLE:
        raise DataError(
            f"{len(training.names)} people in the split {TRAIN!r} are too few: two are set aside to "
            "validate, and two are needed to train; add photos of more people"
        )
    return np.asarray(aside[training.person])


def _ranked_first(names: list[str] | tuple[str, ...], count: int, seed: int) -> set[str]:
    """Return the first people by the hash that splits are made by."""
    shares = {VAL: count / len(names), TRAIN: 1 - count / len(names)}
    splits = split_identities(names, shares, seed)
    return {name for name, split in splits.items() if split == VAL}


def _photos_aside(train: ClassManifest, config: FitConfig) -> BoolArray:
    """Return which crops of each person are set aside, ``(n,)`` bool; everyone keeps one that trains.

    Who has too few photos for the share to come to one gives none, unless nobody would give any.
    """
    training = TrainingSet.of(train)
    paths = train.table.column("path").to_pylist()
    shares = {TRAIN: 1 - config.val_share, VAL: config.val_share}
    aside = split_photos(training.person, paths, shares, config.seed).splits == 1
    enough = np.array([cut(int(size), list(shares.values()))[1] > 0 for size in training.counts])
    fair = aside & enough[training.person]
    if not (fair if fair.any() else aside).any():
        raise DataError(
            f"nobody in the split {TRAIN!r} has two photos, and one of them would have to validate: add "
            "photos of the same people"
        )
    return np.asarray(fair if fair.any() else aside)


def _known(judges: ClassManifest, train: ClassManifest, closed: bool) -> ClassManifest:
    """Return the crops that can judge: of a closed set those of people that train, of others all but those.

    A classifier can name nobody else, and an embedding would be asked for people it knows by heart.
    """
    known = pa.array(TrainingSet.of(train).names, pa.string())
    among = pc.is_in(judges.table.column("identity"), value_set=known).to_numpy()
    return _where(judges, among == closed)


def _of_split(crops: ClassManifest, name: str) -> ClassManifest:
    mine = pc.fill_null(pc.equal(crops.table.column("split"), name), False)
    return ClassManifest(crops.prepared, crops.table.filter(mine), name)


def _where(crops: ClassManifest, chosen: BoolArray) -> ClassManifest:
    return ClassManifest(crops.prepared, crops.table.filter(pa.array(chosen)), crops.split)
