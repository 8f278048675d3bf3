"""A face model: backbone and head, with the input spec that says what goes in and what comes out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import cast

import torch
from torch import Tensor, nn

from facedata import PreparedSet
from facedata.errors import UsageError

from ..config import FitConfig
from ..errors import DataError
from ..machine.whole_batch import SharedBatchNorm
from ..spec import InputSpec
from .backbones import Backbone, backbone_kind, make_backbone
from .freezing import Freezing, parts_to_freeze
from .heads import EmbeddingHead, HeadPlan
from .kind import Block
from .pretrained import SCRATCH, load_pretrained
from .started.network import STARTED, Start, StartedNetwork, described_spec, started_kind


class FaceModel(Freezing):
    """Embed images.

    Attributes:
        backbone: the network, under its library's names.
        head: from its features to an embedding.
        spec: what images must be, and what embeddings mean.
        frozen: the rule in effect, as in ``--freeze``.
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
        """The backbone's blocks in order."""
        return self._made.blocks

    def freeze(self, rule: str) -> None:
        """Freeze what a rule names, and nothing else: weights, BatchNorm's statistics and dropout.

        Raises:
            UsageError: there is no such rule, or it names more blocks than there are.
        """
        self.freeze_parts(parts_to_freeze(self._made, rule))
        self.frozen = rule

    def forward(self, images: Tensor) -> Tensor:
        """Return embeddings ``(N, dim)`` float32 of images ``(N, 3, size, size)`` float32.

        Raises:
            DataError: it is in training mode, has BatchNorm on embeddings, and the batch is one image.
        """
        if self.training and len(images) == 1:
            norms = (layer for layer in self.modules() if isinstance(layer, nn.BatchNorm1d))
            if any(norm.training and not isinstance(norm, SharedBatchNorm) for norm in norms):
                raise DataError(
                    "a batch of one photo cannot train BatchNorm, which needs several: raise --batch"
                )
        embeddings: Tensor = self.head(self.backbone(images))
        return embeddings


def input_spec(config: FitConfig, prepared: PreparedSet, graph: Tensor | None = None) -> InputSpec:
    """Return the input spec of a model that is to be trained on a set; it has no threshold yet.

    Args:
        config: of the run.
        prepared: the set.
        graph: the description of the model that the run starts from; None for none.

    Raises:
        UsageError: there is no such backbone, or ``--size`` is too small for it.
        SpecError: the set's crops are not like those that the model was trained on.
    """
    if graph is not None:
        spec = described_spec(graph)
        spec.check_set(prepared)
        return replace(spec, set_fingerprint=prepared.fingerprint, crop_px=prepared.size_px)
    kind, settings = backbone_kind(config.backbone, config.size), prepared.info["settings"]
    # embeddings are compared as the loss compared them
    of_length_one = config.classifies and config.normalised
    by_cosine = config.loss_row.by_cosine or config.distance == "cosine" or of_length_one
    return InputSpec(
        size_px=config.size,
        template=settings.get("template", "square"),
        dim=config.dim,
        mean=kind.mean,
        std=kind.std,
        normalised=config.normalised,
        set_fingerprint=prepared.fingerprint,
        metric="cosine" if by_cosine else "euclidean",
        crop_px=prepared.size_px,
        margin=float(settings.get("margin", 0.0)),
    )


def make_model(config: FitConfig, spec: InputSpec, start: Start | None = None) -> tuple[FaceModel, list[str]]:
    """Make a model for training: pretrained if possible, frozen as asked.

    What is random depends on ``config.seed`` alone. Without pretrained weights nothing is frozen (except with
    ``config.freeze_random``): random layers that never train would only be in the way.

    Args:
        config: of the run.
        spec: the input spec.
        start: the model that the run starts from; None for a backbone of the table.

    Returns:
        The model, and lines that say where its weights come from and what is frozen.

    Raises:
        UsageError: no such backbone or rule; or the images are too small.
        WeightsError: ``--weights FILE`` does not exist, or is not what ``--weights-sha256`` says.
        ArchitectureError: the file's weights are another network's.
    """
    model = build_model(config, spec, None if start is None else start.graph)
    if start is None:
        model.pretrained = load_pretrained(model._made, config.weights, config.weights_sha256)
    else:
        cast(StartedNetwork, model.backbone).fill(start.tensors, start.pretrained.line)
        model.pretrained = start.pretrained
    lines = [model.pretrained.line]
    parts_to_freeze(model._made, config.freeze)  # refuses an impossible rule in any case
    if config.freeze == "none":
        return model, lines
    if model.pretrained.kind == "none" and not config.freeze_random:
        return model, [*lines, f"so everything trains, and --freeze {config.freeze} is left aside"]
    model.freeze(config.freeze)
    return model, [*lines, f"frozen: {config.freeze}"]


def build_model(config: FitConfig, spec: InputSpec, graph: Tensor | None = None) -> FaceModel:
    """Make a model with random weights, and nothing frozen.

    Args:
        config: of the run.
        spec: the input spec.
        graph: the description of the model that the run started from; None for a backbone of the table.

    Raises:
        UsageError: no such backbone, or the images are too small.
    """
    if (spec.size_px, spec.dim, spec.normalised) != (config.size, config.dim, config.normalised):
        raise UsageError(
            f"the input spec (size {spec.size_px}, dim {spec.dim}, normalised {spec.normalised}) is not that "
            f"of the options ({config.size}, {config.dim}, {config.normalised})"
        )
    kind = backbone_kind(config.backbone, config.size) if graph is None else started_kind(graph)
    hidden = tuple(config.hidden_widths())
    # a backbone made for embeddings keeps its own last layer: that gives the embedding where the length fits,
    # and the head's layers follow it where it does not; a pretrained layer is never thrown away
    bare = kind.embeds and not hidden and kind.features == config.dim
    dropout = 0.0 if config.batches == "pairs" else config.dropout  # for pairs, the pair head has it
    plan = HeadPlan(
        kind.features, hidden, config.dim, dropout, config.normalised, config.loss_row.whitened, bare
    )
    with use_seed(config.seed, "network"):
        if graph is None:
            backbone = make_backbone(config.backbone, config.size, dropout if bare else 0.0)
        else:
            network = StartedNetwork(graph)
            backbone = Backbone(STARTED, network, network.blocks(), kind)
        head = EmbeddingHead(plan)
    model = FaceModel(backbone, head, spec)
    model.keeps_statistics = graph is not None
    return model


@contextmanager
def use_seed(seed: int, purpose: str) -> Iterator[None]:
    """Seed torch's random numbers with a seed and a purpose; the global generator stays as it was."""
    digest = hashlib.sha256(f"{seed}:{purpose}".encode()).digest()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int.from_bytes(digest[:7], "little"))
        yield
