"""Defects of the systems that this project replaces (field notes, section 1: training), one test each."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from facedata import open_set
from facedata.config import SplitConfig
from facedata.sets.prepared import PreparedSet
from facemodel import fit
from facemodel.batches.people import TrainingPeople
from facemodel.batches.reader import CropReader
from facemodel.config import FitConfig
from facemodel.epochs.holdout import hold_out
from facemodel.epochs.nearest import draw_candidates, hard_negatives
from facemodel.errors import DataError, TrainingError
from facemodel.machine.ranks import Ranks
from facemodel.models.saved import load_objective
from facemodel.network.backbones import make_backbone
from facemodel.network.model import input_spec, make_model
from facemodel.objective.losses import class_weights, focal_loss
from facemodel.objective.objective import make_objective
from facemodel.recipes import fit_config
from facemodel.training.checkpoint import read_checkpoint
from facemodel.training.guards import findings
from facemodel.training.history import EpochRow
from facemodel.training.state import Clock
from facemodel.training.validate import SharedEmbedder, judge, make_probe_rows, make_validation_rows
from tests.support.fit_files import read_fit_config
from tests.support.history import read_csv
from tests.support.people_set import face, people_set
from tests.support.small_set import make_set
from tests.support.tiny_fit import TINY

FEW = {**TINY, "rows_per_epoch": 36, "epochs": 1}


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> PreparedSet:
    return people_set(tmp_path_factory.mktemp("set"), people=12)


def weights(run: Path, name: str = "last") -> dict[str, torch.Tensor]:
    return load_file(run / f"{name}.safetensors")


def first_weights(run: Path) -> dict[str, torch.Tensor]:
    """The weights before epoch 1, from the checkpoint written then."""
    tensors = read_checkpoint(run / "state" / f"{0:012d}.safetensors").tensors
    prefix = "objective."
    return {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}


def frozen_names(run: Path) -> set[str]:
    objective = load_objective(run)
    return {
        f"model.{name}" for name, weight in objective.model.named_parameters() if not weight.requires_grad
    }


def test_training_false_taken_for_freezing(faces: PreparedSet, tmp_path: Path) -> None:
    """`.training = False` froze nothing: what is said to be frozen must not have moved after an epoch."""
    fit(faces.path, tmp_path / "run", **FEW, freeze="last:1", freeze_random=True)
    before, after, frozen = (
        first_weights(tmp_path / "run"),
        weights(tmp_path / "run"),
        frozen_names(tmp_path / "run"),
    )
    assert len(frozen) > 5
    moved = {name for name in after if not torch.equal(before[name], after[name])}
    assert not moved & frozen
    assert {name for name in moved if name.startswith("model.head")}
    assert {name for name in moved if ".layer4." in name}


def test_frozen_batch_norm_still_updating(faces: PreparedSet, tmp_path: Path) -> None:
    """Running statistics of frozen layers drifted with every batch, after each `train()`."""
    fit(faces.path, tmp_path / "run", **{**FEW, "epochs": 2}, freeze="backbone", freeze_random=True)
    after = weights(tmp_path / "run")
    config = read_config(tmp_path / "run")
    model, _ = make_model(config, input_spec(config, faces))
    fresh = {f"model.{name}": value for name, value in model.state_dict().items()}
    statistics = [name for name in fresh if "running_" in name or "num_batches" in name]
    assert len(statistics) > 10
    assert all(torch.equal(fresh[name], after[name]) for name in statistics)


def read_config(run: Path) -> FitConfig:
    return read_fit_config(run / "config.toml")


def test_pretrained_bottleneck_thrown_away(faces: PreparedSet, tmp_path: Path) -> None:
    """FaceNet's layer to 512 was replaced by a random one of the same size."""
    torch.manual_seed(5)
    pretrained = make_backbone("inception_resnet_v1", 80).module.state_dict()
    save_file(pretrained, tmp_path / "weights.safetensors")
    options = {
        **FEW,
        "backbone": "inception_resnet_v1",
        "size": 80,
        "weights": str(tmp_path / "weights.safetensors"),
    }
    for dim in (512, 128):  # at 128 a layer follows it, and it stays
        config = fit_config({**options, "dim": dim})
        model, _ = make_model(config, input_spec(config, faces))
        assert torch.equal(
            model.backbone.state_dict()["last_linear.weight"], pretrained["last_linear.weight"]
        )
        assert len(list(model.head.parameters())) == (0 if dim == 512 else 2)


class Bench:
    """A run's network, its training crops and a reader of them."""

    def __init__(self, faces: PreparedSet, **options: Any) -> None:
        self.config = fit_config({**FEW, **options})
        self.validation = hold_out(faces, self.config)
        self.training = TrainingPeople.of(self.validation.training)
        model, _ = make_model(self.config, input_spec(self.config, faces))
        self.objective = make_objective(self.config, model, self.training.names, self.training.counts)


@pytest.fixture
def bench(faces: PreparedSet) -> Bench:
    return Bench(faces, dropout=0.5, rotate=30.0)


@pytest.fixture
def reader(bench: Bench) -> Iterator[CropReader]:
    with CropReader(bench.training.classes, workers=2) as opened:
        yield opened


def test_mining_cache_filled_under_random_augmentation(bench: Bench, reader: CropReader) -> None:
    """Features for mining were made in training mode, from flipped and turned crops with dropout."""
    bench.objective.train()
    embeds, every = SharedEmbedder(bench.objective, 7, Ranks()), np.arange(len(bench.training))
    torch.manual_seed(1)
    once = embeds(reader, every)
    torch.manual_seed(2)
    assert np.array_equal(once, embeds(reader, every))


