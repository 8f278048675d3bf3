"""One process that goes the way of several: DistributedDataParallel and every exchange, by NCCL on a GPU.

NCCL refuses two processes on one card, so a group of one is what one card can show; two processes are tested
with gloo (tests/integration/facemodel/test_torchrun.py). The tolerances are those of one device against
itself, for another order of sums: 2e-3.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import distributed

from facedata import PreparedSet
from facemodel import fit
from facemodel.machine.ranks import Ranks, gather_tensors
from facemodel.machine.shards import gather_rows
from tests.support.history import read_csv
from tests.support.tiny_fit import TINY

OPTIONS: dict[str, Any] = {
    **TINY, "optimizer": "sgd", "lr": 1e-3, "batches": "people", "photos_per_person": 3, "loss": "cosface",
    "margin": 0.2, "scale": 8.0, "normalised": True, "accumulate": 2, "clip": 1.0,
}  # fmt: skip


@pytest.fixture
def group(device: torch.device, tmp_path: Path) -> Iterator[Ranks]:
    """A group of one process."""
    backend = "nccl" if device.type == "cuda" else "gloo"
    if device.type == "cuda":
        torch.cuda.set_device(0)
    distributed.init_process_group(backend, init_method=f"file://{tmp_path}/rendezvous", rank=0, world_size=1)
    yield Ranks(grouped=True)
    distributed.destroy_process_group()


def test_what_is_exchanged_comes_back(group: Ranks, device: torch.device) -> None:
    mine = torch.arange(6.0, device=group.own_device(device)).view(3, 2)
    (part,) = gather_tensors(mine, 1)
    assert torch.equal(part, mine)
    rows = gather_rows(mine, group)
    assert rows is not None
    assert torch.equal(rows, mine.cpu())
    values = np.random.default_rng(0).random((7, 3), np.float32)
    assert np.array_equal(group.all_gather(values, 7), values)
    assert group.from_first("a value") == "a value"
    assert group.any_says(True)
    assert not group.any_says(False)
    group.require_same("the device", str(device))
    group.wait()


@pytest.mark.parametrize("extra", [{}, {"sample_classes": 0.5}], ids=["all centres", "sampled centres"])
def test_a_group_of_one_trains_as_one_process(
    faces: PreparedSet, device: torch.device, tmp_path: Path, extra: dict[str, Any], request: Any
) -> None:
    options = {**OPTIONS, **extra, "device": str(device)}
    fit(faces.path, tmp_path / "alone", **options)
    request.getfixturevalue("group")
    fit(faces.path, tmp_path / "grouped", **options)
    alone, grouped = (read_csv(tmp_path / name / "history.csv") for name in ("alone", "grouped"))
    for one, other in zip(alone, grouped, strict=True):
        assert other.val_loss == pytest.approx(one.val_loss, rel=2e-3)
        assert other.images == one.images
        if one.loss is not None:
            assert other.loss == pytest.approx(one.loss, rel=2e-3)
    weights = [load_file(tmp_path / name / "last.safetensors") for name in ("alone", "grouped")]
    assert weights[0].keys() == weights[1].keys()
    for name, value in weights[0].items():
        assert torch.allclose(value.float(), weights[1][name].float(), atol=2e-3), name
