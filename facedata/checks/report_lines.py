"""The lines that `check` prints: how many findings there are of each kind, and the first few of them."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from typing import Any

from ..errors import FindingsLeftError
from ..photos.paths import photo_text
from ..tables.names import escape_unseen
from .findings import Findings, Severity

_SHOWN = 3
"""The most findings of one kind that are printed; findings.parquet has them all."""

_MOST_LETTERS = 240


def finding_lines(findings: Findings, set_name: str | os.PathLike[str]) -> list[str]:
    """Return the table by severity and kind, each with its worst findings, and what to do next.

    Args:
        findings: from a check.
        set_name: the set, as the user named it.
    """
    summary = findings.summary
    crops, people = summary["crops"], summary["people"]
    some = f"crop{'s'[: crops != 1]} of {people:,} {'person' if people == 1 else 'people'}"
    lines = [f"checked    {crops:>9,} {some}"]
    settled = sum(summary["settled"].values())
    lines += [f"settled    {settled:>9,}  by `keep` and `distinct`, not listed"] if settled else []
    lines += _overlap_lines(summary.get("overlap"))
    lines += kind_lines(findings)
    proposed, yours = (summary["corrections"][name] for name in ("proposed", "yours"))
    folder = photo_text(str(findings.folder))
    if proposed or yours:
        own = f", and {yours:,} line{'s'[: yours > 1]} of your own" if yours else ""
        what = f"correction{'s'[: proposed != 1]}{own}"
        lines.append(f"proposed   {proposed:>9,}  {what}: look at {folder}/corrections.csv, then")
        words = ["facedata", "fix", os.fspath(set_name), f"{folder}/corrections.csv", "--out", "DIR"]
        lines.append(f"           {photo_text(shlex.join(words))}")
    return [*lines, f"findings   {folder}"]


def _overlap_lines(overlap: dict[str, Any] | None) -> Iterator[str]:
    """Yield what a set shares with another one, by which evidence, and what is to be known about it."""
    if overlap is None:
        return
    if "not_compared" in overlap:
        yield f"shared             –  not compared: {overlap['not_compared']}"
        return
    shared = overlap["shared"]["set"]
    yield f"shared     {shared['people']:>9,}  people with the other set, and {shared['photos']:,} photos"
    for name, found in overlap["by"].items():
        text = f"by {name}: {found['people']:,} people"
        if "photos" in found:
            text += f", {found['photos']:,} photos"
        if "copies" in found:
            text += f"; of {found['copies']:,} altered copies {found['missed']:,} would be missed"
        if "expected_false" in found:
            missed = "unknown" if found["missed"] is None else f"{found['missed']:.1%}"
            text += (
                f"; threshold {found['threshold']:.3f} ({found['threshold_from']}), expected: "
                f"{found['expected_false']:g} false, {missed} missed"
            )
        yield f"{'':<22}{text}"
    yield from (f"{'':<22}{note}" for note in overlap["notes"])


def kind_lines(findings: Findings) -> Iterator[str]:
    """Yield a line for each severity and kind, and for its worst findings, whatever names hold."""
    if not len(findings):
        yield "nothing found"
    row = 0
    for severity, kinds in findings.summary["findings"].items():
        for kind, count in kinds.items():
            yield f"{severity:<10} {count:>9,}  {kind}"
            some = findings.table.slice(row, min(count, _SHOWN)).select(["left_photo", "why"]).to_pylist()
            for photo, why in (one.values() for one in some):
                said = why if not photo or photo in why else f"{photo}: {why}"
                text = escape_unseen(said)
                yield f"{'':<22}{text if len(text) <= _MOST_LETTERS else text[: _MOST_LETTERS - 1] + '…'}"
            if count > _SHOWN:
                yield f"{'':<22}… and {count - _SHOWN:,} more"
            row += count


def refuse_undecided(findings: Findings) -> None:
    """Check that nothing is left to decide.

    Raises:
        FindingsLeftError: errors or suspects remain.
    """
    counts = {name: sum(kinds.values()) for name, kinds in findings.summary["findings"].items()}
    errors, suspects = counts.get(Severity.ERROR.value, 0), counts.get(Severity.SUSPECT.value, 0)
    if errors or suspects:
        words = [f"{errors:,} error{'s'[: errors > 1]}"] if errors else []
        words += [f"{suspects:,} undecided suspect{'s'[: suspects > 1]}"] if suspects else []
        raise FindingsLeftError(f"{' and '.join(words)} left: {photo_text(str(findings.folder))} lists them")
