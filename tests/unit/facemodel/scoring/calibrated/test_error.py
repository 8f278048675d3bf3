"""Calibration error against a plain loop, and against errors that are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from facemodel.errors import ScoreError
from facemodel.scoring.calibrated.error import BINS, calibration_error
from facemodel.scoring.calibrated.lines import calibration_lines


def pairs(count: int, people: int, seed: int = 0) -> tuple[Any, Any, Any, Any]:
    """Likenesses with their true probability, a logistic curve, and the people."""
    rng = np.random.default_rng(seed)
    same = np.arange(count) % 2 == 0
    left = rng.integers(people, size=count)
    right = np.where(same, left, (left + rng.integers(1, people, size=count)) % people)
    log_odds = 2 * (np.where(same, 1.0, -1.0) + rng.normal(size=count))
    return 1 / (1 + np.exp(-log_odds)), same, left, right


def test_it_is_the_plain_loop_s() -> None:
    chance, same, left, right = pairs(300, 40)
    found = calibration_error(chance, same, left, right)
    places = np.argsort(chance)
    total = 0.0
    for part in np.split(places, BINS):  # 300 pairs, half of each kind: 20 a bin
        total += abs(chance[part].mean() - same[part].mean()) / BINS
    assert found["error"] == pytest.approx(total)
    assert found["brier"] == pytest.approx(np.mean((chance - same) ** 2))
    assert [one["pairs"] for one in found["bins"]] == [20] * BINS
    assert found["bins"][0]["share"] == pytest.approx(same[places[:20]].mean())


def test_both_kinds_weigh_the_same_whatever_their_numbers() -> None:
    chance, same, left, right = pairs(2000, 60)
    kept = same | (np.arange(2000) % 20 == 1)  # a tenth of the pairs of two people
    few = [one[kept] for one in (chance, same, left, right)]
    assert calibration_error(*few)["brier"] == pytest.approx(
        calibration_error(chance, same, left, right)["brier"], abs=0.03
    )
    found = calibration_error(*few)
    assert found["error"] < 0.06  # unbalanced it would be some .4


def test_what_chance_adds_is_told_apart() -> None:
    """True probabilities seem 2 to 4 points off; a curve that is too steep really is."""
    found = [calibration_error(*pairs(1000, 200, seed), seed) for seed in range(8)]
    assert np.mean([one["error"] for one in found]) > 0.018
    assert np.mean([one["debiased"] for one in found]) < 0.5 * np.mean([one["error"] for one in found])
    assert sum(one["interval"][0] < 0.005 for one in found) >= 6
    off = []
    for seed in range(8):
        chance, same, left, right = pairs(1000, 200, seed)
        log_odds = np.log(chance / (1 - chance))
        off.append(calibration_error(1 / (1 + np.exp(-2 * log_odds)), same, left, right, seed))
    grid = np.concatenate([np.random.default_rng(0).normal(side, 1, 200_000) for side in (-1, 1)]) * 2
    true = float(np.abs(1 / (1 + np.exp(-2 * grid)) - 1 / (1 + np.exp(-grid))).mean())
    assert np.mean([one["debiased"] for one in off]) == pytest.approx(true, abs=0.01)
    assert sum(one["interval"][0] <= true <= one["interval"][1] for one in off) >= 6


def test_few_people_have_no_interval_and_equal_probabilities_one_bin() -> None:
    _, same, left, right = pairs(40, 6)
    found = calibration_error(np.full(40, 0.75), same, left, right)
    assert found["error"] == pytest.approx(0.25)
    assert (found["interval"], found["debiased"]) == (None, None)
    assert "too few people" in found["no_interval"]
    assert len(found["bins"]) == 1
    assert found["bins"][0]["interval"] is None


def test_pairs_of_one_kind_are_refused() -> None:
    with pytest.raises(ScoreError, match="one kind"):
        calibration_error(np.full(4, 0.5), np.ones(4, bool), np.arange(4), np.arange(4))


def test_the_words() -> None:
    told = {"metric": "cosine", "from": "model", "unseen": False, "sentence": "isotonic, of 60 people"}
    told |= {"error": 0.0123, "interval": [0.004, 0.02], "debiased": 0.01, "brier": 0.05, "no_interval": None}
    first, second, third = calibration_lines({"calibration": told})
    assert first == "probabilities (cosine): the model's own, isotonic, of 60 people"
    assert second.startswith("calibration error 1.23 points (0.40 to 2.00, 95% over people; 1.00 without")
    assert "too sure" in third
    assert len(calibration_lines({"calibration": {**told, "unseen": True}})) == 2
    assert calibration_lines({}) == []
    assert calibration_lines({"calibration": {"error": None, "sentence": "none"}}) == ["none"]
