"""Heads: from a backbone's features to an embedding, from two embeddings to "same", from one to a class."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

PAIR_WIDTH = 128
"""Width of the pair head's hidden layer, as in conv-facenet (see the recipe celeba-pairs)."""


@dataclass(frozen=True)
class HeadPlan:
    """What an embedding head is made of.

    Attributes:
        features: length of the backbone's output.
        hidden: widths of the layers between, each followed by ReLU.
        dim: length of an embedding.
        dropout: share dropped before the last layer.
        normalised: embeddings have length one.
        whitened: BatchNorm follows the last layer, as in ArcFace (margin losses learn badly without it).
        bare: no layers: the backbone's own last layer gives the embedding.
    """

    features: int
    hidden: tuple[int, ...]
    dim: int
    dropout: float = 0.0
    normalised: bool = False
    whitened: bool = False
    bare: bool = False


class EmbeddingHead(nn.Module):
    """Turn features into embeddings.

    ``forward`` takes ``(N, features)``, gives ``(N, dim)`` float32, also under autocast: only in float32 is a
    length of one exact to float32's precision.
    """

    def __init__(self, plan: HeadPlan) -> None:
        super().__init__()
        self.plan, self.normalised = plan, plan.normalised
        layers: list[nn.Module] = []
        if not plan.bare:
            widths = [plan.features, *plan.hidden]
            for before, after in itertools.pairwise(widths):
                layers += [nn.Linear(before, after), nn.ReLU()]
            if plan.dropout:
                layers.append(nn.Dropout(plan.dropout))
            layers.append(nn.Linear(widths[-1], plan.dim, bias=not plan.whitened))
            if plan.whitened:
                layers.append(nn.BatchNorm1d(plan.dim))
        self.layers = nn.Sequential(*layers)

    def forward(self, features: Tensor) -> Tensor:
        """Return the embeddings."""
        embeddings: Tensor = self.layers(features).float()
        return nn.functional.normalize(embeddings) if self.normalised else embeddings


class PairHead(nn.Module):
    """Tell from two embeddings whether they are of one person: → 128 → ReLU → dropout → 1.

    Other systems concatenate the two embeddings, and so answer differently for (a, b) and (b, a). Here the
    layer sees ``|a - b|`` and ``a · b`` per value: the same either way round.

    ``forward`` takes two ``(N, dim)``, gives ``(N,)`` float32 logits: above 0 is "same".
    """

    def __init__(self, dim: int, dropout: float = 0.0, normalised: bool = False) -> None:
        super().__init__()
        self.scale = _input_scale(dim, normalised)
        self.layers = nn.Sequential(
            nn.Linear(2 * dim, PAIR_WIDTH), nn.ReLU(), nn.Dropout(dropout), nn.Linear(PAIR_WIDTH, 1)
        )

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        """Return the logits."""
        left, right = left * self.scale, right * self.scale
        logits: Tensor = self.layers(torch.cat([(left - right).abs(), left * right], dim=1))
        return logits.squeeze(1).float()


class ClassHead(nn.Module):
    """Tell from an embedding which of the training people it is.

    ``forward`` takes ``(N, dim)``, gives ``(N, classes)`` float32 logits in label order.
    """

    def __init__(self, dim: int, classes: int, normalised: bool = False) -> None:
        super().__init__()
        self.layer, self.scale = nn.Linear(dim, classes), _input_scale(dim, normalised)

    def forward(self, embeddings: Tensor) -> Tensor:
        """Return the logits."""
        logits: Tensor = self.layer(embeddings * self.scale)
        return logits.float()


def _input_scale(dim: int, normalised: bool) -> float:
    """Return what a head multiplies embeddings by.

    Values of an embedding of length one are near ``1 / √dim``; a layer's first weights are made for values
    near 1, and learn slowly from smaller ones.
    """
    return math.sqrt(dim) if normalised else 1.0
