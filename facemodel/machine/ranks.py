"""One process, or several started by `torchrun`: each knows the plan and does its share of each batch."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar, cast

import numpy as np
import torch
from torch import Tensor
from torch import distributed as dist

from facedata.types import Float32Array

from ..errors import DeviceError, RunError

ValueT = TypeVar("ValueT")

_GATHERED_ROWS = 65_536
"""Rows gathered at a time: on a GPU the features of millions of crops would not fit beside the network."""

_LOST = ("Connection closed by peer", "Connection reset by peer", "remote process exited", "Broken pipe")
"""Parts of the messages of gloo and NCCL when another process has ended."""


@dataclass(frozen=True)
class Ranks:
    """This process among those that train together.

    Attributes:
        rank: its number.
        world: how many there are.
        local: its number on this machine, which is also its GPU's.
        grouped: a single process goes the way of several, through torch.distributed.
    """

    rank: int = 0
    world: int = 1
    local: int = 0
    grouped: bool = False

    @property
    def is_grouped(self) -> bool:
        """Whether values go through torch.distributed: there are several processes, or one goes their way."""
        return self.grouped or self.world > 1

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes files and reports."""
        return self.rank == 0

    def own_device(self, device: torch.device) -> torch.device:
        """Return this process's device: where several processes run on GPUs, each has its own."""
        return torch.device("cuda", self.local) if self.is_grouped and device.type == "cuda" else device

    def share(self, count: int) -> slice:
        """Return this process's part of ``count`` items: the parts are contiguous and about equally long."""
        ends = self.ends(count)
        return slice(ends[self.rank], ends[self.rank + 1])

    def ends(self, count: int) -> list[int]:
        """Return the boundaries of all processes' parts, from 0 to ``count``."""
        return [count * rank // self.world for rank in range(self.world + 1)]

    def wait(self) -> None:
        """Wait for all other processes."""
        if self.is_grouped:
            dist.barrier()

    def from_first(self, mine: ValueT | None) -> ValueT:
        """Return the first process's value; the others give None and wait for it."""
        values: list[Any] = [mine]
        if self.is_grouped:
            dist.broadcast_object_list(values, src=0)
        return cast(ValueT, values[0])

    def any_says(self, mine: bool) -> bool:
        """Return whether this is so for any of the processes, which all ask at the same moment."""
        if not self.is_grouped:
            return mine
        said = torch.tensor([mine], dtype=torch.int32)
        said = said.cuda() if dist.get_backend() == "nccl" else said
        dist.all_reduce(said, dist.ReduceOp.MAX)
        return bool(said.item())

    def require_same(self, what: str, mine: str) -> None:
        """Check that all processes have the same value; if they differ, they would later wait forever.

        Raises:
            RunError: they differ.
        """
        if not self.is_grouped:
            return
        values: list[Any] = [None] * self.world
        dist.all_gather_object(values, mine)
        if len(set(values)) > 1:
            listed = ", ".join(f"process {rank}: {value}" for rank, value in enumerate(values))
            raise RunError(
                f"the processes differ in {what} ({listed}): give them all the same files, at the same paths"
            )

    def all_gather(self, values: Float32Array, count: int) -> Float32Array:
        """Return all processes' parts, ``(n, dim)`` float32 each, as one array ``(count, dim)``."""
        if not self.is_grouped:
            return values
        ends, width = self.ends(count), values.shape[1]
        everything = np.empty((count, width), np.float32)
        on_gpu = dist.get_backend() == "nccl"
        for start in range(0, max(b - a for a, b in pairwise(ends)), _GATHERED_ROWS):
            block = torch.zeros(_GATHERED_ROWS, width)
            mine = torch.from_numpy(values[start : start + _GATHERED_ROWS])
            block[: len(mine)] = mine
            parts = gather_tensors(block.cuda() if on_gpu else block, self.world)
            for part, a, b in zip(parts, ends[:-1], ends[1:], strict=True):
                rows = max(0, min(b - a - start, _GATHERED_ROWS))
                everything[a + start : a + start + rows] = part[:rows].cpu().numpy()
        return everything


ALONE = Ranks()
"""One process, and no others."""


def gather_tensors(mine: Tensor, world: int) -> list[Tensor]:
    """Return the tensor of each process; all have the same shape."""
    parts = [torch.empty_like(mine) for _ in range(world)]
    dist.all_gather(parts, mine.contiguous())
    return parts


@contextmanager
def join_processes(on_gpu: bool) -> Iterator[Ranks]:
    """Join the other processes if `torchrun` started several; only the first of them logs.

    A program that has called ``torch.distributed.init_process_group`` itself keeps its group, also of one.

    Raises:
        DeviceError: there are fewer GPUs here than processes, or another process is unreachable or has ended.
    """
    joined = dist.is_available() and dist.is_initialized()
    world = dist.get_world_size() if joined else int(os.environ.get("WORLD_SIZE", "1"))
    if world < 2 and not joined:
        yield ALONE
        return
    rank = dist.get_rank() if joined else int(os.environ["RANK"])
    ranks = Ranks(rank, world, int(os.environ.get("LOCAL_RANK", "0")), grouped=joined)
    if on_gpu:
        if ranks.local >= torch.cuda.device_count():
            raise DeviceError(
                f"process {ranks.local} has no GPU of its own (there are {torch.cuda.device_count()} here): "
                "start as many processes as GPUs (torchrun --nproc-per-node), or choose --device cpu"
            )
        torch.cuda.set_device(ranks.local)
    if not joined:
        try:
            dist.init_process_group("nccl" if on_gpu else "gloo")
        except (RuntimeError, ValueError) as error:
            raise DeviceError(f"the other processes cannot be reached: {error}") from error
    package = logging.getLogger("facemodel")
    level = package.level
    if not ranks.is_first:
        package.setLevel(logging.ERROR)
    try:
        yield ranks
    except RuntimeError as error:
        if not any(words in str(error) for words in _LOST):
            raise
        raise DeviceError("another process of this run has ended; see its last message for why") from error
    finally:
        package.setLevel(level)
    if not joined:  # not after an error: the others may wait in a collective, and this would wait for them
        dist.destroy_process_group()
