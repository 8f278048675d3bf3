"""What figures refuse, and what they say at the limits."""

from __future__ import annotations

import numpy as np
import pytest

from facemodel.errors import ScoreError
from facemodel.scoring.metrics import accuracy, decide, roc

LIKENESS = np.array([0.9, 0.7, 0.7, 0.2])
SAME = np.array([True, True, False, False])


@pytest.mark.parametrize("same", [[True] * 4, [False] * 4])
def test_one_kind_of_pair_has_no_figures(same: list[bool]) -> None:
    with pytest.raises(ScoreError, match="figures need both kinds"):
        roc(LIKENESS, np.array(same))


def test_nan_has_no_figures() -> None:
    with pytest.raises(ScoreError, match="1 of 4 likenesses are NaN"):
        roc(np.array([0.1, np.nan, 0.2, 0.3]), SAME)


def test_answers_must_belong_to_the_likenesses() -> None:
    with pytest.raises(ScoreError, match="do not belong together"):
        roc(LIKENESS, SAME[:3])


@pytest.mark.parametrize("weights", [[1, 1, 1], [1, 1, 1, -1], [1, 1, 1, np.nan]])
def test_weights_are_one_a_pair_and_not_negative(weights: list[float]) -> None:
    with pytest.raises(ScoreError, match="weights"):
        roc(LIKENESS, SAME, np.array(weights))


def test_nothing_to_decide() -> None:
    with pytest.raises(ScoreError, match="no pair"):
        decide(np.empty(0, np.bool_), np.empty(0, np.bool_))


def test_perfect_and_hopeless_scores() -> None:
    top = np.array([True, False, False, False])
    for likeness, same, area, rate in (
        (LIKENESS, top, 1, 0), (-LIKENESS, SAME, 0.125, 0.75), (np.zeros(4), SAME, 0.5, 0.5),
    ):  # fmt: skip
        curve = roc(likeness, same)
        assert (curve.auc(), curve.eer()) == (area, rate)


def test_of_equally_good_thresholds_the_strictest() -> None:
    assert roc(LIKENESS, SAME).best_threshold() == 0.9  # at 0.7 the impostor comes along: three right, too


def test_scores_worse_than_none_accept_nothing_with_a_number() -> None:
    threshold = roc(np.array([0.1, 0.8, 0.9]), np.array([True, False, False])).best_threshold()
    assert 0.9 < threshold < 0.9000001
    assert accuracy(np.array([0.1, 0.8, 0.9]), np.array([True, False, False]), threshold) == 2 / 3


def test_a_million_tied_pairs_are_one_step() -> None:
    same = np.arange(1_000_000) % 2 == 0
    curve = roc(np.zeros(1_000_000), same)
    assert curve.thresholds.tolist() == [np.inf, 0.0]
    assert curve.auc() == 0.5
