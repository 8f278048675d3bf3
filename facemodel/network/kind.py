"""What is known about a backbone before it is made, whichever library it comes from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from facedata.files.download import PinnedFile

Block = tuple[str, nn.Module]
"""A name, and a part of a network."""

Channels = tuple[float, float, float]
"""One value per colour, red first, on a scale of 0 … 1."""

IMAGENET_MEAN: Channels = (0.485, 0.456, 0.406)
IMAGENET_STD: Channels = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class BackboneKind:
    """What is known about a backbone before it is made.

    Attributes:
        features: length of its output per image.
        make: makes it with random weights, given the dropout before its own last layer (if it has one).
        blocks: returns its blocks in the order in which an image passes them; together they hold all weights.
        min_px: smallest image it takes.
        weights: its library's pretrained weights; None if it has none.
        mean: subtracted from images, as the pretrained weights expect.
        std: images are divided by it afterwards.
        classifier: prefixes, in the library's files, of the weights that are cut off here.
        embeds: its last layer is linear and made for embeddings, so it needs no further layer.
    """

    features: int
    make: Callable[[float], nn.Module]
    blocks: Callable[[Any], list[Block]]
    min_px: int
    weights: PinnedFile | None
    mean: Channels = IMAGENET_MEAN
    std: Channels = IMAGENET_STD
    classifier: tuple[str, ...] = ("classifier.",)
    embeds: bool = False


def pinned_weights(name: str, url: str, sha256: str = "") -> PinnedFile:
    """Return where a library keeps pretrained weights; ``sha256``: its first digits, or empty if unknown."""
    return PinnedFile(name, url, sha256, "name the file with --weights PATH")
