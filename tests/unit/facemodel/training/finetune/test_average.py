"""The running average of the weights, against a loop over single numbers."""

from __future__ import annotations

import numpy as np
import torch

from facemodel.config import FitConfig
from facemodel.network.model import build_model
from facemodel.objective.objective import Objective, make_objective
from facemodel.spec import InputSpec
from facemodel.training.finetune.average import WeightAverage


def an_objective() -> Objective:
    config = FitConfig(
        backbone="timm:test_resnet", dim=8, size=32, batches="people", loss="cosface", margin=0.35
    )
    model = build_model(config, InputSpec(32, "square", 8))
    return make_objective(config, model, ["anna", "bert", "cleo"])


def test_each_step_moves_the_average_as_a_loop_over_numbers_does() -> None:
    objective = an_objective()
    average = WeightAverage(objective, 0.8)
    name = next(name for name, value in objective.state_dict().items() if name.endswith("running_mean"))
    want = {key: value.double().numpy().copy() for key, value in objective.state_dict().items()}
    for step in range(1, 60):
        with torch.no_grad():
            for value in objective.state_dict().values():
                value.add_(1 if value.dtype == torch.int64 else 0.01 * step)
        average.add(objective)
        share = min(0.8, (1 + step) / (10 + step))
        for key, value in objective.state_dict().items():
            want[key] = share * want[key] + (1 - share) * value.double().numpy()
    assert share == 0.8, "the rate that was asked for is reached"
    have = average.objective.state_dict()
    assert name in have
    for key, value in have.items():
        if value.is_floating_point():
            np.testing.assert_allclose(value.numpy(), want[key], rtol=1e-5, atol=1e-5)
            assert not torch.equal(value, objective.state_dict()[key])
        else:
            assert torch.equal(value, objective.state_dict()[key])


def test_the_average_never_trains_and_comes_back_from_a_checkpoint() -> None:
    objective = an_objective().train()
    average = WeightAverage(objective, 0.9)
    assert not average.objective.training
    with torch.no_grad():
        for weight in objective.parameters():
            weight.mul_(1.5)
    average.add(objective)
    tensors, values = average.state()
    tensors = {name: value.clone() for name, value in tensors.items()}
    other = WeightAverage(objective, 0.9)
    other.restore(tensors, values)
    for one in (average, other):
        one.add(objective)
    assert all(
        torch.equal(value, other.objective.state_dict()[name])
        for name, value in average.objective.state_dict().items()
    )


def test_with_a_share_it_averages_what_lies_between_the_first_weights_and_those_that_train() -> None:
    objective = an_objective()
    average = WeightAverage(objective, 0.5, share=0.25)
    first = {key: value.double().numpy().copy() for key, value in objective.state_dict().items()}
    want = {key: value.copy() for key, value in first.items()}
    for step in range(1, 8):
        with torch.no_grad():
            for weight in objective.parameters():
                weight.add_(0.1 * step)
        average.add(objective)
        kept = min(0.5, (1 + step) / (10 + step))
        for key, value in objective.state_dict().items():
            between = first[key] + 0.25 * (value.double().numpy() - first[key])
            want[key] = kept * want[key] + (1 - kept) * between
    for key, value in average.objective.state_dict().items():
        if value.is_floating_point():
            np.testing.assert_allclose(value.numpy(), want[key], rtol=1e-5, atol=1e-5)
    tensors, values = average.state()
    other = WeightAverage(objective, 0.5, share=0.25)  # begun from later weights
    other.restore({name: value.clone() for name, value in tensors.items()}, values)
    for one in (average, other):
        one.add(objective)
    theirs = other.objective.state_dict()
    assert all(torch.equal(value, theirs[name]) for name, value in average.objective.state_dict().items())
