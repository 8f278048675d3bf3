"""Fixed rows are fixed, of people that do not train, of one kind on both sides; figures are plain loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from facedata.sets.prepared import PreparedSet
from facemodel.batches.people import TrainingPeople
from facemodel.batches.reader import CropReader
from facemodel.config import FitConfig
from facemodel.epochs.holdout import Validation, hold_out
from facemodel.machine.ranks import Ranks
from facemodel.network.model import input_spec, make_model
from facemodel.objective.objective import Objective, make_objective
from facemodel.recipes import fit_config
from facemodel.training.validate import (
    FixedRows,
    SharedEmbedder,
    judge,
    make_probe_rows,
    make_validation_rows,
)
from tests.support.people_set import people_set
from tests.support.tiny_fit import TINY


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> PreparedSet:
    return people_set(tmp_path_factory.mktemp("set"), people=12)


@pytest.fixture(scope="module")
def closed_faces(tmp_path_factory: pytest.TempPathFactory) -> PreparedSet:
    return people_set(tmp_path_factory.mktemp("set"), people=4, photos=12, split_by="photo")


class Bench:
    """A network that was not trained, and the rows to judge it by."""

    def __init__(self, faces: PreparedSet, **options: Any) -> None:
        self.config: FitConfig = fit_config({**TINY, **options})
        self.validation: Validation = hold_out(faces, self.config)
        self.training = TrainingPeople.of(self.validation.training)
        model, _ = make_model(self.config, input_spec(self.config, faces))
        self.objective: Objective = make_objective(self.config, model, self.training.names)
        self.val = make_validation_rows(self.config, self.validation, self.training)
        self.probe = make_probe_rows(self.config, self.val, self.training)


@pytest.fixture(scope="module")
def bench(faces: PreparedSet) -> Bench:
    return Bench(faces)


def some_embeddings(rows: FixedRows, dim: int = 16, seed: int = 0) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.random.default_rng(seed).normal(size=(len(rows.crops), dim)).astype(np.float32)


def test_rows_are_the_same_each_time_and_of_the_same_kind_on_both_sides(
    faces: PreparedSet, bench: Bench
) -> None:
    again = Bench(faces)
    for one, other in ((bench.val, again.val), (bench.probe, again.probe)):
        assert all(np.array_equal(vars(one)[name], vars(other)[name]) for name in vars(one))
    assert len(bench.val.same) == len(bench.probe.same) == 40
    assert bench.val.same.sum() == bench.probe.same.sum() == 20
    assert len(bench.val.triplets) == len(bench.probe.triplets) == 40


def test_what_same_says_holds_on_both_sides(bench: Bench) -> None:
    judges = TrainingPeople.of(bench.validation.validation)
    for rows, people in ((bench.val, judges), (bench.probe, bench.training)):
        person = people.person[rows.crops]
        assert np.array_equal(person[rows.left] == person[rows.right], rows.same)
        anchor, positive, negative = person[rows.triplets].T
        assert (anchor == positive).all()
        assert (anchor != negative).all()
    assert not set(judges.names) & set(bench.training.names)


def test_embeddings_come_in_eval_mode_without_augmentation_in_order(bench: Bench) -> None:
    bench.objective.train()
    with CropReader(bench.validation.training, workers=2) as reader:
        embedding = SharedEmbedder(bench.objective, 5, Ranks())
        rows = np.array([7, 3, 3, 11, 0, 2, 9])
        found = embedding(reader, rows)
        assert np.array_equal(found, embedding(reader, rows))  # no dropout, no flip
        alone = np.concatenate([embedding(reader, rows[i : i + 1]) for i in range(len(rows))])
        assert np.allclose(found, alone, atol=1e-5)  # no statistics of the batch
    assert bench.objective.training
    assert found.shape == (7, 16)


def test_figures_of_embeddings_are_those_of_a_plain_loop(bench: Bench) -> None:
    rows, found = bench.val, some_embeddings(bench.val)
    got = judge(bench.objective, rows, found)
    apart = np.array(
        [np.linalg.norm(found[a] - found[b]) for a, b in zip(rows.left, rows.right, strict=True)]
    )
    assert got.auc == pytest.approx(roc_auc_score(rows.same, -apart))
    right = max(np.mean((apart <= limit) == rows.same) for limit in [-1, *apart])
    assert got.accuracy == pytest.approx(right)
    assert got.threshold is not None
    assert np.mean((apart <= got.threshold) == rows.same) == pytest.approx(right)
    losses = [
        max(0.0, float(np.linalg.norm(found[a] - found[p]) - np.linalg.norm(found[a] - found[n])) + 1.0)
        for a, p, n in rows.triplets
    ]
    assert got.loss == pytest.approx(np.mean(losses), rel=1e-5)
    middle = found.mean(0)
    spread = np.sqrt(((found - middle) ** 2).sum() / (found**2).sum())
    assert got.spread == pytest.approx(spread, rel=1e-5)


def test_a_pair_head_is_judged_at_one_half(faces: PreparedSet) -> None:
    bench = Bench(faces, batches="pairs", loss="bce")
    rows, found = bench.val, some_embeddings(bench.val)
    import torch

    bench.objective.eval()
    with torch.no_grad():
        left, right = torch.from_numpy(found[rows.left]), torch.from_numpy(found[rows.right])
        scores = bench.objective.score_pairs(left, right).numpy()
    got = judge(bench.objective, rows, found)
    assert got.accuracy == pytest.approx(np.mean((scores >= 0.5) == rows.same))
    assert got.auc == pytest.approx(roc_auc_score(rows.same, scores))
    entropy = -np.mean(np.log(np.where(rows.same, scores, 1 - scores)))
    assert got.loss == pytest.approx(entropy, rel=1e-4)


def test_a_closed_set_is_judged_by_the_names_of_photos_never_seen(closed_faces: PreparedSet) -> None:
    options = {"batches": "photos", "loss": "focal", "closed": True, "best_by": "accuracy"}
    bench = Bench(closed_faces, **options)
    rows, found = bench.val, some_embeddings(bench.val)
    paths = bench.validation.validation.table.column("path").to_pylist()
    names = [bench.training.names[label] for label in rows.labels]
    assert names == [paths[crop].split("/")[0] for crop in rows.crops]  # labels are the training people's
    train = bench.training.classes.table.column("path").to_pylist()
    assert not set(train) & set(paths)
    import torch

    with torch.no_grad():
        logits = bench.objective.eval().logits(torch.from_numpy(found)).numpy().astype(np.float64)
    got = judge(bench.objective, rows, found)
    assert got.accuracy == pytest.approx(np.mean(logits.argmax(1) == rows.labels))
    powers = np.exp(logits.astype(np.float64) - logits.max(1, keepdims=True))
    sure = np.sort((powers / powers.sum(1, keepdims=True)).max(1)[logits.argmax(1) == rows.labels])
    # a twentieth of the photos that are named rightly may fall below
    assert got.class_threshold == (pytest.approx(sure[int(0.05 * (len(sure) - 1))]) if len(sure) else None)
    odds = logits - logits.max(1, keepdims=True)
    entropy = np.log(np.exp(odds).sum(1)) - odds[np.arange(len(odds)), rows.labels]
    assert got.loss == pytest.approx(entropy.mean(), rel=1e-5)


def test_a_loss_that_knows_only_its_own_people_is_judged_by_triplets_of_cosines(faces: PreparedSet) -> None:
    bench = Bench(faces, batches="photos", loss="focal")
    rows, found = bench.val, some_embeddings(bench.val)
    unit = found / np.linalg.norm(found, axis=1, keepdims=True)
    losses = [max(0.0, float(unit[a] @ unit[n] - unit[a] @ unit[p]) + 0.3) for a, p, n in rows.triplets]
    assert judge(bench.objective, rows, found).loss == pytest.approx(np.mean(losses), rel=1e-4)
    assert (rows.labels == -1).all()  # nobody of them trains


def test_perfect_and_worthless_embeddings(bench: Bench) -> None:
    rows = bench.val
    judges = TrainingPeople.of(bench.validation.validation)
    perfect = np.eye(16, dtype=np.float32)[judges.person[rows.crops]] * 9
    assert judge(bench.objective, rows, perfect).auc == 1
    one_point = np.ones((len(rows.crops), 16), np.float32)
    worthless = judge(bench.objective, rows, one_point)
    assert (worthless.auc, worthless.loss) == (0.5, 1.0)  # the loss at the margin
    assert worthless.spread == 0
