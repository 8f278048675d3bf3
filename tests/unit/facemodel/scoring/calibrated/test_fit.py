"""Calibrations of scores whose true probability is known, and of too few people."""

from __future__ import annotations

import numpy as np
import pytest

from facemodel.scoring.calibrated.fit import FEWEST_GENUINE, fit_calibration
from facemodel.scoring.open_set import summarise_validation
from facemodel.validated.calibration import ISOTONIC, PLATT

SPREAD = 0.12


def draw(
    people: int, photos: int, impostors: int, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Normal likenesses of equal spread: the true log-odds are a straight line, 0 at 0.35."""
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(people), photos)
    return rng.normal(0.5, SPREAD, len(person)), person, np.sort(rng.normal(0.2, SPREAD, impostors))


def true_probability(alike: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-(alike - 0.35) * 0.3 / SPREAD**2)))


@pytest.mark.parametrize(("people", "method", "within"), [(20, PLATT, 0.04), (400, ISOTONIC, 0.04)])
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_it_finds_the_true_probability(people: int, method: str, within: float, metric: str) -> None:
    genuine, person, impostors = draw(people, 8, 40_000)
    sign = -1 if metric == "euclidean" else 1
    curve = fit_calibration(genuine, person, impostors, metric)
    assert curve is not None
    assert (curve.method, curve.metric, curve.people) == (method, metric, people)
    assert (curve.genuine, curve.impostors) == (people * 8, 40_000)
    alike = np.linspace(0.0, 0.7, 71)
    found = curve.probability(sign * alike)
    assert np.abs(found - true_probability(alike)).mean() < within
    assert (np.diff(found) >= 0).all()
    assert len(curve.scores) <= 64


def test_few_comparisons_make_a_logistic_curve_and_more_an_isotonic_one() -> None:
    for count, method in ((FEWEST_GENUINE - 1, PLATT), (FEWEST_GENUINE, ISOTONIC)):
        genuine, person, impostors = draw(count, 1, 2000)
        curve = fit_calibration(genuine, person, impostors, "cosine")
        assert curve is not None
        assert curve.method == method


def test_each_person_counts_the_same() -> None:
    """One person with a thousand comparisons and low scores does not move the others' curve much."""
    genuine, person, impostors = draw(300, 1, 5000)
    alone = fit_calibration(genuine, person, impostors, "cosine")
    odd = np.concatenate([genuine, np.full(1000, 0.2)]), np.concatenate([person, np.full(1000, 300)])
    found = fit_calibration(*odd, impostors, "cosine")
    assert alone is not None
    assert found is not None
    at = np.array([0.2, 0.3, 0.4, 0.5])
    assert np.abs(found.probability(at) - alone.probability(at)).max() < 0.1


def test_the_order_and_ties_of_scores_do_not_matter() -> None:
    genuine, person, impostors = draw(100, 5, 3000)
    genuine, impostors = np.round(genuine, 2), np.round(impostors, 2)
    order = np.random.default_rng(1).permutation(len(genuine))
    assert fit_calibration(genuine, person, impostors, "cosine") == fit_calibration(
        genuine[order], person[order], impostors, "cosine"
    )


@pytest.mark.parametrize("people", [1, 9])
def test_too_few_people_have_none(people: int) -> None:
    genuine, person, impostors = draw(people, 40, 500)
    assert fit_calibration(genuine, person, impostors, "cosine") is None


def test_a_network_that_says_the_same_of_all_has_none() -> None:
    assert fit_calibration(np.full(50, 0.5), np.arange(50), np.full(80, 0.5), "cosine") is None


def test_one_that_is_worse_than_chance_says_one_half_of_all() -> None:
    genuine, person, impostors = draw(60, 5, 3000)
    curve = fit_calibration(-genuine, person, np.sort(-impostors), "cosine")
    assert curve is not None
    np.testing.assert_allclose(curve.probability(np.linspace(-1, 1, 9)), 0.5)


def test_validation_photos_make_it_and_it_says_little_of_a_single_pair_above_all_strangers() -> None:
    rng = np.random.default_rng(3)
    person = np.repeat(np.arange(40), 5)
    rows = (rng.normal(size=(40, 16))[person] + 0.9 * rng.normal(size=(200, 16))).astype(np.float32)
    curve = summarise_validation(rows, person, "cosine", unseen=True).calibration
    assert curve is not None
    assert (curve.genuine, curve.people) == (40 * 10, 40)
    assert curve.impostors == 200 * 199 // 2 - 400
    assert 0.5 < curve.probability(np.array([0.99]))[0] < 1
    assert curve.probability(np.array([0.0]))[0] < 0.1
