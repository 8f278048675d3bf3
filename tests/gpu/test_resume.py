"""A run that was stopped ends as an unbroken one: in the same bits on a CPU, and to .5% of the loss on a GPU.

A GPU adds gradients in an order of its own, so two unbroken runs differ there as well.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from facedata import PreparedSet
from facemodel import fit
from facemodel.training.checkpoint import checkpoint_files, load_newest
from tests.support.history import read_csv
from tests.support.tiny_fit import TINY

PEOPLE: dict[str, Any] = {
    **TINY, "batches": "people", "photos_per_person": 3, "loss": "cosface", "margin": 0.2, "scale": 8.0,
    "normalised": True, "optimizer": "sgd", "lr": 1e-3, "save_steps": 1, "dropout": 0.2, "rotate": 5.0,
}  # fmt: skip
RUNS: dict[str, dict[str, Any]] = {
    "fp16": {**PEOPLE, "precision": "fp16"},
    "bf16": {**PEOPLE, "precision": "bf16", "average": 0.9},
    "sampled": {**PEOPLE, "precision": "fp16", "sample_classes": 0.5, "sub_centres": 2, "clip": 1.0},
    "hard": {
        **TINY, "optimizer": "sgd", "lr": 1e-3, "rows_per_epoch": 36, "negatives": "hard",
        "hard_candidates": 0, "save_steps": 1,
    },
}  # fmt: skip


class Stop(Exception):
    """Breaks a run off."""


def stop(progress: Any) -> None:
    if (progress.epoch, progress.step) == (2, 2):
        raise Stop


@pytest.mark.parametrize("name", RUNS)
def test_a_stopped_run_ends_as_an_unbroken_one(
    faces: PreparedSet, device: torch.device, tmp_path: Path, name: str
) -> None:
    options = {**RUNS[name], "device": str(device)}
    fit(faces.path, tmp_path / "whole", **options)
    with pytest.raises(Stop):
        fit(faces.path, tmp_path / "run", **options, on_progress=stop)
    checkpoint = load_newest(tmp_path / "run" / "state")
    if checkpoint is None:
        raise RuntimeError("the stopped run left no checkpoint")
    scaler = checkpoint.values["scaler"]
    assert ("scale" in scaler) == (options.get("precision") == "fp16")
    fit(faces.path, tmp_path / "run", **options, resume=True)
    if device.type == "cpu":
        ours, theirs = (load_file(checkpoint_files(tmp_path / run / "state")[0]) for run in ("run", "whole"))
        assert [key for key, value in ours.items() if not torch.equal(value, theirs[key])] == []
    for one, other in zip(
        *(read_csv(tmp_path / run / "history.csv") for run in ("run", "whole")), strict=True
    ):
        assert one.steps == other.steps
        assert one.val_loss == pytest.approx(other.val_loss, rel=5e-3)
