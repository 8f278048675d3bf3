"""Goals: from a batch's embeddings to its loss, each with the head it needs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from facedata.errors import UsageError
from facedata.types import Int64Array

from ..config import FitConfig
from ..errors import DataError
from ..network.heads import ClassHead, PairHead
from . import losses
from .batch_hard import BatchHard
from .sampled_centres import SampledCentres

LossAndTerms = tuple[Tensor, dict[str, Tensor]]
"""A scalar loss; and by name scalars for the history, and figures ``(N,)`` of a batch's rows."""


@dataclass(frozen=True)
class Moment:
    """Where in a run a batch is.

    Attributes:
        epochs_done: how far the run has come, in epochs: 2.5 is halfway through the third.
        key: the batch's seeds: those of the run, its epoch, step, and number within the step.
    """

    epochs_done: float = math.inf
    key: tuple[int, ...] = (0,)


class Goal(nn.Module):
    """From a batch's embeddings to its loss; :data:`~facemodel.loss_table.LOSSES` names each loss's goal.

    A subclass defines ``forward(embeddings, labels)``, which returns :data:`LossAndTerms`; one that can weigh
    rows takes ``weights``, ``(N,)`` float32, as well, and returns the mean of ``weight · loss``. Its
    parameters train and are saved with the model.

    Args:
        config: the options of the run.
        dim: length of an embedding.
        classes: number of training people; 0 where the loss has no class head.
        counts: ``(classes,)`` photos of each in label order; None if a saved state will be loaded.

    Attributes:
        moment: set before each batch that trains; where nothing trains, that of a finished run.
        sampled: centres that are no parameters of the module; None for goals that do not sample people.
    """

    sampled: SampledCentres | None = None

    def __init__(self, config: FitConfig, dim: int, classes: int, counts: Int64Array | None) -> None:
        super().__init__()
        self.config, self.moment = config, Moment()

    def logits(self, embeddings: Tensor) -> Tensor:
        """Return logits ``(N, classes)`` of embeddings ``(N, dim)``.

        Raises:
            UsageError: there is no class head.
        """
        raise UsageError("the model has no class head: enroll people and compare embeddings")

    def pair_logits(self, left: Tensor, right: Tensor) -> Tensor:
        """Return a logit per pair, ``(N,)``, above 0 for the same person, of embeddings ``(N, dim)`` each.

        Raises:
            UsageError: there is no pair head.
        """
        raise UsageError("the model has no pair head: compare embeddings by their distance")


class TripletGoal(Goal):
    """Triplet loss of given triplets; the mean includes those whose loss is 0."""

    def forward(self, embeddings: Tensor, labels: Tensor | None) -> LossAndTerms:
        """Return the loss of ``(m·3, dim)`` embeddings: each triplet's anchor, positive, negative."""
        rows = embeddings.view(-1, 3, embeddings.shape[1])
        each = losses.triplet_losses(rows, self.config.margin, self.config.distance)
        return each.mean(), {"active": (each > 0).float().mean()}


class PairGoal(Goal):
    """Binary cross entropy of a pair head."""

    def __init__(self, config: FitConfig, dim: int, classes: int, counts: Int64Array | None) -> None:
        super().__init__(config, dim, classes, counts)
        self.head = PairHead(dim, config.dropout, config.normalised)

    def forward(self, embeddings: Tensor, labels: Tensor) -> LossAndTerms:
        """Return the loss of ``(m·2, dim)`` embeddings and ``(m,)`` same or not."""
        logits = self.pair_logits(*embeddings.view(-1, 2, embeddings.shape[1]).unbind(1))
        loss = nn.functional.binary_cross_entropy_with_logits(logits, labels.float())
        return loss, {"accuracy": ((logits > 0) == labels.bool()).float().mean()}

    def pair_logits(self, left: Tensor, right: Tensor) -> Tensor:
        """Return the pair head's logits."""
        logits: Tensor = self.head(left, right)
        return logits


class ClassGoal(Goal):
    """Cross entropy or focal loss of a class head; the classes' weights are saved with it.

    Raises:
        DataError: there are more or fewer counts than classes.
    """

    weights: Tensor | None

    def __init__(self, config: FitConfig, dim: int, classes: int, counts: Int64Array | None) -> None:
        super().__init__(config, dim, classes, counts)
        weights = None
        if config.class_weights:
            if counts is not None and len(counts) != classes:
                raise DataError(f"there are {len(counts)} counts for {classes} classes")
            # without counts: ones, which a saved state replaces
            weights = torch.ones(classes) if counts is None else losses.class_weights(counts)
        self.register_buffer("weights", weights)
        self.head = ClassHead(dim, classes, config.normalised)
        self.gamma = config.gamma if "gamma" in config.loss_row.uses else 0.0

    def forward(self, embeddings: Tensor, labels: Tensor) -> LossAndTerms:
        """Return the loss of ``(N, dim)`` embeddings and their ``(N,)`` labels."""
        logits = self.logits(embeddings)
        loss = losses.focal_loss(logits, labels, self.gamma, self.weights)
        return loss, {"accuracy": (logits.argmax(1) == labels).float().mean()}

    def logits(self, embeddings: Tensor) -> Tensor:
        """Return the head's logits."""
        logits: Tensor = self.head(embeddings)
        return logits


class MinedTripletGoal(Goal):
    """Triplet loss within a batch of people: of the triplets that a miner picks, or of all."""

    make_loss: Callable[[float, str], nn.Module] = staticmethod(losses.make_mined_triplet)

    def __init__(self, config: FitConfig, dim: int, classes: int, counts: Int64Array | None) -> None:
        super().__init__(config, dim, classes, counts)
        self.loss = self.make_loss(config.margin, config.distance)
        self.miner = (
            BatchHard(config.distance)
            if config.miner == "hard"
            else losses.make_miner(config.miner, config.margin, config.distance)
        )

    def forward(self, embeddings: Tensor, labels: Tensor) -> LossAndTerms:
        """Return the loss of ``(N, dim)`` embeddings and their ``(N,)`` people."""
        mined = None if self.miner is None else self.miner(embeddings, labels)
        loss: Tensor = self.loss(embeddings, labels, mined)
        with torch.no_grad():
            active = losses.active_share(embeddings, labels, self.config.margin, self.config.distance)
        return loss, {"active": active}


class MultiSimilarityGoal(MinedTripletGoal):
    """Multi-similarity loss within a batch of people: of the pairs that a miner picks, or of all."""

    make_loss = staticmethod(losses.make_multi_similarity)
