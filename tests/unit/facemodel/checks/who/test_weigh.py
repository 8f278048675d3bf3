"""What the rounds leave: verdicts, people without the wrong photos, and the odds between them."""

from __future__ import annotations

import numpy as np
import pytest

from facemodel.checks.who.groups import make_groups
from facemodel.checks.who.reference import choose_reference
from facemodel.checks.who.weigh import find_who_is_who
from tests.support.synthetic_people import exchange, many_people


@pytest.mark.parametrize("offset", [0.0, 2.0])
def test_people_are_left_without_the_wrong_photos(offset: float) -> None:
    vectors, person = many_people(150, [3, 6], 128, 0.8, offset)
    given, wrong = exchange(person, 0.1)
    who = find_who_is_who(vectors, given)
    gone = who.wrong | who.stranger
    assert (gone == wrong).mean() > 0.995
    assert (who.people.of_photo[gone] == -1).all()
    assert who.people.person[who.people.of_photo[~gone]].tolist() == given[~gone].tolist()
    assert (who.to[who.wrong] == person[who.wrong]).mean() > 0.97
    assert (who.to[~who.wrong] == -1).all()
    assert np.isneginf(who.score[~gone]).all()
    assert (who.score[gone] > 0).all()
    assert who.wrong_share == pytest.approx(wrong.mean(), abs=0.01)
    # the distributions are those of the photos that are left
    clean = make_groups(vectors, given, np.where(wrong, -1, given), choose_reference(vectors, given))
    np.testing.assert_allclose(clean.size.sum(), who.people.size.sum(), atol=3)
    assert who.likelihood.agreement == pytest.approx(1 / 1.64, abs=0.03)


def test_the_odds_are_alike_in_both_directions() -> None:
    vectors, person = many_people(60, 4, 64, 0.9)
    who = find_who_is_who(vectors, person)
    seen = {}
    for one, others in enumerate(who.nearest.groups.tolist()):
        for column, other in enumerate(others):
            seen[one, other] = who.same_odds[one, column]
    pairs = [(one, other) for one, other in seen if (other, one) in seen]
    assert len(pairs) > 100
    for one, other in pairs:
        assert seen[one, other] == pytest.approx(seen[other, one], abs=1e-6)
    assert max(seen.values()) < np.log(10)
