"""Distances and similarities against numpy's own, in any block size; what cannot be compared."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pytest

from facedata.errors import UsageError
from facemodel.errors import ScoreError
from facemodel.scoring import distances
from facemodel.scoring.distances import compare, compare_all, is_same, likeness, nearest

rng = np.random.default_rng(5)
EMBEDDINGS = rng.normal(size=(40, 7)).astype(np.float32)
LEFT, RIGHT = rng.integers(40, size=(2, 300))


def slow(metric: str, one: np.ndarray, other: np.ndarray) -> float:
    one, other = one.astype(np.float64), other.astype(np.float64)
    if metric == "euclidean":
        return float(np.linalg.norm(one - other))
    return float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other)))


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("block_numbers", [1, 50, 1 << 20])
def test_pairs_are_compared_one_by_one(metric: str, block_numbers: int) -> None:
    wanted = [slow(metric, EMBEDDINGS[a], EMBEDDINGS[b]) for a, b in zip(LEFT, RIGHT, strict=True)]
    with patch.object(distances, "_BLOCK_NUMBERS", block_numbers):
        np.testing.assert_allclose(compare(EMBEDDINGS, LEFT, RIGHT, metric), wanted, atol=1e-12)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("block_numbers", [1, 100, 1 << 24])
def test_nearest_anchor_is_the_slow_loops(metric: str, block_numbers: int) -> None:
    anchors, probes = EMBEDDINGS[:9], EMBEDDINGS[9:]
    best = min if metric == "euclidean" else max
    rows, near = nearest(probes, anchors, metric, block_numbers)
    for row, value, probe in zip(rows, near, probes, strict=True):
        all_of_them = [slow(metric, probe, anchor) for anchor in anchors]
        assert int(row) == all_of_them.index(best(all_of_them))
        assert value == pytest.approx(best(all_of_them), abs=1e-12)


def test_lengths_do_not_matter_to_the_cosine() -> None:
    scaled = EMBEDDINGS * rng.uniform(0.5, 2, size=(40, 1)).astype(np.float32)
    np.testing.assert_allclose(
        compare(scaled, LEFT, RIGHT, "cosine"), compare(EMBEDDINGS, LEFT, RIGHT, "cosine"), atol=1e-6
    )
    rows = nearest(EMBEDDINGS[9:], EMBEDDINGS[:9], "cosine")[0]
    assert (rows == nearest(EMBEDDINGS[9:], scaled[:9], "cosine")[0]).all()


def test_a_vector_of_length_zero_is_like_nothing() -> None:
    some = np.zeros((2, 3), np.float32)
    some[1] = 1
    assert compare(some, np.array([0]), np.array([1]), "cosine").tolist() == [0.0]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_none_are_refused(bad: float) -> None:
    some = EMBEDDINGS.copy()
    some[3, 2] = bad
    for metric in ("euclidean", "cosine"):
        with pytest.raises(ScoreError, match="embedding 3 "):
            compare(some, LEFT, RIGHT, metric)


def test_unknown_metric() -> None:
    with pytest.raises(UsageError, match="'dot'"):
        compare(EMBEDDINGS, LEFT, RIGHT, "dot")


def test_no_pairs() -> None:
    none = np.empty(0, np.int64)
    assert compare(EMBEDDINGS, none, none, "euclidean").shape == (0,)
    assert nearest(EMBEDDINGS[:0], EMBEDDINGS, "cosine")[0].shape == (0,)


def test_a_pair_at_the_threshold_is_one_person() -> None:
    values = np.array([0.2, 0.5, 0.7])
    assert is_same(values, 0.5, "euclidean").tolist() == [True, True, False]
    assert is_same(values, 0.5, "cosine").tolist() == [False, True, True]
    for metric in ("euclidean", "cosine"):
        back = float(likeness(np.array([0.5]), metric)[0])
        assert (is_same(values, 0.5, metric) == (likeness(values, metric) >= back)).all()
    assert is_same(values, None, "cosine").all()


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_each_with_each_in_blocks_that_join_without_a_gap(metric: str) -> None:
    many = rng.normal(size=(3000, 7)).astype(np.float32)
    found = compare_all(EMBEDDINGS, many, metric)
    both = np.concatenate([EMBEDDINGS, many])
    left, right = np.repeat(np.arange(40), 3000), np.tile(np.arange(40, 3040), 40)
    np.testing.assert_allclose(found.ravel(), compare(both, left, right, metric), atol=1e-12)


def test_near_faces_keep_their_digits() -> None:
    """|a|² - 2ab + |b|² would give 0 or NaN here."""
    a = np.full((1, 4), 1000, np.float32)
    b = a + np.array([[0.001, 0, 0, 0]], np.float32)
    assert compare_all(a, b, "euclidean")[0, 0] == pytest.approx(float(b[0, 0]) - 1000, rel=1e-9)
