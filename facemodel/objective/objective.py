"""A face model together with what only training needs: its loss, and the head that the loss looks through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from facedata.errors import UsageError
from facedata.types import Int64Array

from ..config import FitConfig
from ..errors import DataError
from ..network.model import FaceModel, seeded
from .goals import ClassGoal, MarginGoal, PairGoal, make_goal
from .losses import spread


@dataclass(frozen=True, eq=False)
class LossParts:
    """What a batch gave.

    Attributes:
        loss: scalar float32, to be differentiated.
        terms: what the history tells of the batch, each a detached scalar on the device: ``spread`` of the
            embeddings (0 = collapsed), and ``active`` (share of triplets that still teach) or ``accuracy``.
    """

    loss: Tensor
    terms: dict[str, Tensor]


class Objective(nn.Module):
    """A face model and its goal. All that trains lies in here, so that one DistributedDataParallel holds it.

    To compile it call ``objective.model.compile()``: that leaves the weights their names.

    Attributes:
        model: the face model.
        goal: from embeddings to the loss; has the head where there is one.
        config: the options it was made with.
        classes: identity of each label, where the loss knows people by name; else empty.
    """

    def __init__(
        self, config: FitConfig, model: FaceModel, goal: nn.Module, classes: Sequence[str] = ()
    ) -> None:
        super().__init__()
        self.config, self.model, self.goal = config, model, goal
        self.classes = tuple(classes)

    def forward(self, images: Tensor, labels: Tensor | None = None, k: int = 1) -> LossParts:
        """Return the loss of a batch.

        Args:
            images: ``(m·k, 3, size, size)`` float32 as the input spec says; the k images of a row follow each
                other, so image ``row · k + i`` is the i-th of its row.
            labels: triplets: None; pairs: ``(m,)``, 1 or True where both show one person; photos and people:
                ``(m,)`` int64, the person.
            k: images in a row: 3 for triplets, 2 for pairs, else 1.

        Raises:
            DataError: the images make no whole rows, or a batch of one is to train BatchNorm.
        """
        if len(images) % k:
            raise DataError(f"{len(images)} images make no whole rows of {k}")
        embeddings = self.model(images)
        # fp16 overflows in the margin heads, and bf16 has three digits: the loss is computed in float32
        with torch.autocast(images.device.type, enabled=False):
            loss, terms = self.goal(embeddings.float(), labels)
            terms = {**terms, "spread": spread(embeddings.detach())}
        return LossParts(loss, {name: value.detach() for name, value in terms.items()})

    @property
    def has_classes(self) -> bool:
        """It can tell which of the known people an embedding is."""
        return isinstance(self.goal, ClassGoal | MarginGoal)

    @property
    def has_pairs(self) -> bool:
        """It has a head that tells of two embeddings whether they are of one person."""
        return isinstance(self.goal, PairGoal)

    def score_pairs(self, left: Tensor, right: Tensor) -> Tensor:
        """Return how likely two embeddings are of one person.

        Args:
            left: ``(N, dim)`` float32.
            right: ``(N, dim)`` float32.

        Returns:
            ``(N,)`` float32, 0 … 1; above .5 is "same".

        Raises:
            UsageError: it was not trained on pairs.
        """
        if not isinstance(self.goal, PairGoal):
            raise UsageError("the model has no pair head: compare embeddings by their distance")
        scores: Tensor = torch.sigmoid(self.goal.head(left, right))
        return scores

    def logits(self, embeddings: Tensor) -> Tensor:
        """Return logits ``(N, classes)`` float32, in label order, of embeddings ``(N, dim)`` float32.

        Raises:
            UsageError: it knows no classes.
        """
        if not isinstance(self.goal, ClassGoal | MarginGoal):
            raise UsageError("the model has no class head: enroll people and compare embeddings")
        return self.goal.logits(embeddings)


def make_objective(
    config: FitConfig,
    model: FaceModel,
    classes: Sequence[str] = (),
    counts: Int64Array | None = None,
) -> Objective:
    """Make what is minimised; its heads' first weights depend on ``config.seed`` alone.

    Args:
        config: says which loss, and how.
        model: gives the embeddings.
        classes: the training people's identities in label order; only losses with a class head need them.
        counts: ``(classes,)`` their numbers of training photos, for ``class_weights``.

    Raises:
        DataError: a loss with a class head, and fewer than two classes or other counts than classes.
        MissingExtraError: pytorch-metric-learning is needed and not installed.
    """
    knows = config.classifies
    if knows and len(classes) < 2:
        raise DataError(
            f"--loss {config.loss} tells people apart and there is {len(classes)} to train on: it takes 2"
        )
    with seeded(config.seed, "heads"):
        goal = make_goal(config, model.spec.dim, len(classes), counts)
    return Objective(config, model, goal, classes if knows else ())
