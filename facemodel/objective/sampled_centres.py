"""Centres of very many people: a batch is compared with a share of them, and processes hold a part each.

Partial FC (An et al. 2020, arXiv:2010.05222, and 2022, arXiv:2203.15565): the softmax of a batch runs over
its own people and a random share of all others. Which these are depends on the seed and the batch's place in
the run alone, not on the number of processes. Unlike there, each of the others counts as ``1 / share`` people
(importance sampling: Jean et al. 2015, arXiv:1412.2007), so the sum is on average that over all.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..config import FitConfig
from ..errors import ArchitectureError, DataError
from ..machine.ranks import ALONE, Ranks
from ..machine.shards import gather_rows
from .margin_softmax import MarginRule, RowLosses, row_losses
from .row_optimizer import RowOptimizer, clip_with_rows

logger = logging.getLogger(__name__)

_BLOCK = 65_536
"""Centres that are drawn with one seed: so a process draws its own, and gets those that one process would."""

_LOW = 0xFFFFFFFF


class SampledCentres:
    """The centres of all people, of which this process holds a contiguous part, and their optimizer.

    It is no module: so neither DistributedDataParallel nor an average of the weights nor a saved model has
    the centres, which only training needs. Until :meth:`place` there are none.

    Args:
        config: ``sample_classes``, ``sub_centres``, and what the optimizer reads.
        dim: length of an embedding.
        classes: number of people.
        seed: of the first values.

    Attributes:
        weights: ``(own people · sub_centres, dim)`` float32; a person's rows follow each other.
        optimizer: of the rows that a batch used.
    """

    weights: Tensor
    optimizer: RowOptimizer

    def __init__(self, config: FitConfig, dim: int, classes: int, seed: int) -> None:
        self.config, self.dim, self.classes, self.seed = config, dim, classes, seed
        self.ranks, self.own = ALONE, slice(0, 0)

    def place(self, device: torch.device, ranks: Ranks) -> None:
        """Draw this process's centres, on its device.

        Raises:
            DataError: there are fewer people than processes.
        """
        if self.classes < ranks.world:
            raise DataError(
                f"--sample-classes divides the people among the processes: there are {self.classes} people "
                f"for {ranks.world} processes"
            )
        self.ranks, self.own = ranks, ranks.share(self.classes)
        count = self.config.sub_centres
        start, stop = self.own.start * count, self.own.stop * count
        self.weights = torch.empty(stop - start, self.dim, device=device)
        for block in range(start // _BLOCK, -(-stop // _BLOCK)):
            generator = torch.Generator().manual_seed(self.seed + block)
            drawn = torch.empty(_BLOCK, self.dim).normal_(generator=generator)
            first, last = max(start, block * _BLOCK), min(stop, (block + 1) * _BLOCK)
            self.weights[first - start : last - start] = drawn[first - block * _BLOCK : last - block * _BLOCK]
        self.weights.requires_grad_()
        self.optimizer = RowOptimizer(self.weights, self.config)
        logger.info("%s", self._describe())

    def losses(self, embeddings: Tensor, labels: Tensor, rule: MarginRule, key: Sequence[int]) -> RowLosses:
        """Return the losses of a batch.

        Args:
            embeddings: ``(N, dim)`` float, of all processes' photos; their gradient is so large that the mean
                over processes is that of the loss.
            labels: ``(N,)`` int64, among all people.
            rule: margin, scale, filter.
            key: the batch's seeds; with another key other people are drawn.
        """
        people, own, counts = self.draw(labels, key)
        unit = nn.functional.normalize(embeddings)
        if self.ranks.is_grouped:
            unit = _TimesGradient.apply(unit, self.ranks.world)
        count = self.config.sub_centres
        rows = people if count == 1 else (people[:, None] * count + people.new_tensor(range(count))).flatten()
        # the gradient is sparse: it has these rows only
        centres = nn.functional.normalize(nn.functional.embedding(rows, self.weights, sparse=True))
        cosines = unit @ centres.to(unit.dtype).T
        if count > 1:
            cosines = cosines.view(len(cosines), -1, count).max(2).values
        return row_losses(cosines, own, rule, self.ranks.is_grouped, counts.to(unit.dtype))

    def draw(self, labels: Tensor, key: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
        """Return the people of a batch that this process holds, and where the photos' own are among them.

        Args:
            labels: ``(N,)`` int64, among all people.
            key: the batch's seeds.

        Returns:
            ``(n,)`` int64, ascending, counted from this process's first person; ``(N,)`` int64, the place of
            each photo's own person among them, -1 where another process holds that person; ``(n,)`` float32,
            as how many people each counts: the batch's own as one, all others as ``1 / share``.
        """
        held = self.own.stop - self.own.start
        numbers = _hash_people(torch.arange(self.own.start, self.own.stop, device=labels.device), key)
        drawn = numbers < int(self.config.sample_classes * (_LOW + 1))
        here = (labels >= self.own.start) & (labels < self.own.stop)
        places = torch.where(here, labels - self.own.start, held)
        marks = torch.cat([drawn, drawn.new_zeros(1)])
        counts = torch.full((held + 1,), 1 / self.config.sample_classes, device=labels.device)
        counts[places] = 1.0
        # at least one, so that every process has a part in the gradient
        marks[torch.cat([places, numbers.argmin()[None]])] = True
        marks = marks[:held]
        positions = (marks.cumsum(0) - 1)[places.clamp_max(held - 1)]
        people = marks.nonzero().squeeze(1)
        return people, torch.where(here, positions, -1), counts[people]

    def share_overflow(self, weights: Sequence[Tensor]) -> None:
        """Make all gradients infinite or no number if one is not finite, here or in another process.

        A gradient scaler looks at each optimizer, and in each process, alone: some would step and others not,
        and clipping by a norm that is no number would spoil the gradients of those that do.
        Processes must call it together, before gradients are unscaled.
        """
        gradients = [weight.grad for weight in (*weights, self.weights) if weight.grad is not None]
        values = [one.coalesce().values() if one.is_sparse else one for one in gradients]
        broken = not all(bool(one.isfinite().all()) for one in values)
        if self.ranks.any_says(broken):
            for gradient in gradients:
                gradient.mul_(float("inf"))

    def clip_with(self, weights: Sequence[Tensor], most: float) -> None:
        """Clip the norm of all gradients, these and all processes' centres', to ``most``."""
        clip_with_rows(weights, self.weights, most, self.ranks.world)

    def state(self) -> dict[str, Tensor]:
        """Return all processes' centres and momentum by name, on the CPU; nothing but in the first process.

        Processes must call it together.
        """
        whole = {}
        for name, value in {"weights": self.weights.detach(), **self.optimizer.rows()}.items():
            rows = gather_rows(value, self.ranks)
            if rows is not None:
                whole[name] = rows
        return whole

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore this process's part of what :meth:`state` returned in the first.

        Raises:
            ArchitectureError: it is of other people, or of an embedding of another length.
        """
        count = self.config.sub_centres
        found, wanted = tensors.get("weights"), (self.classes * count, self.dim)
        if found is None or tuple(found.shape) != wanted:
            there = "none" if found is None else "x".join(map(str, found.shape))
            raise ArchitectureError(
                f"the checkpoint's centres are {there}, and here they are {wanted[0]}x{wanted[1]}: resume "
                "with the set it was made with, or start over with --overwrite"
            )
        own = slice(self.own.start * count, self.own.stop * count)
        with torch.no_grad():
            self.weights.copy_(found[own])
        # every step used some row, of whichever process
        steps = int(tensors["last"].max()) if "last" in tensors else 0
        rows = {name: value[own] for name, value in tensors.items() if name != "weights"}
        self.optimizer.restore(rows, steps)

    def _describe(self) -> str:
        numbers = self.weights.numel() * (1 + self.optimizer.averages) * 4
        share = self.config.sample_classes
        held = "" if self.ranks.world == 1 else f", {self.own.stop - self.own.start:,} of them here"
        return (
            f"centres: {self.classes:,} people{held}, {numbers / 1e9:.2g} GB with their momentum; a batch is "
            f"compared with its own and {share:.4g} of the others"
        )


class _TimesGradient(torch.autograd.Function):
    """Leave a tensor as it is, and multiply its gradient."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, factor: int) -> Tensor:
        ctx.factor = factor
        return values.view_as(values)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return grads[0] * ctx.factor, None


def _hash_people(people: Tensor, key: Sequence[int]) -> Tensor:
    """Return a random number per person, ``(n,)`` int64 from 0 to 2³² - 1, by the person and the key alone.

    Two rounds of MurmurHash3's finaliser, with a seed each: the same numbers on every device.
    """
    values = people
    for seed in np.random.default_rng(list(key)).integers(1 << 32, size=2).tolist():
        values = (values * 0x9E3779B1 + seed) & _LOW
        values = ((values ^ (values >> 16)) * 0x85EBCA6B) & _LOW
        values = ((values ^ (values >> 13)) * 0xC2B2AE35) & _LOW
        values = values ^ (values >> 16)
    return values
