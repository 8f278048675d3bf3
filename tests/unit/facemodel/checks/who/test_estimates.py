"""What one person's photos have in common: recovered from sets that were made with it."""

from __future__ import annotations

import numpy as np
import pytest

from facemodel.checks.who import estimates
from facemodel.checks.who.estimates import compare_with_rest, estimate_best, estimate_own, first_guess
from facemodel.checks.who.groups import make_groups
from facemodel.checks.who.nearest_groups import find_nearest
from facemodel.checks.who.reference import choose_reference
from tests.support.synthetic_people import exchange, many_people


@pytest.mark.parametrize("offset", [0.0, 2.0])
@pytest.mark.parametrize("noise", [0.7, 1.2])
def test_the_agreement_is_what_the_photos_were_made_with(noise: float, offset: float) -> None:
    """Also where a tenth of the names is wrong, and whatever all photos have in common."""
    vectors, person = many_people(200, [2, 5, 9], dim=128, noise=noise, offset=offset)
    given, wrong = exchange(person, 0.1)
    chosen = choose_reference(vectors, given)
    guess = first_guess(vectors, given, chosen, chosen.measure(vectors, given))
    assert guess.agreement == pytest.approx(1 / (1 + noise**2), abs=0.04)
    assert guess.usual == pytest.approx(offset**2 / (1 + offset**2), abs=0.02)
    better = estimate_own(guess, vectors, given, ~wrong)
    assert better.agreement == pytest.approx(1 / (1 + noise**2), abs=0.03)
    similar, others = compare_with_rest(vectors, given, ~wrong, guess.usual)
    apart = np.arctanh(similar) - np.arctanh(better.expected(1, others))
    assert better.spread == pytest.approx(apart.std(), rel=0.2)


def test_nobody_with_two_good_photos_changes_nothing() -> None:
    vectors, person = many_people(20, 2)
    chosen = choose_reference(vectors, person)
    guess = first_guess(vectors, person, chosen, chosen.measure(vectors, person))
    assert estimate_own(guess, vectors, person, np.arange(40) % 2 == 0) is guess


@pytest.mark.parametrize("block", [1, 5, 4096])
def test_photos_are_compared_with_the_rest_as_a_loop_does(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(estimates, "_BLOCK", block)
    monkeypatch.setattr(estimates, "_MEASURED", 4)
    vectors, person = many_people(20, [1, 2, 3, 9], dim=16)
    order = np.random.default_rng(0).permutation(len(person))
    vectors, person = vectors[order], person[order]
    counted = np.random.default_rng(1).random(len(person)) < 0.8
    found = list(zip(*compare_with_rest(vectors, person, counted, 0.2), strict=True))
    slow = []
    for one in range(20):
        rows = np.flatnonzero((person == one) & counted)[:4]
        for row in rows if len(rows) > 1 else ():
            rest = vectors[rows[rows != row]].astype(float).mean(0)
            length = np.sqrt((rest @ rest - 0.2) * (1 - 0.2))
            slow.append(((vectors[row].astype(float) @ rest - 0.2) / length, len(rows) - 1))
    np.testing.assert_allclose(found, slow, atol=1e-9)


@pytest.mark.parametrize("counted", [0, 1])
def test_nobody_to_compare_with(counted: int) -> None:
    vectors, person = many_people(3, 2)
    similar, others = compare_with_rest(vectors, person, np.arange(6) < counted, 0.0)
    assert (similar.shape, others.shape) == ((0,), (0,))


def test_more_people_have_nearer_ones() -> None:
    places = []
    for count in (60, 600):
        vectors, person = many_people(count, 3, dim=32)
        chosen = choose_reference(vectors, person)
        guess = first_guess(vectors, person, chosen, chosen.measure(vectors, person))
        groups = make_groups(vectors, person, person, chosen)
        nearest = find_nearest(groups, chosen.usual)
        found = estimate_best(guess, groups, nearest, np.ones(count, np.bool_))
        expected = found.chance(nearest.normal[:, 0]).mean()
        assert expected == pytest.approx(1, abs=0.4)  # one other person lies above the nearest, on average
        value = (nearest.normal[:, 0] * groups.near.deviation + groups.near.mean)[groups.size > 1]
        places.append(float(np.median(value)))
    assert places[1] > places[0]
