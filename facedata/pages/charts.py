"""Charts as inline SVG: where each bar and line goes, what hovering says, and the same numbers as a table.

``look/charts.html`` draws them: ``{% from "charts.html" import chart %}{{ chart(one) }}``. Colours are
classes of ``look.css``, so that a chart is light or dark as the page is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

WIDTH, HEIGHT = 480, 240
"""Of the whole chart, in units of its view box; the page scales it."""

_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 12, 12, 40
_MOST_ROWS = 60
"""Of a table: of longer lines every k-th point is listed, and the last."""


@dataclass(frozen=True)
class Tick:
    """A label and its place along an axis of the view box, of a tick or a line such as a threshold."""

    place: float
    label: str


@dataclass(frozen=True)
class Bar:
    """A rectangle in the view box, the number of its series, and what hovering says."""

    x: float
    y: float
    width: float
    height: float
    series: int
    hint: str


@dataclass(frozen=True)
class Line:
    """A line in the view box as an SVG path, the number of its series, and points that say what they are."""

    path: str
    series: int
    points: tuple[tuple[float, float, str], ...]


@dataclass(frozen=True)
class Chart:
    """All that is drawn, and the table that says the same.

    Attributes:
        title: one line.
        x_title: what the horizontal axis shows, with its unit.
        y_title: the vertical one.
        legend: the series' names; empty where one has no name.
        head: the table's columns.
        rows: the table's cells.
        is_overlaid: bars stand before one another, half-transparent.
    """

    title: str
    x_title: str
    y_title: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    bars: tuple[Bar, ...] = ()
    lines: tuple[Line, ...] = ()
    marks: tuple[Tick, ...] = ()
    legend: tuple[str, ...] = ()
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    is_overlaid: bool = False
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    top: int = _TOP
    bottom: int = HEIGHT - _BOTTOM


def draw_histogram(
    title: str,
    x_title: str,
    edges: npt.ArrayLike,
    series: Mapping[str, npt.ArrayLike],
    *,
    y_title: str = "crops",
    marks: Mapping[str, float] | None = None,
    is_overlaid: bool = False,
) -> Chart:
    """Return a histogram; several series are stacked, in their order.

    Args:
        title: one line.
        x_title: what is counted along the axis, with its unit.
        edges: ``(bins + 1,)``, ascending.
        series: ``(bins,)`` counts by name; the one name ``""`` means no legend.
        y_title: what is counted.
        marks: by label, values to mark with a vertical line.
        is_overlaid: the series overlap as half-transparent bars instead, each as a share of its own total.
    """
    ends: list[float] = np.asarray(edges, np.float64).tolist()
    counts = {name: np.asarray(values, np.float64) for name, values in series.items()}
    if is_overlaid:
        counts = {name: values / max(values.sum(), 1) for name, values in counts.items()}
        highest = max((float(values.max(initial=0)) for values in counts.values()), default=0)
    else:
        highest = float(sum(counts.values(), np.zeros(len(ends) - 1)).max(initial=0))
    y_of, y_ticks = _vertical(highest, as_share=is_overlaid)
    span = (ends[-1] - ends[0]) or 1.0

    def x_of(value: float) -> float:
        return _LEFT + (value - ends[0]) / span * (WIDTH - _LEFT - _RIGHT)

    def text_of(count: float) -> str:
        return f"{count:.2%}" if is_overlaid else f"{int(count):,}"

    places = [f"{number_text(low)} to {number_text(high)}" for low, high in pairwise(ends)]
    bars, base = [], np.zeros(len(places))
    for number, (name, values) in enumerate(counts.items()):
        for at in np.flatnonzero(values):
            low, high = (0.0, values[at]) if is_overlaid else (base[at], base[at] + values[at])
            left, top = x_of(ends[at]), y_of(high)
            width = max(x_of(ends[at + 1]) - left - 1, 0.5)
            hint = f"{places[at]}: {text_of(values[at])} {name}".rstrip()
            bars.append(Bar(left, top, width, y_of(low) - top, number, hint))
        base = base + values
    marked = {label: value for label, value in (marks or {}).items() if ends[0] <= value <= ends[-1]}
    return Chart(
        title,
        x_title,
        y_title,
        tuple(Tick(x_of(value), number_text(value)) for value in ticks_of(ends[0], ends[-1])),
        y_ticks,
        tuple(bars),
        marks=tuple(Tick(x_of(value), f"{label} {number_text(value)}") for label, value in marked.items()),
        legend=tuple(name for name in counts if name),
        head=(x_title, *(name or y_title for name in counts)),
        rows=tuple(
            (place, *(text_of(values[at]) for values in counts.values())) for at, place in enumerate(places)
        ),
        is_overlaid=is_overlaid,
    )


def draw_bars(
    title: str,
    x_title: str,
    labels: Sequence[str],
    series: Mapping[str, npt.ArrayLike],
    *,
    y_title: str = "crops",
) -> Chart:
    """Return bars over named places, stacked; of many labels only some are written below the axis."""
    counts = {name: np.asarray(values, np.float64) for name, values in series.items()}
    y_of, y_ticks = _vertical(float(sum(counts.values(), np.zeros(len(labels))).max(initial=0)))
    step = (WIDTH - _LEFT - _RIGHT) / max(len(labels), 1)
    gap = min(step * 0.2, 8)
    bars, base = [], np.zeros(len(labels))
    for number, (name, values) in enumerate(counts.items()):
        for at, label in enumerate(labels):
            if values[at]:
                hint = f"{label}: {int(values[at]):,}{f' {name}' if name else ''}"
                top = y_of(base[at] + values[at])
                bars.append(
                    Bar(_LEFT + at * step + gap / 2, top, step - gap, y_of(base[at]) - top, number, hint)
                )
        base = base + values
    every = max(math.ceil(len(labels) / 10), 1)
    shown = [Tick(_LEFT + (at + 0.5) * step, labels[at]) for at in range(0, len(labels), every)]
    rows = [
        (label, *(f"{int(values[at]):,}" for values in counts.values())) for at, label in enumerate(labels)
    ]
    return Chart(
        title, x_title, y_title, tuple(shown), y_ticks, tuple(bars),
        legend=tuple(name for name in counts if name),
        head=(x_title, *(name or y_title for name in counts)), rows=tuple(rows),
    )  # fmt: skip


def draw_lines(
    title: str,
    x_title: str,
    y_title: str,
    series: Mapping[str, tuple[npt.ArrayLike, npt.ArrayLike]],
    *,
    x_range: tuple[float, float] | None = None,
    y_range: tuple[float, float] | None = None,
    has_log_x: bool = False,
    marks: Mapping[str, float] | None = None,
) -> Chart:
    """Return lines; points that are not finite break a line.

    Args:
        title: one line.
        x_title: the horizontal axis, with its unit.
        y_title: the vertical one.
        series: by name, ``(n,)`` x and ``(n,)`` y each; the one name ``""`` means no legend.
        x_range: the ends of the axis; None for the data's.
        y_range: the same, vertically.
        has_log_x: the horizontal axis is logarithmic; what is at or below 0 is left out.
        marks: by label, values of x to mark with a vertical line.
    """
    values = {name: (np.asarray(x, np.float64), np.asarray(y, np.float64)) for name, (x, y) in series.items()}
    if has_log_x:
        values = {name: (x[x > 0], y[x > 0]) for name, (x, y) in values.items()}
    low, high = x_range or _range_of([x for x, _ in values.values()])
    if has_log_x and low <= 0:
        low = high / 1e4
    least, most = y_range or _range_of([y for _, y in values.values()])

    def x_of(value: float) -> float:
        if has_log_x:  # not the logarithm of a quotient, which may be too large
            share = (math.log(value) - math.log(low)) / (math.log(high) - math.log(low))
        else:
            share = (value - low) / (high - low)
        return round(_LEFT + share * (WIDTH - _LEFT - _RIGHT), 2)

    def y_of(value: float) -> float:
        return round(HEIGHT - _BOTTOM - (value - least) / (most - least) * (HEIGHT - _TOP - _BOTTOM), 2)

    lines, rows = [], []
    for number, (name, (x, y)) in enumerate(values.items()):
        inside = np.isfinite(x) & np.isfinite(y) & (x >= low) & (x <= high) & (y >= least) & (y <= most)
        steps = [
            f"{'L' if at and inside[at - 1] else 'M'}{x_of(x[at])} {y_of(y[at])}"
            for at in np.flatnonzero(inside)
        ]
        shown = np.flatnonzero(inside)
        shown = np.union1d(shown[:: max(math.ceil(len(shown) / _MOST_ROWS), 1)], shown[-1:])
        texts = [(number_text(x[at]), number_text(y[at])) for at in shown]
        hints = [f"{name + ': ' if name else ''}{first}, {second}" for first, second in texts]
        points = tuple((x_of(x[at]), y_of(y[at]), hint) for at, hint in zip(shown, hints, strict=True))
        lines.append(Line(" ".join(steps), number, points))
        rows += [(name, *text) if len(values) > 1 else text for text in texts]
    ticks = _decades(low, high) if has_log_x else ticks_of(low, high)
    head = (x_title, y_title) if len(values) < 2 else ("line", x_title, y_title)
    return Chart(
        title, x_title, y_title, tuple(Tick(x_of(value), number_text(value)) for value in ticks),
        tuple(Tick(y_of(value), number_text(value)) for value in ticks_of(least, most)), lines=tuple(lines),
        marks=tuple(Tick(x_of(at), label) for label, at in (marks or {}).items() if low <= at <= high),
        legend=tuple(name for name in values if name), head=head, rows=tuple(rows),
    )  # fmt: skip


def ticks_of(low: float, high: float, about: int = 6) -> list[float]:
    """Return round numbers from ``low`` to ``high``, some ``about`` of them.

    >>> ticks_of(0, 100), ticks_of(-0.3, 0.35)
    ([0.0, 20.0, 40.0, 60.0, 80.0, 100.0], [-0.2, 0.0, 0.2])
    """
    span = high - low
    if not span > 0:
        return [low]
    size = 10.0 ** math.floor(math.log10(span / about))
    step = next(size * times for times in (1, 2, 5, 10) if span / (size * times) <= about)
    first = math.ceil(low / step - 1e-9)
    return [round(at * step, 12) + 0.0 for at in range(first, math.floor(high / step + 1e-9) + 1)]


def number_text(value: float) -> str:
    """Return a number as labels show it.

    >>> number_text(12000.0), number_text(0.25), number_text(1e-05), number_text(3.0)
    ('12,000', '0.25', '1e-05', '3')
    """
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:.4g}"


def _range_of(values: Sequence[npt.NDArray[np.float64]]) -> tuple[float, float]:
    every = np.concatenate([one[np.isfinite(one)] for one in values]) if values else np.empty(0)
    if not len(every):
        return 0.0, 1.0
    low, high = float(every.min()), float(every.max())
    return (low, high) if low < high else (low - 0.5, high + 0.5)


def _decades(low: float, high: float) -> list[float]:
    return [
        10.0**power
        for power in range(math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9) + 1)
    ]


def _vertical(highest: float, as_share: bool = False) -> tuple[Callable[[float], float], tuple[Tick, ...]]:
    """Return where a count is in the view box, and the ticks of an axis that begins at 0."""
    most = highest or 1.0

    def y_of(value: float) -> float:
        return HEIGHT - _BOTTOM - value / most * (HEIGHT - _TOP - _BOTTOM)

    values = ticks_of(0, most, 5)
    whole = [value for value in values if as_share or value.is_integer()]
    return y_of, tuple(
        Tick(y_of(value), f"{value:.0%}" if as_share and most >= 0.05 else number_text(value))
        for value in whole
    )
