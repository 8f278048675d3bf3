"""Open-set figures against a slow loop over every threshold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from facemodel.errors import ScoreError
from facemodel.recognition.gallery import mean_embedding
from facemodel.scoring.distances import is_same, nearest
from facemodel.scoring.open_set import (
    Probes,
    at_threshold,
    open_set_figures,
    open_set_rates,
    summarise_validation,
)
from facemodel.validated.summary import far_per_comparison

distances = st.lists(st.integers(0, 12).map(float) | st.just(float("inf")), max_size=40)


def slow_dir(probes: Probes, rate: float) -> float | None:
    """The best DIR of any threshold that lets in at most that share of strangers, with at least one place."""
    strangers = [float(one) for one in probes.strangers]
    if int(rate * len(strangers) + 1e-9) < 1 or not len(probes.near):
        return None
    best = 0.0
    for threshold in sorted({*probes.near.tolist(), *strangers, -1.0} - {float("inf")}):
        let_in = sum(one <= threshold for one in strangers)
        if let_in <= rate * len(strangers) + 1e-9:
            fits = [ok and one <= threshold for one, ok in zip(probes.near, probes.right, strict=True)]
            best = max(best, sum(fits) / len(fits))
    return best


@given(distances, distances, st.integers(0, 2**32), st.sampled_from([0.5, 0.3, 0.1, 0.05]))
def test_rates_equal_a_search_of_all_thresholds(
    near: list[float], strangers: list[float], seed: int, rate: float
) -> None:
    right = np.random.default_rng(seed).random(len(near)) < 0.7
    probes = Probes(np.array(near, float), right, np.array(strangers, float))
    (found,) = open_set_rates(probes, [rate])
    wanted = slow_dir(probes, rate)
    assert found.dir == wanted if wanted is None else found.dir == pytest.approx(wanted)
    assert found.strangers == len(strangers)
    if found.threshold is not None:
        assert found.let_in == sum(one <= found.threshold for one in strangers)
        assert found.let_in <= rate * len(strangers) + 1e-9


def test_a_tie_of_strangers_at_the_threshold_keeps_all_of_them_out() -> None:
    probes = Probes(np.array([0.5, 0.1]), np.array([True, True]), np.array([0.5] * 5 + [2.0] * 5))
    (found,) = open_set_rates(probes, [0.2])
    assert (found.let_in, found.dir) == (0, 0.5)


def test_too_few_strangers_give_no_figure() -> None:
    probes = Probes(np.array([0.1]), np.array([True]), np.arange(99.0))
    assert [one.dir for one in open_set_rates(probes, [0.1, 0.01])] == [1.0, None]


def test_what_one_threshold_does() -> None:
    near = np.array([0.1, 0.2, 0.3, 0.9, np.inf])
    right = np.array([True, False, True, True, False])
    figures = at_threshold(Probes(near, right, np.array([0.25, 0.3, 0.31, np.inf])), 0.3)
    assert figures == {
        "known": 5, "strangers": 4, "rank1": 0.6, "right": 0.4, "wrong": 0.2, "unknown": 0.4, "let_in": 2,
        "let_in_rate": 0.5,
    }  # fmt: skip


def test_nobody_to_judge_gives_no_share() -> None:
    empty = np.empty(0)
    figures = open_set_figures(Probes(empty, np.empty(0, bool), empty), 0.3, "euclidean")
    assert figures["right"] is None
    assert figures["let_in_rate"] is None
    assert all(one["dir"] is None for one in figures["rates"])


def test_of_similarities_the_thresholds_are_similarities() -> None:
    similar = np.array([0.9, 0.5, 0.2])
    probes = Probes(-similar, np.array([True, True, True]), -np.linspace(-0.5, 0.4, 10))
    figures = open_set_figures(probes, 0.45, "cosine")
    assert figures["right"] == pytest.approx(2 / 3)
    (tenth,) = [one for one in figures["rates"] if one["rate"] == 0.1]
    assert tenth["let_in"] == 1
    assert 0.3 < tenth["threshold"] < 0.4  # above the second likest stranger
    assert tenth["dir"] == pytest.approx(2 / 3)


def test_what_cannot_be_counted_is_refused() -> None:
    with pytest.raises(ScoreError, match="NaN"):
        Probes(np.array([np.nan]), np.array([True]), np.empty(0))
    with pytest.raises(ScoreError, match="2 distances"):
        Probes(np.zeros(2), np.array([True]), np.empty(0))


# what validation shows of strangers


def people_in_space(people: int, photos: int, spread: float, seed: int = 0) -> tuple[Any, Any]:
    """Embeddings of people around their own point, and who they are."""
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(people), photos)
    rows = rng.normal(size=(people, 24))[person] + spread * rng.normal(size=(len(person), 24))
    return rows.astype(np.float32), person


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("size", [5, 60])
def test_so_many_strangers_get_a_name_as_the_threshold_says(metric: str, size: int) -> None:
    """Thresholds from some people, galleries and strangers of others: a stated 5% are named, no more."""
    summary = summarise_validation(*people_in_space(120, 4, 0.5, seed=1), metric, unseen=True)
    limit = summary.at_far(far_per_comparison(0.05, size)).threshold
    rows, person = people_in_space(900, 4, 0.5, seed=2)
    let_in, right = [], []
    for start in range(0, 400, 100):
        some = np.isin(person, np.arange(start, start + size))
        photos = [rows[person == who][:3] for who in np.unique(person[some])]
        means = np.stack([mean_embedding(mine, metric, normalised=False) for mine in photos])
        probes, strangers = rows[some][3::4], rows[person >= 500]
        let_in.append(is_same(nearest(strangers, means, metric)[1], limit, metric).mean())
        who, near = nearest(probes, means, metric)
        right.append((is_same(near, limit, metric) & (who == np.arange(size))).mean())
    assert 0.02 < np.mean(let_in) < 0.07
    assert np.mean(right) > 0.9


def test_what_validation_shows_as_a_slow_loop_counts_it() -> None:
    rows, person = people_in_space(20, 5, 1.5)
    summary = summarise_validation(rows, person, "cosine", unseen=True)
    unit = rows / np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
    pairs = [(unit[a] @ unit[b], person[a] == person[b]) for a in range(100) for b in range(a)]
    values, same = (np.array(side) for side in zip(*pairs, strict=True))
    assert (summary.people, summary.photos, summary.impostors) == (20, 100, (~same).sum())
    assert summary.auc == pytest.approx(roc_auc_score(same, values))
    for one in summary.rates:
        assert (values[~same] >= one.threshold).mean() <= one.far
        shares = []
        for who in range(20):
            mine = unit[person == who]
            others = (mine.sum(axis=0) - mine) / np.linalg.norm(mine.sum(axis=0) - mine, axis=1)[:, None]
            shares.append((np.einsum("ij,ij->i", mine, others) >= one.threshold).mean())
        assert one.tar == pytest.approx(np.mean(shares))
    assert [one.far for one in summary.rates if one.counted] == [0.3, 0.1, 0.03, 0.01, 0.003]


def test_too_few_comparisons_give_no_rates() -> None:
    for people, photos in ((2, 4), (1, 30), (30, 1), (0, 0)):
        summary = summarise_validation(*people_in_space(people, photos, 0.1), "cosine", unseen=True)
        assert not summary.rates


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("noise", [0.0, 1e-9])
def test_a_network_that_has_collapsed_accepts_nobody(metric: str, noise: float) -> None:
    rng = np.random.default_rng(0)
    rows = (np.ones((60, 8)) + noise * rng.normal(size=(60, 8))).astype(np.float32)
    summary = summarise_validation(rows, np.arange(60) // 3, metric, unseen=True)
    assert summary.rates
    assert all(one.tar == 0 for one in summary.rates)


def test_thousands_of_photos_are_drawn_from() -> None:
    rows, person = people_in_space(800, 3, 0.5)
    one, other = (summarise_validation(rows, person, "cosine", unseen=True, seed=3) for _ in range(2))
    assert one == other
    assert one.photos == 2000
