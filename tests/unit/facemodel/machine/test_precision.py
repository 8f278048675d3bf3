"""bf16 only where this machine computes the network clearly faster in it; the measuring changes nothing."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch
from torch import Tensor, nn

from facemodel.machine import precision
from facemodel.machine.precision import faster_precision
from tests.support.processes import ROOT

_PROGRAM = """
import torch
from torch import nn
from facemodel.machine.precision import faster_precision
torch.set_num_threads(1)
net = nn.Sequential(*[layer for _ in range(4) for layer in (nn.Conv2d(64, 64, 3, padding=1), nn.ReLU())])
images = torch.full((8, 64, 28, 28), 0.5)
print(faster_precision(net, images)[0])
"""


class Net(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        raise AssertionError("its time is made up")


@pytest.mark.parametrize(
    ("convolution", "network", "want", "tried"),
    [
        (0.1, 9.0, "fp32", False),  # no units: the network is not tried, which would take ten times as long
        (2.0, 2.0, "bf16", True),
        (2.0, 0.9, "fp32", True),  # depthwise convolutions gain nothing
        (0.9, 1.5, "bf16", True),
        (2.0, 1.1, "fp32", True),  # not clearly
    ],
)
def test_the_network_decides_where_the_hardware_has_bf16(
    monkeypatch: pytest.MonkeyPatch, convolution: float, network: float, want: str, tried: bool
) -> None:
    passes: list[str] = []

    def timed(module: nn.Module, images: Tensor, kind: torch.dtype) -> float:
        what = "network" if isinstance(module, Net) else "convolution"
        passes.append(what)
        ratio = network if what == "network" else convolution
        return ratio if kind is torch.float32 else 1.0

    monkeypatch.setattr(precision, "_time_pass", timed)
    choice, ratio = faster_precision(Net(), torch.zeros(2, 3, 8, 8))
    assert choice == want
    assert ratio == pytest.approx(network if tried else convolution)
    assert ("network" in passes) == tried


def test_a_slow_pass_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    passes: list[torch.dtype] = []

    def timed(module: nn.Module, images: Tensor, kind: torch.dtype) -> float:
        passes.append(kind)
        return 1.0 if isinstance(module, Net) else 0.01

    monkeypatch.setattr(precision, "_time_pass", timed)
    faster_precision(Net(), torch.zeros(2, 3, 8, 8))
    assert len(passes) == 4 * 2 + 2


def test_a_processor_without_bf16_computes_in_fp32() -> None:
    """oneDNN is told to use nothing newer than AVX2, as on a processor that has nothing newer."""
    env = {**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", _PROGRAM]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=env, cwd=ROOT)
    assert done.stdout.split() == ["fp32"]


def test_measuring_draws_no_random_number() -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8))
    state = torch.get_rng_state()
    assert not torch.equal(before, state)  # making a network does
    faster_precision(net, torch.full((2, 3, 16, 16), 0.5))
    assert torch.equal(torch.get_rng_state(), state)
