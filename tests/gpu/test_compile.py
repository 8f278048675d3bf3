"""A compiled network's step is the plain one's, to 1% of the loss: the compiler orders sums anew."""

from __future__ import annotations

import shutil

import pytest
import torch

from facedata import PreparedSet
from tests.support.trainers import COSFACE, make_trainer, train


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler, g++")
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_compiled_network_trains_as_the_plain_one(
    faces: PreparedSet, device: torch.device, precision: str
) -> None:
    options = {**COSFACE, "precision": precision}
    found = train(make_trainer(faces, device, **options, compile=True), 2)
    want = train(make_trainer(faces, device, **options), 2)
    assert found.loss == pytest.approx(want.loss, rel=1e-2)
    assert found.distance(want) < 1e-2
    assert found.weights.keys() == want.weights.keys()
