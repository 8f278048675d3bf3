"""Error versus discard as rows of a table, with what a reader should know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

HEAD = ("pairs", "rejected, all", "with 10% left out", "20%", "mean to 20%", "of what is possible")


def discard_rows(told: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return a row for each column: its name, and a cell for each of :data:`HEAD`."""
    rows = []
    for one in told["columns"]:
        if "refused" in one:
            rows.append((one["column"], *["–"] * (len(HEAD) - 1), f"refused: {one['refused']}"))
            continue
        rates = [f"{rate:.2%}" for rate in one["left_out"].values()]
        part = f"{one['of_possible']:.0%}"
        if one["interval"] is not None:
            low, high = one["interval"]
            part += f" ({low:.0%} to {high:.0%}), " + ("helps" if one["helps"] else "not significant")
            part = part.replace("not significant", "makes it worse") if high < 0 else part
        rows.append((one["column"], f"{one['pairs']:,}", *rates, f"{one['mean']:.2%}", part))
    return rows


def discard_notes(told: Mapping[str, Any]) -> list[str]:
    """Return what the table has no room for, a sentence each."""
    notes = []
    if told["threshold"] is not None:
        notes.append(f"pairs of one person, rejected at {told['threshold']:.4f}: {told['decided_by']}")
    if told["no_interval"] is not None:
        notes.append(f"no intervals: {told['no_interval']}")
    if (lead := told["lead"]) is not None:
        sure = "is significant" if lead["significant"] else "is not significant"
        notes.append(f"{lead['column']} helps most; its lead over {lead['over']} {sure}")
        if not told["columns"][0]["helps"]:
            notes[-1] = "no column surely helps"
    return notes


def discard_lines(scores: Mapping[str, Any]) -> list[str]:
    """Return the table and the notes below it as Markdown; nothing without ``discard``."""
    told = scores.get("discard")
    if told is None:
        return []
    cells = [("discard by", *HEAD), *discard_rows(told)]
    lines = [
        "| " + " | ".join(" ".join(one.split()).replace("|", "\\|") for one in row) + " |" for row in cells
    ]
    return ["", lines[0], "|---" * len(cells[0]) + "|", *lines[1:], "", *discard_notes(told)]
