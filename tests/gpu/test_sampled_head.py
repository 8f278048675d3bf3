"""Sampled centres: the same people are drawn, and losses and gradients agree to 1e-5 (float64: 1e-9)."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from facemodel import FitConfig
from facemodel.machine.ranks import ALONE
from facemodel.objective.goals import Moment
from facemodel.objective.margin_goals import ArcFaceGoal, CosFaceGoal

PEOPLE, DIM = 5000, 32


def figures(device: torch.device, share: float, dtype: torch.dtype, loss: str) -> dict[str, Tensor]:
    kind, margin = (CosFaceGoal, 0.35) if loss == "cosface" else (ArcFaceGoal, 28.6)
    config = FitConfig(
        batches="people", loss=loss, margin=margin, scale=16.0, sample_classes=share, sub_centres=2,
        interclass_filter=0.6,
    )  # fmt: skip
    torch.manual_seed(0)
    embeddings, labels = torch.randn(40, DIM), torch.randint(PEOPLE, (40,))
    goal = kind(config, DIM, PEOPLE, None).to(device)
    goal.moment = Moment(key=(4, 1, 2, 0))
    inputs = embeddings.to(device, dtype).requires_grad_()
    if goal.sampled is not None:
        goal.sampled.place(device, ALONE)
        goal.sampled.weights = goal.sampled.weights.detach().to(dtype).requires_grad_()
    else:
        goal = goal.to(dtype)
    loss_, terms = goal(inputs, labels.to(device))
    loss_.backward()
    weights = goal.head.W if goal.sampled is None else goal.sampled.weights
    if weights.grad is None or inputs.grad is None:
        raise RuntimeError("the loss has no gradient")
    centres = weights.grad.to_dense() if weights.grad.is_sparse else weights.grad
    found = {"loss": loss_.detach(), "losses": terms["losses"], "inputs": inputs.grad, "centres": centres}
    return {name: value.detach().cpu().double() for name, value in found.items()}


@pytest.mark.parametrize("loss", ["arcface", "cosface"])
@pytest.mark.parametrize("share", [1.0, 0.3])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_losses_and_gradients_are_a_cpus(
    device: torch.device, loss: str, share: float, dtype: torch.dtype
) -> None:
    found, want = (figures(where, share, dtype, loss) for where in (device, torch.device("cpu")))
    rtol, atol = (1e-9, 1e-12) if dtype == torch.float64 else (1e-3, 1e-5)
    for name, value in want.items():
        assert torch.allclose(found[name], value, rtol, atol), name
    assert torch.equal(found["centres"].bool().any(1), want["centres"].bool().any(1))  # the same people
