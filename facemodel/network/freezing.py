"""Freezing that holds: weights, BatchNorm's running statistics and dropout of a part stay as they are.

Setting ``requires_grad`` alone lets BatchNorm's statistics drift with every batch, and ``.training = False``
is undone by the next ``train()``: either way the part only seems to be frozen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from torch import nn

from facedata.errors import UsageError

from ..config import parse_freeze
from .backbones import Backbone
from .kind import Block

SelfT = TypeVar("SelfT", bound="Freezing")


class Freezing(nn.Module):
    """A module whose parts can be frozen and stay frozen through ``train()``.

    Attributes:
        keeps_statistics: no BatchNorm's statistics change, also of those that train: a few people's photos
            would replace those of the millions that a finished model has seen.
    """

    def __init__(self) -> None:
        super().__init__()
        self._frozen: list[nn.Module] = []  # a plain list: the parts are children already
        self.keeps_statistics = False

    def freeze_parts(self, parts: Sequence[nn.Module]) -> None:
        """Freeze these parts, and no others: neither weights nor statistics change any more."""
        for module in self._frozen:
            module.requires_grad_(True)
        self._frozen = list(parts)
        for module in self._frozen:
            module.requires_grad_(False)
        self.train(self.training)

    def train(self: SelfT, mode: bool = True) -> SelfT:
        """Set training mode, except for frozen parts, which stay in eval mode."""
        super().train(mode)
        still = self._frozen
        if self.keeps_statistics:
            norms = nn.modules.batchnorm._BatchNorm
            still = [*still, *(module for module in self.modules() if isinstance(module, norms))]
        for module in still:
            module.eval()
        return self


def parts_to_freeze(backbone: Backbone, rule: str) -> list[nn.Module]:
    """Return the parts that a rule names: none, backbone, first:N, or last:N (all but the last N).

    Raises:
        UsageError: the rule is none of these, or names more blocks than there are.
    """
    kind, count = parse_freeze(rule)
    blocks = [block for _, block in backbone.blocks]
    if count > len(blocks):
        raise UsageError(
            f"--freeze {rule}: {backbone.name} has {len(blocks)} blocks: "
            f"{', '.join(name for name, _ in backbone.blocks)}"
        )
    if kind == "none":
        return []
    if kind == "first":
        return blocks[:count]
    return [backbone.module] if kind == "backbone" or count == 0 else blocks[:-count]


@dataclass(frozen=True)
class BlockSummary:
    """What trains of a block.

    Attributes:
        name: of the block.
        parameters: number of its weights.
        trainable: number of those that train.
        fixed_statistics: of its BatchNorm layers, those whose statistics stay; and how many it has.
    """

    name: str
    parameters: int
    trainable: int
    fixed_statistics: tuple[int, int]


def summarise_blocks(blocks: Sequence[Block]) -> list[BlockSummary]:
    """Return what trains of each block, in the current mode: call ``train()`` on the whole network first."""
    summaries = []
    for name, module in blocks:
        weights = list(module.parameters())
        norms = [layer for layer in module.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)]
        trainable = sum(weight.numel() for weight in weights if weight.requires_grad)
        fixed = sum(not norm.training for norm in norms), len(norms)
        summaries.append(BlockSummary(name, sum(weight.numel() for weight in weights), trainable, fixed))
    return summaries


def trainable_parameters(module: nn.Module) -> list[nn.Parameter]:
    """Return the weights that train, which an optimizer should get.

    Raises:
        UsageError: there are none.
    """
    weights = [weight for weight in module.parameters() if weight.requires_grad]
    if not weights:
        raise UsageError("nothing trains: freeze less, or add layers with --hidden or another --dim")
    return weights
