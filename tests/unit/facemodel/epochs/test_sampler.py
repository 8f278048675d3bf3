"""An epoch's plan depends on the seed and its number alone, and holds what its rule says."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from facedata import ClassManifest, PairManifest, PreparedSet, TripletManifest, triplets_set
from facedata.config import SplitConfig
from facemodel.batches.people import TrainingPeople
from facemodel.config import FitConfig
from facemodel.epochs.photos import PeopleSampler, PhotoSampler
from facemodel.epochs.plan import EpochRows, Sampler, Usage
from facemodel.epochs.sampler import make_sampler
from facemodel.epochs.tuples import TripletSampler
from facemodel.errors import DataError
from tests.support.small_set import make_set

ALL_TRAIN = SplitConfig(splits="train=1")
PEOPLE = {f"p{number}": 1 + number % 5 for number in range(12)}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> PreparedSet:
    folder = tmp_path_factory.mktemp("sampler") / "faces"
    return make_set(folder, PEOPLE, reference=["p4/0.jpg", "p9/2.jpg"], split=ALL_TRAIN)


@pytest.fixture(scope="module")
def training(small: PreparedSet) -> TrainingPeople:
    return TrainingPeople.of(ClassManifest.open(small.path))


def _config(batches: str, **changes: object) -> FitConfig:
    loss = {"triplets": "triplet", "pairs": "bce", "photos": "cross-entropy", "people": "arcface"}[batches]
    return FitConfig(**{"batches": batches, "loss": loss, "batch": 16, **changes})  # type: ignore[arg-type]


def _manifest(config: FitConfig, small: PreparedSet) -> TripletManifest | PairManifest | None:
    kinds = {"triplets": TripletManifest, "pairs": PairManifest}
    return kinds[config.batches].open(small.path) if config.batches in kinds else None  # type: ignore[attr-defined]


@pytest.mark.parametrize("fresh", [None, 40])
@pytest.mark.parametrize("batches", ["triplets", "pairs", "photos", "people"])
def test_an_epoch_depends_on_seed_and_number_alone(
    batches: str, fresh: int | None, small: PreparedSet, training: TrainingPeople
) -> None:
    def planned(seed: int, number: int) -> EpochRows:
        config = _config(batches, seed=seed, rows_per_epoch=fresh)
        return make_sampler(config, training, _manifest(config, small)).epoch(number)

    config = _config(batches, seed=3, rows_per_epoch=fresh)
    sampler = make_sampler(config, training, _manifest(config, small))
    walked = [sampler.epoch(number) for number in range(1, 4)]
    assert np.array_equal(planned(3, 3).rows, walked[2].rows)
    assert planned(3, 3).same is None or np.array_equal(planned(3, 3).same, walked[2].same)  # type: ignore[arg-type]
    assert not np.array_equal(walked[0].rows, walked[1].rows)
    assert not np.array_equal(planned(4, 3).rows, walked[2].rows)


def _are_triplets(plan: EpochRows, training: TrainingPeople) -> None:
    anchor, positive, negative = training.person[plan.rows].T
    assert (anchor == positive).all()
    assert (anchor != negative).all()
    assert (plan.rows[:, 0] != plan.rows[:, 1]).all()


def test_a_manifests_triplets_all_come_once_in_another_order(
    small: PreparedSet, training: TrainingPeople
) -> None:
    manifest = TripletManifest.open(small.path)
    plan = make_sampler(_config("triplets"), training, manifest).epoch(1)
    _are_triplets(plan, training)
    wanted = np.column_stack([manifest.anchor, manifest.positive, manifest.negative]).tolist()
    found = training.ids[plan.rows].tolist()
    assert found != wanted
    assert sorted(found) == sorted(wanted)


def test_fresh_triplets_are_drawn_each_epoch(small: PreparedSet, training: TrainingPeople) -> None:
    sampler = make_sampler(_config("triplets", rows_per_epoch=30), training, TripletManifest.open(small.path))
    first, second = sampler.epoch(1), sampler.epoch(2)
    for plan in (first, second):
        assert plan.rows.shape == (30, 3)
        _are_triplets(plan, training)
    assert len({tuple(row) for row in [*first.rows.tolist(), *second.rows.tolist()]}) > 35


def test_reference_photos_are_the_anchors(small: PreparedSet, training: TrainingPeople) -> None:
    """The set's own triplets were drawn at random: they are not what was asked for."""
    config = _config("triplets", strategy="reference")
    plan = make_sampler(config, training, TripletManifest.open(small.path)).epoch(1)
    _are_triplets(plan, training)
    assert training.reference[plan.rows[:, 0]].all()
    assert not training.reference[plan.rows[:, 1]].any()


