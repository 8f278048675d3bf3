"""A negative that many anchors want goes to the nearest of them; the limit holds wherever it can."""

from __future__ import annotations

import numpy as np
import pytest

from facedata.types import Float32Array, Int64Array
from facemodel.epochs import hard_negatives as mining
from facemodel.epochs.candidates import MiningRule
from facemodel.epochs.capped import capped_negatives, default_cap
from facemodel.epochs.hard_negatives import FeatureCache, NegativeUse, hard_epoch
from facemodel.epochs.nearest import draw_candidates, hard_negatives
from facemodel.epochs.plan import EpochRows


def _case(seed: int, hubs: int = 4) -> tuple[Float32Array, Int64Array, Int64Array, Int64Array]:
    """Crops on a sphere, 10 a person; the first of some people is in the middle, near to everybody."""
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((400, 16)).astype(np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    features[: 10 * hubs : 10] *= 0.05
    person, anchors = np.arange(400) // 10, rng.permutation(400)
    return features, person, anchors, draw_candidates(person, anchors, 20, rng)


def _one_by_one(
    features: Float32Array, anchors: Int64Array, candidates: Int64Array, most: int
) -> dict[int, int]:
    """Return each anchor's negative: pairs from the nearest on, as long as both are free."""
    pairs = [
        (float(np.square(features[a].astype(np.float64) - features[c]).sum()), position, int(c))
        for position, (a, row) in enumerate(zip(anchors.tolist(), candidates, strict=True))
        for c in row
    ]
    chosen: dict[int, int] = {}
    used: dict[int, int] = {}
    for _, position, candidate in sorted(pairs):
        if position not in chosen and used.get(candidate, 0) < most:
            chosen[position] = candidate
            used[candidate] = used.get(candidate, 0) + 1
    return chosen


@pytest.mark.parametrize("most", [2, 3, 10])
def test_the_choice_is_that_of_a_plain_loop_over_all_pairs_from_the_nearest_on(most: int) -> None:
    features, person, anchors, candidates = _case(0)
    want = _one_by_one(features, anchors, candidates, most)
    assert len(want) == len(anchors)  # so that nothing has to be taken more often
    used = np.zeros(400, np.int64)
    found = capped_negatives(features, person, anchors, candidates, used, most)
    assert found.tolist() == [want[position] for position in range(len(anchors))]
    assert used.max() == np.bincount(found).max() == most
    assert (person[found] != person[anchors]).all()


def test_without_a_limit_hubs_make_a_large_part_and_with_one_they_do_not() -> None:
    features, person, anchors, candidates = _case(1)
    free = hard_negatives(features, person, anchors, candidates)
    assert np.bincount(free).max() > 15
    found = capped_negatives(features, person, anchors, candidates, np.zeros(400, np.int64), 5)
    assert np.bincount(found).max() == 5
    changed = np.flatnonzero(found != free)
    assert 0 < len(changed) < 0.3 * len(anchors)


def test_a_limit_that_nobody_reaches_changes_nothing() -> None:
    features, person, anchors, candidates = _case(2, hubs=0)
    free = hard_negatives(features, person, anchors, candidates)
    used = np.zeros(400, np.int64)
    most = int(np.bincount(free).max())
    assert np.array_equal(capped_negatives(features, person, anchors, candidates, used, most), free)
    assert np.array_equal(used, np.bincount(free, minlength=400))


def test_what_was_used_before_counts() -> None:
    features, person, anchors, candidates = _case(3)
    used = np.zeros(400, np.int64)
    used[0] = 3
    found = capped_negatives(features, person, anchors, candidates, used, 3)
    assert 0 not in found
    assert used[0] == 3
    assert used.sum() == 403


def test_where_the_limit_cannot_hold_it_is_doubled_and_every_anchor_has_a_negative() -> None:
    features = np.random.default_rng(0).standard_normal((6, 3)).astype(np.float32)
    person, anchors = np.array([0, 0, 0, 1, 1, 1]), np.repeat([0, 1, 2], 20)
    candidates = np.tile([3, 4, 5], (60, 1))
    found = capped_negatives(features, person, anchors, candidates, np.zeros(6, np.int64), 4)
    assert (person[found] == 1).all()
    counts = np.bincount(found)[3:]
    assert counts.max() <= 32
    assert counts.min() >= 4


def test_an_epoch_holds_the_limit_over_all_its_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    features, person, anchors, _ = _case(4)
    cache = FeatureCache(400, 16)
    cache.update(np.arange(400), features)
    plan = EpochRows(np.column_stack([anchors, anchors, anchors]), None, 8)
    monkeypatch.setattr(mining, "_DRAWN_AT_ONCE", 1000)
    rows = hard_epoch(plan, cache, person, MiningRule(20, most=3), (0, 1)).rows
    assert np.bincount(rows[:, 2]).max() == 3
    again = hard_epoch(plan, cache, person, MiningRule(20, most=3), (0, 1)).rows
    assert np.array_equal(rows, again)


def test_a_model_compared_by_cosine_is_mined_by_cosine() -> None:
    """By Euclidean distance, embeddings that are short are near to all."""
    features, person, anchors, _ = _case(5)
    cache = FeatureCache(400, 16)
    cache.update(np.arange(400), features)
    plan = EpochRows(np.column_stack([anchors, anchors, anchors]), None, 8)
    hubs = np.arange(0, 40, 10)
    by_length, by_angle = (
        np.isin(hard_epoch(plan, cache, person, MiningRule(50, 10**6, by_cosine), (0, 1)).rows[:, 2], hubs)
        for by_cosine in (False, True)
    )
    assert by_length.mean() > 0.15
    assert by_angle.mean() < 0.05


def test_the_usual_limit_and_the_figures() -> None:
    assert (default_cap(100, 1000), default_cap(1000, 1000), default_cap(1001, 100)) == (10, 10, 101)
    use = NegativeUse.of(np.array([3, 3, 3, 5, 6, 7]), np.arange(250) < 2)
    assert (use.most, use.passed_over) == (3, 2)
    assert use.top_share == pytest.approx(5 / 6)  # of 250 crops, three are the top 1%
    assert use.line == "the most used one 3 times, the top 1% 83.3% of all; 2 outliers passed over"
