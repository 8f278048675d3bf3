"""The losses of ``facemodel fit``, one row each: what it trains on, what it needs, what makes its goal.

A new loss is a goal in a file of its own and a row here; from outside, one assignment::

    LOSSES["circle"] = Loss({"people": "my_losses:CircleGoal"}, uses=("margin",))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

_GOALS, _MARGINS = "facemodel.objective.goals", "facemodel.objective.margin_goals"
_MARGIN_OPTIONS = (
    "margin", "scale", "sub_centres", "interclass_filter", "margin_warmup_epochs", "sample_classes",
)  # fmt: skip


@dataclass(frozen=True)
class Loss:
    """What is known about a loss before it is made.

    Attributes:
        goals: kind of batch it trains on (``triplets``, ``pairs``, ``photos`` or ``people``) → what makes its
            :class:`~facemodel.objective.goals.Goal`: a class, or ``module:class``, which is imported only
            when it is needed.
        uses: which of the options margin, scale, sub_centres, interclass_filter, margin_warmup_epochs,
            sample_classes, gamma, class_weights and miner it reads.
        head: ``classes`` if the goal has a classifier of the training people (``logits``), ``pairs`` if it
            has one of pairs (``pair_logits``), else empty.
        by_cosine: its embeddings are compared by cosine.
        whitened: BatchNorm follows the embedding's last layer.
        of_triplets: it is ``max(0, d(anchor, positive) - d(anchor, negative) + margin)``, so it can be
            computed for validation triplets too, and equals the margin if all embeddings are the same.
        most_margin: the largest margin it takes; None for no limit.
    """

    goals: Mapping[str, str | Callable[..., Any]]
    uses: tuple[str, ...] = ()
    head: str = ""
    by_cosine: bool = False
    whitened: bool = False
    of_triplets: bool = False
    most_margin: float | None = None


LOSSES: dict[str, Loss] = {
    "triplet": Loss(
        {"triplets": f"{_GOALS}:TripletGoal", "people": f"{_GOALS}:MinedTripletGoal"},
        uses=("margin", "miner"),
        of_triplets=True,
    ),
    "bce": Loss({"pairs": f"{_GOALS}:PairGoal"}, head="pairs"),
    "cross-entropy": Loss({"photos": f"{_GOALS}:ClassGoal"}, uses=("class_weights",), head="classes"),
    "focal": Loss({"photos": f"{_GOALS}:ClassGoal"}, uses=("gamma", "class_weights"), head="classes"),
    "arcface": Loss(
        {"people": f"{_MARGINS}:ArcFaceGoal"},
        uses=_MARGIN_OPTIONS,
        head="classes",
        by_cosine=True,
        whitened=True,
        most_margin=90.0,  # degrees
    ),
    "cosface": Loss(
        {"people": f"{_MARGINS}:CosFaceGoal"},
        uses=_MARGIN_OPTIONS,
        head="classes",
        by_cosine=True,
        whitened=True,
        most_margin=2.0,  # the range of a cosine
    ),
    "multi-similarity": Loss({"people": f"{_GOALS}:MultiSimilarityGoal"}, uses=("miner",), by_cosine=True),
}
"""Loss by name, in the order in which help and messages list them."""


def losses_that_use(option: str) -> str:
    """Return the names of the losses that read an option, as text.

    >>> losses_that_use("margin")
    'triplet, arcface or cosface'
    """
    names = [name for name, loss in LOSSES.items() if option in loss.uses]
    return " or ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
