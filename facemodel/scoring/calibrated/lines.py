"""The calibration in words, for tables, pages and cards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CLOSED = (
    "these probabilities are too sure: the people who validated the model are among those it was trained on"
)


def calibration_lines(scores: Mapping[str, Any]) -> list[str]:
    """Return what is known of an evaluation's probabilities, a sentence each.

    Scores of earlier versions have none.
    """
    told = scores.get("calibration")
    if told is None or told["error"] is None:
        return [] if told is None else [told["sentence"]]
    source = {"model": "the model's own, ", "head": ""}.get(
        told["from"], f"by the {told['from']} of the set, "
    )
    error = f"calibration error {error_text(told)}, Brier score {told['brier']:.4f}"
    lines = [
        f"probabilities ({told['metric']}): {source}{told['sentence']}",
        f"{error}, where half of the pairs show one person",
    ]
    return [*lines, CLOSED] if told.get("unseen") is False else lines


def error_text(told: Mapping[str, Any]) -> str:
    """Return the calibration error with its interval, in points."""
    text = f"{100 * told['error']:.2f} points"
    if told["interval"] is None:
        return f"{text} ({told['no_interval']})"
    low, high = (100 * end for end in told["interval"])
    without = f"{100 * told['debiased']:.2f} without what chance adds"
    return f"{text} ({low:.2f} to {high:.2f}, 95% over people; {without})"
