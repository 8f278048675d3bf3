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
from facemodel.training import negatives as negatives_module
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


def test_the_rules_are_kept_and_a_triplet_without_a_negative_keeps_the_drawn_one(
    training: TrainingPeople,
) -> None:
    far, none = (
        made(training, negatives="hard", hard_candidates=0, per_negative=999, **rule)
        for rule in ({"hard_margin": 5.0}, {"max_score": 1000.0})
    )
    rows = make_sampler(far.config, training).epoch(1)
    with CropReader(training.classes) as reader:
        kept = far.plan(rows, 1, Mean(), reader).rows
        assert np.array_equal(none.plan(rows, 1, Mean(), reader).rows, rows.rows)
    assert far.cache is not None
    colours = far.cache.features.astype(float)
    changed = kept[:, 2] != rows.rows[:, 2]
    assert changed.any()
    for anchor, positive, negative in kept[changed].tolist():
        apart = np.linalg.norm(colours - colours[anchor], axis=1)
        able = (training.person != training.person[anchor]) & (apart >= apart[positive] + 5.0)
        assert apart[negative] == pytest.approx(apart[able].min(), abs=1e-4)


def test_names_that_check_suspects_stay_apart_also_after_a_resume(
    training: TrainingPeople, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The findings that the run began with count, whatever `check` has found since."""
    others = np.arange(2, len(training.names))  # person 0 has person 1 alone left to be told from
    suspected = np.stack([np.zeros_like(others), others], axis=1)
    options = {"negatives": "hard", "hard_candidates": 0, "per_negative": 999}
    monkeypatch.setattr(negatives_module, "read_one_person", lambda _: suspected)
    before = made(training, **options)
    monkeypatch.setattr(negatives_module, "read_one_person", lambda _: np.empty((0, 2), np.int64))
    resumed = made(training, **options)
    resumed.restore(*before.state())
    rows = make_sampler(before.config, training).epoch(1)
    with CropReader(training.classes) as reader:
        plans = [
            one.plan(rows, 1, Mean(), reader).rows for one in (before, resumed, made(training, **options))
        ]
    assert np.array_equal(plans[0], plans[1])
    people = training.person[plans[0]]
    assert (people[people[:, 0] == 0][:, 2] == 1).all()
    assert not np.array_equal(plans[0], plans[2])
