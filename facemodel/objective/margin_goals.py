"""ArcFace and CosFace as goals: the matrix of people's centres, and the margin's warm-up."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from facedata.types import Int64Array

from ..config import FitConfig
from .goals import Goal, LossAndTerms
from .margin_softmax import ARC, COS, MarginRule, RowLosses, row_losses
from .sampled_centres import SampledCentres


class MarginHead(nn.Module):
    """The centres of all people, as the columns of ``W``, ``(dim, classes · sub_centres)``.

    A person's ``sub_centres`` columns lie side by side. First values are normal, drawn from torch's numbers.
    A photo's cosine to a person is that to the nearest of the person's centres (Deng et al., *Sub-center
    ArcFace*, 2020): photos that do not belong to a person gather at a centre of their own.

    Args:
        classes: number of people.
        dim: length of an embedding.
        sub_centres: centres of a person.
    """

    def __init__(self, classes: int, dim: int, sub_centres: int = 1) -> None:
        super().__init__()
        self.sub_centres = sub_centres
        self.W = nn.Parameter(torch.empty(dim, classes * sub_centres).normal_())

    def cosines(self, embeddings: Tensor) -> Tensor:
        """Return the cosines ``(N, classes)`` of embeddings ``(N, dim)`` to all people."""
        centres = nn.functional.normalize(self.W, dim=0)
        return nearest_centres(nn.functional.normalize(embeddings) @ centres, self.sub_centres)

    def forward(self, embeddings: Tensor, labels: Tensor, rule: MarginRule) -> RowLosses:
        """Return the losses of ``(N, dim)`` embeddings and their ``(N,)`` int64 labels."""
        return row_losses(self.cosines(embeddings), labels, rule)


def nearest_centres(cosines: Tensor, sub_centres: int) -> Tensor:
    """Return the cosines ``(N, classes)`` to each person's nearest centre, of those to all centres."""
    return cosines if sub_centres == 1 else cosines.view(len(cosines), -1, sub_centres).max(2).values


class MarginGoal(Goal):
    """Margin softmax; a subclass says which.

    Attributes:
        kind: of :class:`~facemodel.objective.margin_softmax.MarginRule`.
    """

    kind = ""

    def __init__(self, config: FitConfig, dim: int, classes: int, counts: Int64Array | None) -> None:
        super().__init__(config, dim, classes, counts)
        if config.samples_classes:
            self.sampled = SampledCentres(config, dim, classes, int(torch.randint(1 << 62, ())))
        else:
            self.head = MarginHead(classes, dim, config.sub_centres)

    @property
    def rule(self) -> MarginRule:
        """Margin, scale and filter of the next batch: during its warm-up the margin rises from 0."""
        config, warmup = self.config, self.config.margin_warmup_epochs
        share = min(self.moment.epochs_done / warmup, 1.0) if warmup else 1.0
        return MarginRule(self.kind, config.margin * share, config.scale, config.interclass_filter)

    def forward(self, embeddings: Tensor, labels: Tensor, weights: Tensor | None = None) -> LossAndTerms:
        """Return the loss of ``(N, dim)`` embeddings, their ``(N,)`` labels and what each counts, ``(N,)``.

        Terms are ``accuracy``, and by photo ``losses``, ``own`` and ``nearest``: see
        :class:`~facemodel.objective.margin_softmax.RowLosses`.
        """
        if self.sampled is not None:
            rows = self.sampled.losses(embeddings, labels, self.rule, self.moment.key)
        else:
            rows = self.head(embeddings, labels, self.rule)
        losses = rows.losses if weights is None else rows.losses * weights
        return losses.mean(), {
            "accuracy": rows.right.float().mean(),
            "losses": rows.losses,
            "own": rows.own,
            "nearest": rows.nearest,
        }

    def logits(self, embeddings: Tensor) -> Tensor:
        """Return the scaled cosines, without a margin.

        Raises:
            UsageError: people are sampled, and the centres are only there in training.
        """
        if self.sampled is not None:
            return super().logits(embeddings)
        cosines: Tensor = self.head.cosines(embeddings)
        return cosines * self.config.scale


class ArcFaceGoal(MarginGoal):
    """ArcFace: the margin is an angle in degrees."""

    kind = ARC


class CosFaceGoal(MarginGoal):
    """CosFace: the margin is subtracted from the cosine."""

    kind = COS
