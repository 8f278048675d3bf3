"""What a run trains on and is judged on: crops, who they are, and the rows of each epoch."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from facedata import PairManifest, PreparedSet, TripletManifest

from ..batches.people import TrainingSet
from ..batches.reader import CropReader
from ..config import FitConfig
from ..epochs.holdout import Validation, validation_rows
from ..epochs.sampler import Sampler, make_sampler

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Materials:
    """What a run trains on and is judged on.

    Attributes:
        prepared: the set.
        validation: who trains and who judges.
        training: the crops that train.
        sampler: plans the epochs.
        crops: reads the crops that train.
        judged: reads the crops that judge.
    """

    prepared: PreparedSet
    validation: Validation
    training: TrainingSet
    sampler: Sampler
    crops: CropReader
    judged: CropReader


@contextmanager
def open_materials(prepared: PreparedSet, config: FitConfig) -> Iterator[Materials]:
    """Open the crops that train and those that judge; what is wrong with them is said before any training.

    Raises:
        DataError: crops are gone or changed, one person only, nobody with two photos, no validation pair.
        OtherSetError: the file of triplets belongs to another set.
    """
    validation = validation_rows(prepared, config)
    training = TrainingSet.of(validation.training)
    sampler = make_sampler(config, training, _manifest(prepared, config))
    for note in (*validation.notes, *sampler.notes):
        logger.info("%s", note)
    with (
        CropReader(validation.training, config.workers) as crops,
        CropReader(validation.validation, config.workers) as judged,
    ):
        for reader in (crops, judged):
            reader.check(hashes=not config.trust_crops)
        yield Materials(prepared, validation, training, sampler, crops, judged)


def _manifest(prepared: PreparedSet, config: FitConfig) -> TripletManifest | PairManifest | None:
    """Return the rows to train on: the file's, the set's, or None where they are drawn afresh."""
    if config.batches == "triplets" and config.triplets is not None:
        return TripletManifest.open(config.triplets, of=prepared.path)
    if config.batches not in ("triplets", "pairs") or config.rows_per_epoch is not None:
        return None
    kind = TripletManifest if config.batches == "triplets" else PairManifest
    if not prepared.has(kind.kind):
        return None
    manifest = kind.open(prepared.path, split="train")
    return manifest if len(manifest) else None
