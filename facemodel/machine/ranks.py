"""One process or several by `torchrun`: every process knows the whole plan, and does its share of each batch.

The loss is computed by all on the embeddings of the whole batch, so that in-batch negatives and margins see
what one process would see, and BatchNorm takes its statistics over all. So several processes train as one
with the same ``--batch`` does, to rounding.
"""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch import distributed as dist

from facedata.types import Float32Array, Int64Array

from ..errors import DeviceError, RunError

logger = logging.getLogger(__name__)

_GATHERED_ROWS = 65_536

_LOST = ("Connection closed by peer", "Connection reset by peer", "remote process exited", "Broken pipe")
"""Words of gloo and NCCL where a process they talk to is gone."""

_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


@dataclass(frozen=True)
class Ranks:
    """This process among those that train together.

    Attributes:
        rank: its number.
        world: how many there are.
        local: its number on this machine, and that of its GPU.
    """

    rank: int = 0
    world: int = 1
    local: int = 0

    @property
    def first(self) -> bool:
        """It is the one that writes files and speaks."""
        return self.rank == 0

    def own(self, device: torch.device) -> torch.device:
        """Return this process's device: of several on GPUs each has one of its own."""
        return torch.device("cuda", self.local) if self.world > 1 and device.type == "cuda" else device

    def share(self, count: int) -> slice:
        """Return this process's part of ``count`` things: parts follow each other, about equally long."""
        ends = self.ends(count)
        return slice(ends[self.rank], ends[self.rank + 1])

    def ends(self, count: int) -> list[int]:
        """Return where the parts end, beginning with 0."""
        return [count * rank // self.world for rank in range(self.world + 1)]

    def wait(self) -> None:
        """Wait for all the others."""
        if self.world > 1:
            dist.barrier()

    def told(self, mine: bool | None) -> bool:
        """Return what the first process says; the others wait for it."""
        if self.world == 1:
            return bool(mine)
        said: list[Any] = [mine]
        dist.broadcast_object_list(said, src=0)
        return bool(said[0])

    def agree(self, what: str, mine: str) -> None:
        """Make sure that all processes start from the same, or none starts: later they would wait for ever.

        Raises:
            RunError: they differ.
        """
        if self.world == 1:
            return
        found: list[Any] = [None] * self.world
        dist.all_gather_object(found, mine)
        if len(set(found)) > 1:
            said = ", ".join(f"process {rank}: {one}" for rank, one in enumerate(found))
            raise RunError(
                f"the processes differ in {what} ({said}): give all of them the same files, at the same paths"
            )

    def gathered(self, values: Float32Array, count: int) -> Float32Array:
        """Return all parts, ``(n, dim)`` float32 each, as the whole, ``(count, dim)``, the same for all."""
        if self.world == 1:
            return values
        ends, width = self.ends(count), values.shape[1]
        whole = np.empty((count, width), np.float32)
        # in blocks: on a GPU the features of millions of crops would not fit beside the network
        for start in range(0, max(b - a for a, b in pairwise(ends)), _GATHERED_ROWS):
            mine = torch.zeros(_GATHERED_ROWS, width)
            some = torch.from_numpy(values[start : start + _GATHERED_ROWS])
            mine[: len(some)] = some
            parts = _all_parts(mine.to(_device()), self.world)
            for part, a, b in zip(parts, ends[:-1], ends[1:], strict=True):
                rows = max(0, min(b - a - start, _GATHERED_ROWS))
                whole[a + start : a + start + rows] = part[:rows].cpu().numpy()
        return whole


ALONE = Ranks()
"""One process, and no others."""


@contextmanager
def joined(on_gpu: bool) -> Iterator[Ranks]:
    """Join the other processes where `torchrun` started several; else be the only one.

    Raises:
        DeviceError: there are fewer GPUs here than processes, or the others cannot be reached.
    """
    begun = dist.is_available() and dist.is_initialized()
    world = dist.get_world_size() if begun else int(os.environ.get("WORLD_SIZE", "1"))
    if world < 2:
        yield ALONE
        return
    rank = dist.get_rank() if begun else int(os.environ["RANK"])
    ranks = Ranks(rank, world, int(os.environ.get("LOCAL_RANK", "0")))
    _take_gpu(ranks) if on_gpu else None
    if not begun:
        _begin("nccl" if on_gpu else "gloo")
    try:
        with _quiet(not ranks.first):
            yield ranks
    except RuntimeError as error:
        if not any(words in str(error) for words in _LOST):
            raise
        raise DeviceError("another process of this run has ended; what it said last tells why") from error
    if not begun:  # after an error the others wait in a collective, and a group's end may wait for them
        dist.destroy_process_group()


def _take_gpu(ranks: Ranks) -> None:
    if ranks.local >= torch.cuda.device_count():
        raise DeviceError(
            f"process {ranks.local} has no GPU of its own ({torch.cuda.device_count()} here): start as "
            "many processes (torchrun --nproc-per-node), or choose --device cpu"
        )
    torch.cuda.set_device(ranks.local)


def _begin(backend: str) -> None:
    try:
        dist.init_process_group(backend)
    except (RuntimeError, ValueError) as error:
        raise DeviceError(f"the other processes cannot be reached: {error}") from error


@contextmanager
def _quiet(quiet: bool) -> Iterator[None]:
    """Let one process speak for all."""
    package = logging.getLogger("facemodel")
    level = package.level
    if quiet:
        package.setLevel(logging.ERROR)
    try:
        yield
    finally:
        package.setLevel(level)


class WholeBatch:
    """Lays the embeddings of all processes together, in the order of the batch; one process has them all.

    Args:
        model: gives the embeddings; while it trains, what it gives becomes the whole batch's.
        ranks: the processes.
    """

    def __init__(self, model: nn.Module, ranks: Ranks) -> None:
        self._ranks, self._images = ranks, [1] * ranks.world
        if ranks.world > 1:
            model.register_forward_hook(self._lay_together)

    def share(self, rows: Int64Array) -> slice:
        """Return which rows of a batch are this process's; at least one: it must take part in any case."""
        mine = self._ranks.share(len(rows))
        return mine if mine.start < mine.stop else slice(0, 1)

    @property
    def idle(self) -> bool:
        """This process has no row of the batch, and only takes part."""
        return self._images[self._ranks.rank] == 0

    def expect(self, rows: Int64Array) -> None:
        """Say which batch comes next, ``(b, k)``: all processes' rows."""
        self._images = [(b - a) * rows.shape[1] for a, b in pairwise(self._ranks.ends(len(rows)))]

    def _lay_together(self, module: nn.Module, given: Any, embeddings: Tensor) -> Tensor | None:
        if not module.training:
            return None
        mine = embeddings[: self._images[self._ranks.rank]]
        padding = mine.new_zeros(max(self._images) - len(mine), mine.shape[1])
        parts: Tensor = _Gathered.apply(torch.cat([mine, padding]), self._ranks)
        return torch.cat([part[:size] for part, size in zip(parts, self._images, strict=True)])


class _Gathered(torch.autograd.Function):
    """All processes' tensors; what each of their losses says about ours is added up on the way back."""

    @staticmethod
    def forward(ctx: Any, mine: Tensor, ranks: Ranks) -> Tensor:
        ctx.rank = ranks.rank
        return torch.stack(_all_parts(mine, ranks.world))

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        whole = grads[0].contiguous().clone()
        dist.all_reduce(whole)
        return whole[ctx.rank], None


class _Summed(torch.autograd.Function):
    """The sum over all processes."""

    @staticmethod
    def forward(ctx: Any, mine: Tensor) -> Tensor:
        whole = mine.clone()
        dist.all_reduce(whole)
        return whole

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        whole = grads[0].contiguous().clone()
        dist.all_reduce(whole)
        return whole


def share_batch_norms(module: nn.Module, whole: WholeBatch) -> None:
    """Make BatchNorm layers take their statistics over the whole batch, of which each process has a share.

    torch's own SyncBatchNorm is another layer in the place of each, so what is frozen would thaw, and it
    takes no CPU. Layers of further kinds (timm's with an activation inside) keep their own statistics.
    """
    for layer in module.modules():
        if type(layer) in _NORMS:
            setattr(layer, "forward", functools.partial(_shared_norm, layer, whole))  # noqa: B010  mypy forbids =
        elif isinstance(layer, nn.modules.batchnorm._BatchNorm):
            logger.warning("%s takes its statistics in each process apart", type(layer).__name__)


def _shared_norm(layer: Any, whole: WholeBatch, values: Tensor) -> Tensor:
    if not layer.training:
        own: Tensor = type(layer).forward(layer, values)
        return own
    wide = values.float()
    over = [0, *range(2, wide.dim())]
    shape = [1, -1, *[1] * (wide.dim() - 2)]
    counts = 0.0 if whole.idle else 1.0
    own = torch.full((), counts * (wide.numel() // wide.shape[1]), device=wide.device)
    count = _summed(own)
    mean = _summed(counts * wide.sum(over)) / count
    apart = wide - mean.view(shape)
    variance = _summed(counts * apart.square().sum(over)) / count
    _remember(layer, mean.detach(), (variance * count / (count - 1).clamp_min(1)).detach())
    scaled = apart * torch.rsqrt(variance + layer.eps).view(shape)
    if layer.affine:
        scaled = scaled * layer.weight.view(shape) + layer.bias.view(shape)
    return scaled.to(values.dtype)


def _remember(layer: Any, mean: Tensor, variance: Tensor) -> None:
    """Move the running statistics as BatchNorm does."""
    if not layer.track_running_stats:
        return
    layer.num_batches_tracked += 1
    share = 1 / float(layer.num_batches_tracked) if layer.momentum is None else layer.momentum
    layer.running_mean.lerp_(mean, share)
    layer.running_var.lerp_(variance, share)


def _summed(value: Tensor) -> Tensor:
    whole: Tensor = _Summed.apply(value)
    return whole


def _all_parts(mine: Tensor, world: int) -> list[Tensor]:
    parts = [torch.empty_like(mine) for _ in range(world)]
    dist.all_gather(parts, mine.contiguous())
    return parts


def _device() -> torch.device:
    """Return where tensors must lie to be sent."""
    on_gpu = dist.get_backend() == "nccl"
    return torch.device("cuda", torch.cuda.current_device()) if on_gpu else torch.device("cpu")
