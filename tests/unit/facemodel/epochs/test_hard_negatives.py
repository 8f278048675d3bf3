"""Hard negatives are those a plain loop finds; the cache holds each crop's own feature."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from facedata import ClassManifest
from facedata.config import SplitConfig
from facedata.types import Float32Array, Int64Array
from facemodel.batches.people import TrainingPeople
from facemodel.batches.reader import CropReader, UInt8Batch
from facemodel.epochs import nearest
from facemodel.epochs.anchors import draw_anchors
from facemodel.epochs.candidates import MiningRule
from facemodel.epochs.hard_negatives import FeatureCache, fill_cache, hard_epoch
from facemodel.epochs.nearest import draw_candidates, hard_negatives
from facemodel.epochs.plan import EpochRows
from facemodel.errors import DataError, TrainingError
from tests.support.small_set import make_set

PERSON = np.array([0, 0, 1, 1, 1, 2, 3, 3, 4, 5, 5, 5])


def plain_loop(features: Float32Array, anchors: Int64Array, candidates: Int64Array) -> list[int]:
    """Return each anchor's nearest candidate, one number at a time."""
    rows, chosen = features.tolist(), []
    for anchor, mine in zip(anchors.tolist(), candidates.tolist(), strict=True):
        best, least = -1, float("inf")
        for candidate in mine:
            distance = 0.0
            for x, y in zip(rows[anchor], rows[candidate], strict=True):
                distance += (x - y) * (x - y)
            if distance < least:
                best, least = candidate, distance
        chosen.append(best)
    return chosen


def _random_case(
    seed: int, photos: int = 400, dim: int = 16, n: int = 20
) -> tuple[Float32Array, Int64Array, Int64Array, Int64Array]:
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((photos, dim)).astype(np.float32)
    person = np.arange(photos) % 50
    anchors = rng.integers(0, photos, 300)
    return features, person, anchors, draw_candidates(person, anchors, n, rng)


def test_the_nearest_is_what_a_plain_loop_finds() -> None:
    features, person, anchors, candidates = _random_case(0)
    found = hard_negatives(features, person, anchors, candidates)
    assert found.tolist() == plain_loop(features, anchors, candidates)


@pytest.mark.parametrize("offset", [10.0, 1e4])
def test_neighbours_that_float32_cannot_tell_apart_are_told_apart(offset: float) -> None:
    """Far from the origin |a|² + |c|² - 2 a·c has no digits left for the distance itself."""
    features, person, anchors, candidates = _random_case(1)
    features = features * np.float32(1e-2) + np.float32(offset)
    found = hard_negatives(features, person, anchors, candidates)
    assert found.tolist() == plain_loop(features, anchors, candidates)


def test_of_equally_near_ones_the_first_is_taken() -> None:
    features = np.zeros((6, 4), np.float32)
    person = np.array([0, 1, 2, 3, 4, 5])
    candidates = np.array([[3, 1, 5], [5, 2, 4]])
    assert hard_negatives(features, person, np.array([0, 1]), candidates).tolist() == [3, 5]


def test_threads_and_blocks_change_no_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    features, person, anchors, candidates = _random_case(2)
    whole = hard_negatives(features, person, anchors, candidates)
    monkeypatch.setattr(nearest, "_BLOCK_FLOATS", 1000)
    monkeypatch.setattr(nearest, "_THREADED_FLOATS", 1)
    assert np.array_equal(hard_negatives(features, person, anchors, candidates), whole)


def test_candidates_of_the_anchors_own_person_are_passed_over() -> None:
    features = np.arange(6, dtype=np.float32)[:, None]
    person = np.array([0, 0, 1, 1, 2, 2])
    assert hard_negatives(features, person, np.array([0]), np.array([[1, 4, 2]])).tolist() == [2]
    with pytest.raises(DataError, match="no candidate of another person"):
        hard_negatives(features, person, np.array([0]), np.array([[1, 1]]))


def test_no_anchors_give_no_negatives() -> None:
    nobody = np.empty(0, np.int64)
    features, person, _, _ = _random_case(3)
    assert hard_negatives(features, person, nobody, np.empty((0, 5), np.int64)).shape == (0,)
    assert draw_candidates(person, nobody, 5, np.random.default_rng(0)).shape == (0, 5)


@pytest.mark.parametrize("n", [1, 4, 9])
def test_candidates_are_other_peoples_and_distinct(n: int) -> None:
    anchors = np.repeat(np.arange(len(PERSON)), 50)
    found = draw_candidates(PERSON, anchors, n, np.random.default_rng(1))
    assert found.shape == (len(anchors), n)
    assert (PERSON[found] != PERSON[anchors][:, None]).all()
    assert all(len(set(row)) == n for row in found.tolist())


def test_more_candidates_than_others_take_all_of_them() -> None:
    """One of the old systems drew on and on for a negative that was not there."""
    found = draw_candidates(PERSON, np.arange(len(PERSON)), 25, np.random.default_rng(1))
    for anchor, row in enumerate(found.tolist()):
        assert set(row) == set(np.flatnonzero(PERSON[anchor] != PERSON).tolist())


