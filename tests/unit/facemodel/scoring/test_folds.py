"""Folds against LFW's definition, written out."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, roc_curve
from sklearn.model_selection import KFold

from facemodel.errors import ScoreError
from facemodel.scoring.folds import deal_folds, judge_as_insightface, judge_folds


def likenesses(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    same = np.arange(count) % 2 == 0
    return np.round(rng.normal(size=count) + 1.5 * same, 2), same


def test_ten_folds_are_as_lfw_defines_them() -> None:
    likeness, same = likenesses(600)
    folds = np.repeat(np.arange(10), 60)
    accuracies = []
    for fold in range(10):
        train, test = folds != fold, folds == fold
        _, _, thresholds = roc_curve(same[train], likeness[train], drop_intermediate=False)
        best = max(thresholds, key=lambda at: accuracy_score(same[train], likeness[train] >= at))
        accuracies.append(accuracy_score(same[test], likeness[test] >= best))
    mean = sum(accuracies) / 10
    spread = (sum((one - mean) ** 2 for one in accuracies) / 9) ** 0.5
    found = judge_folds(likeness, same, folds)
    assert found.accuracies == pytest.approx(accuracies, abs=1e-12)
    assert found.mean == pytest.approx(mean, abs=1e-12)
    assert found.standard_error == pytest.approx(spread / 10**0.5, abs=1e-12)
    assert found.pairs == (60,) * 10
    assert (found.accepted == same).mean() == pytest.approx(mean)  # folds of one size


def test_a_fold_never_chooses_its_own_threshold() -> None:
    likeness, same = likenesses(200)
    folds = np.arange(200) // 2 % 4
    before = judge_folds(likeness, same, folds)
    likeness[folds == 2] += 100  # another scale: its own best threshold would be near 100
    after = judge_folds(likeness, same, folds)
    assert after.thresholds[2] == before.thresholds[2]
    assert after.accuracies[2] == 0.5  # all are accepted


def test_who_is_in_a_fold_chooses_no_threshold_for_it() -> None:
    left = np.array([0, 1, 2, 3, 0, 1, 2, 3])
    right = np.array([0, 1, 2, 3, 1, 0, 3, 2])
    same = left == right
    likeness = np.array([0.9, 0.9, 5.0, 5.0, 0.1, 0.1, 4.0, 4.0])
    folds = np.array([0, 0, 1, 1, 0, 0, 1, 1])
    assert judge_folds(likeness, same, folds, (left, right)).thresholds == (5.0, 0.9)
    likeness[1] = 77.0  # person 1 meets person 0 in a pair of fold 0, so moving them to a fold of their own …
    folds[1] = 2
    found = judge_folds(likeness, same, folds, (left, right))
    assert found.thresholds[0] == 5.0  # … still chooses nothing for fold 0


def test_dealt_folds_share_no_person_between_genuine_pairs() -> None:
    rng = np.random.default_rng(1)
    left = rng.integers(50, size=2000)
    right = np.where(rng.random(2000) < 0.5, left, rng.integers(50, size=2000))
    folds = deal_folds(left, right, seed=3)
    assert set(folds.tolist()) == set(range(10))
    homes = [set(left[folds == fold].tolist()) for fold in range(10)]
    assert sum(map(len, homes)) == 50
    assert max(map(len, homes)) - min(map(len, homes)) == 0
    assert (folds == deal_folds(left, right, seed=3)).all()
    assert (folds != deal_folds(left, right, seed=4)).any()


def test_few_people_have_no_folds() -> None:
    person = np.array([0, 0, 1, 1])
    other = np.array([0, 1, 1, 0])
    with pytest.raises(ScoreError, match="without its people"):
        judge_folds(np.arange(4.0), person == other, deal_folds(person, other, 0), (person, other))
    with pytest.raises(ScoreError, match="1 fold"):
        judge_folds(np.arange(4.0), person == other, np.zeros(4, np.int64))


def stepped_by_hand(cosines: np.ndarray, same: np.ndarray) -> tuple[list[float], list[float]]:
    """Return InsightFace's accuracies and thresholds, by scikit-learn's folds and a loop over the steps."""
    distances = 2 - 2 * cosines
    steps = np.arange(0, 4, 0.01)
    accuracies, thresholds = [], []
    for train, test in KFold(n_splits=10, shuffle=False).split(np.arange(len(same))):
        best = max(steps, key=lambda step: np.mean(same[train] == (distances[train] < step)))  # the first
        thresholds.append(float(best))
        accuracies.append(float(np.mean(same[test] == (distances[test] < best))))
    return accuracies, thresholds


@pytest.mark.parametrize("count", [10, 47, 600])
def test_insightface_s_folds_are_scikit_learns(count: int) -> None:
    rng = np.random.default_rng(count)
    same = rng.random(count) < 0.5
    cosines = np.clip(rng.normal(0.1 + 0.4 * same, 0.2), -1, 1)
    cosines[: count // 4] = np.round(cosines[: count // 4], 2)  # on the steps themselves
    folds = np.concatenate(
        [[fold] * len(test) for fold, (_, test) in enumerate(KFold(10).split(np.arange(count)))]
    )
    found = judge_as_insightface(cosines, same, folds)
    accuracies, thresholds = stepped_by_hand(cosines, same)
    assert found is not None
    assert found.thresholds == pytest.approx(thresholds, abs=1e-12)
    assert found.accuracies == pytest.approx(accuracies, abs=1e-12)
    figures = found.figures()
    assert figures["accuracy"] == pytest.approx(np.mean(accuracies), abs=1e-12)
    assert figures["std"] == pytest.approx(np.std(accuracies), abs=1e-12)


def test_only_ten_folds_are_judged_as_insightface_does() -> None:
    same = np.arange(40) % 2 == 0
    for folds in (np.arange(40) % 9, np.arange(40) % 11):
        assert judge_as_insightface(np.linspace(0, 1, 40), same, folds) is None
    # the ends of the scale: an opposite pair is beyond the last step, an equal one below the second
    found = judge_as_insightface(np.where(same, 1.0, -1.0), same, np.arange(40) // 4)
    assert found is not None
    assert found.accuracies == (1.0,) * 10
    assert found.thresholds == (0.01,) * 10