def test_a_set_drawn_by_the_strategy_gives_its_own_rows(tmp_path: Path) -> None:
    prepared = make_set(tmp_path / "faces", PEOPLE, reference=["p4/0.jpg"], split=ALL_TRAIN)
    triplets_set(str(prepared.path), strategy="reference", count=17)
    training = TrainingPeople.of(ClassManifest.open(prepared.path))
    manifest = TripletManifest.open(prepared.path)
    assert len(make_sampler(_config("triplets", strategy="reference"), training, manifest).epoch(1)) == 17


def test_rows_of_a_file_are_taken_so_many_an_epoch(small: PreparedSet, training: TrainingPeople) -> None:
    manifest = TripletManifest.open(small.path)[:50]
    config = _config("triplets", triplets="hard.parquet", rows_per_epoch=20)
    sampler = make_sampler(config, training, manifest)
    wanted = set(
        zip(manifest.anchor.tolist(), manifest.positive.tolist(), manifest.negative.tolist(), strict=True)
    )
    found = [set(map(tuple, training.ids[sampler.epoch(n).rows].tolist())) for n in (1, 2)]
    assert [len(rows) for rows in found] == [20, 20]
    assert found[0] | found[1] <= wanted
    assert found[0] != found[1]


def test_rows_of_people_set_aside_are_left_out_and_counted(small: PreparedSet) -> None:
    crops = ClassManifest.open(small.path)
    stays = pa.array([row.identity != "p4" for row in crops])
    training = TrainingPeople.of(ClassManifest(crops.prepared, crops.table.filter(stays), "train"))
    manifest = TripletManifest.open(small.path)
    sampler = make_sampler(_config("triplets"), training, manifest)
    plan = sampler.epoch(1)
    _are_triplets(plan, training)
    paths = [{row.anchor.identity, row.positive.identity, row.negative.identity} for row in manifest]
    lost = sum("p4" in people for people in paths)
    assert lost
    assert len(plan) == len(manifest) - lost
    assert sampler.notes[0].startswith(f"{lost} of {len(manifest)} triplets use a photo that does not train")


def test_pairs_keep_their_answers(small: PreparedSet, training: TrainingPeople) -> None:
    for fresh in (None, 25):
        config = _config("pairs", rows_per_epoch=fresh)
        plan = make_sampler(config, training, PairManifest.open(small.path)).epoch(2)
        left, right = training.person[plan.rows].T
        assert plan.same is not None
        assert np.array_equal(left == right, plan.same)
        assert plan.same.any()
        assert not plan.same.all()


def test_each_photo_comes_once(training: TrainingPeople) -> None:
    plan = PhotoSampler(training, seed=0, batch=8).epoch(1)
    assert sorted(plan.rows[:, 0].tolist()) == list(range(len(training)))


@pytest.mark.parametrize("count", [5, 33, 100])
def test_photos_come_as_evenly_as_can_be(training: TrainingPeople, count: int) -> None:
    rows = PhotoSampler(training, seed=0, batch=8, count=count).epoch(1).rows
    used = np.bincount(rows[:, 0], minlength=len(training))
    assert used.sum() == count
    assert used.max() - used.min() <= 1


@pytest.mark.parametrize("singles", [True, False])
def test_a_batch_of_people_holds_k_photos_of_each(training: TrainingPeople, singles: bool) -> None:
    sampler = PeopleSampler(training, seed=0, people=3, each=4, count=240, singles=singles)
    plan = sampler.epoch(1)
    assert plan.batch == 12
    assert len(plan) == 240
    sizes = training.counts
    seen: Counter[int] = Counter()
    for rows in plan.rows.reshape(-1, 12, 1):
        people = training.person[rows[:, 0]].reshape(3, 4)
        assert (people == people[:, :1]).all()
        assert len(set(people[:, 0].tolist())) == 3
        for person, photos in zip(people[:, 0].tolist(), rows.reshape(3, 4).tolist(), strict=True):
            assert len(set(photos)) == min(4, sizes[person])
            seen[person] += 1
    able = np.flatnonzero(sizes >= (1 if singles else 2)).tolist()
    assert sorted(seen) == able


