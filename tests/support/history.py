"""A run's history.csv, read back."""

from __future__ import annotations

import csv
import typing
from pathlib import Path

from facemodel.training.history import EpochRow, rows_of


def read_csv(path: Path) -> list[EpochRow]:
    """Return the rows of a history, each value of its column's type."""
    kinds = {
        name: next(kind for kind in (int, float, str) if kind in (typing.get_args(hint) or (hint,)))
        for name, hint in typing.get_type_hints(EpochRow).items()
    }
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    return rows_of([{k: kinds[k](v) for k, v in row.items() if v and k in kinds} for row in rows])
