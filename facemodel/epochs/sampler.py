"""Chooses by the options what plans a run's epochs.

All samplers are pure functions of (seed, epoch), so a run resumes exactly; none loops over rows.
"""

from __future__ import annotations

import dataclasses
from typing import TypeVar

import numpy as np

from facedata import PairManifest, TripletManifest
from facedata.sampling.spaces import Rule
from facedata.types import BoolArray, Int64Array

from ..batches.people import TrainingPeople
from ..config import FitConfig
from ..errors import DataError
from .photos import PeopleSampler, PhotoSampler
from .tuples import PairSampler, TripletSampler

SamplerT = TypeVar("SamplerT", TripletSampler, PairSampler, PeopleSampler)


def make_sampler(
    config: FitConfig, training: TrainingPeople, manifest: TripletManifest | PairManifest | None = None
) -> TripletSampler | PairSampler | PhotoSampler | PeopleSampler:
    """Return what plans the epochs of a run.

    Triplets and pairs are those of the manifest, without the rows that use a crop set aside for validation.
    They are freshly drawn each epoch if ``--rows-per-epoch`` is given, or if the set's own were drawn with
    another ``--strategy``. From a file of triplets, each epoch takes ``--rows-per-epoch`` of them.

    Args:
        config: of the run.
        training: the crops that train.
        manifest: the set's or the file's rows; None to draw them.

    Raises:
        DataError: there is one person only, no person has two photos, or no row of the manifest is left.
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
        # a person with one photo teaches a classifier something, as a class of its own
        each, singles = config.photos_per_person, config.classifies
        notes = () if singles else _note_singles(training, "are left out")
        return _try_out(PeopleSampler(training, seed, batch // each, each, count, singles, notes))
    rule, pairs = Rule(config.strategy), config.batches == "pairs"
    if manifest is not None and not (config.triplets is not None and isinstance(manifest, TripletManifest)):
        # the set's own rows: used if they were drawn as the run asks for
        drawn = manifest.prepared.info.get("drawing", {}).get(manifest.kind, {})
        fits = config.strategy == "random" or drawn.get("strategy") == config.strategy
        manifest = manifest if fits and config.rows_per_epoch is None else None
    if manifest is None:
        count = count or (PairManifest if pairs else TripletManifest).per_crop * len(training)
        notes = _note_singles(training, "are only used as another person")
        if pairs:
            return _try_out(PairSampler(training, seed, batch, count, rule=rule, notes=notes))
        return _try_out(TripletSampler(training, seed, batch, count, rule=rule, notes=notes))
    rows, kept = _manifest_rows(training, manifest)
    lost = f"{np.count_nonzero(~kept):,} of {len(kept):,} {manifest.kind}"
    notes = () if kept.all() else (f"{lost} use a photo that does not train, and are left out",)
    if isinstance(manifest, PairManifest):
        return PairSampler(training, seed, batch, count, rows, manifest.same[kept], rule, notes)
    return TripletSampler(training, seed, batch, count, rows, rule, notes)


def _try_out(sampler: SamplerT) -> SamplerT:
    """Return the sampler after drawing one row, so that impossible draws are reported before epoch 1."""
    dataclasses.replace(sampler, count=1).epoch(1)
    return sampler


def _manifest_rows(
    training: TrainingPeople, manifest: TripletManifest | PairManifest
) -> tuple[Int64Array, BoolArray]:
    """Return the manifest's rows that train, as row numbers, and which rows these are; refuse wrong ones."""
    sides = [np.asarray(manifest.table.column(side).to_numpy()) for side in manifest.sides]
    rows, here = training.rows_of(np.column_stack(sides))
    kept = np.asarray(here.all(axis=1))
    if not kept.any():
        raise DataError(
            f"none of the {len(kept):,} {manifest.kind} has all its photos among the {len(training):,} that "
            "train: draw fresh ones with --rows-per-epoch, or make more of them"
        )
    rows = rows[kept]
    person = training.person[rows]
    same = person[:, 0] == person[:, 1]
    if isinstance(manifest, PairManifest):
        wrong = same != manifest.same[kept]
        why = "they say that two people are one person, or that one is two"
    else:
        wrong = ~same | (rows[:, 0] == rows[:, 1]) | (person[:, 0] == person[:, 2])
        why = "the positive is the anchor's own photo or another person's, or the negative is the anchor's"
    if wrong.any():
        raise DataError(f"{np.count_nonzero(wrong):,} of the {len(kept):,} {manifest.kind} are wrong: {why}")
    return rows, kept


def _note_singles(training: TrainingPeople, fate: str) -> tuple[str, ...]:
    few = int(np.count_nonzero(training.counts == 1))
    return (f"{few:,} of {len(training.names):,} people have one photo and {fate}",) if few else ()
