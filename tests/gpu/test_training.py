"""Three steps on the device, against the same on a CPU in float32: losses and weights agree to .1%.

Adam divides by each gradient's size, so rounding would show in full where gradients are near zero: SGD is
what trains here.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch

from facedata import PreparedSet
from facemodel.errors import DeviceError
from facemodel.loss_table import LOSSES
from facemodel.machine.memory import catch_out_of_memory
from facemodel.machine.precision import BF16, FP32, faster_precision
from facemodel.objective.objective import make_objective
from facemodel.training.trainer import fit_advice
from tests.support.trainers import COSFACE, PLAIN, Trained, make_trainer, train

CPU = torch.device("cpu")
MARGINS = {"arcface": {"margin": 10.0, "scale": 8.0}, "cosface": {"margin": 0.2, "scale": 8.0}}
GOALS = [(name, batches) for name, row in LOSSES.items() for batches in row.goals]

HALF = {"fp32": 1e-3, "bf16": 3e-2, "fp16": 1e-2}
"""How far a loss may be from float32's, as a share: numbers of 24, 8 and 11 bits, in ten layers."""


def both(prepared: PreparedSet, device: torch.device, **options: Any) -> tuple[Trained, Trained]:
    """Train on the device, and in float32 on the CPU."""
    plain = {"precision": "fp32", "channels_last": False, "compile": False}
    return (
        train(make_trainer(prepared, device, **options)),
        train(make_trainer(prepared, CPU, **{**options, **plain})),
    )


@pytest.mark.parametrize(("loss", "batches"), GOALS)
def test_every_loss_trains_as_on_a_cpu(
    faces: PreparedSet, device: torch.device, loss: str, batches: str
) -> None:
    found, want = both(
        faces, device, **{**PLAIN, **MARGINS.get(loss, {})}, loss=loss, batches=batches,
        normalised=LOSSES[loss].by_cosine,
    )  # fmt: skip
    assert found.loss == pytest.approx(want.loss, rel=1e-3)
    assert found.distance(want) < 1e-3


@pytest.mark.parametrize(
    "options",
    [
        {"rotate": 10.0, "clip": 1.0},
        {"accumulate": 2},
        {"sub_centres": 2, "interclass_filter": 0.5},
        {"sample_classes": 0.5},
        {"average": 0.9},
        {"channels_last": True},
        {"optimizer": "adamw", "lr": 1e-5},
    ],
    ids=lambda options: "+".join(options),
)
def test_options_train_as_on_a_cpu(faces: PreparedSet, device: torch.device, options: dict[str, Any]) -> None:
    found, want = both(faces, device, **{**COSFACE, **options})
    # turned crops differ by rounding of their bytes, see test_input
    assert found.loss == pytest.approx(want.loss, rel=1e-2 if "rotate" in options else 1e-3)
    assert found.distance(want) < 1e-2


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("precision", HALF)
def test_half_precision_is_near_float32(
    faces: PreparedSet, device: torch.device, precision: str, channels_last: bool
) -> None:
    some = make_trainer(faces, device, **COSFACE, precision=precision, channels_last=channels_last)
    if some.scaler.is_enabled():  # the scale it begins with may be too large, and then a step is left out
        some.scaler.load_state_dict({**some.scaler.state_dict(), "scale": 256.0})
    found, want = train(some), train(make_trainer(faces, CPU, **COSFACE, channels_last=False))
    assert found.loss == pytest.approx(want.loss, rel=HALF[precision])
    assert found.distance(want) < 1e-2
    assert all(value.dtype != torch.float16 for value in found.weights.values())


def test_a_scaled_step_that_overflows_changes_nothing(faces: PreparedSet, device: torch.device) -> None:
    """With sampled centres there are two optimizers, and neither may step."""
    options = {**COSFACE, "precision": "fp16", "sample_classes": 0.5, "clip": 1.0}
    some = make_trainer(faces, device, **options)
    if some.centres is None:
        raise RuntimeError("these options sample no centres")
    before = {name: value.detach().cpu().clone() for name, value in some.objective.named_parameters()}
    centres = some.centres.weights.detach().cpu().clone()
    large = 2.0**60
    some.scaler.load_state_dict({**some.scaler.state_dict(), "scale": large})
    found = train(some, 1)
    assert some.scaler.get_scale() == large / 2
    assert all(torch.equal(found.weights[name], value) for name, value in before.items())
    assert torch.equal(some.centres.weights.detach().cpu(), centres)
    some.scaler.load_state_dict({**some.scaler.state_dict(), "scale": 1024.0})
    after = train(some, 3, first=1)
    assert not torch.equal(some.centres.weights.detach().cpu(), centres)
    assert any(not torch.equal(after.weights[name], value) for name, value in before.items())
    assert all(value.isfinite().all() for value in after.weights.values())


def test_a_run_finds_the_faster_format(faces: PreparedSet, device: torch.device) -> None:
    some = make_trainer(faces, device)
    model = make_objective(some.config, some.objective.model, some.training.names, some.training.counts).model
    size = model.spec.size_px
    name, ratio = faster_precision(model.train(), torch.rand(8, 3, size, size, device=device))
    assert name in (BF16, FP32)
    assert ratio > 0


def test_too_little_memory_is_one_line(faces: PreparedSet, device: torch.device) -> None:
    advice = fit_advice(make_trainer(faces, device).config)
    with pytest.raises(DeviceError, match=r"out of memory: lower --batch"), catch_out_of_memory(advice):
        torch.empty(1 << 50, dtype=torch.uint8, device=device)
