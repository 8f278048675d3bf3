"""When triplets get hard negatives, and the features used to find them."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import torch

from facedata.types import BoolArray, Int64Array

from ..batches.people import TrainingPeople
from ..batches.reader import CropReader
from ..config import FitConfig
from ..epochs.candidates import MiningRule
from ..epochs.hard_negatives import FeatureCache, NegativeUse, find_negatives
from ..epochs.outliers import find_outliers, read_one_person
from ..epochs.plan import EpochRows
from ..machine.devices import choose_device
from ..machine.ranks import ALONE, Ranks
from ..mining.matches import COSINE, EUCLIDEAN
from ..mining.rules import NegativeRules
from .validate import Embeds

logger = logging.getLogger(__name__)

RANDOM, HARD = "random", "hard"


class Negatives:
    """Chooses each epoch's negatives: as drawn, or the nearest of some random crops of other people.

    Features are embeddings in eval mode, without augmentation, one row per crop. They are computed when the
    first hard epoch begins; after each hard epoch, those of the crops it used are computed again. All of this
    is part of a checkpoint.

    Args:
        config: negatives, hard_candidates, per_negative and the other rules, hard_below, seed, device.
        training: the crops.
        dim: length of an embedding.
        doubted: ``(photos,)`` bool, crops that are no negatives, by the findings of `check`; None for none.

    Attributes:
        one_person: ``(p, 2)`` int64, people whom these findings suspect to be one.
        since: the first hard epoch; None while there is none.
        cache: features of all crops, from the first hard epoch on.
    """

    def __init__(
        self, config: FitConfig, training: TrainingPeople, dim: int, doubted: BoolArray | None = None
    ) -> None:
        self.config, self.training, self.dim = config, training, dim
        self.doubted = np.zeros(len(training), np.bool_) if doubted is None else doubted
        self.one_person = read_one_person(training)
        self.since: int | None = 1 if config.negatives == HARD and config.batches == "triplets" else None
        self.cache: FeatureCache | None = None

    def kind(self, epoch: int) -> str | None:
        """Return how an epoch's negatives are chosen; None if its rows have none."""
        if self.config.batches != "triplets":
            return None
        return HARD if self.since is not None and epoch >= self.since else RANDOM

    def plan(self, rows: EpochRows, epoch: int, embeds: Embeds, reader: CropReader) -> EpochRows:
        """Return an epoch's rows, with hard negatives if it is a hard epoch.

        Raises:
            DataError: a crop cannot be read, or there is one person only.
        """
        if self.kind(epoch) != HARD:
            return rows
        if self.cache is None:
            cache, every = FeatureCache(len(self.training), self.dim), np.arange(len(self.training))
            cache.update(every, embeds(reader, every))
            self.cache = cache  # only now: an interrupt while embedding leaves none
        config, person = self.config, self.training.person
        outliers = find_outliers(self.cache.features, person) | self.doubted
        by_cosine = config.distance == "cosine" and not config.normalised
        rules = NegativeRules(
            COSINE if config.distance == COSINE else EUCLIDEAN,
            config.hard_margin,
            max_score=config.max_score,
            range_min=config.range_min,
            one_person=self.one_person,
        )
        rule = MiningRule(
            config.hard_candidates,
            config.per_negative,
            by_cosine,
            outliers,
            rules,
            config.allow_suspects,
            device=str(choose_device(config.device)),
        )
        mined = find_negatives(rows.rows, self.cache, person, rule, (config.seed, epoch))
        plan = mined.put_into(rows)
        use = NegativeUse.of(plan.rows[:, 2], outliers)
        logger.info("epoch %d: hard negatives: %s%s", epoch, use.line, mined.line)
        return plan

    def after(
        self,
        rows: Int64Array,
        epoch: int,
        active: float | None,
        embeds: Embeds,
        reader: CropReader,
        ranks: Ranks = ALONE,
    ) -> bool:
        """End an epoch whose triplets were ``rows``; tell whether hard epochs begin with the next one.

        The first of several processes decides: on different GPUs the shares are not quite the same.
        """
        if self.kind(epoch) == HARD and self.cache is not None:
            used = np.unique(rows)
            self.cache.update(used, embeds(reader, used))
            return False
        turns = ranks.from_first(
            self.config.negatives == "random-then-hard"
            and self.kind(epoch) == RANDOM
            and active is not None
            and active < self.config.hard_below
        )
        if turns:
            self.since = epoch + 1
        return turns

    def state(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """Return what a checkpoint must hold."""
        tensors = {}
        if self.cache is not None:
            tensors["features"] = torch.from_numpy(self.cache.features)
            tensors["known"] = torch.from_numpy(self.cache.known)
        if self.doubted.any():
            tensors["doubted"] = torch.from_numpy(self.doubted)
        if len(self.one_person):
            tensors["one_person"] = torch.from_numpy(self.one_person)
        return tensors, {"since": self.since}

    def restore(self, tensors: dict[str, torch.Tensor], values: dict[str, Any]) -> None:
        """Restore what :meth:`state` returned."""
        self.since = values["since"]
        # those that the run began with, whatever `check` has found since
        none = np.zeros(len(self.training), np.bool_)
        self.doubted = tensors["doubted"].numpy().copy() if "doubted" in tensors else none
        pairs = tensors["one_person"].numpy().copy() if "one_person" in tensors else None
        self.one_person = np.empty((0, 2), np.int64) if pairs is None else pairs
        if "features" in tensors:
            self.cache = FeatureCache(len(self.training), self.dim)
            self.cache.features = tensors["features"].numpy().copy()
            self.cache.known = tensors["known"].numpy().copy()
