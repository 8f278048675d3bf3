"""Scores of runs that never were: any values for any pairs, in memory or in a folder as of evaluate."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from facedata.tables.parquet import write_table
from facemodel.scoring.compared.scored_run import ScoredRun


def pairs_of(people: int, count: int, seed: int = 0) -> tuple[Any, Any, Any]:
    """Return the people on random pairs, half of them genuine, ``(count,)`` each, and which are."""
    rng = np.random.default_rng(seed)
    left = rng.integers(people, size=count)
    right = np.where(rng.random(count) < 0.5, left, (left + rng.integers(1, people, size=count)) % people)
    return left, right, left == right


def scored_run(
    name: str,
    values: Any,
    left: Any,
    right: Any,
    *,
    metric: str = "cosine",
    threshold: float | None = 0.5,
    names: Sequence[str] | None = None,
    ids: tuple[Any, Any] | None = None,
    folds: Any = None,
    knows_people: bool = True,
    **changes: Any,
) -> ScoredRun:
    """Return a run's scores.

    Args:
        name: of the run.
        values: ``(n,)`` scores.
        left: ``(n,)`` numbers of the people on the left.
        right: ``(n,)``.
        metric: of the scores.
        threshold: None for none.
        names: of the people; ``p00`` … if None.
        ids: of the crops; by default each pair has two of its own.
        folds: ``(n,)``, the protocol's.
        knows_people: the table has their names.
        **changes: of scores.json.
    """
    left, right = np.asarray(left), np.asarray(right)
    named = names or [f"p{code:02d}" for code in range(1 + max(left.max(), right.max()))]
    columns: dict[str, Any] = {
        "left": (ids or (np.arange(len(left)) * 2, None))[0],
        "right": ids[1] if ids else np.arange(len(left)) * 2 + 1,
    }
    if knows_people:
        for side, codes in (("left_identity", left), ("right_identity", right)):
            columns[side] = pa.array([named[code] for code in codes.tolist()]).dictionary_encode()
    columns["same"] = left == right
    columns |= {} if folds is None else {"fold": folds}
    table = pa.table({**columns, metric: np.asarray(values, np.float64)})
    same = left == right
    scores = {
        "set": "5e7" * 20,
        "split": "test",
        "settings": {"pairs": None, "seed": 0},
        "metric": metric,
        "model": {"name": name, "fingerprint": "f" * 64, "template": "square", "dim": 8, "trained_on": None},
        "pairs": {"genuine": int(same.sum()), "impostors": int((~same).sum())},
        "figures": {metric: {"threshold": {"value": threshold, "sentence": "as the test has it"}}},
        "notes": [],
        **changes,
    }
    return ScoredRun(name, scores, table)


def write_run(folder: Path, run: ScoredRun) -> Path:
    """Write a run's scores as evaluate does."""
    folder.mkdir(parents=True)
    write_table(
        folder / "scores.parquet", run.table, kind="scores", schema=run.table.schema,
        fingerprint=run.scores["set"],
    )  # fmt: skip
    (folder / "scores.json").write_text(json.dumps(run.scores), encoding="utf-8")
    return folder
