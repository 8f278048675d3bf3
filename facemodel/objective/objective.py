"""A face model together with what only training needs: its goal, which has the loss and the loss's head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from facedata.options import look_up
from facedata.types import Int64Array

from ..config import FitConfig
from ..errors import DataError
from ..network.model import FaceModel, use_seed
from .goals import Goal, Moment
from .guidance import Guidance
from .losses import spread


@dataclass(frozen=True, eq=False)
class LossParts:
    """A batch's loss.

    Attributes:
        loss: scalar float32, to be differentiated.
        terms: figures for the history, each a detached scalar on the device: ``spread`` of the embeddings
            (0 = collapsed), and ``active`` (share of triplets with a loss) or ``accuracy``.
        rows: figures of the batch's rows, ``(N,)`` each, detached; of margin losses ``losses``, ``own`` (the
            cosine to the own person) and ``nearest`` (the highest cosine to another one).
    """

    loss: Tensor
    terms: dict[str, Tensor]
    rows: dict[str, Tensor] = field(default_factory=dict)


class Objective(nn.Module):
    """A face model and its goal: everything that trains, so that one DistributedDataParallel can hold it.

    To compile it call ``objective.model.compile()``, which keeps the weights' names.

    Attributes:
        model: the face model.
        goal: from embeddings to the loss.
        config: the options it was made with.
        classes: identity of each label, where the goal has a class head; else empty.
        guidance: what it learns from finished models; None for nothing. It is not saved with the model.
    """

    def __init__(self, config: FitConfig, model: FaceModel, goal: Goal, classes: Sequence[str] = ()) -> None:
        super().__init__()
        self.config, self.model, self.goal = config, model, goal
        self.classes = tuple(classes)
        self.guidance: Guidance | None = None

    def forward(
        self, images: Tensor, labels: Tensor | None = None, k: int = 1, weights: Tensor | None = None
    ) -> LossParts:
        """Return the loss of a batch.

        Args:
            images: ``(m·k, 3, size, size)`` float32 as the input spec says; image ``row · k + i`` is the i-th
                of its row.
            labels: triplets: None; pairs: ``(m,)``, 1 or True where both show one person; photos and people:
                ``(m,)`` int64, the person.
            k: images in a row: 3 for triplets, 2 for pairs, else 1.
            weights: ``(m,)`` float32, what each row's loss counts; None for 1 each. Only for goals that take
                them.

        Raises:
            DataError: the number of images is not a multiple of k, or BatchNorm would train on one image.
        """
        if len(images) % k:
            raise DataError(f"{len(images)} images cannot make rows of {k}")
        embeddings = self.model(images)
        # fp16 overflows in the margin heads, and bf16 has three digits: the loss is computed in float32
        with torch.autocast(images.device.type, enabled=False):
            weighed = () if weights is None else (weights,)
            loss, terms = self.goal(embeddings.float(), labels, *weighed)
            if self.guidance is not None and self.training:
                more, apart = self.guidance(embeddings.float())
                loss, terms = loss + more, {**terms, **apart}
            terms = {**terms, "spread": spread(embeddings.detach())}
        detached = {name: value.detach() for name, value in terms.items()}
        rows = {name: value for name, value in detached.items() if value.dim()}
        return LossParts(loss, {name: value for name, value in detached.items() if not value.dim()}, rows)

    def set_moment(self, epochs_done: float, key: tuple[int, ...]) -> None:
        """Tell the goal where in the run the next batch is (:class:`~facemodel.objective.goals.Moment`)."""
        self.goal.moment = Moment(epochs_done, key)

    @property
    def has_classes(self) -> bool:
        """Whether it can tell which of the training people an embedding is."""
        return self.config.classifies and not self.config.samples_classes

    @property
    def has_pairs(self) -> bool:
        """Whether it has a head that compares two embeddings."""
        return self.config.loss_row.head == "pairs"

    def score_pairs(self, left: Tensor, right: Tensor) -> Tensor:
        """Return how likely two embeddings are of one person.

        Args:
            left: ``(N, dim)`` float32.
            right: ``(N, dim)`` float32.

        Returns:
            ``(N,)`` float32, 0 … 1; above .5 is "same".

        Raises:
            UsageError: it has no pair head.
        """
        return torch.sigmoid(self.goal.pair_logits(left, right))

    def logits(self, embeddings: Tensor) -> Tensor:
        """Return logits ``(N, classes)`` float32, in label order, of embeddings ``(N, dim)`` float32.

        Raises:
            UsageError: it has no class head.
        """
        return self.goal.logits(embeddings)


def make_objective(
    config: FitConfig,
    model: FaceModel,
    classes: Sequence[str] = (),
    counts: Int64Array | None = None,
) -> Objective:
    """Make a model's objective; the first weights of its heads depend on ``config.seed`` alone.

    Args:
        config: names the loss, and holds its options.
        model: gives the embeddings.
        classes: the training people's identities in label order; used only by losses with a class head.
        counts: ``(classes,)`` their numbers of training photos, for ``class_weights``; None if a saved state
            will be loaded.

    Raises:
        DataError: a loss with a class head has fewer than two classes, or not one count per class.
        MissingExtraError: pytorch-metric-learning is needed and not installed.
    """
    if config.classifies and len(classes) < 2:
        raise DataError(
            f"--loss {config.loss} needs two people to tell apart, and there is {len(classes)} to train on"
        )
    with use_seed(config.seed, "heads"):
        make_goal = look_up(config.loss_row.goals, config.batches)
        goal = make_goal(config, model.spec.dim, len(classes), counts)
    return Objective(config, model, goal, classes if config.classifies else ())
