"""Whether a model is strong enough, the printed thresholds, and a model that has learnt the set."""

from __future__ import annotations

import numpy as np
import pytest

from facemodel.checks.who.strength import learnt_lines, list_thresholds, measure_strength
from facemodel.checks.who.weigh import find_who_is_who
from tests.support.synthetic_people import exchange, many_people


@pytest.mark.parametrize("photos", [2, 5])
def test_the_weaker_the_fewer_it_finds(photos: int) -> None:
    found = []
    for noise in (0.8, 1.6, 2.4, 4.0):
        vectors, person = many_people(150, photos, 128, noise)
        strength = measure_strength(find_who_is_who(vectors, person), vectors)
        found.append((strength["alike_share"], strength["is_weak"]))
    assert found == sorted(found, key=lambda pair: -pair[0])
    assert [is_weak for _, is_weak in found] == sorted(is_weak for _, is_weak in found)
    assert (found[0][1], found[-1][1]) == (False, True)


@pytest.mark.parametrize("photos", [2, 6])
@pytest.mark.parametrize("share", [0.2, 0.5])
def test_wrong_names_do_not_make_a_good_model_weak(photos: int, share: float) -> None:
    """Half of MS1M's names are said to be wrong."""
    vectors, person = many_people(200, photos, 128, 0.9)
    given, wrong = exchange(person, share)
    who = find_who_is_who(vectors, given)
    assert not measure_strength(who, vectors)["is_weak"]
    assert (who.wrong | who.stranger).mean() == pytest.approx(wrong.mean(), abs=0.15)


def test_thresholds_are_higher_for_fewer_photos_and_more_odds() -> None:
    vectors, person = many_people(150, 6, 128, 0.9)
    who = find_who_is_who(vectors, person)
    usual, strict = (list_thresholds(who, float(np.log(odds))) for odds in (10, 1000))
    assert [one["value"] < other["value"] for one, other in zip(usual[:2], strict[:2], strict=True)] == [
        True
    ] * 2
    assert usual[0]["by_chance"] > strict[0]["by_chance"]
    assert all(one["text"] for one in usual)
    # a photo's own people agree more than what counts as far from them
    assert usual[2]["value"] < who.likelihood.expected(1, 3)


def test_a_model_that_has_learnt_these_names_is_said_to_have() -> None:
    assert learnt_lines(frozenset(), ["ada", "bo"], is_same_set=False) == []
    assert learnt_lines(frozenset({"cy"}), ["ada", "bo"], is_same_set=False) == []
    (some,) = learnt_lines(frozenset({"ada", "cy"}), ["ada", "bo", "ada"], is_same_set=False)
    assert "1 of these 2 people" in some
    (same,) = learnt_lines(frozenset(), ["ada"], is_same_set=True)  # an export knows its set, not the people
    assert "this very set" in same
