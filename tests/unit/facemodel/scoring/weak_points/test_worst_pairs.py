"""The worst pairs: only those that are decided wrongly, the worst first, each once."""

from __future__ import annotations

import numpy as np
import pytest

from facemodel.scoring.pair_figures import ScoredPairs
from facemodel.scoring.weak_points.worst_pairs import find_worst

VALUES = [0.9, 0.2, 0.7, 0.4, 0.95, 0.6, 0.1, 0.3]
SAME = [True, True, True, True, False, False, False, False]
ENDS = np.arange(8), np.arange(8, 16)


def pairs(values: list[float], metric: str = "cosine") -> ScoredPairs:
    people = np.zeros(8, np.int64), np.where(SAME, 0, 1)
    return ScoredPairs(np.array(values), metric, np.array(SAME), *people)


def test_accepts_are_the_most_alike_first_and_rejects_the_least() -> None:
    assert find_worst(pairs(VALUES), ENDS, 0.5, False, 24).tolist() == [4, 5]
    assert find_worst(pairs(VALUES), ENDS, 0.5, True, 24).tolist() == [1, 3]
    assert find_worst(pairs(VALUES), ENDS, 0.5, True, 1).tolist() == [1]


def test_a_distance_is_the_other_way_round() -> None:
    far = pairs([1 - value for value in VALUES], "euclidean")
    assert find_worst(far, ENDS, 0.5, False, 24).tolist() == [4, 5]
    assert find_worst(far, ENDS, 0.5, True, 24).tolist() == [1, 3]


def test_the_score_of_the_threshold_itself_is_accepted() -> None:
    assert find_worst(pairs(VALUES), ENDS, 0.6, False, 24).tolist() == [4, 5]
    assert find_worst(pairs(VALUES), ENDS, 0.7, True, 24).tolist() == [1, 3]


def test_without_a_threshold_all_of_the_kind_are_ranked() -> None:
    assert find_worst(pairs(VALUES), ENDS, None, False, 24).tolist() == [4, 5, 7, 6]
    assert find_worst(pairs(VALUES), ENDS, None, True, 3).tolist() == [1, 3, 2]


@pytest.mark.parametrize("of_same", [False, True])
def test_nothing_wrong_is_an_empty_list(of_same: bool) -> None:
    assert find_worst(pairs(VALUES), ENDS, 0.99 if not of_same else 0.0, of_same, 24).tolist() == []


def test_a_pair_that_is_listed_again_turned_round_is_found_once() -> None:
    left, right = np.array([0, 1, 2, 3, 4, 12, 6, 7]), np.array([8, 9, 10, 11, 12, 4, 14, 15])
    assert find_worst(pairs(VALUES), (left, right), 0.5, False, 24).tolist() == [4]


def test_equal_scores_stay_in_their_order() -> None:
    assert find_worst(pairs([0.5] * 8), ENDS, 0.5, False, 24).tolist() == [4, 5, 6, 7]
