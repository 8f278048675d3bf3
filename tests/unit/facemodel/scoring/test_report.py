"""The table of scores: one line for rates that no pairs were enough for, one column for metrics alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from facemodel.scoring.pair_figures import ScoredPairs, pair_figures
from facemodel.scoring.report import score_table
from facemodel.scoring.thresholds import MODEL, Threshold


def scores(people: int, count: int, metrics: dict[str, float]) -> dict[str, Any]:
    """Scores of the same likenesses by several metrics; the number shifts some of them."""
    rng = np.random.default_rng(0)
    left = rng.integers(people, size=count)
    right = np.where(rng.random(count) < 0.5, left, (left + 1) % people)
    same = left == right
    alike = rng.normal(size=count) + 2 * same
    figures = {}
    for metric, shift in metrics.items():
        mine = alike + shift * (np.arange(count) % 3 == 0)
        pairs = ScoredPairs(-mine if metric == "euclidean" else mine, metric, same, left, right)
        figures[metric] = pair_figures(pairs, Threshold(-1.0 if metric == "euclidean" else 1.0, MODEL))
    counts = {
        "genuine": int(same.sum()),
        "impostors": int((~same).sum()),
        "people": people,
        "largest_share": 0.1,
    }
    return {
        "split": "test", "metric": "cosine", "figures": figures, "pairs": counts, "naming": None,
        "classes": None, "notes": [],
    }  # fmt: skip


def test_metrics_with_the_same_figures_share_a_column() -> None:
    table = score_table(scores(30, 300, {"euclidean": 0.0, "cosine": 0.0}))
    assert table[:2] == ["| split test | Euclidean and cosine |", "|---|---|"]
    assert all(line.count("|") == 3 for line in table if line.startswith("|"))
    assert sum(line.startswith("threshold, ") for line in table) == 2  # these differ
    table = score_table(scores(30, 300, {"euclidean": 0.0, "cosine": 1.0}))
    assert table[0] == "| split test | Euclidean | cosine |"
    table = score_table(scores(30, 300, {"euclidean": 0.0, "cosine": 1.0, "head": 0.0}))
    assert table[0] == "| split test | Euclidean and pair head | cosine |"


@pytest.mark.parametrize(
    ("count", "span"), [(40, "0.1 to 1e-06"), (600, "0.01 to 1e-06"), (5000, "0.001 to 1e-06")]
)
def test_all_rates_with_too_few_pairs_are_one_line(count: int, span: str) -> None:
    table = score_table(scores(30, count, {"cosine": 0.0}))
    lines = [line for line in table if "too few" in line]
    assert len(lines) == 1
    assert lines[0].startswith(f"| TAR at FAR {span}, ")
    assert sum("TAR at FAR" in line for line in table) <= 4


@pytest.mark.parametrize("people", [2, 9, 30])
def test_an_interval_of_too_few_people_is_said_not_shown(people: int) -> None:
    text = "\n".join(score_table(scores(people, 300, {"euclidean": 0.0, "cosine": 0.0})))
    missing = f"too few people for an interval ({people}; 10 are needed)"
    assert (missing in text) == (people < 10)
    (line,) = [one for one in text.split("\n") if one.startswith("| AUC |")]
    assert (" to " in line) == (people >= 10)
    (line,) = [one for one in text.split("\n") if one.startswith("| accuracy over folds |")]
    assert ("±" in line) == (people >= 10)
