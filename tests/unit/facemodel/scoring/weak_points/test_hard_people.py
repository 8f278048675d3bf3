"""The hardest people, against counting pair by pair."""

from __future__ import annotations

import numpy as np
import pytest

from facemodel.scoring.pair_figures import ScoredPairs
from facemodel.scoring.weak_points.hard_people import FEWEST_PAIRS, HardPerson, find_hard_people

NAMES = [f"p{number}" for number in range(8)]


def random_pairs(metric: str, seed: int = 0, count: int = 80) -> ScoredPairs:
    rng = np.random.default_rng(seed)
    left = rng.integers(8, size=count)
    right = np.where(rng.random(count) < 0.5, left, (left + rng.integers(1, 8, size=count)) % 8)
    same = left == right
    alike = rng.normal(size=count) + same
    return ScoredPairs(-alike if metric == "euclidean" else alike, metric, same, left, right)


def count_slowly(pairs: ScoredPairs, threshold: float, person: int) -> HardPerson:
    genuine, impostors, rejects, accepts, scores = 0, 0, 0, 0, []
    for value, same, left, right in zip(pairs.values, pairs.same, pairs.left, pairs.right, strict=True):
        if person not in (left, right):
            continue
        accepted = value <= threshold if pairs.metric == "euclidean" else value >= threshold
        if same:
            genuine, rejects = genuine + 1, rejects + (not accepted)
            scores.append(value)
        else:
            impostors, accepts = impostors + 1, accepts + bool(accepted)
    mean = pytest.approx(np.mean(scores)) if scores else None
    return HardPerson(person, genuine, rejects, impostors, accepts, mean)  # type: ignore[arg-type]


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_they_are_counted_pair_by_pair_and_the_worst_come_first(metric: str) -> None:
    pairs, threshold = random_pairs(metric), -0.5 if metric == "euclidean" else 0.5
    found = find_hard_people(pairs, threshold, NAMES)
    assert found
    assert found == [count_slowly(pairs, threshold, one.person) for one in found]
    shares = [one.share for one in found]
    assert shares == sorted(shares, reverse=True)  # type: ignore[type-var]
    assert all(one.errors for one in found)
    missing = {*range(8)} - {one.person for one in found}
    assert all(count_slowly(pairs, threshold, one).errors == 0 for one in missing)
    assert find_hard_people(pairs, threshold, NAMES, most=2) == found[:2]


@pytest.mark.parametrize(("metric", "sign"), [("euclidean", -1), ("cosine", 1)])
def test_without_a_threshold_the_least_alike_photos_come_first(metric: str, sign: int) -> None:
    found = find_hard_people(random_pairs(metric), None, NAMES)
    likeness = [sign * (one.mean_score or 0) for one in found]
    assert likeness == sorted(likeness)
    assert {one.share for one in found} == {None}
    assert {one.false_rejects for one in found} == {None}


def test_of_people_with_equal_shares_the_one_whose_photos_are_less_alike_is_harder() -> None:
    people = np.repeat([0, 1, 2], 3)
    values = np.array([0.1, 0.9, 0.9, 0.2, 0.9, 0.9, 0.3, 0.9, 0.9])
    pairs = ScoredPairs(values, "cosine", np.ones(9, np.bool_), people, people)
    assert [one.person for one in find_hard_people(pairs, 0.5, NAMES)] == [0, 1, 2]
    even = ScoredPairs(np.tile([0.1, 0.9, 0.9], 3), "cosine", np.ones(9, np.bool_), people, people)
    assert [one.person for one in find_hard_people(even, 0.5, ["c", "a", "b"])] == [1, 2, 0]  # by name


def test_a_person_with_too_few_pairs_is_left_out() -> None:
    people = np.repeat([0, 1], [FEWEST_PAIRS - 1, FEWEST_PAIRS])
    pairs = ScoredPairs(np.zeros(5), "cosine", np.ones(5, np.bool_), people, people)
    assert [one.person for one in find_hard_people(pairs, 0.5, NAMES)] == [1]


def test_a_person_without_a_genuine_pair_has_no_mean() -> None:
    pairs = ScoredPairs(np.ones(3), "cosine", np.zeros(3, np.bool_), np.array([0, 0, 0]), np.array([1, 2, 3]))
    (one,) = find_hard_people(pairs, 0.5, NAMES)
    assert (one.person, one.false_accepts, one.share, one.mean_score) == (0, 3, 1.0, None)
    assert find_hard_people(pairs, None, NAMES) == []
