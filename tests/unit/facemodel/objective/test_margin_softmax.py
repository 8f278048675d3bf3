"""Margin softmax against slow loops, the library it replaces, and finite differences."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch

from facemodel.objective.margin_softmax import MarginRule, row_losses

KINDS = [("arcface", 28.6), ("arcface", 90.0), ("arcface", 0.0), ("cosface", 0.35)]
each_kind = pytest.mark.parametrize(("kind", "margin"), KINDS)


def cosines_of(photos: int, people: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.rand(photos, people, generator=generator, dtype=torch.float64) - 1


def slow_loss(cosines: Sequence[float], own: int, rule: MarginRule) -> float:
    """As the papers write it, in double precision."""
    worse = cosines[own] - rule.margin
    if rule.kind == "arcface":
        margin, angle = math.radians(rule.margin), math.acos(cosines[own])
        beyond = angle > math.pi - margin
        worse = cosines[own] - margin * math.sin(margin) if beyond else math.cos(angle + margin)
    limit = math.inf if rule.interclass_filter is None else rule.interclass_filter
    counted = [one for place, one in enumerate(cosines) if place != own and one <= limit]
    logits = rule.scale * np.array([worse, *counted])
    return float(np.log(np.exp(logits - logits.max()).sum()) + logits.max() - logits[0])


@each_kind
@pytest.mark.parametrize("interclass_filter", [None, 0.4, -1.0])
def test_losses_are_the_slow_loops(kind: str, margin: float, interclass_filter: float | None) -> None:
    rule, cosines = MarginRule(kind, margin, 30.0, interclass_filter), cosines_of(40, 7)
    own = torch.arange(40) % 7
    wanted = [slow_loss(row.tolist(), one, rule) for row, one in zip(cosines, own.tolist(), strict=True)]
    found = row_losses(cosines, own, rule)
    assert found.losses.tolist() == pytest.approx(wanted, rel=1e-9, abs=1e-12)
    assert row_losses(cosines.float(), own, rule).losses.tolist() == pytest.approx(wanted, rel=1e-4, abs=1e-4)
    assert torch.equal(found.own, cosines[range(40), own])
    others = cosines.scatter(1, own[:, None], -2.0)
    assert torch.equal(found.nearest, others.amax(1))  # with those that the filter leaves out
    assert torch.equal(found.right, cosines.argmax(1) == own)


@each_kind
@pytest.mark.parametrize("interclass_filter", [None, 0.4, -1.0])
def test_the_gradient_is_that_of_finite_differences(
    kind: str, margin: float, interclass_filter: float | None
) -> None:
    rule, own = MarginRule(kind, margin, 4.0, interclass_filter), torch.arange(8) % 5
    cosines = (0.97 * cosines_of(8, 5)).requires_grad_()
    assert torch.autograd.gradcheck(lambda values: row_losses(values, own, rule).losses, (cosines,))


@each_kind
def test_a_worse_angle_never_costs_less(kind: str, margin: float) -> None:
    """Beyond a half turn the angle would come back, and the loss of the worst photos would fall."""
    angles = torch.linspace(0, math.pi, 2001, dtype=torch.float64)
    worse, slopes = MarginRule(kind, margin, 64.0).worsen(angles.cos())
    assert (worse.diff() <= 1e-12).all()
    assert ((slopes >= 0) & slopes.isfinite()).all()
    losses = row_losses(torch.stack([angles.cos(), 0 * angles], 1), torch.zeros(2001, dtype=torch.int64),
                        MarginRule(kind, margin, 64.0)).losses  # fmt: skip
    assert (losses.diff() >= -1e-12).all()


@each_kind
@pytest.mark.parametrize("cosine", [1.0, 1.0000001, -1.0, -1.0000001])
def test_losses_and_gradients_are_finite_at_both_ends(kind: str, margin: float, cosine: float) -> None:
    """acos has an infinite slope at 1, which is where training leads; rounding goes beyond."""
    cosines = torch.tensor([[cosine, 0.3, -0.2]], requires_grad=True)
    found = row_losses(cosines, torch.tensor([0]), MarginRule(kind, margin, 64.0))
    found.losses.sum().backward()  # type: ignore[no-untyped-call]
    assert cosines.grad is not None
    assert found.losses.isfinite().all()
    assert cosines.grad.isfinite().all()
    assert cosines.grad[0, 0] <= 0  # towards the centre, or at it


def test_a_small_loss_keeps_its_digits_in_float32() -> None:
    """``log(sum) - own`` rounds e-20 to 0, and its gradient with it."""
    cosines = torch.tensor([[0.9, 0.9 - 20 / 64]], requires_grad=True)
    loss = row_losses(cosines, torch.tensor([0]), MarginRule("cosface", 0.0, 64.0)).losses
    loss.sum().backward()  # type: ignore[no-untyped-call]
    assert loss.item() == pytest.approx(math.exp(-20), rel=1e-4)
    assert cosines.grad is not None
    assert cosines.grad[0].tolist() == pytest.approx([-64 * math.exp(-20), 64 * math.exp(-20)], rel=1e-4)


def test_a_photo_whose_others_are_all_left_out_costs_nothing() -> None:
    cosines = torch.tensor([[0.1, 0.95, 0.97]], requires_grad=True)
    found = row_losses(cosines, torch.tensor([0]), MarginRule("arcface", 28.6, 64.0, 0.9))
    found.losses.sum().backward()  # type: ignore[no-untyped-call]
    assert found.losses.item() == 0
    assert cosines.grad is not None
    assert not cosines.grad.any()
    assert not found.right.any()  # and yet the photo is nearer to another person


@each_kind
def test_a_person_may_count_as_several(kind: str, margin: float) -> None:
    """As if there were as many columns; with the gradient of all of them."""
    rule, own, counts = MarginRule(kind, margin, 8.0, 0.8), torch.arange(6) % 2, [1, 1, 3, 4]
    cosines = cosines_of(6, 4).requires_grad_()
    found = row_losses(cosines, own, rule, counts=torch.tensor(counts, dtype=torch.float64)).losses
    repeated = cosines.detach().repeat_interleave(torch.tensor(counts), dim=1).requires_grad_()
    wanted = row_losses(repeated, own, rule).losses
    assert torch.allclose(found, wanted)
    found.sum().backward()  # type: ignore[no-untyped-call]
    wanted.sum().backward()  # type: ignore[no-untyped-call]
    assert cosines.grad is not None
    assert repeated.grad is not None
    sums = [part.sum(1) for part in torch.split(repeated.grad, counts, dim=1)]
    assert torch.allclose(cosines.grad, torch.stack(sums, 1))
