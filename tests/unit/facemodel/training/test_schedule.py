"""Learning rates against torch's own schedulers, and what no schedule can be."""

from __future__ import annotations

import pytest
import torch
from torch.optim import lr_scheduler

from facedata.errors import UsageError
from facemodel.config import SCHEDULES, FitConfig
from facemodel.training.schedule import check_schedule, learning_rate

STEPS = 10
"""Steps an epoch."""


def ours(config: FitConfig, base: float = 0.5) -> list[float]:
    return [learning_rate(config, base, step / STEPS) for step in range(config.epochs * STEPS)]


def optimizer() -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)


def theirs(scheduler: lr_scheduler.LRScheduler, steps: int) -> list[float]:
    rates = []
    for _ in range(steps):
        rates.append(scheduler.optimizer.param_groups[0]["lr"])
        scheduler.optimizer.step()
        scheduler.step()
    return rates


def test_step_is_torchs() -> None:
    config = FitConfig(schedule="step", step_epochs=3, step_factor=0.1, epochs=10)
    want = theirs(lr_scheduler.StepLR(optimizer(), 3, 0.1), 10)
    assert ours(config)[::STEPS] == pytest.approx(want)
    assert ours(config)[29] == 0.5  # the last step of the third epoch


def test_cosine_is_torchs() -> None:
    config = FitConfig(schedule="cosine", epochs=6)
    want = theirs(lr_scheduler.CosineAnnealingLR(optimizer(), 60), 60)
    assert ours(config) == pytest.approx(want)


def test_restarts_are_torchs() -> None:
    config = FitConfig(schedule="restarts", step_epochs=2, step_factor=0.5, epochs=14)
    want = theirs(lr_scheduler.CosineAnnealingWarmRestarts(optimizer(), 20, 2), 140)
    assert ours(config) == pytest.approx(want)


def test_one_cycle_is_torchs() -> None:
    config = FitConfig(schedule="one-cycle", epochs=10)
    scheduler = lr_scheduler.OneCycleLR(optimizer(), 0.5, total_steps=101, cycle_momentum=False)
    # torch counts the last step as the end, so of 101 steps the k-th is 100ths of the way
    want = theirs(scheduler, 101)
    rising, falling = want[:30], want[30:100]
    got = ours(config)
    assert got[:29] == pytest.approx(rising[:29], rel=0.1)
    assert got[31:] == pytest.approx(falling[1:], rel=0.1, abs=1e-3)
    assert got[0] == pytest.approx(want[0])
    assert max(got) == pytest.approx(0.5)


def test_the_warm_up_grows_from_nothing_and_the_rest_is_the_schedule() -> None:
    config = FitConfig(schedule="cosine", warmup_epochs=2, epochs=6)
    rates = ours(config)
    assert rates[:20] == pytest.approx([0.5 * step / 20 for step in range(20)])
    assert rates[20:] == pytest.approx(ours(FitConfig(schedule="cosine", epochs=4)))


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_schedule_stays_within_bounds(schedule: str) -> None:
    config = FitConfig(schedule=schedule, epochs=5)
    assert all(0 <= rate <= 0.5 for rate in [*ours(config), learning_rate(config, 0.5, 5.0)])


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"warmup_epochs": 3, "epochs": 3}, "leaves nothing"),
        ({"schedule": "restarts", "step_factor": 0.0}, "above 0"),
        ({"schedule": "one-cycle", "warmup_epochs": 1}, "warm-up of its own"),
    ],
)
def test_impossible_schedules_are_usage_errors(options: dict[str, object], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        check_schedule(FitConfig(**options))  # type: ignore[arg-type]
