"""A run's scores, as evaluate left them in a folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from facedata.tables.parquet import read_table

from ...errors import ScoreError
from ..report import SCORES

PAIRS = "scores.parquet"
_KIND = "scores"
_TYPES = {"set": str, "split": str, "notes": list, "model": dict, "settings": dict}
_MODEL = ("name", "fingerprint", "trained_on")


@dataclass(frozen=True, eq=False)
class ScoredRun:
    """A run's scores.

    Attributes:
        name: of the run, unlike those of the others.
        scores: the contents of scores.json.
        table: scores.parquet, a row a pair.
    """

    name: str
    scores: Mapping[str, Any]
    table: pa.Table

    @property
    def metric(self) -> str:
        """The run's own metric: the one that it is compared by."""
        return str(self.scores["metric"])

    @property
    def threshold(self) -> Mapping[str, Any]:
        """The threshold of that metric: its ``value`` (None for none), and a ``sentence`` on its source."""
        threshold: Mapping[str, Any] = self.scores["figures"][self.metric]["threshold"]
        return threshold


def is_scores(path: Path) -> bool:
    """Tell whether evaluate wrote this folder, or began to."""
    return any((path / name).is_file() for name in (SCORES, PAIRS))


def read_scored_run(folder: Path, name: str) -> ScoredRun:
    """Read a folder that evaluate wrote.

    Args:
        folder: with scores.json and scores.parquet.
        name: what the run is called.

    Raises:
        ScoreError: a file is missing or malformed, or the two do not belong together.
        NotASetError: scores.parquet cannot be read.
    """
    remedy = "write the scores again with `facemodel evaluate`"
    file = folder / SCORES
    try:
        scores = json.loads(file.read_text(encoding="utf-8"))
        run = ScoredRun(name, scores, read_table(folder / PAIRS, _KIND))
        counted = scores["pairs"]["genuine"] + scores["pairs"]["impostors"]
        lacks = {"left", "right", "same", run.metric} - set(run.table.column_names)
        lacks |= _TYPES.keys() - scores.keys()
        lacks |= {"value", "sentence"} - run.threshold.keys()
        wrong = [name for name, kind in _TYPES.items() if not isinstance(scores.get(name, kind()), kind)]
        wrong += [name for name in _MODEL if not wrong and name not in scores.get("model", _MODEL)]
        if wrong or not isinstance(run.threshold.get("value"), int | float | None):
            raise TypeError(f"a value of another kind: {(wrong or ['threshold'])[0]}")
    except FileNotFoundError:
        raise ScoreError(f"{folder} has no {SCORES}, which evaluate writes last: {remedy}") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ScoreError(f"{file} is not what evaluate writes ({error!r}): {remedy}") from error
    if lacks:
        raise ScoreError(f"the scores in {folder} lack {', '.join(sorted(lacks))}: {remedy}")
    if counted != run.table.num_rows:
        raise ScoreError(
            f"{file} is about {counted:,} pairs, and {PAIRS} beside it has {run.table.num_rows:,}: {remedy}"
        )
    return run
