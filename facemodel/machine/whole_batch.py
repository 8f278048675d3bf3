"""A batch shared among several processes, treated as one batch.

Every process computes the loss of the whole batch's embeddings, so in-batch negatives and margins see what
one process would see, and BatchNorm takes its statistics over all shares. So several processes train like one
with the same ``--batch``, up to rounding.
"""

from __future__ import annotations

import logging
from itertools import pairwise
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch import distributed as dist
from torch.nn.modules.batchnorm import _BatchNorm

from facedata.types import Int64Array

from .ranks import Ranks, gather_tensors

logger = logging.getLogger(__name__)


class WholeBatch:
    """Joins the embeddings of all processes, in the order of the batch; a single process has them all.

    Args:
        model: gives the embeddings; in training mode its output becomes that of the whole batch.
        ranks: the processes.
    """

    def __init__(self, model: nn.Module, ranks: Ranks) -> None:
        self._ranks, self._images = ranks, [1] * ranks.world
        if ranks.is_grouped:
            model.register_forward_hook(self._join)

    def share(self, rows: Int64Array) -> slice:
        """Return this process's rows of a batch: at least one, since every process must take part."""
        mine = self._ranks.share(len(rows))
        return mine if mine.start < mine.stop else slice(0, 1)

    @property
    def is_idle(self) -> bool:
        """Whether this process has no row of its own in the batch, and only takes part."""
        return self._images[self._ranks.rank] == 0

    def expect(self, rows: Int64Array) -> None:
        """Announce the next batch, ``(b, k)``: all processes' rows."""
        self._images = [(b - a) * rows.shape[1] for a, b in pairwise(self._ranks.ends(len(rows)))]

    def _join(self, module: nn.Module, inputs: Any, embeddings: Tensor) -> Tensor | None:
        if not module.training:
            return None
        mine = embeddings[: self._images[self._ranks.rank]]
        padding = mine.new_zeros(max(self._images) - len(mine), mine.shape[1])
        parts: Tensor = _Gather.apply(torch.cat([mine, padding]), self._ranks)
        return torch.cat([part[:size] for part, size in zip(parts, self._images, strict=True)])


class _Gather(torch.autograd.Function):
    """All processes' tensors, stacked; backwards, the gradients that their losses give ours are summed."""

    @staticmethod
    def forward(ctx: Any, mine: Tensor, ranks: Ranks) -> Tensor:
        ctx.rank = ranks.rank
        return torch.stack(gather_tensors(mine, ranks.world))

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        total = grads[0].contiguous().clone()
        dist.all_reduce(total)
        return total[ctx.rank], None


class _Sum(torch.autograd.Function):
    """The sum over all processes."""

    @staticmethod
    def forward(ctx: Any, mine: Tensor) -> Tensor:
        total = mine.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        total = grads[0].contiguous().clone()
        dist.all_reduce(total)
        return total


class SharedBatchNorm(_BatchNorm):
    """BatchNorm over the whole batch, of which each process has a share; in eval mode it is plain BatchNorm.

    Attributes:
        whole: the batch.
    """

    whole: WholeBatch

    def forward(self, values: Tensor) -> Tensor:
        """Return ``(N, channels, …)`` normalised, and update the running statistics as BatchNorm does."""
        if not self.training:
            own: Tensor = super().forward(values)
            return own
        wide = values.float()
        over, shape = [0, *range(2, wide.dim())], [1, -1, *[1] * (wide.dim() - 2)]
        weight = 0.0 if self.whole.is_idle else 1.0
        own_count = torch.full((), weight * (wide.numel() // wide.shape[1]), device=wide.device)
        count: Tensor = _Sum.apply(own_count)
        mean: Tensor = _Sum.apply(weight * wide.sum(over)) / count
        apart = wide - mean.view(shape)
        variance: Tensor = _Sum.apply(weight * apart.square().sum(over)) / count
        if self.num_batches_tracked is not None and self.running_mean is not None:
            self.num_batches_tracked += 1
            momentum = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
            self.running_mean.lerp_(mean.detach(), momentum)
            unbiased = variance * count / (count - 1).clamp_min(1)
            self.running_var.lerp_(unbiased.detach(), momentum)  # type: ignore[union-attr]
        scaled = apart * torch.rsqrt(variance + self.eps).view(shape)
        if self.affine:
            scaled = scaled * self.weight.view(shape) + self.bias.view(shape)
        return scaled.to(values.dtype)


class SharedBatchNorm1d(SharedBatchNorm, nn.BatchNorm1d):
    """Of ``(N, channels)`` or ``(N, channels, length)``."""


class SharedBatchNorm2d(SharedBatchNorm, nn.BatchNorm2d):
    """Of ``(N, channels, height, width)``."""


_SHARED: dict[type[nn.Module], type[SharedBatchNorm]] = {
    nn.BatchNorm1d: SharedBatchNorm1d,
    nn.BatchNorm2d: SharedBatchNorm2d,
}


def share_batch_norms(module: nn.Module, whole: WholeBatch) -> None:
    """Turn a network's BatchNorm layers into :class:`SharedBatchNorm`.

    The layers stay the same objects, with the same weights and names: what is frozen stays frozen. torch's
    own SyncBatchNorm would replace each by a new layer, and does not run on a CPU. Other kinds of
    BatchNorm (timm's with an activation inside) keep statistics per process.
    """
    for layer in module.modules():
        if type(layer) in _SHARED:
            layer.__class__ = _SHARED[type(layer)]
            cast(SharedBatchNorm, layer).whole = whole
        elif isinstance(layer, _BatchNorm):
            logger.warning("%s computes its statistics in each process separately", type(layer).__name__)
