"""Pairs that runs decide differently."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from facemodel.scoring.compared.common_pairs import find_common_pairs
from facemodel.scoring.compared.disagreements import (
    count_disagreements,
    find_disagreements,
    rank_shares,
)
from facemodel.scoring.compared.figures import judge_runs
from facemodel.scoring.compared.scored_run import ScoredRun
from tests.support.scored_runs import pairs_of, scored_run

LEFT, RIGHT, SAME = pairs_of(20, 200)


def apart(runs: list[ScoredRun], most: int = 24) -> tuple[Any, Any]:
    pairs = find_common_pairs(runs)
    judged = judge_runs(runs, pairs, 0)
    return count_disagreements(judged, pairs), find_disagreements(judged, pairs, most)


def test_they_are_counted_and_listed_one_by_one() -> None:
    rng = np.random.default_rng(0)
    values = [rng.random(200), rng.random(200)]
    runs = [scored_run(f"run-{at}", one, LEFT, RIGHT) for at, one in enumerate(values)]
    counts, listed = apart(runs, most=1000)
    says = [one >= 0.5 for one in values]
    wanted = [at for at in range(200) if says[0][at] != says[1][at]]
    first = sum(says[0][at] == SAME[at] for at in wanted)
    assert counts == [{"pairs": len(wanted), "first": first, "this": len(wanted) - first}]
    assert sorted(pair["left"] // 2 for pair in listed) == wanted
    shares = [[(one < one[at]).mean() + 1 / 400 for at in range(200)] for one in values]
    distances = []
    for pair in listed:
        at = pair["left"] // 2
        assert pair["right"] == 2 * at + 1
        assert (pair["left_identity"], pair["right_identity"]) == (f"p{LEFT[at]:02d}", f"p{RIGHT[at]:02d}")
        assert pair["same"] == SAME[at]
        for run, value, say in zip(pair["runs"], values, says, strict=True):
            assert run == {"score": value[at], "says_same": say[at], "is_right": say[at] == SAME[at]}
        distances.append(abs(shares[0][at] - shares[1][at]))
        assert pair["apart"] == pytest.approx(distances[-1])
    assert np.diff(distances).max() < 1e-12  # the furthest apart first
    assert apart(runs, most=5)[1] == listed[:5]


def test_other_scales_of_the_same_scores_are_no_disagreement() -> None:
    values = np.random.default_rng(0).random(200)
    runs = [
        scored_run("a", values, LEFT, RIGHT),
        scored_run("b", 100 - 50 * values, LEFT, RIGHT, metric="euclidean", threshold=75.0),
    ]
    assert apart(runs) == ([{"pairs": 0, "first": 0, "this": 0}], [])


def test_of_three_runs_one_that_differs_is_enough() -> None:
    values = np.random.default_rng(0).random(200)
    runs = [
        scored_run(name, one, LEFT, RIGHT)
        for name, one in zip("abc", (values, values, 1 - values), strict=True)
    ]
    counts, listed = apart(runs, most=1000)
    assert [one["pairs"] for one in counts] == [0, 200]
    assert len(listed) == 200
    assert [run["says_same"] for run in listed[0]["runs"]] in ([True, True, False], [False, False, True])


def test_a_run_that_decides_nothing_is_not_counted() -> None:
    values, folds = np.random.default_rng(0).random(200), np.zeros(200, np.int64)
    runs = [scored_run("a", values, LEFT, RIGHT, folds=folds)]
    runs += [scored_run(name, 1 - values, LEFT, RIGHT, folds=folds, threshold=None) for name in "bc"]
    counts, listed = apart(runs)
    assert counts == [None, None]
    assert listed == []


def test_equal_scores_share_their_rank() -> None:
    assert rank_shares(np.array([5.0, 1.0, 5.0, 5.0])).tolist() == [0.625, 0.125, 0.625, 0.625]
