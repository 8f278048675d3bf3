"""The recipes' figures against scikit-learn, and their draws against the plain way."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score, roc_curve

from facemodel.scoring.intervals import bootstrap
from facemodel.scoring.metrics import roc
from tests.benchmark.recipe_figures import RankedPairs, draw_groups, mean_of


@pytest.fixture
def people() -> tuple[np.ndarray, np.ndarray]:
    person = np.repeat(np.arange(40), 4)
    left, right = np.triu_indices(len(person), 1)
    return person[left], person[right]


def _likeness(people: tuple[np.ndarray, np.ndarray], gain: float, seed: int) -> np.ndarray:
    left, right = people
    noise = np.random.default_rng(seed).normal(size=len(left))
    rounded: np.ndarray = np.round(gain * (left == right) + noise, 1)  # so that there are many ties
    return rounded.astype(np.float32)


@pytest.mark.parametrize("weighted", [False, True])
def test_figures_are_those_of_scikit_learn(people: tuple[np.ndarray, np.ndarray], weighted: bool) -> None:
    same, alike = people[0] == people[1], _likeness(people, 1.0, 0)
    rng = np.random.default_rng(5)
    weights = rng.integers(0, 4, len(same)).astype(float) if weighted else np.ones(len(same))
    auc, eer, tar2, tar3 = RankedPairs.of(alike, same).figures(weights)
    assert auc == pytest.approx(roc_auc_score(same, alike, sample_weight=weights), abs=1e-12)
    far, tar, _ = roc_curve(same, alike, sample_weight=weights, drop_intermediate=False)
    for found, limit in ((tar2, 1e-2), (tar3, 1e-3)):
        assert found == pytest.approx(tar[far <= limit].max(), abs=1e-12)
    assert eer == pytest.approx(roc(alike, same, weights).eer(), abs=1e-12)


def test_draws_are_those_of_the_plain_bootstrap(people: tuple[np.ndarray, np.ndarray]) -> None:
    same, runs = people[0] == people[1], [_likeness(people, 1.0, 0), _likeness(people, 1.5, 1)]
    drawn = draw_groups({"one": runs[:1], "other": runs[1:]}, people, draws=60, seed=3)
    found, low, high = drawn.difference("one", "other")
    one, other = runs
    plain = bootstrap(
        lambda w: roc(one, same, w).auc() - roc(other, same, w).auc(), *people, draws=60, seed=3
    )
    assert (low[0], high[0]) == pytest.approx((plain.low, plain.high), abs=1e-12)
    assert found[0] == pytest.approx(roc_auc_score(same, runs[0]) - roc_auc_score(same, runs[1]), abs=1e-12)


def test_a_group_is_the_mean_of_its_runs_and_both_starts_that_of_both(
    people: tuple[np.ndarray, np.ndarray],
) -> None:
    runs = [_likeness(people, 1.0, 0), _likeness(people, 1.5, 1)]
    alone = [draw_groups({"it": [run]}, people, draws=20) for run in runs]
    group, both = draw_groups({"it": runs}, people, draws=20), mean_of(alone)
    for one in (group, both):
        assert one.of("it") == pytest.approx((alone[0].of("it") + alone[1].of("it")) / 2)
        assert one.draws == pytest.approx((alone[0].draws + alone[1].draws) / 2)
