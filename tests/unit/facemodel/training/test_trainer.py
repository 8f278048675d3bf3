"""The loop: each row counts once, a step is a function of (weights, seed, epoch, step), NaN stops it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from facedata import ClassManifest
from facemodel.batches.people import TrainingPeople
from facemodel.batches.reader import CropReader
from facemodel.config import FitConfig
from facemodel.epochs.plan import EpochRows
from facemodel.epochs.sampler import make_sampler
from facemodel.errors import DeviceError, TrainingError
from facemodel.machine.memory import catch_out_of_memory
from facemodel.machine.ranks import Ranks
from facemodel.network.model import input_spec, make_model
from facemodel.objective.objective import LossParts, make_objective
from facemodel.recipes import fit_config
from facemodel.training.trainer import Tally, Trainer, _batches_of, fit_advice
from tests.support.people_set import people_set
from tests.support.tiny_fit import TINY

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> ClassManifest:
    return ClassManifest.open(people_set(tmp_path_factory.mktemp("set")).path, split="train")


def trainer(classes: ClassManifest, **options: Any) -> Trainer:
    config = fit_config({**TINY, **options})
    training = TrainingPeople.of(classes)
    model, _ = make_model(config, input_spec(config, classes.prepared))
    objective = make_objective(config, model, training.names, training.counts)
    return Trainer(config, objective, training, CPU, Ranks())


def plan_of(some: Trainer) -> EpochRows:
    return make_sampler(some.config, some.training).epoch(1)


@pytest.fixture
def reader(classes: ClassManifest) -> Iterator[CropReader]:
    with CropReader(classes, workers=1) as opened:
        yield opened


def train(some: Trainer, reader: CropReader, first: int = 0, last: int = 3) -> list[torch.Tensor]:
    for done in some.steps(plan_of(some), 1, 1e-3, reader, first):
        if done.step == last:
            break
    return [value.clone() for value in some.objective.state_dict().values()]


def equal(left: list[torch.Tensor], right: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(left, right, strict=True))


def test_the_mean_counts_each_row_once() -> None:
    tally = Tally(CPU)
    for value, count in ((1.0, 64), (5.0, 2)):
        parts = LossParts(torch.tensor(value), {"active": torch.tensor(value / 5)})
        tally.add(parts, np.zeros((count, 3), np.int64))
    assert tally.mean("loss") == pytest.approx((64 * 1 + 2 * 5) / 66)
    assert tally.mean("active") == pytest.approx((64 * 0.2 + 2 * 1) / 66)
    assert (tally.rows, tally.images, tally.mean("nothing")) == (66, 198, None)
    again = Tally(CPU)
    again.restore(tally.state())
    assert again.state() == tally.state()


def test_a_step_is_a_function_of_weights_seed_epoch_and_step(
    classes: ClassManifest, reader: CropReader
) -> None:
    options = {"dropout": 0.3, "rotate": 10.0, "rows_per_epoch": 60}
    one, other = trainer(classes, **options), trainer(classes, **options)
    torch.manual_seed(1)
    want = train(one, reader)
    torch.manual_seed(2)  # what was drawn before is of no matter
    assert equal(want, train(other, reader))
    assert not equal(want, train(trainer(classes, **options, seed=1), reader))


def test_dropout_and_augmentation_differ_from_step_to_step(
    classes: ClassManifest, reader: CropReader
) -> None:
    some = trainer(classes, rotate=10.0)
    plan = EpochRows(np.tile(np.arange(6)[:, None], (4, 1)), None, 6)  # the same photos four times

    def seen(epoch: int, first: int = 0) -> list[tuple[torch.Tensor, torch.Tensor]]:
        groups = [[batch] for batch in _batches_of(plan)]
        return [(images, torch.rand(1)) for images in some._images(plan, epoch, groups, first, reader)]

    steps, again, other = seen(1), seen(1, first=2), seen(2)
    assert all(
        torch.equal(*two) for pair in zip(steps[2:], again, strict=True) for two in zip(*pair, strict=True)
    )
    for (images, drawn), (later, after) in zip(steps, [*steps[1:], other[0]], strict=True):
        assert not torch.equal(images, later)
        assert drawn != after
    assert torch.equal(steps[0][0], some.first_images(plan, reader))


def test_accumulated_batches_make_the_step_of_one_large_batch(
    classes: ClassManifest, reader: CropReader
) -> None:
    """Without BatchNorm, dropout and augmentation, whose numbers follow the batch."""
    options = {"backbone": "timm:test_convnext", "rows_per_epoch": 21, "flip": False, "optimizer": "sgd"}
    whole = trainer(classes, **options, batch=21)
    parts = trainer(classes, **options, batch=8, accumulate=3)  # 8, 8 and 5 rows
    for one, other in zip(train(whole, reader), train(parts, reader), strict=True):
        assert torch.allclose(one, other, atol=1e-6)
    assert whole.tally.mean("loss") == pytest.approx(parts.tally.mean("loss"), rel=1e-5)


def test_a_last_batch_of_one_photo_joins_the_one_before() -> None:
    def sizes(count: int, k: int) -> list[int]:
        plan = EpochRows(np.zeros((count, k), np.int64), None, 8)
        return [batch.stop - batch.start for batch in _batches_of(plan)]

    assert sizes(17, 1) == [8, 9]
    assert sizes(18, 1) == [8, 8, 2]
    assert sizes(17, 3) == [8, 8, 1]  # three photos
    assert sizes(1, 1) == [1]


@pytest.mark.parametrize("batches", ["triplets", "pairs", "photos", "people"])
def test_every_kind_of_batch_trains(classes: ClassManifest, reader: CropReader, batches: str) -> None:
    losses = {"triplets": "triplet", "pairs": "bce", "photos": "focal", "people": "cosface"}
    some = trainer(classes, batches=batches, loss=losses[batches], normalised=batches == "people")
    before = [value.clone() for value in some.objective.state_dict().values()]
    assert not equal(before, train(some, reader, last=1))
    assert some.tally.mean("loss") is not None
    assert some.tally.rows == 12


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_autocast_trains_and_the_loss_is_float32(
    classes: ClassManifest, reader: CropReader, precision: str
) -> None:
    some = trainer(classes, precision=precision, batches="people", loss="arcface", margin=28.6, scale=64.0)
    seen: list[torch.Tensor] = []

    def note(_: torch.nn.Module, given: Any, found: Any) -> None:
        seen.extend([given[0], found[0]])

    some.objective.goal.register_forward_hook(note)
    train(some, reader, last=1)
    assert [value.dtype for value in seen] == [torch.float32, torch.float32]
    assert some.scaler.is_enabled() == (precision == "fp16")


def test_nan_stops_and_says_what_to_do(classes: ClassManifest, reader: CropReader) -> None:
    some = trainer(classes)
    with torch.no_grad():
        next(iter(some.objective.model.head.parameters())).fill_(float("nan"))
    with pytest.raises(
        TrainingError,
        match=r"loss is NaN in epoch 1, at step 1 .*--resume would meet it again.* lower --lr, --clip",
    ):
        train(some, reader)


def test_nan_weights_are_not_written_down(classes: ClassManifest, reader: CropReader) -> None:
    """A finite loss can leave weights that are not: a checkpoint of them would be no way back."""
    some = trainer(classes)
    next(iter(some.steps(plan_of(some), 1, 0.01, reader)))
    some.check_finite(1, 1)
    with torch.no_grad():
        next(iter(some.objective.model.head.parameters())).view(-1)[0] = float("inf")
    with pytest.raises(TrainingError, match="a weight is NaN or infinite in epoch 1, at step 1"):
        some.check_finite(1, 1)


def test_the_learning_rate_is_set_for_each_step(classes: ClassManifest, reader: CropReader) -> None:
    some = trainer(classes, schedule="cosine", epochs=2, rows_per_epoch=60)
    rates = [done.lr for done in some.steps(plan_of(some), 1, 0.1, reader)]
    assert len(rates) == 5
    assert rates[0] == pytest.approx(0.1)
    assert rates == sorted(rates, reverse=True)
    assert some.optimizer.param_groups[0]["lr"] == rates[-1]


def test_clip_shortens_the_gradient(classes: ClassManifest, reader: CropReader) -> None:
    moved = {}
    for clip in (None, 1e-3):
        some = trainer(classes, optimizer="sgd", momentum=0.0, clip=clip)
        before = [weight.detach().clone() for weight in some.objective.parameters()]
        list(zip(range(1), some.steps(plan_of(some), 1, 1.0, reader), strict=False))
        change = [a - b.detach() for a, b in zip(before, some.objective.parameters(), strict=True)]
        moved[clip] = float(torch.sqrt(sum((c.square().sum() for c in change), torch.zeros(()))))
    assert moved[1e-3] == pytest.approx(1e-3, rel=1e-3)
    assert (moved[None] or 0) > 1e-2


def test_too_little_memory_says_what_to_lower() -> None:
    for error in (
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("you can't allocate memory"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
        MemoryError(),
    ):
        with (
            pytest.raises(DeviceError, match=r"--batch 32 --accumulate 2 .*--size"),
            catch_out_of_memory(fit_advice(FitConfig())),
        ):
            raise error
    with pytest.raises(RuntimeError, match="shape"), catch_out_of_memory(fit_advice(FitConfig())):
        raise RuntimeError("shape")


def test_the_optimizer_holds_what_trains_and_no_more(classes: ClassManifest, tmp_path: Path) -> None:
    some = trainer(classes, freeze="last:1", freeze_random=True)
    held = sum(weight.numel() for group in some.optimizer.param_groups for weight in group["params"])
    every = sum(weight.numel() for weight in some.objective.parameters())
    assert 0 < held < every
    assert all(weight.requires_grad for group in some.optimizer.param_groups for weight in group["params"])
