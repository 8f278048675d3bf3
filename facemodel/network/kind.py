"""What is known of a network before it is made, whichever library it is from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from facedata.errors import MissingExtraError

Block = tuple[str, nn.Module]
"""A part of a network, and what it is called."""

Channels = tuple[float, float, float]
"""A value per colour, red first, on a scale of 0 … 1."""

IMAGENET_MEAN: Channels = (0.485, 0.456, 0.406)
IMAGENET_STD: Channels = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Kind:
    """What is known of a network before it is made.

    Attributes:
        features: length of what it gives per image.
        make: makes it, from scratch, with so much dropout before its own last layer (if it has one).
        parts: returns its blocks in order; together they hold every weight.
        min_px: smallest image it takes.
        mean: what its pretrained weights want subtracted.
        std: what they want it divided by afterwards.
        classifier: beginnings of the names, in the library's files, of weights that are cut off here.
        embeds: its last layer is linear and made for embeddings: no further layer need follow.
    """

    features: int
    make: Callable[[float], nn.Module]
    parts: Callable[[Any], list[Block]]
    min_px: int
    mean: Channels = IMAGENET_MEAN
    std: Channels = IMAGENET_STD
    classifier: tuple[str, ...] = ("classifier.",)
    embeds: bool = False


def missing_extra(package: str) -> MissingExtraError:
    """Return the error of a package of the extra ``train`` that is not installed."""
    return MissingExtraError(f"this needs {package}: pip install facedata[train]")
