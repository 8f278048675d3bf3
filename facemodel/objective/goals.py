"""Goals: from a batch's embeddings to its loss, each with the head that the loss looks through."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from facedata.types import Int64Array

from ..config import FitConfig
from ..errors import DataError
from ..network.heads import ClassHead, PairHead
from .losses import PeopleLoss, active_share, class_weights, focal_loss, margin_softmax, triplet_losses

Found = tuple[Tensor, dict[str, Tensor]]
"""A loss, and what is to be told of the batch."""


class TripletGoal(nn.Module):
    """Given triplets; the mean is over all of them, whether they still teach or not."""

    def __init__(self, margin: float, distance: str) -> None:
        super().__init__()
        self.margin, self.distance = margin, distance

    def forward(self, embeddings: Tensor, labels: Tensor | None) -> Found:
        """Return the loss of ``(m·3, dim)`` embeddings."""
        losses = triplet_losses(embeddings.view(-1, 3, embeddings.shape[1]), self.margin, self.distance)
        return losses.mean(), {"active": (losses > 0).float().mean()}


class PairGoal(nn.Module):
    """Binary cross entropy of the pair head."""

    def __init__(self, head: PairHead) -> None:
        super().__init__()
        self.head = head

    def forward(self, embeddings: Tensor, labels: Tensor) -> Found:
        """Return the loss of ``(m·2, dim)`` embeddings and ``(m,)`` same or not."""
        left, right = embeddings.view(-1, 2, embeddings.shape[1]).unbind(1)
        logits = self.head(left, right)
        loss = nn.functional.binary_cross_entropy_with_logits(logits, labels.float())
        return loss, {"accuracy": ((logits > 0) == labels.bool()).float().mean()}


class ClassGoal(nn.Module):
    """Cross entropy or focal loss of a class head; the weights of classes are saved with it."""

    weights: Tensor | None

    def __init__(self, head: ClassHead, gamma: float, weights: Tensor | None) -> None:
        super().__init__()
        self.head, self.gamma = head, gamma
        self.register_buffer("weights", weights)

    def forward(self, embeddings: Tensor, labels: Tensor) -> Found:
        """Return the loss of ``(N, dim)`` embeddings and their ``(N,)`` labels."""
        logits = self.head(embeddings)
        loss = focal_loss(logits, labels, self.gamma, self.weights)
        return loss, {"accuracy": (logits.argmax(1) == labels).float().mean()}

    def logits(self, embeddings: Tensor) -> Tensor:
        """Return the head's logits."""
        found: Tensor = self.head(embeddings)
        return found


class MarginGoal(nn.Module):
    """ArcFace or CosFace; its head is the matrix of class centres."""

    def __init__(self, kind: str, dim: int, classes: int, margin: float, scale: float) -> None:
        super().__init__()
        self.head, self.scale = margin_softmax(kind, classes, dim, margin, scale), scale

    def forward(self, embeddings: Tensor, labels: Tensor) -> Found:
        """Return the loss of ``(N, dim)`` embeddings and their ``(N,)`` labels."""
        loss: Tensor = self.head(embeddings, labels)
        with torch.no_grad():
            right = self.logits(embeddings).argmax(1) == labels
        return loss, {"accuracy": right.float().mean()}

    def logits(self, embeddings: Tensor) -> Tensor:
        """Return the scaled cosines, without a margin."""
        # as the library's get_logits, which an export cannot look into
        centres = nn.functional.normalize(self.head.W, dim=0)  # type: ignore[arg-type]
        return nn.functional.normalize(embeddings) @ centres * self.scale


class PeopleGoal(nn.Module):
    """Triplet or multi-similarity loss within a batch of people."""

    def __init__(self, kind: str, miner: str, margin: float, distance: str) -> None:
        super().__init__()
        self.loss = PeopleLoss(kind, miner, margin, distance)

    def forward(self, embeddings: Tensor, labels: Tensor) -> Found:
        """Return the loss of ``(N, dim)`` embeddings and their ``(N,)`` people."""
        loss: Tensor = self.loss(embeddings, labels)
        with torch.no_grad():
            active = active_share(embeddings, labels, self.loss.margin, self.loss.distance)
        return loss, {"active": active}


def make_goal(config: FitConfig, dim: int, classes: int, counts: Int64Array | None) -> nn.Module:
    """Make the goal that the options name.

    Args:
        config: says which loss, and how.
        dim: length of an embedding.
        classes: number of classes; 0 where the loss knows none.
        counts: ``(classes,)`` photos of each in label order; None for a goal that a checkpoint is read into.

    Raises:
        DataError: there are other counts than classes.
        MissingExtraError: pytorch-metric-learning is needed and not installed.
    """
    if config.batches == "triplets":
        return TripletGoal(config.margin, config.distance)
    if config.batches == "pairs":
        return PairGoal(PairHead(dim, config.dropout, config.normalised))
    if config.loss in ("arcface", "cosface"):
        return MarginGoal(config.loss, dim, classes, config.margin, config.scale)
    if config.batches == "people":
        return PeopleGoal(config.loss, config.miner, config.margin, config.distance)
    weights = _class_weights(classes, counts) if config.class_weights else None
    head = ClassHead(dim, classes, config.normalised)
    return ClassGoal(head, config.gamma if config.loss == "focal" else 0.0, weights)


def _class_weights(classes: int, counts: Int64Array | None) -> Tensor:
    """Return the weights; without counts, ones that a checkpoint's are read into."""
    if counts is None:
        return torch.ones(classes)
    if len(counts) != classes:
        raise DataError(f"there are counts of {len(counts)} classes, and {classes} classes")
    return class_weights(counts)
