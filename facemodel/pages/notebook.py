"""What a notebook shows of scores: the figures in one line, and the table of scores.md."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from facedata.pages.notebook import Shown, Table, render_object

from ..scoring.report import percent, score_notes, score_rows


class Scores(dict[str, Any]):
    """The contents of scores.json, which a notebook shows as a table; ``dict(scores)`` has them as text."""

    def __repr__(self) -> str:
        if "figures" not in self:  # a part of them, made by somebody else
            return super().__repr__()
        main, pairs = self["figures"][self["metric"]], self["pairs"]
        figures = f"accuracy {percent(main['accuracy'])}, AUC {main['auc']:.5f}, EER {percent(main['eer'])}"
        count = pairs["genuine"] + pairs["impostors"]
        return f"Scores({self['split']}: {figures}; {count:,} pairs of {pairs['people']:,} people)"

    def _repr_html_(self) -> str:
        return render_object(repr(self), lambda: show_scores(self))


def show_scores(scores: Scores) -> Shown:
    """Return the figures, a column for each metric, and what the table has no room for."""
    head, rows = score_rows(scores)
    table = Table((f"split {scores['split']}", *head), tuple((title, *cells) for title, cells in rows))
    return Shown((table,), notes=tuple(score_notes(scores)))


def render_lines(line: str, lines: Sequence[str]) -> str:
    """Return an object as HTML for a notebook: what it is, and the lines that a command prints of it."""
    return render_object(line, lambda: Shown(notes=tuple(": ".join(one.split(None, 1)) for one in lines)))
