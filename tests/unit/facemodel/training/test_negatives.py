"""When negatives turn hard, and that the features these are found with are each crop's own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from facedata import ClassManifest
from facemodel.batches.people import TrainingPeople
from facemodel.batches.reader import CropReader
from facemodel.config import FitConfig
from facemodel.epochs.sampler import make_sampler
from facemodel.training.negatives import Negatives
from tests.support.people_set import people_set
from tests.support.tiny_fit import TINY


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> TrainingPeople:
    prepared = people_set(tmp_path_factory.mktemp("set"))
    return TrainingPeople.of(ClassManifest.open(prepared.path, split="train"))


class Mean:
    """Embeds a crop as the mean of its colours: what a crop's feature must be is known."""

    def __init__(self) -> None:
        self.asked: list[np.ndarray[Any, np.dtype[np.int64]]] = []

    def __call__(self, reader: CropReader, rows: Any) -> Any:
        self.asked.append(rows)
        return reader.read(rows).reshape(len(rows), -1, 3).mean(1).astype(np.float32)


def made(training: TrainingPeople, **options: Any) -> Negatives:
    config = FitConfig(**{**TINY, "rows_per_epoch": 40, **options})
    return Negatives(config, training, 3)


def test_random_stays_random_and_needs_no_feature(training: TrainingPeople) -> None:
    negatives, embeds = made(training), Mean()
    rows = make_sampler(negatives.config, training).epoch(1)
    with CropReader(training.classes) as reader:
        assert negatives.plan(rows, 1, embeds, reader) is rows
        assert not negatives.after(rows.rows, 1, 0.0, embeds, reader)
    assert negatives.kind(9) == "random"
    assert embeds.asked == []


def test_hard_from_the_first_epoch_on_with_every_crops_own_feature(training: TrainingPeople) -> None:
    negatives, embeds = made(training, negatives="hard", hard_candidates=8), Mean()
    rows = make_sampler(negatives.config, training).epoch(1)
    with CropReader(training.classes) as reader:
        plan = negatives.plan(rows, 1, embeds, reader)
        every = np.arange(len(training))
        assert negatives.cache is not None
        assert np.array_equal(negatives.cache.features, Mean()(reader, every))
        assert np.array_equal(plan.rows[:, :2], rows.rows[:, :2])
        person = training.person[plan.rows]
        assert (person[:, 0] != person[:, 2]).all()
        features = negatives.cache.features
        near, far = (
            np.linalg.norm(features[some[:, 0]] - features[some[:, 2]], axis=1).mean()
            for some in (plan.rows, rows.rows)
        )
        assert near < 0.8 * far
        negatives.after(plan.rows, 1, 0.5, embeds, reader)
    assert np.array_equal(embeds.asked[-1], np.unique(plan.rows))  # what the epoch used is made again


def test_random_turns_hard_by_the_share_of_active_triplets(training: TrainingPeople) -> None:
    negatives, embeds = made(training, negatives="random-then-hard", hard_below=0.25), Mean()
    rows = make_sampler(negatives.config, training).epoch(1).rows
    with CropReader(training.classes) as reader:
        assert not negatives.after(rows, 1, 0.25, embeds, reader)
        assert negatives.after(rows, 2, 0.24, embeds, reader)
        assert [negatives.kind(epoch) for epoch in (1, 2, 3, 9)] == ["random", "random", "hard", "hard"]
        assert negatives.cache is None  # filled when the hard epoch begins, by the weights it begins with


def test_what_a_checkpoint_holds_is_enough(training: TrainingPeople) -> None:
    one, embeds = made(training, negatives="hard", hard_candidates=5), Mean()
    rows = make_sampler(one.config, training).epoch(1)
    with CropReader(training.classes) as reader:
        want = one.plan(rows, 1, embeds, reader)
        other = made(training, negatives="hard", hard_candidates=5)
        other.restore(*one.state())
        assert np.array_equal(other.plan(rows, 1, embeds, reader).rows, want.rows)
        assert len(embeds.asked) == 1  # the features came from the checkpoint
    assert other.since == 1


def test_rows_without_a_negative_have_no_kind(training: TrainingPeople) -> None:
    negatives = made(training, batches="photos", loss="focal", negatives="hard")
    assert negatives.kind(1) is None
