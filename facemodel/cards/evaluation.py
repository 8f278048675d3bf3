"""What an evaluation tells of a model: figures with intervals, groups, thresholds; no name of anybody."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facedata.errors import UsageError

from ..scoring.calibrated.lines import calibration_lines
from ..scoring.discard.lines import discard_rows
from ..scoring.report import SCORES, TITLES, percent, score_rows
from ..scoring.weak_points.slice_table import slice_rows


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation tells.

    Attributes:
        about: on what it was scored, in a sentence.
        head: of the table of figures.
        rows: of that table: a title, and a cell for each column of the head.
        notes: what belongs to the figures, a sentence each.
        groups: of each column by which photos were grouped, its name and its groups' rows, as the slices'
            table has them; without groups that are too small for figures, whose names could be people's.
        auc: the 95% interval of the AUC by the model's metric; None if it has none.
    """

    about: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    notes: tuple[str, ...]
    groups: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...] = ()
    auc: tuple[float, float] | None = None

    @classmethod
    def of(cls, scores: Mapping[str, Any]) -> Evaluation:
        """Return what scores.json tells."""
        pairs, (head, rows), notes, groups = scores["pairs"], score_rows(scores), list[str](), []
        about = (
            f"The split {scores['split']} of the set {scores['set']}: {pairs['genuine']:,} pairs of one "
            f"person, {pairs['impostors']:,} of two, of {pairs['people']:,} people."
        )
        for figures in scores["figures"].values():
            threshold = figures["threshold"]
            value = "" if threshold["value"] is None else f" {threshold['value']:.4f},"
            notes.append(f"Threshold, {TITLES[figures['metric']]}:{value} {threshold['sentence']}.")
        main = scores["figures"][scores["metric"]]
        if main["no_interval"] is not None:
            notes.append(f"{main['no_interval'].capitalize()}.")
        if main["folds"] is not None:
            notes.append(f"Folds: {main['folds']['folds']}, {main['folds']['how']}.")
        if (naming := scores["naming"]) is not None:
            said = ", ".join(
                f"{name} {percent(naming[name])}" for name in ("rank1", "right", "wrong", "unknown")
            )
            by = f"by one photo each of {naming['people']:,} people"
            notes.append(f"Naming {naming['known']:,} photos {by}: {said}.")
        lines, discard = calibration_lines(scores), scores.get("discard") or {"columns": []}
        helps = [one for one in discard["columns"] if one.get("helps")]
        for name, _, every, _, fifth, *_ in discard_rows({**discard, "columns": helps}):
            how = f"{fifth} with the worst fifth by {name} left out"
            lines.append(f"of the pairs of one person {every} are rejected, {how}")
        notes += [f"{line[0].upper()}{line[1:]}." for line in lines]
        for sliced in scores.get("slices", []):
            shown = [one for one in sliced["groups"] if one["figures"] is not None]
            if shown:
                groups.append((str(sliced["column"]), tuple(slice_rows({**sliced, "groups": shown}))))
            if small := len(sliced["groups"]) - len(shown):
                notes.append(f"Groups by {sliced['column']} that are too small for figures: {small:,}.")
        cells = tuple((title, tuple(one)) for title, one in rows)
        auc = (main["intervals"] or {}).get("auc")
        return cls(
            about, tuple(head), cells, tuple(notes), tuple(groups),
            None if auc is None else (float(auc[0]), float(auc[1])),
        )  # fmt: skip


def read_evaluation(folder: Path, fingerprint: str) -> Evaluation:
    """Read what ``facemodel evaluate`` wrote.

    Args:
        folder: its folder.
        fingerprint: of the model.

    Raises:
        UsageError: there are no scores, they are damaged, or of another model.
    """
    file = folder / SCORES
    try:
        scores = json.loads(file.read_text(encoding="utf-8"))
        if scores["model"]["fingerprint"] != fingerprint:
            raise UsageError(
                f"--scores {folder} is of another model: score this one with `facemodel evaluate`"
            )
        return Evaluation.of(scores)
    except FileNotFoundError:
        raise UsageError(
            f"--scores {folder} has no {SCORES}: name a folder that `facemodel evaluate` wrote"
        ) from None
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(f"--scores: cannot read {file} ({error!r}): score the model again") from error
