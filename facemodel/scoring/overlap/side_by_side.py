"""Scores with and without what the training set has too, as lines of a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from facedata.sets.prepared import short


def overlap_rows(scores: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return each row's title, its cell of all pairs, and that of the pairs without shared crops.

    There are none without ``without_overlap``, or where that has no figures.
    """
    without = scores.get("without_overlap")
    if without is None or without["figures"] is None:
        return []
    figures = scores["figures"][scores["metric"]], without["figures"][scores["metric"]]
    cells = zip(*map(_cells, (scores["pairs"], without["pairs"]), figures), strict=True)
    return [(title, one, two) for (title, one), (_, two) in cells]


def overlap_notes(scores: Mapping[str, Any]) -> list[str]:
    """Return what is left out without the shared crops, and what a reader should know, a sentence each."""
    without = scores.get("without_overlap")
    if without is None:
        return []
    gone, other = without["left_out"], short(without["other"])
    kinds = f"{gone['genuine']:,} of one person, {gone['impostors']:,} of two"
    shared = f"{gone['photos']:,} of the tested photos, of {gone['people']:,} people"
    lines = [f"shared with the set {other}: {shared}; {gone['pairs']:,} pairs are left out ({kinds})"]
    if without["figures"] is None:
        lines.append(f"no figures without them: {without['no_figures']}")
    else:
        lines.append(without["thresholds"])
        if (why := without["figures"][scores["metric"]]["no_interval"]) is not None:
            lines.append(f"without the shared ones: {why}")
    return [*lines, *without["notes"]]


def overlap_lines(scores: Mapping[str, Any]) -> list[str]:
    """Return the table of the main metric and the notes below it; nothing without ``without_overlap``."""
    notes, rows = overlap_notes(scores), overlap_rows(scores)
    if not notes:
        return []
    shared, *others = notes
    lines = ["", shared]
    if rows:
        lines += ["", "| | all pairs | without shared people and photos |", "|---|---|---|"]
        lines += [f"| {title} | {one} | {two} |" for title, one, two in rows]
        lines.append("")
    return [*lines, *others]


def _cells(pairs: Mapping[str, Any], figures: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each row's title and its cell."""
    for title, name in (("pairs of one person", "genuine"), ("pairs of two people", "impostors")):
        yield title, f"{pairs[name]:,}"
    yield "people", f"{pairs['people']:,}"
    intervals = figures["intervals"] or {}
    yield "accuracy", _percent(figures["accuracy"]) + _span(intervals.get("accuracy"), _percent)
    folds = figures["folds"]
    yield "accuracy over folds", _percent(folds and folds["accuracy"])
    for name, title in (("precision", "precision"), ("recall", "recall"), ("f1", "F1")):
        yield title, _percent(figures[name])
    yield "AUC", _area(figures["auc"]) + _span(intervals.get("auc"), _area)
    yield "EER", _percent(figures["eer"])
    for rate in figures["tar_at_far"]:
        yield f"TAR at FAR {rate['far']:g}", _percent(rate["tar"])


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.2f}%"


def _area(area: float) -> str:
    return f"{area:.5f}"


def _span(ends: list[float] | None, show: Any) -> str:
    return "" if ends is None else f" ({show(ends[0])} to {show(ends[1])})"
