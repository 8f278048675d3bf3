"""Heads: from a backbone's features to an embedding, from two embeddings to "same", from one to a class."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

PAIR_WIDTH = 128
"""Width of the layer in which two embeddings meet; system A's."""


@dataclass(frozen=True)
class HeadPlan:
    """What an embedding head is made of.

    Attributes:
        features: length of what the backbone gives.
        hidden: widths of the layers between, each followed by ReLU.
        dim: length of an embedding.
        dropout: share dropped before the last layer.
        normalised: embeddings of length one.
        whitened: the last layer is followed by BatchNorm, as ArcFace's (margin losses learn badly without).
        bare: no layer at all: the backbone's own last layer is the embedding.
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

    ``forward`` takes ``(N, features)``, gives ``(N, dim)`` float32, also under autocast: a length of one is
    one to float32's precision only when computed in float32.
    """

    def __init__(self, plan: HeadPlan) -> None:
        super().__init__()
        self.normalised = plan.normalised
        self.layers = nn.Sequential() if plan.bare else nn.Sequential(*_layers(plan))

    def forward(self, features: Tensor) -> Tensor:
        """Return the embeddings."""
        found: Tensor = self.layers(features).float()
        return nn.functional.normalize(found) if self.normalised else found


def _layers(plan: HeadPlan) -> list[nn.Module]:
    widths = [plan.features, *plan.hidden]
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(widths):
        layers += [nn.Linear(before, after), nn.ReLU()]
    if plan.dropout:
        layers.append(nn.Dropout(plan.dropout))
    layers.append(nn.Linear(widths[-1], plan.dim, bias=not plan.whitened))
    return [*layers, nn.BatchNorm1d(plan.dim)] if plan.whitened else layers


class PairHead(nn.Module):
    """Tell from two embeddings whether they are of one person: → 128 → ReLU → dropout → 1.

    The systems this follows lay the two embeddings side by side, and so answer differently for (a, b) and
    (b, a). Here the layer sees ``|a - b|`` and ``a · b`` per value: the same either way round.

    ``forward`` takes two ``(N, dim)``, gives ``(N,)`` float32 logits: above 0 is "same".
    """

    def __init__(self, dim: int, dropout: float = 0.0, normalised: bool = False) -> None:
        super().__init__()
        self.stretch = _stretch(dim, normalised)
        self.layers = nn.Sequential(
            nn.Linear(2 * dim, PAIR_WIDTH), nn.ReLU(), nn.Dropout(dropout), nn.Linear(PAIR_WIDTH, 1)
        )

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        """Return the logits."""
        left, right = left * self.stretch, right * self.stretch
        found: Tensor = self.layers(torch.cat([(left - right).abs(), left * right], dim=1))
        return found.squeeze(1).float()


class ClassHead(nn.Module):
    """Tell from an embedding which of the known people it is.

    ``forward`` takes ``(N, dim)``, gives ``(N, classes)`` float32 logits in label order.
    """

    def __init__(self, dim: int, classes: int, normalised: bool = False) -> None:
        super().__init__()
        self.layer, self.stretch = nn.Linear(dim, classes), _stretch(dim, normalised)

    def forward(self, embeddings: Tensor) -> Tensor:
        """Return the logits."""
        found: Tensor = self.layer(embeddings * self.stretch)
        return found.float()


def _stretch(dim: int, normalised: bool) -> float:
    """Return what a head multiplies embeddings by.

    Values of an embedding of length one are near ``1 / √dim``; a layer's first weights are made for values
    near 1, and from smaller ones it learns slowly.
    """
    return math.sqrt(dim) if normalised else 1.0


def batch_norms_of_rows(module: nn.Module) -> Sequence[nn.Module]:
    """Return the layers that cannot train on a batch of one row."""
    return [layer for layer in module.modules() if isinstance(layer, nn.BatchNorm1d)]
