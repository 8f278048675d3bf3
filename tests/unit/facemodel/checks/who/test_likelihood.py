"""Distributions against numerical integration, slow formulas and simulation."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from facedata.types import Float64Array
from facemodel.checks.who.likelihood import Likelihood, Nearness, fisher_z, fit_best, normalise
from tests.support.synthetic_people import directions

PLAIN = Likelihood(usual=0.0, agreement=0.6, spread=0.12, tail=0.1, best_at=3.0, best_scale=0.5)
ONE = Nearness(np.array([0.1]), np.array([0.08]))
OTHER = Nearness(np.array([0.2]), np.array([0.05]))


def gumbel(count: int, at: float, scale: float, seed: int = 0) -> Float64Array:
    """Draw the two best of many: the last points of a Poisson process that thins out exponentially."""
    gaps = np.random.default_rng(seed).exponential(size=(count, 2))
    return np.asarray(at - scale * np.log(np.cumsum(gaps, axis=1)))


def area(density: Float64Array, values: Float64Array) -> float:
    return float(((density[1:] + density[:-1]) / 2 * np.diff(values)).sum())


@pytest.mark.parametrize(("at", "scale"), [(2.0, 0.7), (5.0, 0.3), (0.5, 1.5)])
def test_the_best_is_found_from_the_second_best(at: float, scale: float) -> None:
    best = gumbel(20_000, at, scale)
    found = fit_best(best[:, 1])
    assert found == pytest.approx((at, scale), rel=0.05)
    # what is fitted to the second tells how often the best lies above a similarity
    likelihood = replace(PLAIN, best_at=found[0], best_scale=found[1])
    for value in np.quantile(best[:, 0], [0.3, 0.8, 0.95]):
        above = 1 - math.exp(-float(likelihood.chance(value)))
        assert (best[:, 0] > value).mean() == pytest.approx(above, abs=0.02)


def test_twins_above_do_not_move_the_best() -> None:
    """Where one person in fifty has a second name, the second best is the best of all the others."""
    best = gumbel(5000, 3.0, 0.5)
    doubled = np.where(np.arange(5000) % 50 == 0, best[:, 0], best[:, 1])
    at, scale = fit_best(doubled)
    assert at == pytest.approx(3.0, abs=0.1)
    assert scale == pytest.approx(0.5, abs=0.1)


def test_equal_second_bests_are_fitted_without_a_slope() -> None:
    assert fit_best(np.full(9, 1.5))[1] == 1.0
    assert all(map(math.isfinite, fit_best(np.array([0.0, 1.0]))))


@pytest.mark.parametrize("sizes", [(1, 1), (1, 5), (7, 7), (200, 3)])
def test_the_expected_similarity_is_that_of_means(sizes: tuple[int, int]) -> None:
    noise = math.sqrt(1 / PLAIN.agreement - 1)
    chance = np.random.default_rng(0)
    sides = []
    for size in sizes:
        mean = np.zeros((400, 512))
        for _ in range(size):
            mean += directions(400, 512, int(chance.integers(1 << 30))) * noise / size
        sides.append(mean + directions(1, 512, 5))
    cosines = np.einsum("ij,ij->i", *sides) / np.prod([np.linalg.norm(one, axis=1) for one in sides], axis=0)
    assert float(PLAIN.expected(*sizes)) == pytest.approx(cosines.mean(), abs=0.02)


def test_same_below_what_is_expected_is_a_density() -> None:
    """Integrated over the similarity, half of the core lies below the expectation, and most of the poor."""
    values = np.linspace(-0.99, float(PLAIN.expected(2, 3)), 200_001)
    density = np.exp(PLAIN.log_same(values, 2, 3))
    steps = np.arange(-12, 0, 1e-4)
    poor = np.exp(-0.5 * ((steps + 1) / 2) ** 2) / 2 / math.sqrt(2 * math.pi)
    below = 0.9 * 0.5 + 0.1 * poor.sum() * 1e-4
    assert area(density, values) == pytest.approx(below, abs=0.002)


def test_nearer_than_expected_counts_as_expected() -> None:
    expected = PLAIN.expected(4, 4)
    at, above = (PLAIN.log_same(np.array([float(value)]), 4, 4) for value in (expected, expected + 0.05))
    slope = np.log(1 - float(expected) ** 2) - np.log(1 - float(expected + 0.05) ** 2)  # of Fisher's z alone
    assert above - at == pytest.approx(slope)


@pytest.mark.parametrize("sides", [(ONE, ONE), (ONE, OTHER)])
def test_other_is_a_density(sides: tuple[Nearness, Nearness]) -> None:
    """Of anybody all of it, and a tenth of the most similar other's, that never lies below its place."""
    values = np.linspace(-3, 3, 400_001)
    density = np.exp(PLAIN.log_other(values, *sides))
    normal = (values - sides[0].mean) / sides[0].deviation + (values - sides[1].mean) / sides[1].deviation
    best = np.maximum(normal / 2 - PLAIN.best_at, 0) / PLAIN.best_scale
    slope = (1 / sides[0].deviation + 1 / sides[1].deviation) / 2
    slow = np.exp(-best - np.exp(-best)) / PLAIN.best_scale * slope
    slow[normal / 2 <= PLAIN.best_at - 1] = 0
    anyone = np.exp(-0.5 * (normal / 2) ** 2) / math.sqrt(2 * math.pi) * slope
    np.testing.assert_allclose(density, anyone + 0.15 * slow, rtol=1e-9, atol=1e-300)
    assert area(anyone, values) == pytest.approx(1, abs=1e-3)


