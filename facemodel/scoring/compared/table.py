"""Compared runs as lines of Markdown: figures side by side, differences, and what a reader should know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..calibrated.lines import error_text
from ..metrics import FEWEST_FALSE_ACCEPTS
from ..report import TITLES, percent

NONE = "–"

VERDICTS = {
    "better": "significantly better",
    "worse": "significantly worse",
    "not significant": "not significant",
    "the same": "the same in every draw",
}
"""What a difference's verdict is called in a table."""


def compare_table(compared: Mapping[str, Any]) -> list[str]:
    """Return what ``compare`` prints: the figures of the runs, the differences to the first, and notes.

    Args:
        compared: what :func:`facemodel.compare` returns.
    """
    runs = compared["runs"]
    names = [run["name"].replace("|", "\\|") for run in runs]
    lines = _rows(
        f"split {compared['split']}", names,
        [("threshold", [threshold_text(run) for run in runs])]
        + [
            (title, [figure_text(name, run["figures"][name]) for run in runs])
            for name, title in figure_titles(compared).items()
        ],
    )  # fmt: skip
    differences = [
        (
            title + ("" if name == "auc" else ", percentage points"),
            [difference_text(name, one["figures"][name]) for one in compared["differences"]],
        )
        for name, title in figure_titles(compared).items()
    ]
    lines += ["", *_rows(f"difference to {names[0]}", names[1:], differences), ""]
    return [*lines, *compare_notes(compared)]


def figure_titles(compared: Mapping[str, Any]) -> dict[str, str]:
    """Return the title of each figure that was compared, by its name."""
    titles = {"accuracy": "accuracy", "auc": "AUC", "eer": "EER"}
    names = compared["runs"][0]["figures"]
    return {name: titles.get(name, name.replace("tar_at_far_", "TAR at FAR ")) for name in names}


def threshold_text(run: Mapping[str, Any]) -> str:
    """Return a run's threshold and its metric."""
    value = run["threshold"]["value"]
    return f"{NONE if value is None else f'{value:.4f}'} ({TITLES[run['metric']]})"


def figure_text(name: str, figure: Mapping[str, Any]) -> str:
    """Return a figure and its interval: ``97.50% (96.00% to 99.00%)``, an AUC as a number."""
    value, ends = figure["value"], figure["interval"]
    if value is None:
        return NONE
    texts = [value_text(name, one) for one in (value, *(ends or ()))]
    return texts[0] + (f" ({texts[1]} to {texts[2]})" if ends else "")


def difference_text(name: str, difference: Mapping[str, Any]) -> str:
    """Return a difference, its interval and its verdict: ``+1.25 (-0.50 to +3.00), not significant``."""
    value, ends = difference["value"], difference["interval"]
    if value is None:
        return NONE
    texts = [signed_text(name, one) for one in (value, *(ends or ()))]
    if not ends:
        return texts[0]
    return f"{texts[0]} ({texts[1]} to {texts[2]}), {VERDICTS[difference['verdict']]}"


def value_text(name: str, value: float) -> str:
    """Return a figure: an AUC as it is, of a share the percentage."""
    return f"{value:.4f}" if name == "auc" else percent(value)


def signed_text(name: str, value: float) -> str:
    """Return a difference with its sign: of an AUC as it is, of a share in percentage points.

    >>> signed_text("accuracy", 0.0125), signed_text("auc", -0.00123), signed_text("eer", -1e-9)
    ('+1.25', '-0.0012', '0.00')
    """
    text = f"{value:+.4f}" if name == "auc" else f"{100 * value:+.2f}"
    return text if text.strip("+-0.") else text[1:]


def compare_notes(compared: Mapping[str, Any]) -> list[str]:
    """Return what the tables have no room for, one line each."""
    pairs, runs = compared["pairs"], compared["runs"]
    share = percent(pairs["largest_share"])
    counts = f"{pairs['genuine']:,} of one person, {pairs['impostors']:,} of two; {pairs['people']:,} people"
    lines = [f"pairs: {counts}; the person with the most has {share} of the pairs of one person"]
    lines += [
        f"{run['name']}: {run['pairs_left_out']:,} of its pairs are left out, because another run lacks them"
        for run in runs
        if run["pairs_left_out"]
    ]
    if compared["no_interval"] is None:
        lines.append(
            f"intervals: {compared['level']:.0%}, from {compared['draws']:,} draws of people with "
            "replacement, the same for all runs; a difference is significant where its interval excludes 0 "
            "(where there is none, about one in twenty seems significant by chance)"
        )
    else:
        lines.append(f"no intervals, so no difference is said to be significant: {compared['no_interval']}")
    if rates := compared["fars_left_out"]:
        needed = " and ".join(f"{round(FEWEST_FALSE_ACCEPTS / far):,}" for far in rates)
        lines.append(
            f"no TAR at FAR {' and '.join(f'{far:g}' for far in rates)}: that takes {needed} pairs of two "
            "people"
        )
    for run, one in zip(runs[1:], compared["differences"], strict=True):
        if (counts := one["disagreements"]) is not None:
            lines.append(
                f"{run['name']} and {runs[0]['name']} decide {counts['pairs']:,} pairs differently: "
                f"{run['name']} is right on {counts['this']:,}, {runs[0]['name']} on {counts['first']:,}"
            )
    for run in runs:
        if (told := run.get("calibration")) is not None and told["error"] is not None:
            lines.append(f"calibration error, {run['name']}: {error_text(told)}, of all its pairs")
        lines.append(f"threshold, {run['name']}: {run['threshold']['sentence']}")
        if run["threshold"]["value"] is None:
            lines.append(f"{run['name']} is decided by {run['decided_by']}")
        lines += [f"{run['name']}: {note}" for note in run["notes"]]
    return lines


def _rows(corner: str, names: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]]) -> list[str]:
    lines = [f"| {' | '.join([corner, *names])} |", "|---" * (1 + len(names)) + "|"]
    return [*lines, *(f"| {' | '.join([title, *cells])} |" for title, cells in rows)]
