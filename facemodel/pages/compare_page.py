"""The page of compared runs: figures with intervals, differences, ROC curves, pairs decided differently."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from facedata import ClassManifest
from facedata.pages.charts import Chart, draw_lines
from facedata.pages.page import render_page
from facedata.sets.prepared import short

from ..errors import DataError
from ..scoring.compared.common_pairs import CommonPairs
from ..scoring.compared.figures import BETTER, EQUAL, UNCLEAR, WORSE, JudgedRun
from ..scoring.compared.table import (
    VERDICTS,
    compare_notes,
    difference_text,
    figure_text,
    figure_titles,
    signed_text,
    threshold_text,
    value_text,
)
from ..scoring.metrics import roc
from ..scoring.report import TITLES
from .pictures import read_pictures
from .score_charts import lowest_rate

_TEMPLATE = Path(__file__).with_name("compare.html")
_SIDE_PX = 160
_POINTS = 300
"""Of a ROC curve, evenly along the logarithmic axis."""

_SAYS = {True: "one person", False: "two people", None: "nothing"}
_BADGES = {BETTER: "good", WORSE: "error", UNCLEAR: "", EQUAL: "", None: ""}


@dataclass(frozen=True)
class Whisker:
    """A figure and its interval on an axis, in percent of its width.

    Attributes:
        dot: where the figure is; None where there is none.
        low: where the interval begins; None where there is none.
        high: where it ends.
        text: the numbers.
    """

    dot: float | None
    low: float | None
    high: float | None
    text: str


@dataclass(frozen=True)
class Forest:
    """Figures of several runs on one axis, a line each.

    Attributes:
        whiskers: the lines.
        ends: what the two ends of the axis are, as text.
        zero: where 0 is, in percent; None where the axis does not hold it.
    """

    whiskers: tuple[Whisker, ...]
    ends: tuple[str, str]
    zero: float | None


@dataclass(frozen=True)
class ShownPair:
    """A pair of photos with what each run says of it.

    Attributes:
        sides: the left and right crop: the person's name, its path, and the picture as a ``data:`` URL,
            empty where crops are gone.
        same: they show one person.
        verdicts: for each run its name, score, what it says, and whether that is right.
    """

    sides: tuple[tuple[str, str, str], ...]
    same: bool
    verdicts: tuple[tuple[str, str, str, bool | None], ...]


def render_comparison(
    compared: Mapping[str, Any],
    judged: Sequence[JudgedRun],
    pairs: CommonPairs,
    classes: ClassManifest | None,
) -> bytes:
    """Return the page of compared runs as HTML.

    Args:
        compared: what :func:`facemodel.compare` returns.
        judged: the runs, in its order.
        pairs: their common pairs.
        classes: the set's crops, for the pictures; None if the set is not at hand.
    """
    titles, runs, differences = figure_titles(compared), compared["runs"], compared["differences"]
    forests = {
        name: (
            draw_forest(name, [run["figures"][name] for run in runs], figure_text),
            draw_forest(
                name, [one["figures"][name] for one in differences], difference_text, holds_zero=True
            ),
        )
        for name in titles
    }
    return render_page(
        _TEMPLATE, "Runs compared", styles=["models.css", "compare.css"], compared=compared, titles=titles,
        names=[run["name"] for run in runs], thresholds=[threshold_text(run) for run in runs],
        forests=forests, verdicts=VERDICTS, badges=_BADGES, curves=draw_curves(judged, pairs),
        notes=compare_notes(compared), shown=None if classes is None else show_pairs(compared, classes),
        metrics=TITLES, short=short,
    )  # fmt: skip


def draw_curves(judged: Sequence[JudgedRun], pairs: CommonPairs) -> Chart:
    """Return the runs' ROC curves in one chart, the false accept rate on a logarithmic axis."""
    least = 1 / int((~pairs.same).sum())
    far = np.geomspace(least / 2, 1, _POINTS)
    series = {}
    for one in judged:
        curve = roc(one.likeness, pairs.same)
        # of the steps up to a rate the last one: nothing is drawn that no threshold reaches
        series[one.run.name] = (far, curve.tar[np.searchsorted(curve.far, far, side="right") - 1])
    lows = [tar[0] for _, tar in series.values()]
    return draw_lines(
        "Pairs of one person that are accepted, at each rate of false accepts",
        "false accept rate", "accepted", series, x_range=(least / 2, 1.0), y_range=(lowest_rate(lows), 1.0),
        has_log_x=True,
    )  # fmt: skip


def draw_forest(
    name: str,
    figures: Sequence[Mapping[str, Any]],
    text_of: Callable[[str, Mapping[str, Any]], str],
    *,
    holds_zero: bool = False,
) -> Forest:
    """Place figures and their intervals on one axis that holds them all, with a little room at its ends.

    Args:
        name: the figure's.
        figures: one a run, each with its ``value`` and its ``interval``; either may be None.
        text_of: says one of them in numbers.
        holds_zero: they are differences, and the axis also holds 0.
    """
    values = [one["value"] for one in figures] + [end for one in figures for end in one["interval"] or ()]
    values = [value for value in values if value is not None] + ([0.0] if holds_zero else [])
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    room = (high - low) * 0.06 or 0.005
    low, high = low - room, high + room
    if not holds_zero:  # every figure is a share, or an area within a square of side one
        low, high = max(low, 0.0), min(high, 1.0)

    def place(value: float | None) -> float | None:
        return None if value is None else round(100 * (value - low) / (high - low), 2)

    whiskers = []
    for one in figures:
        start, end = one["interval"] or (None, None)
        whiskers.append(Whisker(place(one["value"]), place(start), place(end), text_of(name, one)))
    text = signed_text if holds_zero else value_text
    return Forest(tuple(whiskers), (text(name, low), text(name, high)), place(0.0) if holds_zero else None)


def show_pairs(compared: Mapping[str, Any], classes: ClassManifest) -> list[ShownPair]:
    """Return the pairs that the runs decide differently, with pictures of 160 px unless crops are gone."""
    disagreements, runs = compared["disagreements"], compared["runs"]
    ids = np.array([pair[side] for pair in disagreements for side in ("left", "right")], np.int64)
    rows = classes.find(ids)
    try:
        urls = read_pictures(classes, rows.tolist(), _SIDE_PX)
    except DataError:
        urls = {}
    sides = [
        (crop.identity, crop.path, urls.get(row, ""))
        for row, crop in zip(rows.tolist(), classes.take(rows), strict=True)
    ]
    return [
        ShownPair(
            (sides[2 * at], sides[2 * at + 1]),
            pair["same"],
            tuple(
                (
                    run["name"],
                    f"{one['score']:.4f} {TITLES[run['metric']]}",
                    _SAYS[one["says_same"]],
                    one["is_right"],
                )
                for run, one in zip(runs, pair["runs"], strict=True)
            ),
        )
        for at, pair in enumerate(disagreements)
    ]
