"""A face model: backbone and head, with the input spec that says what goes in and what comes out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from facedata import PreparedSet
from facedata.errors import UsageError

from ..config import FitConfig
from ..errors import DataError
from ..spec import InputSpec
from .backbones import Backbone, kind_of, make_backbone
from .freezing import Freezing, parts_to_freeze
from .heads import EmbeddingHead, HeadPlan, batch_norms_of_rows
from .kind import Block, Kind
from .pretrained import SCRATCH, load_pretrained

_BY_COSINE = ("arcface", "cosface", "multi-similarity")


class FaceModel(Freezing):
    """Embed images.

    Attributes:
        backbone: the network, under its library's names.
        head: from its features to an embedding.
        spec: what images must be, and what embeddings mean.
        frozen: the rule that is in effect, as ``--freeze`` says it.
        pretrained: where the backbone's first weights came from.
    """

    def __init__(self, backbone: Backbone, head: EmbeddingHead, spec: InputSpec) -> None:
        super().__init__()
        self.backbone, self.head = backbone.module, head
        self.spec, self.frozen, self.pretrained = spec, "none", SCRATCH
        self._made = backbone

    @property
    def name(self) -> str:
        """The backbone's name."""
        return self._made.name

    @property
    def blocks(self) -> list[Block]:
        """The backbone's parts in order."""
        return self._made.blocks

    def freeze(self, rule: str) -> None:
        """Freeze what a rule names, and nothing else: weights, BatchNorm's statistics and dropout.

        Raises:
            UsageError: the rule means nothing, or names more blocks than there are.
        """
        self.freeze_parts(parts_to_freeze(self._made, rule))
        self.frozen = rule

    def forward(self, images: Tensor) -> Tensor:
        """Return embeddings ``(N, dim)`` float32 of images ``(N, 3, size, size)`` float32.

        Raises:
            DataError: it trains, has BatchNorm on embeddings, and the batch is of one.
        """
        # layers whose statistics are of all processes (`share_batch_norms`) have a forward of their own
        alone = (layer for layer in batch_norms_of_rows(self) if "forward" not in vars(layer))
        if self.training and len(images) == 1 and any(layer.training for layer in alone):
            raise DataError(
                "a batch of one photo cannot train BatchNorm, which needs a spread: raise --batch"
            )
        found: Tensor = self.head(self.backbone(images))
        return found


def input_spec(config: FitConfig, prepared: PreparedSet) -> InputSpec:
    """Return the input spec of a model that is to be trained on a set; it has no threshold yet.

    Raises:
        UsageError: there is no such backbone, or ``--size`` is too small for it.
    """
    kind, settings = kind_of(config.backbone, config.size), prepared.info["settings"]
    return InputSpec(
        size_px=config.size,
        template=settings.get("template", "square"),
        dim=config.dim,
        mean=kind.mean,
        std=kind.std,
        normalised=config.normalised,
        set_fingerprint=prepared.fingerprint,
        metric=_metric(config),
        crop_px=prepared.size_px,
        margin=float(settings.get("margin", 0.0)),
    )


def _metric(config: FitConfig) -> str:
    """Return how embeddings are compared: as the loss compared them."""
    classifies = config.loss in ("cross-entropy", "focal") and config.normalised
    by_cosine = config.loss in _BY_COSINE or config.distance == "cosine" or classifies
    return "cosine" if by_cosine else "euclidean"


def make_model(config: FitConfig, spec: InputSpec) -> tuple[FaceModel, list[str]]:
    """Make a model for training: pretrained where that can be had, frozen as asked.

    What is random depends on ``config.seed`` alone. Where no pretrained weights can be had nothing is frozen
    (but for ``config.freeze_random``): random layers that never train would only be in the way.

    Returns:
        The model, and lines that say where its weights come from and what is frozen.

    Raises:
        UsageError: no such backbone or rule; or the images are too small.
        WeightsError: ``--weights FILE`` is not there, or is not what ``--weights-sha256`` says.
        ArchitectureError: the file's weights are another network's.
    """
    model = build(config, spec)
    model.pretrained = load_pretrained(model._made, config.weights, config.weights_sha256)
    lines = [model.pretrained.line]
    parts_to_freeze(model._made, config.freeze)  # a rule that means nothing is refused in any case
    if config.freeze == "none":
        return model, lines
    if model.pretrained.kind == "none" and not config.freeze_random:
        return model, [*lines, f"so everything trains, and --freeze {config.freeze} is left aside"]
    model.freeze(config.freeze)
    return model, [*lines, f"frozen: {config.freeze}"]


def build(config: FitConfig, spec: InputSpec) -> FaceModel:
    """Make a model with random weights, and nothing frozen.

    Raises:
        UsageError: no such backbone, or the images are too small.
    """
    if (spec.size_px, spec.dim, spec.normalised) != (config.size, config.dim, config.normalised):
        raise UsageError(
            f"the input spec (size {spec.size_px}, dim {spec.dim}, normalised {spec.normalised}) is not that "
            f"of the options ({config.size}, {config.dim}, {config.normalised})"
        )
    plan = head_plan(config, kind_of(config.backbone, config.size))
    with seeded(config.seed, "network"):
        backbone = make_backbone(config.backbone, config.size, plan.dropout if plan.bare else 0.0)
        head = EmbeddingHead(plan)
    return FaceModel(backbone, head, spec)


def head_plan(config: FitConfig, kind: Kind) -> HeadPlan:
    """Return what the head is made of, and the dropout before the embedding's last layer.

    A backbone made for embeddings keeps its own last layer: it is the embedding where the length fits, and
    is followed by the head's layers where it does not; a pretrained one is never thrown away.
    """
    hidden = tuple(config.hidden_widths())
    return HeadPlan(
        kind.features,
        hidden,
        config.dim,
        dropout=0.0
        if config.batches == "pairs"
        else config.dropout,  # there the pair head has the last layer
        normalised=config.normalised,
        whitened=config.loss in ("arcface", "cosface"),
        bare=kind.embeds and not hidden and kind.features == config.dim,
    )


@contextmanager
def seeded(seed: int, purpose: str) -> Iterator[None]:
    """Draw torch's random numbers from a seed and a purpose; the global generator stays as it was."""
    digest = hashlib.sha256(f"{seed}:{purpose}".encode()).digest()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int.from_bytes(digest[:7], "little"))
        yield
