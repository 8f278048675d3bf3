"""The charts of scores: ROC, errors by threshold, both kinds of pairs, calibration, error versus discard."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from facedata.pages.charts import Chart, draw_histogram, draw_lines

from ..scoring.distances import likeness
from ..scoring.metrics import roc
from ..scoring.pair_figures import ScoredPairs
from ..scoring.plots import SCORE_NAMES, visible_points
from ..scoring.report import TITLES

_BINS = 40
_MOST_POINTS = 300


def draw_rocs(scored: Mapping[str, ScoredPairs]) -> Chart:
    """Return the ROC of each metric, the false accept rate on a logarithmic axis; equal ones are one line.

    The axis begins at half of the rate of one impostor pair, where what accepts none is drawn.
    """
    curves = {metric: roc(pairs.likeness, pairs.same) for metric, pairs in scored.items()}
    least = min(1 / curve.impostors for curve in curves.values()) / 2
    names: dict[tuple[bytes, bytes], list[str]] = {}
    for metric, curve in curves.items():
        names.setdefault((curve.far.tobytes(), curve.tar.tobytes()), []).append(metric)
    lines = {}
    for metrics in names.values():
        curve = curves[metrics[0]]
        rows = visible_points(curve, _MOST_POINTS)
        rows = rows[np.flatnonzero(curve.far[rows] <= least)[-1] :]  # what is left of the axis is one point
        label = f"{' and '.join(TITLES[one] for one in metrics)}, AUC {curve.auc():.4f}"
        lines[label] = np.maximum(curve.far[rows], least).tolist(), curve.tar[rows].tolist()
    return draw_lines(
        "ROC", "false accept rate", "true accept rate", lines, x_range=(least, 1.0),
        y_range=(lowest_rate([tar[0] for _, tar in lines.values()]), 1.0), has_log_x=True,
    )  # fmt: skip


def lowest_rate(starts: Sequence[float]) -> float:
    """Return where the axis of ROC curves begins: a tenth below their starts, since good ones are near 1."""
    return min(math.floor(min(starts) * 10) / 10, 0.9)


def draw_errors(pairs: ScoredPairs, threshold: float | None) -> Chart:
    """Return how many pairs of each kind are decided wrongly, by threshold."""
    curve = roc(pairs.likeness, pairs.same)
    rows = np.unique(np.linspace(1, len(curve.thresholds) - 1, _MOST_POINTS).astype(np.int64))
    values = likeness(curve.thresholds[rows], pairs.metric)
    order = np.argsort(values)
    x = values[order].tolist()
    lines = {
        # the colours of the histogram beside it
        "one person, rejected": (x, (1 - curve.tar)[rows][order].tolist()),
        "two people, accepted": (x, curve.far[rows][order].tolist()),
    }
    return draw_lines(
        "Errors by threshold", f"threshold, {SCORE_NAMES[pairs.metric]}", "share of the pairs", lines,
        y_range=(0.0, 1.0), marks=None if threshold is None else {f"threshold {threshold:.4g}": threshold},
    )  # fmt: skip


def draw_score_histogram(pairs: ScoredPairs, threshold: float | None) -> Chart:
    """Return the scores of both kinds of pairs, each as a share of its own kind, with the threshold."""
    low, high = float(pairs.values.min()), float(pairs.values.max())
    ends = [low, high if high > low else low + 1] + ([] if threshold is None else [threshold])
    edges = np.linspace(min(ends), max(ends), _BINS + 1)
    counts = {
        f"{name}, {int(kind.sum()):,} pairs": np.histogram(pairs.values[kind], edges)[0]
        for kind, name in ((pairs.same, "one person"), (~pairs.same, "two people"))
    }
    marks = None if threshold is None else {"threshold": threshold}
    return draw_histogram(
        "Scores of both kinds of pairs", SCORE_NAMES[pairs.metric], edges, counts,
        y_title="share of the pairs", marks=marks, is_overlaid=True,
    )  # fmt: skip


def draw_calibration(calibration: Mapping[str, Any]) -> Chart:
    """Return the share of pairs of one person by probability, with the ends of its 95% interval."""
    bins = calibration["bins"]
    x = [one["probability"] for one in bins]
    lines = {"share that shows one person": (x, [one["share"] for one in bins])}
    for at, name in enumerate(("95% from", "95% to")):
        if bins[0]["interval"] is not None:
            lines[name] = x, [one["interval"][at] for one in bins]
    lines["perfect"] = [0.0, 1.0], [0.0, 1.0]
    return draw_lines(
        "Calibration", "probability of one person", "share that shows one person", lines, x_range=(0.0, 1.0),
        y_range=(0.0, 1.0),
    )  # fmt: skip


def draw_discards(discard: Mapping[str, Any]) -> list[Chart]:
    """Return the curves of error versus discard, a chart for each quality that has one."""
    charts = []
    for one in discard["columns"]:
        if "curve" not in one:
            continue
        curve = one["curve"]
        lines = {
            f"by {one['column']}": (curve["left_out"], curve["rejected"]),
            "the rejected ones first": (curve["left_out"], curve["best"]),
            "at random": ([0.0, curve["left_out"][-1]], [one["random"]] * 2),
        }
        highest = max([one["random"], *curve["rejected"]])
        charts.append(
            draw_lines(
                f"Rejected as the worst by {one['column']} are left out",
                "share left out",
                "share rejected of what stays",
                lines,
                y_range=(0.0, highest * 1.05),
            )
        )
    return charts
