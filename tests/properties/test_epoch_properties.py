"""Whatever the people, the seed and the epoch: rows are what their kind says, and come again the same."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from facemodel.batches.people import TrainingPeople
from facemodel.epochs.candidates import MiningRule
from facemodel.epochs.hard_negatives import FeatureCache, hard_epoch
from facemodel.epochs.nearest import draw_candidates
from facemodel.epochs.photos import PeopleSampler, PhotoSampler
from facemodel.epochs.tuples import PairSampler, TripletSampler

PEOPLE = st.lists(st.integers(1, 6), min_size=2, max_size=12).filter(lambda sizes: max(sizes) > 1)
SEED, EPOCH = st.integers(0, 2**63 - 1), st.integers(1, 10_000)


def _training(sizes: list[int], seed: int) -> TrainingPeople:
    """Return so many photos of each person, in random order; nothing here reads the set itself."""
    person = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    names = tuple(f"p{code:02d}" for code in range(len(sizes)))
    none: Any = None
    return TrainingPeople(np.arange(len(person)), person, names, np.zeros(len(person), np.bool_), none, none)


@given(PEOPLE, SEED, EPOCH, st.integers(1, 60), st.integers(1, 9))
def test_triplets_and_pairs(sizes: list[int], seed: int, epoch: int, count: int, batch: int) -> None:
    training = _training(sizes, seed % 1000)
    triplets = TripletSampler(training, seed, batch, count)
    plan = triplets.epoch(epoch)
    anchor, positive, negative = training.person[plan.rows].T
    assert (anchor == positive).all()
    assert (anchor != negative).all()
    assert (plan.rows[:, 0] != plan.rows[:, 1]).all()
    assert len(plan) <= count
    assert np.array_equal(plan.rows, triplets.epoch(epoch).rows)
    pairs = PairSampler(training, seed, batch, count).epoch(epoch)
    left, right = training.person[pairs.rows].T
    assert pairs.same is not None
    assert np.array_equal(left == right, pairs.same)


@given(PEOPLE, SEED, EPOCH, st.integers(1, 60))
def test_photos_are_used_evenly(sizes: list[int], seed: int, epoch: int, count: int) -> None:
    training = _training(sizes, seed % 1000)
    rows = PhotoSampler(training, seed, 4, count).epoch(epoch).rows
    used = np.bincount(rows[:, 0], minlength=len(training))
    assert used.sum() == count
    assert used.max() - used.min() <= 1


@given(PEOPLE, SEED, EPOCH, st.integers(2, 8), st.integers(2, 5), st.integers(1, 80))
def test_batches_of_people(
    sizes: list[int], seed: int, epoch: int, people: int, each: int, count: int
) -> None:
    training = _training(sizes, seed % 1000)
    sampler = PeopleSampler(training, seed, people, each, count, singles=True)
    plan = sampler.epoch(epoch)
    assert plan.batch == min(people, len(sizes)) * each
    assert len(plan) == plan.batch * max(1, count // plan.batch)
    for rows in plan.rows.reshape(-1, plan.batch, 1):
        whose = training.person[rows[:, 0]].reshape(-1, each)
        assert (whose == whose[:, :1]).all()
        assert len(np.unique(whose[:, 0])) == len(whose)
        for code, photos in zip(whose[:, 0].tolist(), rows.reshape(-1, each).tolist(), strict=True):
            assert len(set(photos)) == min(each, sizes[code])
    assert np.array_equal(plan.rows, sampler.epoch(epoch).rows)


@given(PEOPLE, SEED, st.integers(1, 40))
def test_candidates_are_other_peoples(sizes: list[int], seed: int, n: int) -> None:
    training = _training(sizes, seed % 1000)
    anchors = np.arange(len(training))
    found = draw_candidates(training.person, anchors, n, np.random.default_rng(seed))
    assert (training.person[found] != training.person[:, None]).all()
    others = len(training) - training.counts[training.person]
    for row, there in zip(found.tolist(), others.tolist(), strict=True):
        assert len(set(row)) == min(n, there)


@given(PEOPLE, SEED, EPOCH, st.integers(1, 8))
def test_hard_negatives_are_as_near_as_any_of_enough_candidates(
    sizes: list[int], seed: int, epoch: int, dim: int
) -> None:
    training = _training(sizes, seed % 1000)
    plan = TripletSampler(training, seed, 8, 20).epoch(epoch)
    cache = FeatureCache(len(training), dim)
    rng = np.random.default_rng(seed)
    # whole numbers: ties are many, and the plain formula is exact
    cache.update(np.arange(len(training)), rng.integers(-2, 3, (len(training), dim)).astype(np.float32))
    rule = MiningRule(len(training), most=len(plan.rows))  # no negative is used too often
    hard = hard_epoch(plan, cache, training.person, rule, (seed, epoch)).rows
    distance = ((cache.features[:, None] - cache.features) ** 2).sum(axis=2)
    distance[training.person[:, None] == training.person] = np.inf
    assert (training.person[hard[:, 2]] != training.person[hard[:, 0]]).all()
    assert np.array_equal(distance[hard[:, 0], hard[:, 2]], distance[hard[:, 0]].min(axis=1))
