"""The learning rate: pure functions of how far a run has come, so there is no scheduler's state to save."""

from __future__ import annotations

import math

from facedata.errors import UsageError

from ..config import FitConfig

_RISE, _FIRST, _LAST = 0.3, 1 / 25, 1 / 25e4
"""One-cycle: share of the run in which the rate rises, its first and last value as shares of the highest."""


def check_schedule(config: FitConfig) -> None:
    """Refuse options of the schedule that contradict each other.

    Raises:
        UsageError: a warm-up as long as the run; cycles of no length, or a second warm-up for one-cycle.
    """
    if config.warmup_epochs >= config.epochs:
        raise UsageError(
            f"--warmup-epochs {config.warmup_epochs:g} leaves nothing of --epochs {config.epochs}: lower it"
        )
    if config.schedule == "restarts" and not config.step_factor:
        raise UsageError("--schedule restarts makes each cycle 1 / --step-factor as long: it must be above 0")
    if config.schedule == "one-cycle" and config.warmup_epochs:
        raise UsageError("--schedule one-cycle has a warm-up of its own: drop --warmup-epochs")


def learning_rate(config: FitConfig, base: float, epochs_done: float) -> float:
    """Return the learning rate of the next step.

    During the warm-up it grows from 0 to ``base``; the schedule then covers the rest of the run. All but
    ``step`` change at every step. ``step`` and ``restarts`` are torch's StepLR and
    CosineAnnealingWarmRestarts (Loshchilov and Hutter 2016, arXiv:1608.03983), ``one-cycle`` its OneCycleLR
    (Smith and Topin 2017, arXiv:1708.07120) without the cycle of the momentum.

    Args:
        config: schedule, epochs, step_epochs, step_factor, warmup_epochs.
        base: the highest rate.
        epochs_done: how far the run has come, in epochs: 2.5 is halfway through the third.

    >>> config = FitConfig(schedule="step", step_epochs=7, step_factor=0.1, epochs=20)
    >>> [learning_rate(config, 1.0, epoch) for epoch in (0, 6.9, 7)]
    [1.0, 1.0, 0.1]
    """
    if epochs_done < config.warmup_epochs:
        return base * epochs_done / config.warmup_epochs
    done = epochs_done - config.warmup_epochs
    share = min(done / (config.epochs - config.warmup_epochs), 1.0)
    if config.schedule == "step":
        return base * config.step_factor ** int(done // config.step_epochs)
    if config.schedule == "cosine":
        return base * _half_wave(share)
    if config.schedule == "restarts":
        cycle = float(config.step_epochs)
        while done >= cycle:
            done -= cycle
            cycle /= config.step_factor
        return base * _half_wave(done / cycle)
    if config.schedule == "one-cycle":
        if share < _RISE:
            return base * (1 + (_FIRST - 1) * _half_wave(share / _RISE))
        return base * (_LAST + (1 - _LAST) * _half_wave((share - _RISE) / (1 - _RISE)))
    return base  # constant


def describe_extension(config: FitConfig, before: int) -> str:
    """Say how the learning rate goes on in a run that was to have ``before`` epochs, and now has more.

    >>> describe_extension(FitConfig(epochs=30), 20)
    'epochs 21 to 30 continue as if they had been planned from the start (--schedule constant)'
    >>> config = FitConfig(schedule="cosine", epochs=30, lr=0.1)
    >>> describe_extension(config, 20).partition(": ")[2]
    'from here on it is that of 30 epochs, 0.025 in epoch 21 and 0 at the end'
    """
    if config.schedule not in ("cosine", "one-cycle"):
        return (
            f"epochs {before + 1} to {config.epochs} continue as if they had been planned from the start "
            f"(--schedule {config.schedule})"
        )
    first, last = (learning_rate(config, config.lr, done) for done in (float(before), float(config.epochs)))
    return (
        f"the learning rate (--schedule {config.schedule}) was planned for {before} epochs: from here on it "
        f"is that of {config.epochs} epochs, {first:.3g} in epoch {before + 1} and {last:.3g} at the end"
    )


def _half_wave(share: float) -> float:
    """Return 1 at 0, 1/2 in the middle, 0 at 1."""
    return (1 + math.cos(math.pi * share)) / 2