def test_candidates_come_as_often_as_one_another() -> None:
    anchors = np.zeros(20_000, np.int64)
    found = draw_candidates(PERSON, anchors, 3, np.random.default_rng(2))
    share = np.bincount(found.reshape(-1), minlength=len(PERSON))[2:] / found.size
    assert np.abs(share - 0.1).max() < 0.01


def test_one_person_has_no_candidates() -> None:
    with pytest.raises(DataError, match="only one person"):
        draw_candidates(np.zeros(4, np.int64), np.arange(4), 2, np.random.default_rng(0))


def _first_pixel(crops: UInt8Batch) -> Float32Array:
    return crops[:, 0, 0].astype(np.float32)


@pytest.fixture
def training(tmp_path: Path) -> TrainingPeople:
    people = {"a": 3, "b": 1, "c": 4, "d": 2}
    return TrainingPeople.of(
        ClassManifest.open(make_set(tmp_path / "set", people, split=SplitConfig(splits="train=1")).path)
    )


def test_each_crop_gets_its_own_feature(training: TrainingPeople) -> None:
    cache, seen = FeatureCache(10, 3), []
    with CropReader(training.classes, 2) as reader:
        fill_cache(cache, np.array([8, 2, 2, 5]), _first_pixel, reader, 2, lambda *done: seen.append(done))
        assert np.flatnonzero(cache.known).tolist() == [2, 5, 8]
        assert seen == [(2, 3), (3, 3)]
        fill_cache(cache, np.arange(10), _first_pixel, reader, 4)
    for row, crop in enumerate(training.classes):
        assert np.array_equal(cache.features[row], crop.image()[0, 0])


def test_an_unreadable_crop_shifts_no_feature(training: TrainingPeople) -> None:
    """System A's cache was one behind from the first unreadable photo on."""
    lost = training.classes[4]
    (Path(str(lost.root)) / lost.file).write_bytes(b"x" * lost.length)
    cache = FeatureCache(10, 3)
    with CropReader(training.classes, 2) as reader:
        with pytest.raises(DataError, match=lost.path):
            fill_cache(cache, np.arange(10), _first_pixel, reader, 3)
        fill_cache(cache, np.delete(np.arange(10), 4), _first_pixel, reader, 3)
    assert not cache.known[4]
    for row in (0, 3, 5, 9):
        assert np.array_equal(cache.features[row], training.classes[row].image()[0, 0])


def test_features_that_are_none_are_refused() -> None:
    cache = FeatureCache(3, 2)
    with pytest.raises(TrainingError, match="NaN"):
        cache.update(np.array([1]), np.array([[np.nan, 0]], np.float32))
    assert not cache.known.any()


def _plan(training: TrainingPeople) -> EpochRows:
    rows = np.array([[0, 1, 3], [4, 5, 0], [8, 9, 2], [5, 6, 9]])
    return EpochRows(rows, None, 2)


def test_an_epoch_gets_the_nearest_of_its_candidates(training: TrainingPeople) -> None:
    cache = FeatureCache(10, 3)
    cache.update(np.arange(10), np.random.default_rng(0).standard_normal((10, 3)).astype(np.float32))
    plan = _plan(training)
    hard = hard_epoch(plan, cache, training.person, MiningRule(100), (0, 1))
    assert np.array_equal(hard.rows[:, :2], plan.rows[:, :2])
    others = [np.flatnonzero(training.person != training.person[row]) for row in plan.rows[:, 0]]
    for anchor, negative, theirs in zip(plan.rows[:, 0], hard.rows[:, 2], others, strict=True):
        distance = np.linalg.norm(cache.features[theirs] - cache.features[anchor], axis=1)
        assert negative == theirs[np.argmin(distance)]


def test_an_epochs_candidates_depend_on_the_key_alone(training: TrainingPeople) -> None:
    cache = FeatureCache(10, 3)
    cache.update(np.arange(10), np.random.default_rng(0).standard_normal((10, 3)).astype(np.float32))
    plan = EpochRows(np.tile(_plan(training).rows, (20, 1)), None, 2)
    first, again, other = (
        hard_epoch(plan, cache, training.person, MiningRule(2), (0, epoch)).rows for epoch in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_cache_with_holes_is_refused(training: TrainingPeople) -> None:
    cache = FeatureCache(10, 3)
    cache.update(np.arange(9), np.zeros((9, 3), np.float32))
    with pytest.raises(DataError, match="1 crops have no features yet"):
        hard_epoch(_plan(training), cache, training.person, MiningRule(2), (0, 1))


def test_every_crop_that_can_be_is_an_anchor_once(training: TrainingPeople) -> None:
    anchor, positive = draw_anchors(training, None, seed=5)
    assert sorted(anchor.tolist()) == np.flatnonzero(training.counts[training.person] > 1).tolist()
    assert (training.person[anchor] == training.person[positive]).all()
    assert (anchor != positive).all()
    assert len(draw_anchors(training, 7, seed=5)[0]) == 7


def test_anchors_need_somebody_with_two_photos(tmp_path: Path) -> None:
    people = {"a": 1, "b": 1}
    prepared = make_set(tmp_path / "set", people, split=SplitConfig(splits="train=1"))
    with pytest.raises(DataError, match="two photos"):
        draw_anchors(TrainingPeople.of(ClassManifest.open(prepared.path)), None, seed=0)
