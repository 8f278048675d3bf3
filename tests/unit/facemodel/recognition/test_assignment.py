"""One person at most once in a photo: the assignment is the best one, as scipy finds it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]

from facemodel.recognition.assignment import NOBODY, assign_people


def best_sum(alike: np.ndarray, least: float) -> float:
    """The largest sum of likenesses above ``least``, by scipy; unknown faces add nothing."""
    gains = np.where(alike >= least, alike - least, -1e9)
    gains = np.concatenate([gains, np.zeros((len(alike), len(alike)))], axis=1)
    return float(gains[linear_sum_assignment(-gains)].sum())


@pytest.mark.parametrize("seed", range(200))
def test_the_sum_is_the_largest_and_nobody_is_named_twice(seed: int) -> None:
    rng = np.random.default_rng(seed)
    faces, people = rng.integers(1, 9), rng.integers(1, 14)
    alike = rng.normal(size=(faces, people))
    alike = np.round(alike, 1) if seed % 3 == 0 else alike  # with ties
    least = None if seed % 4 == 0 else float(np.round(rng.normal(), 1))
    found = assign_people(alike, least)
    named = np.flatnonzero(found != NOBODY)
    assert len(set(found[named].tolist())) == len(named)
    assert (alike[named, found[named]] >= (-np.inf if least is None else least)).all()
    bottom = float(alike.min() - 1) if least is None else least
    assert (alike[named, found[named]] - bottom).sum() == pytest.approx(best_sum(alike, bottom))
    if least is None:
        assert len(named) == min(faces, people)


def test_who_is_taken_leaves_the_next_best_or_unknown() -> None:
    alike = np.array([[0.9, 0.2, 0.1], [0.8, 0.7, 0.1], [0.85, 0.3, 0.2]])
    assert assign_people(alike, 0.5).tolist() == [0, 1, NOBODY]
    assert assign_people(alike, None).tolist() == [0, 1, 2]
    assert assign_people(alike, 0.95).tolist() == [NOBODY] * 3


def test_just_enough_is_enough_and_a_trifle_less_is_not() -> None:
    assert assign_people(np.array([[0.5]]), 0.5).tolist() == [0]
    assert assign_people(np.array([[np.nextafter(0.5, 0)]]), 0.5).tolist() == [NOBODY]
    assert assign_people(np.array([[-0.25]]), -0.25).tolist() == [0]  # a distance


def test_no_face_and_nobody_to_name() -> None:
    assert assign_people(np.empty((0, 3)), 0.5).tolist() == []
    assert assign_people(np.empty((2, 0)), 0.5).tolist() == [NOBODY, NOBODY]


def test_thousands_of_people() -> None:
    alike = np.random.default_rng(1).normal(size=(40, 5000))
    found = assign_people(alike, 2.5)
    named = np.flatnonzero(found != NOBODY)
    assert (alike[named, found[named]] - 2.5).sum() == pytest.approx(best_sum(alike, 2.5))
