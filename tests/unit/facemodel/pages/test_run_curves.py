"""A run's charts: a line a column, the best epoch marked, and bars for how often crops were used."""

from __future__ import annotations

import numpy as np
import pytest

from facemodel.pages.run_curves import draw_curves, draw_usage
from facemodel.training.history import EpochRow

ROWS = [
    EpochRow(0, val_loss=2.0, val_auc=0.8),
    EpochRow(1, loss=1.5, val_loss=1.0, val_auc=0.9, lr=0.00025),
    EpochRow(2, loss=0.5, val_loss=1.25, val_auc=0.85, lr=0.000125),
]


def test_each_column_is_a_line_at_its_epochs() -> None:
    charts = {chart.title: chart for chart in draw_curves(ROWS, ROWS[1])}
    assert list(charts) == ["Loss", "AUC of pairs", "Learning rate"]
    assert charts["Loss"].legend == ("training", "validation")
    assert charts["Loss"].rows == (
        ("training", "1", "1.5"), ("training", "2", "0.5"), ("validation", "0", "2"),
        ("validation", "1", "1"), ("validation", "2", "1.25"),
    )  # fmt: skip
    assert charts["Learning rate"].rows == (("1", "0.00025"), ("2", "0.000125"))


def test_the_best_epoch_is_marked_where_its_point_is() -> None:
    for chart in draw_curves(ROWS, ROWS[1]):
        (mark,) = chart.marks
        assert mark.label == "best: epoch 1"
        assert mark.place in [x for line in chart.lines for x, _, _ in line.points]
    assert all(not chart.marks for chart in draw_curves(ROWS, None))


def test_epochs_are_whole_and_numbers_have_room() -> None:
    charts = draw_curves(ROWS, None)
    assert [tick.label for tick in charts[0].x_ticks] == ["0", "1", "2"]
    assert all(len(tick.label) <= 6 for chart in charts for tick in chart.y_ticks)


def test_every_point_is_within_the_chart() -> None:
    for chart in draw_curves(ROWS, None):
        points = [(x, y) for line in chart.lines for x, y, _ in line.points]
        assert len(points) == len(chart.rows)
        assert all(chart.left <= x <= chart.right and chart.top <= y <= chart.bottom for x, y in points)


def test_figures_that_are_not_finite_make_no_chart() -> None:
    assert draw_curves([EpochRow(1, loss=float("nan"))], None) == []


@pytest.mark.parametrize("most", [0, 1, 39, 40, 41, 1000])
def test_the_bars_of_usage_hold_every_crop(most: int) -> None:
    counts = np.random.default_rng(most).integers(0, most + 1, 500)
    chart = draw_usage(counts)
    assert 1 <= len(chart.rows) <= 41
    assert sum(int(count) for _, count in chart.rows) == 500
    for label, count in chart.rows:
        low, _, high = label.partition(" to ")
        assert int(count) == int(((counts >= int(low)) & (counts <= int(high or low))).sum())


def test_a_run_without_crops_has_an_empty_chart() -> None:
    assert draw_usage(np.empty(0, np.int64)).rows == ()
