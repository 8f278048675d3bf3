"""An optimizer of a matrix's rows: a step changes those with a gradient, and leaves all others alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from ..config import FitConfig

_FIRST, _SECOND, _EPSILON = 0.9, 0.999, 1e-8
"""Adam's rates and epsilon: torch's defaults, which the network's own weights have, too."""


class RowOptimizer(torch.optim.Optimizer):
    """SGD with momentum, Adam or AdamW on the rows of a sparse gradient.

    Where every row has a gradient in every step it is torch's. A row without one stays as it is, and so does
    its momentum, which goes on when the row is used next: each gradient moves a row as far as it would with
    all rows in every step. Adam's average of squares, and its corrections for the first steps, count all
    steps, as if the row had had a gradient of 0: over its own steps alone the squares of rare large gradients
    would weigh more, and centres of which a tenth is used would move a third as far. Weight decay acts on the
    rows that are used.

    Args:
        weights: ``(rows, dim)`` float32, with sparse gradients.
        config: optimizer, lr, momentum and weight_decay, as for the network's own weights.
    """

    def __init__(self, weights: Tensor, config: FitConfig) -> None:
        super().__init__([weights], {"lr": config.lr})
        self.weights, self.kind = weights, config.optimizer
        self.momentum, self.decay = config.momentum, config.weight_decay
        names = ("first", "second") if self.kind != "sgd" else ("first",) if self.momentum else ()
        self._rows = {name: torch.zeros_like(weights, requires_grad=False) for name in names}
        if self.kind != "sgd":
            self._rows["last"] = torch.zeros(len(weights), device=weights.device)  # step of the last gradient
        self.steps = 0

    @property
    def averages(self) -> int:
        """How many numbers it keeps for each weight."""
        return sum(value.dim() == 2 for value in self._rows.values())

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]  # it needs no closure
        """Change the rows that have a gradient."""
        if self.weights.grad is None:
            return
        self.steps += 1
        lr = self.param_groups[0]["lr"]
        gradient = self.weights.grad.coalesce()
        at, slope = gradient.indices()[0], gradient.values()
        rows = self.weights[at]
        if self.decay and self.kind == "adamw":
            rows *= 1 - lr * self.decay
        elif self.decay:
            slope = slope + self.decay * rows
        rows -= lr * self._direction(at, slope)
        self.weights.index_copy_(0, at, rows)

    def _direction(self, at: Tensor, slope: Tensor) -> Tensor:
        """Return what the rows ``at`` move against, ``(n, dim)``, and update their momentum."""
        if self.kind == "sgd":
            if not self.momentum:
                return slope
            first = self._rows["first"][at].mul_(self.momentum).add_(slope)
            self._rows["first"].index_copy_(0, at, first)
            return first
        first = self._rows["first"][at].lerp_(slope, 1 - _FIRST)
        since = (self.steps - self._rows["last"][at])[:, None]
        second = (self._rows["second"][at] * _SECOND**since).addcmul_(slope, slope, value=1 - _SECOND)
        self._rows["first"].index_copy_(0, at, first)
        self._rows["second"].index_copy_(0, at, second)
        self._rows["last"].index_fill_(0, at, self.steps)
        deviation: Tensor = second.sqrt() / (1 - _SECOND**self.steps) ** 0.5 + _EPSILON
        return first / deviation / (1 - _FIRST**self.steps)

    def rows(self) -> dict[str, Tensor]:
        """Return what it keeps for each row, by name."""
        return dict(self._rows)

    def restore(self, rows: Mapping[str, Tensor], steps: int) -> None:
        """Restore what :meth:`rows` returned after a number of steps."""
        self.steps = steps
        for name, value in self._rows.items():
            value.copy_(rows[name])


@torch.no_grad()
def clip_with_rows(weights: Iterable[Tensor], rows: Tensor, most: float, world: int) -> None:
    """Clip the norm of all gradients together, as ``clip_grad_norm_`` does where one process has them all.

    Args:
        weights: those that every process has, with the same gradients.
        rows: this process's rows, with a sparse gradient.
        most: the norm's limit.
        world: number of processes.
    """
    dense = [weight.grad for weight in weights if weight.grad is not None]
    square = torch.zeros((), device=rows.device)
    if rows.grad is not None:
        rows.grad = rows.grad.coalesce()
        square += rows.grad.values().square().sum()
    if world > 1:
        torch.distributed.all_reduce(square)
    square += sum(gradient.square().sum() for gradient in dense)
    factor = (most / (square.sqrt() + 1e-6)).clamp_max(1)
    for gradient in [*dense, *([] if rows.grad is None else [rows.grad.values()])]:
        gradient.mul_(factor)
