"""Weights and intervals over people."""

from __future__ import annotations

import numpy as np
import pytest

from facemodel.errors import ScoreError
from facemodel.scoring.intervals import bootstrap, fair_weights, largest_share
from facemodel.scoring.metrics import roc


def pairs(people: int, count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    left = rng.integers(people, size=count)
    right = np.where(rng.random(count) < 0.5, left, (left + rng.integers(1, people, size=count)) % people)
    return left, right, left == right


def test_one_person_does_not_dominate() -> None:
    """System D's test pairs: one person had 58% of the genuine ones, and hid how the others fared."""
    left = np.array([0] * 58 + list(range(1, 43)))
    same = np.ones(100, np.bool_)
    assert largest_share(left, same) == 0.58
    right = (left == 0).astype(float)  # only this person is recognised
    assert right.mean() == 0.58
    assert np.average(right, weights=fair_weights(left, left, same)) == pytest.approx(1 / 43)


def test_an_interval_holds_the_figure_and_grows_with_fewer_people() -> None:
    widths = []
    for people in (10, 100):
        left, right, same = pairs(people, 2000)
        rng = np.random.default_rng(1)
        likeness = rng.normal(size=2000) + same + rng.normal(size=people)[left]  # some are harder
        found = bootstrap(lambda w: roc(likeness, same, w).auc(), left, right, draws=200)  # noqa: B023  used at once
        assert found.low < roc(likeness, same).auc() < found.high
        assert (found.draws, found.people) == (200, people)
        widths.append(found.high - found.low)
    assert widths[0] > 1.3 * widths[1]


def test_an_interval_of_one_mean_is_the_textbook_one() -> None:
    """Genuine pairs only, one a person: the plain bootstrap of a mean."""
    person = np.arange(400)
    values = np.random.default_rng(2).normal(size=400)
    found = bootstrap(lambda w: float(np.average(values, weights=w)), person, person, draws=2000)
    half = 1.96 * values.std() / 20
    assert found.low == pytest.approx(values.mean() - half, abs=0.15 * half)
    assert found.high == pytest.approx(values.mean() + half, abs=0.15 * half)


def test_a_difference_on_the_same_pairs_is_sharper_than_two_intervals() -> None:
    left, right, same = pairs(40, 3000)
    noise = np.random.default_rng(3).normal(size=3000)
    old, new = noise + same, noise + 1.2 * same
    found = bootstrap(lambda w: roc(new, same, w).auc() - roc(old, same, w).auc(), left, right, draws=200)
    assert found.low > 0
    apart = [bootstrap(lambda w: roc(x, same, w).auc(), left, right, draws=200) for x in (old, new)]  # noqa: B023
    assert apart[0].high > apart[1].low


def test_same_seed_same_interval() -> None:
    left, right, same = pairs(12, 300)
    likeness = np.random.default_rng(4).normal(size=300) + same
    found = [
        bootstrap(lambda w: roc(likeness, same, w).auc(), left, right, draws=100, seed=s) for s in (1, 1, 2)
    ]
    assert found[0] == found[1] != found[2]


def test_too_few_people() -> None:
    one = np.zeros(10, np.int64)
    with pytest.raises(ScoreError, match="too few"):
        bootstrap(lambda w: 1.0, one, one)
    left, right, _ = pairs(2, 10)
    with pytest.raises(ScoreError, match="too few"):  # no draw has a genuine pair
        bootstrap(lambda w: roc(np.zeros(10), np.zeros(10, np.bool_), w).auc(), left, right, draws=100)


def test_few_people_with_two_photos_are_too_few_however_many_others_there_are() -> None:
    left, right = np.arange(60) % 40, np.arange(60) % 40 + (np.arange(60) >= 4)  # four genuine pairs
    likeness = np.random.default_rng(0).normal(size=60)
    with pytest.raises(ScoreError, match=r"people with two photos for an interval \(4; 10 are needed\)"):
        bootstrap(lambda w: roc(likeness, left == right, w).auc(), left, right)


@pytest.mark.parametrize("people", [2, 9, 10])
@pytest.mark.parametrize("seed", range(3))
def test_ten_people_are_the_fewest(people: int, seed: int) -> None:
    left, right, same = pairs(people, 600)
    likeness = np.random.default_rng(4).normal(size=600) + same
    if people == 10:
        found = bootstrap(lambda w: roc(likeness, same, w).auc(), left, right, draws=100, seed=seed)
        assert found.low < found.high
        return
    with pytest.raises(ScoreError, match=rf"^too few people for an interval \({people}; 10 are needed\)$"):
        bootstrap(lambda w: roc(likeness, same, w).auc(), left, right, draws=100, seed=seed)


def test_millions_of_pairs_are_drawn_less_often() -> None:
    left = np.arange(1_000_000) % 1000
    assert bootstrap(lambda w: float(w[0]), left, left).draws == 100
