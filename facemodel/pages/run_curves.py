"""The charts of a run: its history over the epochs, and how often each crop was used."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from facedata.pages.charts import Chart, draw_bars, draw_lines
from facedata.types import Int64Array

from ..training.history import EpochRow

_MOST_BARS = 40
_CURVES = (
    ("Loss", "loss", {
        "training": "loss", "validation": "val_loss", "training people, judged as validation": "probe_loss",
    }),
    ("AUC of pairs", "AUC", {"validation": "val_auc", "training people": "probe_auc"}),
    ("Accuracy", "share", {"validation": "val_accuracy", "training people": "probe_accuracy"}),
    ("Learning rate", "at the epoch's last step", {"": "lr"}),
    ("Triplets with a loss", "share", {"": "active"}),
    ("Spread of the embeddings", "share of their length", {"": "spread"}),
)  # fmt: skip
_TO_ONE = ("AUC of pairs", "Accuracy")


def draw_curves(rows: Sequence[EpochRow], best: EpochRow | None) -> list[Chart]:
    """Return the history's columns over the epochs, each chart with the best epoch marked.

    Args:
        rows: the history; figures that it does not have are left out.
        best: the best epoch's row; None for no mark.
    """
    charts = []
    marks = {f"best: epoch {best.epoch}": float(best.epoch)} if best else None
    for title, y_title, names in _CURVES:
        series: dict[str, tuple[list[float], list[float]]] = {}
        for label, name in names.items():
            points = [(row.epoch, value) for row in rows if (value := getattr(row, name)) is not None]
            if points:
                series[label] = [float(epoch) for epoch, _ in points], [value for _, value in points]
        if not any(math.isfinite(value) for _, ys in series.values() for value in ys):
            continue
        ends = (0.0, float(max(rows[-1].epoch, 1)))
        values = [value for _, ys in series.values() for value in ys if math.isfinite(value)]
        # losses, rates and shares from 0; what is near 1 up to 1, from the tenth below its least
        low = math.floor(min(values) * 10) / 10 if title in _TO_ONE else 0.0
        high = 1.0 if title in _TO_ONE else max(values) * 1.05 or 1.0
        drawn = draw_lines(
            title, "epoch", y_title, series, x_range=ends, y_range=(min(low, 0.9), high), marks=marks
        )
        whole = tuple(tick for tick in drawn.x_ticks if "." not in tick.label)
        short = tuple(
            dataclasses.replace(tick, label=f"{float(tick.label):.1e}".replace("e-0", "e-"))
            if len(tick.label) > 6 and "," not in tick.label  # 0.00025 has no room beside the axis
            else tick
            for tick in drawn.y_ticks
        )
        charts.append(dataclasses.replace(drawn, x_ticks=whole, y_ticks=short))
    return charts


def draw_usage(counts: Int64Array) -> Chart:
    """Return how many crops were used how often, in at most 41 bars; ``counts`` is ``(n,)`` int64."""
    step = int(counts.max(initial=0)) // _MOST_BARS + 1
    bars = np.bincount(counts // step).tolist()
    labels = [
        str(at * step) if step == 1 else f"{at * step} to {(at + 1) * step - 1}" for at in range(len(bars))
    ]
    drawn = draw_bars("How often crops were used", "times used in training", labels, {"": bars})
    ticks = tuple(dataclasses.replace(tick, label=tick.label.partition(" ")[0]) for tick in drawn.x_ticks)
    return dataclasses.replace(drawn, x_ticks=ticks)
