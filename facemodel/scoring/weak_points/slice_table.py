"""Slices as rows of a table, with what a reader should know of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_TITLES = {"accuracy": "accuracy", "auc": "AUC", "eer": "EER"}
HEAD = ("people", "pairs of one person, of two", *_TITLES.values(), "against the other groups")


def slice_rows(sliced: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return a row for each group: its name, and a cell for each of :data:`HEAD`."""
    rows = []
    for one in sliced["groups"]:
        counts = f"{one['people']:,}", f"{one['genuine']:,}, {one['impostors']:,}"
        if one["figures"] is None:
            rows.append((one["name"], *counts, *["–"] * len(_TITLES), f"refused: {one['refused']}"))
            continue
        cells = []
        for name in _TITLES:
            value, ends = one["figures"].get(name), one["intervals"].get(name)
            span = f" ({_number(ends[0], name)} to {_number(ends[1], name)})" if ends else ""
            cells.append("–" if value is None else _number(value, name) + span)
        rows.append((one["name"], *counts, *cells, _difference_text(one["differences"])))
    return rows


def slice_notes(sliced: Mapping[str, Any]) -> list[str]:
    """Return what the table has no room for, a sentence each."""
    counts = f"{sliced['mixed']:,} pairs are of two groups, {sliced['unknown']:,} of a photo in none"
    notes = [f"a pair is in a group when both of its photos are: {counts}"]
    if sliced["left_out"]:
        notes.append(
            f"{sliced['left_out']:,} further values of {sliced['column']} have fewer photos, and no group"
        )
    if any(None in (one["intervals"] or {}).values() for one in sliced["groups"]):
        notes.append("a figure without an interval is the same in every draw of people")
    if sliced["compared"]:
        notes.append(
            f"{sliced['compared']:,} differences were looked at, each with a 95% interval: by chance alone "
            "one in twenty of them excludes 0"
        )
    return notes


def slice_lines(sliced: Mapping[str, Any]) -> list[str]:
    """Return the slices as lines of a Markdown table, and the notes below it."""
    cells = [(f"by {sliced['column']}", *HEAD), *slice_rows(sliced)]
    lines = [
        "| " + " | ".join(" ".join(one.split()).replace("|", "\\|") for one in row) + " |" for row in cells
    ]
    return ["", lines[0], "|---" * len(cells[0]) + "|", *lines[1:], "", *slice_notes(sliced)]


def _difference_text(differences: Mapping[str, Any] | None) -> str:
    """Say which figures differ, and by how much; only where the interval of the difference excludes 0."""
    if differences is None:
        return "no other group to compare with"
    found = [
        f"{_TITLES[name]} {'higher' if one['value'] > 0 else 'lower'} by {_number(abs(one['value']), name)} "
        f"({_number(one['interval'][0], name)} to {_number(one['interval'][1], name)})"
        for name, one in differences.items() if one["significant"]
    ]  # fmt: skip
    return "; ".join(found) or "no significant difference"


def _number(value: float, name: str) -> str:
    return f"{value:.4f}" if name == "auc" else f"{value:.2%}"