def test_a_persons_photos_come_in_turn(training: TrainingPeople) -> None:
    plan = PeopleSampler(training, seed=1, people=2, each=2, count=400).epoch(1)
    used = np.bincount(plan.rows[:, 0], minlength=len(training))
    for person in np.flatnonzero(training.counts > 1):
        mine = used[training.person == person]
        assert mine.max() - mine.min() <= 1


def test_fewer_people_than_asked_make_smaller_batches(training: TrainingPeople) -> None:
    plan = PeopleSampler(training, seed=1, people=500, each=2).epoch(1)
    assert plan.batch == 2 * int((training.counts > 1).sum())
    assert len(plan) == plan.batch


def test_usage_counts_what_was_drawn() -> None:
    used = Usage(4)
    used.add(np.array([[0, 0, 3], [0, 2, 3]]))
    assert used.counts.tolist() == [3, 0, 1, 2]
    assert (used.summary().never, used.summary().most, used.summary().mean) == (1, 3, 1.5)


def test_negatives_are_replaced_and_nothing_else() -> None:
    plan = EpochRows(np.array([[0, 1, 2], [3, 4, 5]]), None, 2)
    assert plan.with_negatives(np.array([7, 8])).rows.tolist() == [[0, 1, 7], [3, 4, 8]]


def _training(tmp_path: Path, people: dict[str, int]) -> TrainingPeople:
    return TrainingPeople.of(ClassManifest.open(make_set(tmp_path / "few", people, split=ALL_TRAIN).path))


@pytest.mark.parametrize("batches", ["triplets", "pairs", "photos", "people"])
def test_one_class_only_is_refused(tmp_path: Path, batches: str) -> None:
    with pytest.raises(DataError, match="1 people have photos to train on, and two are needed"):
        make_sampler(_config(batches), _training(tmp_path, {"only": 5}))


@pytest.mark.parametrize(
    ("batches", "loss"), [("triplets", "triplet"), ("pairs", "bce"), ("people", "triplet")]
)
def test_no_person_with_two_photos_is_refused(tmp_path: Path, batches: str, loss: str) -> None:
    with pytest.raises(DataError, match="two photos"):
        make_sampler(_config(batches, loss=loss), _training(tmp_path, {"a": 1, "b": 1, "c": 1}))


def test_a_person_with_one_photo_is_never_an_anchor_and_is_counted(training: TrainingPeople) -> None:
    sampler = make_sampler(_config("triplets", rows_per_epoch=500), training)
    plan = sampler.epoch(1)
    single = training.counts == 1
    assert not single[training.person[plan.rows[:, 0]]].any()
    assert single[training.person[plan.rows[:, 2]]].any()
    assert sampler.notes == (
        f"{single.sum()} of 12 people have one photo and are only used as another person",
    )


def test_no_reference_photo_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="--reference GLOB"):
        make_sampler(_config("triplets", strategy="reference"), _training(tmp_path, {"a": 2, "b": 2}))


def test_a_file_of_other_splits_only_is_refused(small: PreparedSet) -> None:
    crops = ClassManifest.open(small.path)
    two = pa.array([row.identity in ("p1", "p6") for row in crops])
    training = TrainingPeople.of(ClassManifest(crops.prepared, crops.table.filter(two), "train"))
    manifest = TripletManifest.open(small.path)
    strange = [index for index, row in enumerate(manifest) if row.negative.identity not in ("p1", "p6")]
    with pytest.raises(DataError, match="none of the 5 triplets"):
        make_sampler(_config("triplets"), training, manifest._like(manifest.table.take(strange[:5])))


def test_samplers_are_frozen(training: TrainingPeople) -> None:
    sampler: Sampler = TripletSampler(training, 0, 8, 4)
    with pytest.raises(dataclasses.FrozenInstanceError):
        sampler.seed = 2  # type: ignore[attr-defined]
