"""Time left, whatever the clock on the wall does; and which row is best."""

from __future__ import annotations

import time

import pytest

from facemodel.config import FitConfig
from facemodel.training.history import EpochRow
from facemodel.training.state import Clock, merit


class Time:
    """A monotonic clock that goes as told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)


def test_the_time_left_is_that_of_the_steps_left(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Time(monkeypatch)
    told = Clock(epochs=4)
    clock.now += 10
    progress = told.progress(epoch=1, step=5, steps=10, images=50)
    assert progress.left_s == pytest.approx(10 / 0.5 * 3.5)
    assert progress.images_per_s == pytest.approx(5)
    clock.now += 70
    assert told.progress(4, 10, 10, 50).left_s == 0


def test_a_run_gone_on_with_does_not_count_what_was_done_before(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Time(monkeypatch)
    told = Clock(epochs=10, done=8, steps=5)
    clock.now += 30
    assert told.progress(9, 10, 10, 1).left_s == pytest.approx(30 / 0.5 * 1)


@pytest.mark.parametrize(("best_by", "want"), [("auc", 0.7), ("accuracy", 0.6), ("loss", -0.4)])
def test_the_merit_of_a_row(best_by: str, want: float) -> None:
    row = EpochRow(epoch=1, val_auc=0.7, val_accuracy=0.6, val_loss=0.4)
    assert merit(FitConfig(best_by=best_by), row) == want
    assert merit(FitConfig(best_by=best_by), EpochRow(epoch=1)) is None
