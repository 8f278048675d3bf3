"""Which candidates may be negatives, against the words of each rule, pair by pair."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facedata.errors import UsageError
from facemodel.mining.matches import COSINE, EUCLIDEAN
from facemodel.mining.rules import ALLOWED, ANY_NEGATIVE, REASONS, NegativeRules, are_listed, refuse

NEAR = np.array([[0.99, 0.7, 0.5, 0.4, -0.2, -np.inf]], np.float32)
OWN = np.array([0.6], np.float32)


def reasons(rules: NegativeRules, similar: np.ndarray = NEAR, own: np.ndarray = OWN) -> list[str]:
    return [REASONS[code] for code in refuse(similar, own, rules)[0].tolist()]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (ANY_NEGATIVE, ["", "", "", "", "", ""]),
        (NegativeRules(margin=0.15), ["margin", "margin", "margin", "", "", ""]),
        (NegativeRules(margin=0.0), ["margin", "margin", "", "", "", ""]),
        (NegativeRules(relative_margin=0.5), ["margin", "margin", "margin", "margin", "", ""]),
        (NegativeRules(max_score=0.5), ["max_score", "max_score", "", "", "", ""]),
        (NegativeRules(range_min=2), ["range_min", "range_min", "", "", "", ""]),
        (NegativeRules(limit=0.65), ["copy", "own_person", "", "", "", ""]),
        (NegativeRules(limit=0.65, margin=0.1), ["copy", "own_person", "", "", "", ""]),
    ],
)
def test_each_rule_by_cosine(rules: NegativeRules, expected: list[str]) -> None:
    if rules.margin == 0.1:  # .5 is exactly .6 - .1 but for float32
        assert reasons(rules)[:2] == expected[:2]
    else:
        assert reasons(rules) == expected


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (NegativeRules(EUCLIDEAN, margin=0.5), ["margin", "margin", "", ""]),
        (NegativeRules(EUCLIDEAN, relative_margin=1.0), ["margin", "margin", "margin", ""]),
        (NegativeRules(EUCLIDEAN, max_score=1.25), ["max_score", "", "", ""]),
        (NegativeRules(EUCLIDEAN, range_min=1), ["range_min", "", "", ""]),
        (NegativeRules(EUCLIDEAN, limit=-1.25), ["own_person", "", "", ""]),
    ],
)
def test_each_rule_by_distance(rules: NegativeRules, expected: list[str]) -> None:
    """The positive is 1 away, the candidates 1, 1.4, 1.75 and 4."""
    similar = -np.array([[1.0, 1.4, 1.75, 4.0]], np.float32)
    assert reasons(rules, similar, np.array([-1.0], np.float32)) == expected


def test_the_nearest_are_skipped_wherever_they_stand() -> None:
    """Random candidates come in any order; equally near ones in theirs."""
    similar = np.array([[0.1, 0.9, 0.5, 0.9]], np.float32)
    assert reasons(NegativeRules(range_min=2), similar) == ["", "range_min", "", "range_min"]
    assert reasons(NegativeRules(range_min=1), similar) == ["", "range_min", "", ""]


similarities = st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=8)


@pytest.mark.parametrize("metric", [COSINE, EUCLIDEAN])
@given(near=similarities, own=st.floats(-1, 1, width=32), margin=st.floats(0, 1, width=16))
def test_a_wider_margin_refuses_no_less(metric: str, near: list[float], own: float, margin: float) -> None:
    similar = np.array([near], np.float32)
    positive = np.array([own], np.float32)
    codes = [refuse(similar, positive, NegativeRules(metric, width)) for width in (margin, margin + 0.25)]
    assert not ((codes[0] != ALLOWED) & (codes[1] == ALLOWED)).any()
    for value, code in zip(similar[0], codes[0][0], strict=True):
        assert (code == ALLOWED) == bool(value <= np.float32(own) - np.float32(margin))


def test_a_highest_cosine_above_1_is_refused() -> None:
    with pytest.raises(UsageError, match=r"--max-score 2: the model compares by cosine"):
        NegativeRules(max_score=2)
    NegativeRules(max_score=1)


def test_pairs_are_listed_in_either_order() -> None:
    pairs = np.array([[3, 1], [0, 2]])
    one, other = np.array([[0], [1]]), np.array([[0, 1, 2, 3], [0, 1, 2, 3]])
    assert np.argwhere(are_listed(one, other, pairs)).tolist() == [[0, 2], [1, 3]]
    assert not are_listed(one, other, None).any()
    assert are_listed(one, other, np.empty((0, 2), np.int64)).shape == (2, 4)
