"""Probabilities among the people of a gallery, against galleries that are drawn."""

from __future__ import annotations

import numpy as np
import pytest

from facemodel.recognition.probability import (
    describe_probability,
    find_calibration,
    person_probabilities,
    probability_text,
)
from facemodel.validated.calibration import Calibration
from facemodel.validated.summary import ValidationSummary

SPREAD = 0.15
CURVE = Calibration("platt", "cosine", (0.35,), (0.0,), 0.3 / SPREAD**2, 300, 9000, 60)
"""The true one of scores that are normal, of equal spread, at 0.2 and 0.5."""


@pytest.mark.parametrize("people", [1, 5, 50])
@pytest.mark.parametrize("prior", [0.5, 0.1])
def test_of_faces_with_a_probability_that_share_is_right(people: int, prior: float) -> None:
    rng, count = np.random.default_rng(people), 20_000
    scores = rng.normal(0.2, SPREAD, (count, people))
    who = np.where(rng.random(count) < prior, rng.integers(people, size=count), -1)
    known = np.flatnonzero(who >= 0)
    scores[known, who[known]] += 0.3
    chances = person_probabilities(CURVE.weigh(scores), prior)
    assert (chances.sum(axis=1) < 1).all()
    nearest = scores.argmax(axis=1)
    said, right = chances[np.arange(count), nearest], nearest == who
    for low in np.arange(0, 1, 0.1):
        some = (said >= low) & (said < low + 0.1)
        if some.sum() > 200:
            assert right[some].mean() == pytest.approx(said[some].mean(), abs=0.08)
    assert said.mean() == pytest.approx(right.mean(), abs=0.01)


def test_a_gallery_of_one_at_one_half_is_the_pair() -> None:
    scores = np.linspace(-1, 1, 9)[:, None]
    np.testing.assert_allclose(person_probabilities(CURVE.weigh(scores), 0.5), CURVE.probability(scores))


def test_huge_odds_do_not_overflow() -> None:
    chances = person_probabilities(np.array([[800.0, 790.0], [-800.0, -900.0]]), 0.5)
    assert np.isfinite(chances).all()
    assert chances[0].sum() == pytest.approx(1)
    assert chances[1].max() < 1e-100


def test_the_words() -> None:
    known = ValidationSummary(60, 300, 9000, False, 0.98, calibration=CURVE)
    said = describe_probability(known, 12, 0.05)
    assert said.startswith("that the face is this person's, if 5% of faces show one of the 12 people")
    assert "too sure" in said
    assert [probability_text(one) for one in (0.0, 0.005, 0.5, 0.994, 0.996, 1.0)] == [
        "<.01", ".01", ".50", ".99", ">.99", ">.99",
    ]  # fmt: skip
    assert find_calibration(known, "cosine") is CURVE
    assert find_calibration(known, "euclidean") is None
    assert find_calibration(None, "cosine") is None
