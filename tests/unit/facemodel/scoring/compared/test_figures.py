"""Figures and differences of several runs, against a slow loop with scikit-learn that repeats pairs."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, roc_auc_score, roc_curve

from facemodel.errors import ScoreError
from facemodel.scoring import intervals
from facemodel.scoring.compared.common_pairs import CommonPairs, find_common_pairs
from facemodel.scoring.compared.figures import (
    JudgedRun,
    compare_figures,
    exact_figures,
    judge_difference,
    judge_runs,
    weighted_figures,
)
from facemodel.scoring.intervals import people_weights
from tests.support.scored_runs import pairs_of, scored_run

FAR = 0.05


def noisy(count: int, seed: int) -> Any:
    """Return scores of few digits, so that many are equal."""
    return np.round(np.random.default_rng(seed).normal(size=count), 1)


def judged(*values: Any, people: int = 25, **about: Any) -> tuple[list[JudgedRun], CommonPairs]:
    """Return runs of the same pairs with these scores, as they decide them."""
    left, right, _ = pairs_of(people, len(values[0]))
    runs = [scored_run(f"run-{at}", one, left, right, **about) for at, one in enumerate(values)]
    pairs = find_common_pairs(runs)
    return judge_runs(runs, pairs, 0), pairs


def slow_figures(run: JudgedRun, same: Any, weights: Any) -> list[float]:
    """Repeat each pair as often as it weighs, and ask scikit-learn."""
    rows = np.repeat(np.arange(len(same)), weights.astype(int))
    alike, truth, accepted = run.likeness[rows], same[rows], run.accepted[rows]  # type: ignore[index]
    far, tar, _ = roc_curve(truth, alike, drop_intermediate=False)
    cross = next(at for at in range(len(far)) if far[at] >= 1 - tar[at])
    steps = np.linspace(0, 1, 200_001)  # along the line on which the rates cross
    ahead = far[cross - 1] + steps * (far[cross] - far[cross - 1])
    behind = 1 - (tar[cross - 1] + steps * (tar[cross] - tar[cross - 1]))
    eer = ahead[np.argmin(np.abs(ahead - behind))]
    rate = max(right for wrong, right in zip(far, tar, strict=True) if wrong <= FAR)
    return [accuracy_score(truth, accepted), roc_auc_score(truth, alike), float(eer), rate]


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_weighted_figures_are_those_of_pairs_that_are_repeated(metric: str) -> None:
    (run, _), pairs = judged(noisy(500, 1), noisy(500, 2), metric=metric, threshold=0.3)
    figures = weighted_figures(run, pairs.same, [FAR])
    for weights in people_weights(*pairs.people, 25, 7):
        assert figures(weights) == pytest.approx(slow_figures(run, pairs.same, weights), abs=1e-5)


def test_weights_of_one_give_the_exact_figures() -> None:
    (run, _), pairs = judged(noisy(3000, 1), noisy(3000, 2))
    exact = exact_figures(run, pairs.same, [1e-2])
    assert weighted_figures(run, pairs.same, [1e-2])(np.ones(3000)) == pytest.approx(exact, abs=1e-12)


def test_pairs_of_one_kind_have_no_figures() -> None:
    (run, _), pairs = judged(noisy(200, 1), noisy(200, 2))
    with pytest.raises(ScoreError, match="one kind"):
        weighted_figures(run, pairs.same, [])(pairs.same.astype(np.float64))


def test_intervals_are_the_quantiles_of_every_draw_and_differences_are_taken_within_it() -> None:
    same = pairs_of(25, 300)[2]
    runs, pairs = judged(noisy(300, 1) + same, noisy(300, 2) + 2 * same)
    with patch.object(intervals, "_DRAWS", 100):
        found = compare_figures(runs, pairs, 5)
    drawn = np.array(
        [[slow_draw(run, same, weights) for run in runs] for weights in people_weights(*pairs.people, 100, 5)]
    )
    assert found["draws"] == 100
    for at, name in enumerate(("accuracy", "auc")):
        for run, column in zip(found["runs"], drawn[:, :, at].T, strict=True):
            assert run[name]["interval"] == pytest.approx(np.quantile(column, [0.025, 0.975]), abs=1e-9)
        apart = np.quantile(drawn[:, 1, at] - drawn[:, 0, at], [0.025, 0.975])
        assert found["differences"][0][name]["interval"] == pytest.approx(apart, abs=1e-9)
        value = found["runs"][1][name]["value"] - found["runs"][0][name]["value"]
        assert found["differences"][0][name]["value"] == pytest.approx(value)


def slow_draw(run: JudgedRun, same: Any, weights: Any) -> list[float]:
    """Return accuracy and AUC as scikit-learn weighs them."""
    alike = run.likeness
    right = accuracy_score(same, run.accepted, sample_weight=weights)
    return [right, roc_auc_score(same, alike, sample_weight=weights)]


def test_the_values_are_scikit_learns() -> None:
    same = pairs_of(25, 3000)[2]
    runs, pairs = judged(noisy(3000, 1) + same, noisy(3000, 2) + same)
    found = compare_figures(runs, pairs, 0)
    for run, figures in zip(runs, found["runs"], strict=True):
        assert figures["accuracy"]["value"] == accuracy_score(same, run.likeness >= 0.5)
        assert figures["auc"]["value"] == pytest.approx(roc_auc_score(same, run.likeness), abs=1e-12)
        far, tar, _ = roc_curve(same, run.likeness, drop_intermediate=False)
        assert figures["tar_at_far_0.01"]["value"] == tar[far <= 0.01].max()
    assert found["fars_left_out"] == [1e-3]  # it takes 10,000 pairs of two people


def test_a_run_against_itself_differs_by_nothing_in_every_draw() -> None:
    runs, pairs = judged(noisy(400, 1), noisy(400, 1))
    for figure in compare_figures(runs, pairs, 0)["differences"][0].values():
        assert figure == {"value": 0.0, "interval": [0.0, 0.0], "verdict": "the same"}


def test_a_run_that_is_better_by_construction_is_so_in_each_figure_and_the_other_way_round() -> None:
    same = pairs_of(25, 2500)[2]
    worse, better = noisy(2500, 1) + 0.5 * same, noisy(2500, 1) + 2.5 * same - 0.7
    one, pairs = judged(worse, better)
    other = [one[1], one[0]]
    forth, back = (compare_figures(runs, pairs, 3)["differences"][0] for runs in (one, other))
    assert {figure["verdict"] for figure in forth.values()} == {"better"}
    assert {figure["verdict"] for figure in back.values()} == {"worse"}
    assert set(forth) == {"accuracy", "auc", "eer", "tar_at_far_0.01"}
    assert forth["eer"]["value"] < 0 < forth["auc"]["value"]
    for name, figure in forth.items():
        assert back[name]["value"] == -figure["value"]
        low, high = figure["interval"]
        assert back[name]["interval"] == pytest.approx([-high, -low], abs=1e-12)


def test_a_difference_of_chance_is_not_significant() -> None:
    same = pairs_of(25, 400)[2]
    runs, pairs = judged(noisy(400, 1) + same, noisy(400, 2) + same)
    verdicts = {figure["verdict"] for figure in compare_figures(runs, pairs, 0)["differences"][0].values()}
    assert verdicts == {"not significant"}


def test_chance_seems_significant_about_once_in_twenty() -> None:
    """Two runs that are equally good: of 100 comparisons some 5 have an interval without 0."""
    found = 0
    for seed in range(100):
        left, right, same = pairs_of(40, 400, seed)
        values = [noisy(400, 1000 + 2 * seed + at) + same for at in range(2)]
        runs = [scored_run(f"run-{at}", one, left, right) for at, one in enumerate(values)]
        pairs = find_common_pairs(runs)
        drawn = [weighted_figures(one, same, []) for one in judge_runs(runs, pairs, 0)]
        apart = [
            drawn[1](weights)[1] - drawn[0](weights)[1]
            for weights in people_weights(*pairs.people, 100, seed)
        ]
        low, high = np.quantile(apart, [0.025, 0.975])
        found += not low <= 0 <= high
    assert 1 <= found <= 12


def test_with_nine_people_there_are_values_and_no_verdicts() -> None:
    runs, pairs = judged(noisy(400, 1), noisy(400, 2), people=9)
    found = compare_figures(runs, pairs, 0)
    assert found["no_interval"] == "too few people for an interval (9; 10 are needed)"
    assert found["draws"] == 0
    for figure in found["differences"][0].values():
        assert figure["value"] is not None
        assert figure["interval"] is figure["verdict"] is None
    assert found["runs"][0]["auc"]["value"] == pytest.approx(roc_auc_score(pairs.same, runs[0].likeness))


def test_what_is_the_same_in_every_draw_has_no_interval() -> None:
    same = pairs_of(25, 300)[2]
    runs, pairs = judged(same * 1.0, noisy(300, 2) + same)
    found = compare_figures(runs, pairs, 0)
    assert found["runs"][0]["auc"] == {"value": 1.0, "interval": None}
    assert found["runs"][1]["auc"]["interval"][1] < 1.0
    assert {figure["verdict"] for figure in found["differences"][0].values()} == {"worse"}


def test_each_run_has_its_own_metric() -> None:
    left, right, same = pairs_of(25, 300)
    alike = np.random.default_rng(1).normal(size=300) + same
    runs = [
        scored_run("near", alike, left, right, metric="cosine", threshold=0.5),
        scored_run("far", -alike, left, right, metric="euclidean", threshold=-0.5),
        scored_run(
            "head", 1 / (1 + np.exp(-alike)), left, right, metric="head", threshold=1 / (1 + np.exp(-0.5))
        ),
    ]
    pairs = find_common_pairs(runs)
    found = compare_figures(judge_runs(runs, pairs, 0), pairs, 0)
    for one in found["differences"]:
        assert {figure["verdict"] for figure in one.values()} == {"the same"}


def test_a_run_without_a_threshold_is_decided_by_the_other_folds() -> None:
    same = pairs_of(25, 400)[2]
    runs, pairs = judged(noisy(400, 1) + 3 * same, noisy(400, 2) + 3 * same, threshold=None)
    assert {one.decided_by for one in runs} == {"each fold's threshold, chosen by the others"}
    assert compare_figures(runs, pairs, 0)["runs"][0]["accuracy"]["value"] > 0.85


def test_the_protocols_folds_decide_where_it_has_some() -> None:
    left, right, same = pairs_of(25, 400)
    alike, folds = noisy(400, 1) + same, np.arange(400) % 10
    runs = [scored_run(name, alike, left, right, threshold=None, folds=folds) for name in "ab"]
    pairs = find_common_pairs(runs)
    (first, _) = judge_runs(runs, pairs, 0)
    right_ones = []
    for fold in range(10):
        others, mine = folds != fold, folds == fold
        best = max(
            sorted(set(alike[others]), reverse=True),
            key=lambda at: ((alike[others] >= at) == same[others]).sum(),
        )
        right_ones += ((alike[mine] >= best) == same[mine]).tolist()
    assert (first.accepted == same).mean() == np.mean(right_ones)


def test_where_nothing_decides_there_is_no_accuracy_and_the_rest_is_there() -> None:
    left, right, _ = pairs_of(25, 300)
    folds = np.zeros(300, np.int64)  # one fold, and no other to choose its threshold
    runs = [
        scored_run("a", noisy(300, 1), left, right, threshold=None, folds=folds),
        scored_run("b", noisy(300, 2), left, right, folds=folds),
    ]
    pairs = find_common_pairs(runs)
    ones = judge_runs(runs, pairs, 0)
    assert ones[0].accepted is None
    assert ones[0].decided_by.startswith("nothing: it has no threshold, and there is 1 fold")
    found = compare_figures(ones, pairs, 0)
    assert found["runs"][0]["accuracy"] == {"value": None, "interval": None}
    assert found["differences"][0]["accuracy"] == {"value": None, "interval": None, "verdict": None}
    assert found["runs"][1]["accuracy"]["interval"] is not None
    assert found["differences"][0]["auc"]["verdict"] is not None


@pytest.mark.parametrize(
    ("interval", "higher", "lower"),
    [
        ([0.01, 0.02], "better", "worse"),
        ([-0.02, -0.01], "worse", "better"),
        ([-0.01, 0.01], "not significant", "not significant"),
        ([0.0, 0.01], "not significant", "not significant"),
        ([-0.01, 0.0], "not significant", "not significant"),
        ([0.0, 0.0], "the same", "the same"),
        ([0.01, 0.01], "better", "worse"),
        (None, None, None),
    ],
)
def test_a_verdict_needs_an_interval_without_0(interval: Any, higher: Any, lower: Any) -> None:
    assert judge_difference(interval) == higher
    assert judge_difference(interval, lower_is_better=True) == lower


def test_a_score_that_is_no_number_is_refused() -> None:
    runs, pairs = judged(noisy(300, 1), np.where(np.arange(300) == 7, np.nan, 0.0))
    with pytest.raises(ScoreError, match="NaN"):
        compare_figures(runs, pairs, 0)
