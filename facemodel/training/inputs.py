"""The inputs of a run: the crops it trains on and is validated with, and the rows of each epoch."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from facedata import ClassManifest, PairManifest, PreparedSet, TripletManifest
from facedata.types import BoolArray

from ..batches.people import TrainingPeople
from ..batches.reader import CropReader
from ..epochs.holdout import Validation, hold_out
from ..epochs.outliers import read_doubted
from ..epochs.plan import Sampler
from ..epochs.sampler import make_sampler
from .doubt.doubted import KEEP, Doubted, find_doubted, read_doubted_of
from .run_folder import RunFolder

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Inputs:
    """What a run trains on and is validated with.

    Attributes:
        prepared: the set.
        validation: the training crops, the validation crops and the validation pairs.
        training: the people that train, and each training crop's person.
        sampler: plans the epochs.
        doubted: photos that ``--doubted`` has left out or given another name; None without it.
        no_negatives: ``(photos,)`` bool, training crops that `check` doubts: no hard negatives.
        training_crops: reads the training crops.
        validation_crops: reads the validation crops.
    """

    prepared: PreparedSet
    validation: Validation
    training: TrainingPeople
    sampler: Sampler
    doubted: Doubted | None
    no_negatives: BoolArray
    training_crops: CropReader
    validation_crops: CropReader


@contextmanager
def open_inputs(prepared: PreparedSet, folder: RunFolder) -> Iterator[Inputs]:
    """Open a run's crops and plan its epochs; any fault in them is reported before any training.

    Raises:
        DataError: crops are gone or changed, there is only one person, no person has two photos, there is
            no validation pair, or there are no findings for ``--leave-out doubted``.
        RunError: which photos a resumed run leaves out cannot be read.
        OtherSetError: the file of triplets belongs to another set.
    """
    config, doubted, crops = folder.config, None, None
    if config.doubted != KEEP:  # a resumed run doubts what it began with, whatever `check` has found since
        doubted = (
            read_doubted_of(folder.path)
            if folder.resumes
            else find_doubted(prepared, config.doubted, new_people=not config.closed)
        )
        crops = doubted.apply(ClassManifest.open(prepared))
    validation = hold_out(prepared, config, crops)
    training = TrainingPeople.of(validation.training)
    # the rows to train on: the file's or the set's; None if they are drawn for each epoch
    manifest: TripletManifest | PairManifest | None = None
    if config.triplets is not None:
        manifest = TripletManifest.open(config.triplets, of=prepared)
    elif (
        config.batches in ("triplets", "pairs")
        and config.rows_per_epoch is None
        and not (doubted and doubted.moves)  # the set's own rows have the old names
    ):
        kind = TripletManifest if config.batches == "triplets" else PairManifest
        if prepared.has(kind.kind) and len(rows := kind.open(prepared, split="train")):
            manifest = rows
    sampler = make_sampler(config, training, manifest)
    doubts = [] if doubted is None else [doubted.line]
    for note in (*doubts, *validation.notes, *sampler.notes):
        logger.info("%s", note)
    with (
        CropReader(validation.training, config.workers) as training_crops,
        CropReader(validation.validation, config.workers) as validation_crops,
    ):
        for reader in (training_crops, validation_crops):
            reader.check(hashes=not config.trust_crops)
        no_negatives = read_doubted(training)
        yield Inputs(
            prepared, validation, training, sampler, doubted, no_negatives, training_crops, validation_crops
        )
