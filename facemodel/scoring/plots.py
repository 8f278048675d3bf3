"""Plots of scores: ROC curve, histogram of both kinds of pairs, calibration, error versus discard."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from facedata.files.atomic import atomic_file
from facedata.types import BoolArray, Float64Array

from ..machine.extras import require_extra
from .metrics import Roc

_BINS = 60
_MOST_POINTS = 4000
SCORE_NAMES = {
    "euclidean": "Euclidean distance",
    "cosine": "cosine similarity",
    "head": "score of the pair head",
}


@dataclass(frozen=True, eq=False)
class NamedRoc:
    """A curve and its name in the plot."""

    name: str
    curve: Roc


def draw_roc(path: Path, curves: Sequence[NamedRoc]) -> None:
    """Draw ROC curves, the false accept rate on a logarithmic axis.

    Args:
        path: the PNG file; written atomically.
        curves: what to draw; the axis begins where one impostor pair is accepted.

    Raises:
        MissingExtraError: matplotlib is not installed.
        StoreError: the file cannot be written.
    """
    figure = _figure(6, 5)
    axes = figure.add_subplot()
    least = min(1 / one.curve.impostors for one in curves)
    for one, style in zip(curves, itertools.cycle(["-", "--", ":"]), strict=False):  # two may coincide
        rows = visible_points(one.curve)
        far, tar = np.maximum(one.curve.far[rows], least / 2), one.curve.tar[rows]
        label = f"{one.name}, AUC {one.curve.auc():.4f}"
        axes.step(far, tar, where="post", linestyle=style, label=label)
    axes.set(xscale="log", xlim=(least / 2, 1), ylim=(0, 1.01))
    axes.set(xlabel="false accept rate", ylabel="true accept rate")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    _save(figure, path)


def draw_scores(
    path: Path, values: Float64Array, same: BoolArray, threshold: float | None, metric: str
) -> None:
    """Draw the histogram of genuine and impostor pairs' scores, with the threshold.

    Args:
        path: the PNG file; written atomically.
        values: ``(n,)`` distances or similarities.
        same: ``(n,)`` bool.
        threshold: None for none.
        metric: ``euclidean``, ``cosine``, or ``head`` for the scores of a pair head.

    Raises:
        MissingExtraError: matplotlib is not installed.
        StoreError: the file cannot be written.
    """
    figure = _figure(6, 4)
    axes = figure.add_subplot()
    low, high = float(values.min()), float(values.max())
    edges = np.linspace(low, high if high > low else low + 1, _BINS + 1)
    for kind, name in ((same, "one person"), (~same, "two people")):
        shares = np.histogram(values[kind], edges)[0] / max(int(kind.sum()), 1)
        axes.stairs(shares, edges, fill=True, alpha=0.5, label=f"{name}, {int(kind.sum()):,} pairs")
    if threshold is not None:
        axes.axvline(threshold, color="black", linestyle="--", label=f"threshold {threshold:.4g}")
    axes.set(xlabel=SCORE_NAMES.get(metric, metric), ylabel="share of the pairs")
    axes.legend()
    _save(figure, path)


def draw_reliability(path: Path, calibration: Mapping[str, Any]) -> None:
    """Draw the share of pairs of one person against their probability, with 95% intervals over people.

    Args:
        path: the PNG file; written atomically, or removed where there are no probabilities.
        calibration: as scores.json has it.

    Raises:
        MissingExtraError: matplotlib is not installed.
        StoreError: the file cannot be written.
    """
    if calibration["error"] is None:
        path.unlink(missing_ok=True)
        return
    figure = _figure(5, 5)
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="black", linestyle=":", label="perfect")
    bins = calibration["bins"]
    x, y = ([one[name] for one in bins] for name in ("probability", "share"))
    ends = [one["interval"] or [one["share"]] * 2 for one in bins]
    spans = [[max(0.0, share - low) for share, (low, _) in zip(y, ends, strict=True)]]
    spans.append([max(0.0, high - share) for share, (_, high) in zip(y, ends, strict=True)])
    label = f"error {100 * calibration['error']:.2f} points"
    axes.errorbar(x, y, yerr=spans, fmt="o-", markersize=4, capsize=2, label=label)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.set(xlabel="probability of one person", ylabel="share that shows one person")
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left")
    _save(figure, path)


def draw_discard(path: Path, discard: Mapping[str, Any] | None) -> None:
    """Draw the share of pairs of one person that is rejected, as the worst are left out, by each quality.

    Args:
        path: the PNG file; written atomically, or removed where there is no curve.
        discard: as scores.json has it; None for none.

    Raises:
        MissingExtraError: matplotlib is not installed.
        StoreError: the file cannot be written.
    """
    shown = [one for one in (discard or {"columns": []})["columns"] if "curve" in one]
    if not shown:
        path.unlink(missing_ok=True)
        return
    figure = _figure(6, 5)
    axes = figure.add_subplot()
    for one, style in zip(shown, itertools.cycle(["-", "--", "-."]), strict=False):
        curve = one["curve"]
        axes.plot(curve["left_out"], curve["rejected"], linestyle=style, label=one["column"])
    best = shown[0]["curve"]
    axes.plot(best["left_out"], best["best"], color="black", linestyle=":", label="the rejected ones first")
    axes.axhline(shown[0]["random"], color="grey", linestyle=":", label="at random")
    axes.set(xlabel="share left out, the worst first", ylabel="share rejected of what stays", ylim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
    _save(figure, path)


def visible_points(curve: Roc, most: int = _MOST_POINTS) -> Any:
    """Return the row numbers of the points that make a visible difference, ``most`` of them or fewer."""
    count = len(curve.thresholds)
    if count <= most:
        return np.arange(count)
    # evenly along the logarithmic axis, and along the other
    far = np.log10(np.maximum(curve.far, 1e-9))
    rows = [np.searchsorted(far, np.linspace(far[0], 0, most // 2))]
    rows.append(np.searchsorted(curve.tar, np.linspace(0, 1, most // 2)))
    return np.unique(np.minimum(np.concatenate([[0], *rows, [count - 1]]), count - 1))


def _figure(width: float, height: float) -> Any:
    require_extra("matplotlib")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _save(figure: Any, path: Path) -> None:
    with atomic_file(path) as stream:
        # without the library's version, so that the same scores give the same bytes
        figure.savefig(stream, format="png", metadata={"Software": None})
