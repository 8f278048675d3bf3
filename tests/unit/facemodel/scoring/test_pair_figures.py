"""All figures together: which decide, what is weighed, what is missing where it cannot be told."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, roc_auc_score

from facemodel.scoring.intervals import fair_weights
from facemodel.scoring.metrics import accuracy
from facemodel.scoring.pair_figures import ScoredPairs, pair_figures
from facemodel.scoring.thresholds import MODEL, Threshold, choose_threshold, has_seen, own_threshold
from facemodel.spec import InputSpec


def pairs(people: int = 60, count: int = 1200, metric: str = "cosine", folds: bool = False) -> ScoredPairs:
    rng = np.random.default_rng(6)
    left = np.minimum(rng.geometric(0.05, count), people) - 1
    right = np.where(rng.random(count) < 0.5, left, rng.integers(people, size=count))
    same = left == right
    values = rng.normal(size=count) + 1.5 * same
    fold = np.arange(count) % 10 if folds else None
    return ScoredPairs(values if metric == "cosine" else -values, metric, same, left, right, fold)


NONE = Threshold(None, "none")


def test_a_distance_and_the_similarity_that_is_its_negative_fare_alike() -> None:
    found = [
        pair_figures(pairs(metric=m), Threshold(at, MODEL))
        for m, at in (("cosine", 0.7), ("euclidean", -0.7))
    ]
    for name in ("accuracy", "auc", "eer", "confusion", "weighted", "intervals"):
        assert found[0][name] == found[1][name]
    for one, other in zip(found[0]["tar_at_far"], found[1]["tar_at_far"], strict=True):
        assert one["tar"] == other["tar"]
        assert one["threshold"] is other["threshold"] is None or one["threshold"] == -other["threshold"]
    assert found[0]["folds"]["thresholds"] == [-one for one in found[1]["folds"]["thresholds"]]


def test_the_weighted_figures_are_scikit_learns_with_our_weights() -> None:
    some = pairs()
    found = pair_figures(some, Threshold(0.7, MODEL))
    weights = fair_weights(some.left, some.right, some.same)
    said = some.values >= 0.7
    assert found["weighted"]["accuracy"] == pytest.approx(
        accuracy_score(some.same, said, sample_weight=weights)
    )
    assert found["weighted"]["auc"] == pytest.approx(
        roc_auc_score(some.same, some.values, sample_weight=weights)
    )
    assert found["accuracy"] == pytest.approx(accuracy_score(some.same, said))


@pytest.mark.parametrize("folds", [True, False])
def test_without_a_threshold_each_fold_is_decided_by_the_others(folds: bool) -> None:
    found = pair_figures(pairs(folds=folds), NONE)
    shares, counts = found["folds"]["accuracies"], found["folds"]["pairs"]
    assert found["folds"]["official"] is folds
    assert found["accuracy"] == pytest.approx(np.average(shares, weights=counts))
    assert found["threshold"]["decided_by"].startswith("each fold's")


def test_few_people_have_no_folds_and_no_decisions_and_it_is_said() -> None:
    found = pair_figures(pairs(people=2, count=50), NONE)
    assert found["folds"] is None
    assert "without its people" in found["no_folds"]
    assert found["accuracy"] is found["f1"] is found["confusion"] is None
    assert found["threshold"]["decided_by"] == "nothing"
    assert found["auc"] > 0.5


def test_intervals_hold_the_figures() -> None:
    found = pair_figures(pairs(), Threshold(0.7, MODEL))
    for name in ("auc", "accuracy"):
        low, high = found["intervals"][name]
        assert low < found[name] < high
    assert found["intervals"]["people"] == 60
    assert found["no_interval"] is None


@pytest.mark.parametrize("seed", range(5))
def test_two_people_have_no_interval_whatever_the_seed(seed: int) -> None:
    """It had zero width, and looked like certainty."""
    found = pair_figures(pairs(people=2, count=50), Threshold(0.7, MODEL), seed)
    assert found["intervals"] is None
    assert found["no_interval"] == "too few people for an interval (2; 10 are needed)"


def test_all_pairs_right_is_no_interval_of_zero_width() -> None:
    some = pairs()
    perfect = ScoredPairs(np.where(some.same, 1.0, -1.0), "cosine", some.same, some.left, some.right)
    found = pair_figures(perfect, Threshold(0.0, MODEL))
    assert found["auc"] == found["accuracy"] == 1
    assert found["intervals"] is None
    assert found["no_interval"] == "no interval: every draw of 60 people gives 1"


def test_figures_are_plain_json() -> None:
    for threshold in (NONE, Threshold(0.7, MODEL)):
        found = pair_figures(pairs(), threshold)
        assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_few_impostors_give_no_rate_and_the_count_is_told() -> None:
    found = pair_figures(pairs(), Threshold(0.7, MODEL))
    impostors = found["impostors"]
    assert 100 <= impostors < 1000
    assert [(one["far"], one["tar"] is None) for one in found["tar_at_far"]] == [
        (0.1, False), (0.01, True), (0.001, True), (0.0001, True), (1e-5, True), (1e-6, True)
    ]  # fmt: skip
    assert {one["impostors"] for one in found["tar_at_far"]} == {impostors}


def test_a_chosen_threshold_is_the_best_in_the_metrics_own_terms() -> None:
    for metric in ("cosine", "euclidean"):
        some = pairs(metric=metric)
        found = choose_threshold(some.values, some.same, metric, "val pairs")
        assert found.value is not None
        likeness = some.likeness
        at = found.value if metric == "cosine" else -found.value
        best = max(accuracy(likeness, some.same, one) for one in likeness)
        assert accuracy(likeness, some.same, at) == best
        assert found.sentence() == "best for 1,200 val pairs of the set"


def test_own_thresholds_say_the_same_of_both_metrics_only_for_lengths_of_one() -> None:
    spec = InputSpec(112, "square", 4, normalised=True, threshold=0.3, metric="cosine")
    distance = own_threshold(spec, "euclidean")
    assert distance == pytest.approx(np.sqrt(1.4))
    assert own_threshold(spec.with_threshold(distance, "euclidean"), "cosine") == pytest.approx(0.3)
    loose = InputSpec(112, "square", 4, threshold=0.3, metric="cosine")
    assert own_threshold(loose, "cosine") == 0.3
    assert own_threshold(loose, "euclidean") is None
    assert own_threshold(InputSpec(112, "square", 4, normalised=True), "cosine") is None


def test_a_model_has_seen_the_val_and_train_pairs_of_its_own_set_only() -> None:
    spec = InputSpec(112, "square", 4, set_fingerprint="abc", threshold=1.0)
    assert has_seen(spec, "abc", "val")
    assert has_seen(spec, "abc", "train")
    assert not has_seen(spec, "abc", "test")
    assert not has_seen(spec, "other", "val")
