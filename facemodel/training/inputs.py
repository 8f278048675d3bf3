"""The inputs of a run: the crops it trains on and is validated with, and the rows of each epoch."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from facedata import PairManifest, PreparedSet, TripletManifest
from facedata.types import BoolArray

from ..batches.people import TrainingPeople
from ..batches.reader import CropReader
from ..config import FitConfig
from ..epochs.holdout import Validation, hold_out
from ..epochs.outliers import read_doubted
from ..epochs.plan import Sampler
from ..epochs.sampler import make_sampler

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Inputs:
    """What a run trains on and is validated with.

    Attributes:
        prepared: the set.
        validation: the training crops, the validation crops and the validation pairs.
        training: the people that train, and each training crop's person.
        sampler: plans the epochs.
        doubted: ``(photos,)`` bool, training crops that `check` doubts: no hard negatives.
        training_crops: reads the training crops.
        validation_crops: reads the validation crops.
    """

    prepared: PreparedSet
    validation: Validation
    training: TrainingPeople
    sampler: Sampler
    doubted: BoolArray
    training_crops: CropReader
    validation_crops: CropReader


@contextmanager
def open_inputs(prepared: PreparedSet, config: FitConfig) -> Iterator[Inputs]:
    """Open a run's crops and plan its epochs; any fault in them is reported before any training.

    Raises:
        DataError: crops are gone or changed, there is only one person, no person has two photos, or there is
            no validation pair.
        OtherSetError: the file of triplets belongs to another set.
    """
    validation = hold_out(prepared, config)
    training = TrainingPeople.of(validation.training)
    # the rows to train on: the file's or the set's; None if they are drawn for each epoch
    manifest: TripletManifest | PairManifest | None = None
    if config.triplets is not None:
        manifest = TripletManifest.open(config.triplets, of=prepared)
    elif config.batches in ("triplets", "pairs") and config.rows_per_epoch is None:
        kind = TripletManifest if config.batches == "triplets" else PairManifest
        if prepared.has(kind.kind) and len(rows := kind.open(prepared, split="train")):
            manifest = rows
    sampler = make_sampler(config, training, manifest)
    for note in (*validation.notes, *sampler.notes):
        logger.info("%s", note)
    with (
        CropReader(validation.training, config.workers) as training_crops,
        CropReader(validation.validation, config.workers) as validation_crops,
    ):
        for reader in (training_crops, validation_crops):
            reader.check(hashes=not config.trust_crops)
        doubted = read_doubted(training)
        yield Inputs(prepared, validation, training, sampler, doubted, training_crops, validation_crops)
