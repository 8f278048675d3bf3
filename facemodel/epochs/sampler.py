"""What plans the epochs of a run, as its options say.

All are pure functions of (seed, epoch), so that a run goes on exactly; none loops over rows.
"""

from __future__ import annotations

import dataclasses
from typing import TypeVar

import numpy as np

from facedata import PairManifest, TripletManifest
from facedata.sampling.spaces import Rule
from facedata.types import BoolArray, Int64Array

from ..batches.people import TrainingSet
from ..config import FitConfig
from ..errors import DataError
from .photos import PeopleSampler, PhotoSampler
from .plan import EpochRows, Sampler, Usage
from .tuples import PairSampler, TripletSampler

__all__ = [
    "EpochRows",
    "PairSampler",
    "PeopleSampler",
    "PhotoSampler",
    "Sampler",
    "TripletSampler",
    "Usage",
    "make_sampler",
]

_TRIPLETS_PER_PHOTO, _PAIRS_PER_PHOTO = TripletManifest.per_crop, PairManifest.per_crop

_GRADED = ("arcface", "cosface")
"""Losses that a person with one photo teaches something, as a class of its own."""

SamplerT = TypeVar("SamplerT", TripletSampler, PairSampler, PeopleSampler)


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
    if wrong := int(np.count_nonzero(_is_wrong(rows[kept], training.person, manifest, kept))):
        raise DataError(
            f"{wrong:,} of the {len(kept):,} {manifest.kind} are none: "
            + (
                "the positive is the anchor's own photo or another person's, or the negative is the anchor's"
                if isinstance(manifest, TripletManifest)
                else "what they say of both photos, one person or two, is not so"
            )
        )
    return rows[kept], kept


def _is_wrong(
    rows: Int64Array, person: Int64Array, manifest: TripletManifest | PairManifest, kept: BoolArray
) -> BoolArray:
    """Tell which rows contradict the set, ``(n,)`` bool."""
    who = person[rows]
    alike = who[:, 0] == who[:, 1]
    if isinstance(manifest, PairManifest):
        return np.asarray(alike != manifest.same[kept])
    return np.asarray(~alike | (rows[:, 0] == rows[:, 1]) | (who[:, 0] == who[:, 2]))


def _singles(training: TrainingSet, fate: str) -> tuple[str, ...]:
    few = int(np.count_nonzero(training.counts == 1))
    return (f"{few:,} of {len(training.names):,} people have one photo and {fate}",) if few else ()


def _notes(kept: BoolArray, manifest: TripletManifest | PairManifest) -> tuple[str, ...]:
    lost = len(kept) - int(np.count_nonzero(kept))
    if not lost:
        return ()
    return (f"{lost:,} of {len(kept):,} {manifest.kind} use a photo that does not train, and are left out",)
