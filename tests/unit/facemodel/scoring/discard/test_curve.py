"""Error versus discard against a plain loop over the pairs that are left."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facemodel.errors import ScoreError
from facemodel.scoring.discard.curve import MOST_DISCARDED, best_curve, discard_curve, mean_rate


@given(st.lists(st.booleans(), min_size=2, max_size=30), st.integers(0, 2**32))
def test_it_is_the_loop_over_pairs(rejected: list[bool], seed: int) -> None:
    wrong, count = np.array(rejected), len(rejected)
    quality = np.random.default_rng(seed).permutation(count).astype(float)
    shares = np.arange(count) / count
    found = discard_curve(wrong, quality)(np.ones(count), shares)
    for gone in range(count):
        left = [bad for bad, good in zip(rejected, quality, strict=True) if good >= gone]
        assert found[gone] == pytest.approx(sum(left) / len(left))


def test_a_weight_of_two_is_a_pair_listed_twice() -> None:
    wrong, quality = np.array([True, False, True, False]), np.array([0.1, 0.2, 0.3, 0.4])
    shares = np.array([0.0, 0.2, 0.4])
    weighted = discard_curve(wrong, quality)(np.array([1.0, 2.0, 1.0, 1.0]), shares)
    rows = [0, 1, 1, 2, 3]
    np.testing.assert_allclose(weighted, discard_curve(wrong[rows], quality[rows])(np.ones(5), shares))


def test_pairs_of_equal_quality_leave_as_if_at_random() -> None:
    wrong = np.arange(10) < 4
    rates = discard_curve(wrong, np.zeros(10))(np.ones(10), np.array([0.0, 0.3, 0.9]))
    np.testing.assert_allclose(rates, 0.4)


def test_the_best_quality_knows_which_pairs_are_rejected() -> None:
    wrong = np.arange(100) < 10
    curve = discard_curve(wrong, np.arange(100.0))
    shares = np.linspace(0, 0.5, 51)
    np.testing.assert_allclose(curve(np.ones(100), shares), best_curve(0.1, shares), atol=1e-12)
    area = mean_rate(lambda at: curve(np.ones(100), at))
    exact = (0.1 + 0.9 * np.log(0.9)) / MOST_DISCARDED  # the integral of (0.1 - x) / (1 - x) up to 0.1
    assert area == pytest.approx(exact, abs=1e-4)


def test_weights_of_nothing_are_refused() -> None:
    with pytest.raises(ScoreError, match="drawn"):
        discard_curve(np.array([True]), np.array([0.0]))(np.zeros(1), np.zeros(1))