def test_mining_cache_shifted_by_one_after_an_unreadable_photo(faces: PreparedSet, tmp_path: Path) -> None:
    """An unreadable photo left no gap, so that all further features were their neighbours'."""
    shutil.copytree(str(faces.path), tmp_path / "set")
    prepared = open_set(tmp_path / "set")
    training = TrainingPeople.of(hold_out(prepared, fit_config(FEW)).training)
    row = training.classes[5]
    (tmp_path / "set" / row.file).write_bytes(b"no picture")
    with (
        CropReader(training.classes, workers=2) as reader,
        pytest.raises(DataError, match=row.path),
    ):
        reader.read(np.arange(10))


def test_all_negatives_used_up_is_no_endless_loop() -> None:
    """Drawing until a fresh one came never ended once all were used."""
    person = np.array([0] * 50 + [1])
    drawn = draw_candidates(person, np.arange(50), 20, np.random.default_rng(0))
    assert (drawn == 50).all()
    chosen = hard_negatives(np.zeros((51, 4), np.float32), person, np.arange(50), drawn)
    assert (chosen == 50).all()


def test_class_weights_in_the_wrong_order(tmp_path: Path) -> None:
    """Weights stood in the order in which people were met, not in that of the labels: 0 of 902 right."""
    people = {"zoe": 9, "anna": 3, "mia": 5, "bo": 7}
    made = make_set(
        tmp_path / "set",
        people,
        split=SplitConfig(splits="train=0.8,test=0.2", split_by="photo"),
        picture=face,
    )
    bench = Bench(made, batches="photos", loss="focal", closed=True, class_weights=True, best_by="accuracy")
    counts = {
        name: int(count) for name, count in zip(bench.training.names, bench.training.counts, strict=True)
    }
    assert bench.objective.classes == bench.training.names == ("anna", "bo", "mia", "zoe")
    found = bench.objective.state_dict()["goal.weights"].tolist()
    total, classes = sum(counts.values()), len(counts)
    want = [total / (classes * counts[name]) for name in bench.objective.classes]
    assert found == pytest.approx(want)
    logits = torch.zeros(1, 4)
    for label, name in enumerate(bench.objective.classes):
        loss = focal_loss(logits, torch.tensor([label]), 0.0, class_weights(bench.training.counts))
        assert float(loss) == pytest.approx(want[label] * np.log(4)), name


def test_last_partial_batch_over_counted(faces: PreparedSet, tmp_path: Path) -> None:
    """The mean of the batches' means gave the rows of a last, small batch a multiple of their weight."""
    options = {
        **FEW,
        "rows_per_epoch": 25,
        "batch": 24,
        "lr": 1e-12,
        "flip": False,
        "backbone": "timm:test_convnext",
    }
    fit(faces.path, tmp_path / "small", **options)
    fit(faces.path, tmp_path / "whole", **{**options, "batch": 25})
    losses = [read_csv(tmp_path / name / "history.csv")[1].loss for name in ("small", "whole")]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_nan_not_noticed(faces: PreparedSet, tmp_path: Path) -> None:
    """Training went on with NaN for epochs, and saved it."""
    with pytest.raises(TrainingError, match="a lower --lr"):
        fit(faces.path, tmp_path / "run", **{**FEW, "epochs": 9}, optimizer="sgd", lr=1e30)
    for file in (tmp_path / "run" / "state").glob("*.safetensors"):
        assert all(torch.isfinite(value.float()).all() for value in read_checkpoint(file).tensors.values())


def test_collapse_not_noticed(faces: PreparedSet, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The loss stood at the margin for 92 of 1,445 epochs, and nobody was told."""
    with caplog.at_level(logging.WARNING):
        fit(faces.path, tmp_path / "run", **FEW, lr=1e-12, margin=100.0)
    assert "collapse: the loss stays at the margin" in caplog.text
    logged = EpochRow(epoch=1, loss=0.9998, active=1.0)
    assert [found.guard for found in findings([EpochRow(epoch=0), logged], FitConfig())] == ["collapse"]


def test_overfit_judged_on_hard_train_triplets_against_random_test_triplets(
    bench: Bench, reader: CropReader
) -> None:
    """Both sides must be of one kind, in one mode: on the same people they give the same figures."""
    val = make_validation_rows(bench.config, bench.validation, bench.training)
    probe = make_probe_rows(bench.config, val, bench.training)
    assert len(val.triplets) == len(probe.triplets)
    assert (val.same.mean(), len(val.same)) == (probe.same.mean(), len(probe.same))
    embeds = SharedEmbedder(bench.objective, 8, Ranks())
    bench.objective.train()
    once, again = (judge(bench.objective, probe, embeds(reader, probe.crops)) for _ in range(2))
    assert once == again  # no dropout, no augmentation, no fresh rows
    hard = [EpochRow(epoch=i, loss=0.9, negatives="hard", val_loss=0.2, probe_loss=0.2) for i in range(6)]
    assert findings(hard, bench.config) == []


def test_wall_clock_for_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that was set while training made for -745,910 minutes left."""
    now = 1_700_000_000.0
    monkeypatch.setattr(time, "time", lambda: now)
    clock = Clock(epochs=3)
    now -= 40_000_000.0  # somebody sets the clock back by more than a year
    left = clock.progress(epoch=1, step=1, steps=10, images=10).left_s
    assert 0 <= left < 60
