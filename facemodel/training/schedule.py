"""How the learning rate goes: pure functions of how far a run is; no scheduler has a state to lose."""

from __future__ import annotations

import math
from collections.abc import Callable

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
        raise UsageError("--schedule one-cycle has a warm-up of its own: leave --warmup-epochs away")


def learning_rate(config: FitConfig, base: float, epochs_done: float) -> float:
    """Return the learning rate of the step that comes next.

    During the warm-up it grows from 0 to ``base``; the schedule then runs over what is left of the run.
    All but ``step`` change at every step. ``step`` and ``restarts`` are torch's StepLR and
    CosineAnnealingWarmRestarts (Loshchilov and Hutter 2016, arXiv:1608.03983), ``one-cycle`` its OneCycleLR
    (Smith and Topin 2017, arXiv:1708.07120) without the cycle of the momentum.

    Args:
        config: schedule, epochs, step_epochs, step_factor, warmup_epochs.
        base: the highest rate.
        epochs_done: how far the run is, in epochs: 2.5 is half through the third.

    >>> config = FitConfig(schedule="step", step_epochs=7, step_factor=0.1, epochs=20)
    >>> [learning_rate(config, 1.0, epoch) for epoch in (0, 6.9, 7)]
    [1.0, 1.0, 0.1]
    """
    warm = config.warmup_epochs
    if epochs_done < warm:
        return base * epochs_done / warm
    return base * _SHAPES[config.schedule](config, epochs_done - warm, config.epochs - warm)


def _constant(config: FitConfig, done: float, whole: float) -> float:
    return 1.0


def _step(config: FitConfig, done: float, whole: float) -> float:
    return config.step_factor ** int(done // config.step_epochs)


def _cosine(config: FitConfig, done: float, whole: float) -> float:
    return _half_wave(min(done / whole, 1.0))


def _restarts(config: FitConfig, done: float, whole: float) -> float:
    length = float(config.step_epochs)
    while done >= length:
        done -= length
        length /= config.step_factor
    return _half_wave(done / length)


def _one_cycle(config: FitConfig, done: float, whole: float) -> float:
    share = min(done / whole, 1.0)
    if share < _RISE:
        return 1 + (_FIRST - 1) * _half_wave(share / _RISE)
    return _LAST + (1 - _LAST) * _half_wave((share - _RISE) / (1 - _RISE))


def _half_wave(share: float) -> float:
    """Return 1 at 0, 1/2 in the middle, 0 at 1."""
    return (1 + math.cos(math.pi * share)) / 2


_SHAPES: dict[str, Callable[[FitConfig, float, float], float]] = {
    "constant": _constant,
    "step": _step,
    "cosine": _cosine,
    "restarts": _restarts,
    "one-cycle": _one_cycle,
}