def test_the_best_above_its_place_has_gumbel_s_density() -> None:
    values = np.linspace(0.1, 3, 400_001)
    density = np.exp(PLAIN.log_best(values, ONE, OTHER))
    normal = normalise(values, ONE, OTHER)
    above = normal >= PLAIN.best_at
    share = 1 - math.exp(-1)  # of Gumbel's distribution above its place
    assert area(density[above], values[above]) == pytest.approx(share, abs=1e-3)
    # below it the density is that of its place, so that nothing dissimilar seems to be somebody else
    assert np.ptp(PLAIN.log_best(values[~above], ONE, OTHER)) == 0


def test_normalise_is_the_mean_of_both_sides() -> None:
    assert normalise(np.array([0.3]), ONE, OTHER) == pytest.approx([(0.2 / 0.08 + 0.1 / 0.05) / 2])


def test_more_evidence_for_the_more_similar() -> None:
    values = np.linspace(0.0, 0.95, 300)
    odds = PLAIN.log_same(values, 3, 3) - PLAIN.log_best(values, ONE, OTHER)
    assert (np.diff(odds) > 0).all()


@pytest.mark.parametrize("of_any", [False, True])
@pytest.mark.parametrize("log_odds", [-1.0, 2.3])
def test_the_printed_similarity_has_the_odds(log_odds: float, of_any: bool) -> None:
    value = np.array([PLAIN.similarity_at(log_odds, (2, 5), (ONE, OTHER), of_any=of_any)])
    other = PLAIN.log_other if of_any else PLAIN.log_best
    assert PLAIN.log_same(value, 2, 5) - other(value, ONE, OTHER) == pytest.approx([log_odds], abs=1e-6)


def test_the_usual_nearness_is_the_median() -> None:
    near = Nearness(np.array([0.1, 0.5, 0.2]), np.array([3.0, 1.0, 2.0])).usual()
    assert (near.mean.tolist(), near.deviation.tolist()) == ([0.2], [2.0])


def test_odd_similarities_are_no_infinity() -> None:
    values = np.array([-1.0, -0.999999, 0.0, 1.0, 1.0000001])
    assert np.isfinite(fisher_z(values)).all()
    for density in (
        PLAIN.log_same(values, 1, 1),
        PLAIN.log_best(values, ONE, ONE),
        PLAIN.log_other(values, ONE, ONE),
    ):
        assert np.isfinite(density).all()
    assert np.isfinite(PLAIN.chance(np.array([-1e6, 1e6]))).all()
