"""Margin softmax: the loss of ArcFace and CosFace, from cosines; its gradient is written by hand.

The loss of a photo is ``-log p`` of its own person, where p is the softmax over ``scale · cosine`` of all
people, and its own cosine is made worse by a margin first. It is computed as ``softplus(z)``, where z is the
log of the others' sum less the own logit: so nothing overflows, and a loss near 0 keeps its digits. Loss,
accuracy and gradient come from one pass over the cosines. Several processes may hold a part of the people
each: they exchange a maximum and a sum per photo.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch import distributed as dist

ARC, COS = "arcface", "cosface"

_LEAST_SINE = math.sqrt(2e-6)
"""Lower limit of a sine: at a person's centre the angle's slope in the cosine would be infinite."""


@dataclass(frozen=True)
class MarginRule:
    """How cosines become a loss.

    Attributes:
        kind: ``arcface`` (the margin is an angle, Deng et al. 2019, arXiv:1801.07698) or ``cosface`` (it is
            subtracted from the cosine, Wang et al. 2018, arXiv:1801.09414).
        margin: in degrees, or as a cosine.
        scale: what the cosines are multiplied by.
        interclass_filter: other people whose cosine is above this do not count for that photo; None for all.
    """

    kind: str
    margin: float
    scale: float
    interclass_filter: float | None = None

    def worsen(self, cosines: Tensor) -> tuple[Tensor, Tensor]:
        """Return the cosines ``(N,)`` of photos to their own people with the margin, and the slopes of that.

        >>> rule = MarginRule("cosface", 0.25, 64.0)
        >>> [one.tolist() for one in rule.worsen(torch.tensor([0.5]))]
        [[0.25], [1.0]]
        """
        if self.kind == COS:
            return cosines - self.margin, torch.ones_like(cosines)
        margin, cosines = math.radians(self.margin), cosines.clamp(-1, 1)
        sines = ((1 - cosines) * (1 + cosines)).sqrt().clamp_min(_LEAST_SINE)
        turned = cosines * math.cos(margin) - sines * math.sin(margin)
        # beyond a half turn the angle with its margin would come back: from there on a line, below it
        within = cosines >= -math.cos(margin)
        beyond = cosines - margin * math.sin(margin)
        slopes = math.cos(margin) + cosines / sines * math.sin(margin)
        return torch.where(within, turned, beyond), torch.where(within, slopes, torch.ones_like(slopes))


@dataclass(frozen=True, eq=False)
class RowLosses:
    """The losses of a batch's photos.

    Attributes:
        losses: ``(N,)`` of the cosines' type, with a gradient.
        own: ``(N,)`` the cosine to the photo's own person, without margin, no gradient.
        nearest: ``(N,)`` the highest cosine to another person, no gradient.
    """

    losses: Tensor
    own: Tensor
    nearest: Tensor

    @property
    def right(self) -> Tensor:
        """``(N,)`` bool: the nearest person is the photo's own."""
        return self.own > self.nearest


def row_losses(
    cosines: Tensor, own: Tensor, rule: MarginRule, shared: bool = False, counts: Tensor | None = None
) -> RowLosses:
    """Return the loss of each photo of a batch.

    Args:
        cosines: ``(N, people)`` of float type, photos to the people that this process holds.
        own: ``(N,)`` int64, the column of the photo's own person; -1 where another process holds it.
        rule: margin, scale, filter.
        shared: all processes call this with the same photos, and each with people of its own. The losses are
            over all people, and the same everywhere; the gradient of ``cosines`` is that of one loss.
        counts: ``(people,)`` of float type, as how many people each counts where it is not the photo's own;
            None for one each.
    """
    found: tuple[Tensor, Tensor, Tensor] = _RowLosses.apply(cosines, own, rule, shared, counts)
    return RowLosses(*found)


class _RowLosses(torch.autograd.Function):
    """``(cosines, own) → (losses, own cosines, nearest)``; nothing waits for a GPU."""

    @staticmethod
    def forward(
        ctx: Any, cosines: Tensor, own: Tensor, rule: MarginRule, shared: bool, counts: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        at, here = own.clamp_min(0)[:, None], (own >= 0)[:, None]
        mine = cosines.gather(1, at)
        none = torch.full_like(mine, -torch.inf)
        others = cosines.scatter(1, at, torch.where(here, none, mine))
        nearest = others.amax(1)
        if rule.interclass_filter is not None:
            others.masked_fill_(others > rule.interclass_filter, -torch.inf)
        others.mul_(rule.scale)
        if counts is not None:
            others.add_(counts.log())
        plain = rule.interclass_filter is None and counts is None
        highest = nearest * rule.scale if plain else others.amax(1)
        most = torch.stack([torch.where(here, mine, none).squeeze(1), nearest, highest])
        if shared:
            dist.all_reduce(most, dist.ReduceOp.MAX)
        cosine, nearest, highest = most.unbind()
        target, slope = rule.worsen(cosine)
        top = torch.where(highest.isfinite(), highest, torch.zeros_like(highest))
        others.sub_(top[:, None]).exp_()
        rest = others.sum(1)
        if shared:
            dist.all_reduce(rest)
        z = rest.log() + top - rule.scale * target
        ctx.save_for_backward(others, rest, z, slope, at, here)
        ctx.scale = rule.scale
        ctx.mark_non_differentiable(cosine, nearest)
        return torch.nn.functional.softplus(z), cosine, nearest

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None, None, None]:
        others, rest, z, slope, at, here = ctx.saved_tensors
        pull = grads[0] * ctx.scale * torch.sigmoid(z)
        # with nobody left to count, rest is 0 and so is the pull
        result = others * (pull / rest.clamp_min(torch.finfo(rest.dtype).tiny))[:, None]
        own = torch.where(here, (-pull * slope)[:, None], result.gather(1, at))
        return result.scatter_(1, at, own), None, None, None, None
