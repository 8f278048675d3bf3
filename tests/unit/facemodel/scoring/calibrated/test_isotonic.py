"""Both curves against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from facemodel.scoring.calibrated.isotonic import fit_logistic, pool_violators

numbers = st.lists(st.tuples(st.integers(-5, 5), st.integers(1, 9)), min_size=1, max_size=40)


@given(numbers)
def test_pooling_is_scikit_learns_isotonic_regression(pairs: list[tuple[int, int]]) -> None:
    values, weights = (np.array(side, np.float64) for side in zip(*pairs, strict=True))
    wanted = IsotonicRegression().fit_transform(np.arange(len(values)), values, sample_weight=weights)
    np.testing.assert_allclose(pool_violators(values, weights), wanted, atol=1e-9)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("overlap", [0.3, 2.0])
def test_the_logistic_curve_is_scikit_learns(seed: int, overlap: float) -> None:
    """Platt's labels between 0 and 1 are pairs of a kind each, with the label as their weight."""
    rng = np.random.default_rng(seed)
    same = np.arange(240) < 60
    alike = 0.4 + np.where(same, 0.2, -0.2) + rng.normal(0, 0.15 * overlap, 240)
    weights = rng.uniform(0.5, 2, 240)
    slope, offset = fit_logistic(alike, same, weights, (60, 180))
    label = np.where(same, 61 / 62, 1 / 182)
    twice = np.concatenate([alike, alike])[:, None]
    kinds = np.repeat([1, 0], 240)
    both = np.concatenate([weights * label, weights * (1 - label)])
    wanted = LogisticRegression(C=1e12, tol=1e-12, max_iter=10_000, solver="newton-cholesky").fit(
        twice, kinds, both
    )
    assert slope == pytest.approx(float(wanted.coef_[0, 0]), rel=1e-4)
    assert offset == pytest.approx(float(wanted.intercept_[0]), rel=1e-4, abs=1e-4)


def test_kinds_that_do_not_overlap_have_a_finite_curve() -> None:
    alike = np.concatenate([np.full(20, 0.9), np.full(30, 0.1)]) + np.linspace(0, 0.01, 50)
    slope, offset = fit_logistic(alike, np.arange(50) < 20, np.ones(50), (20, 30))
    assert 0 < slope < 1e3
    assert 0.99 > 1 / (1 + np.exp(-slope * 0.905 - offset)) > 0.9
