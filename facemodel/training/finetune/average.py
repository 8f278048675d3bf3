"""A running average of the weights, which is judged and saved in the place of the weights that train."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ...objective.objective import Objective

_FIRST = "first."


class WeightAverage:
    """The exponential moving average of an objective's weights and running statistics.

    After each step it becomes ``rate · average + (1 - rate) · weights``. A short run would hardly move away
    from its first weights, so the rate grows with the steps that are done, ``(1 + steps) / (10 + steps)``, up
    to what was asked: as TensorFlow's ExponentialMovingAverage does it. Polyak and Juditsky 1992; Tarvainen
    and Valpola 2017 (arXiv:1703.01780).

    With a ``share`` below 1 it is the average of ``start + share · (weights - start)``: between two networks
    that started alike lies one that often does better on photos that neither trained on (Wortsman et al.,
    *Robust fine-tuning of zero-shot models*, 2021, arXiv:2109.01903).

    Args:
        objective: what trains, on its device; it is copied.
        rate: share of the average that a step keeps, from 0 up to but not including 1.
        share: how far from the first weights (0) to those that train (1) the average goes.

    Attributes:
        objective: a copy with the average in the place of the weights; in eval mode, it never trains.
        steps: how many steps were added.
    """

    def __init__(self, objective: Objective, rate: float, share: float = 1.0) -> None:
        self.objective, self.rate, self.share = copy.deepcopy(objective).eval(), rate, share
        self.begin(objective)

    def begin(self, objective: Objective) -> None:
        """Begin anew, from the weights as they are."""
        self.steps = 0
        self.objective.load_state_dict(objective.state_dict())
        self._first = [value.clone() for value in _values(objective)] if self.share < 1 else None

    @torch.no_grad()
    def add(self, objective: Objective) -> None:
        """Add the weights after a step; whole numbers, such as BatchNorm's counters, are taken over."""
        self.steps += 1
        kept = min(self.rate, (1 + self.steps) / (10 + self.steps))
        every = _values(objective)
        for mean, now, first in zip(_values(self.objective), every, self._first or every, strict=True):
            if mean.is_floating_point():
                mean.lerp_(first.lerp(now, self.share) if self._first else now, 1 - kept)
            else:
                mean.copy_(now)

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return what a checkpoint must hold."""
        tensors = dict(self.objective.state_dict())
        first = zip(tensors, self._first or [], strict=False)
        return {**tensors, **{f"{_FIRST}{name}": value for name, value in first}}, {"steps": self.steps}

    def restore(self, tensors: Mapping[str, Tensor], values: Mapping[str, Any]) -> None:
        """Restore what :meth:`state` returned."""
        own = self.objective.state_dict()
        self.objective.load_state_dict({name: tensors[name] for name in own})
        self.steps = values["steps"]
        if self._first is not None:
            self._first = [tensors[f"{_FIRST}{name}"].to(value.device) for name, value in own.items()]


def _values(objective: Objective) -> list[Tensor]:
    return list(objective.state_dict().values())
