"""Sampled centres in whole runs: two processes train as one, runs resume bit for bit, no file has centres."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from facemodel import evaluate, fit, model_info, open_model
from facemodel.commands.info import info_lines
from facemodel.errors import Interrupted
from facemodel.machine.ranks import ALONE
from facemodel.training.checkpoint import checkpoint_files
from tests.support.history import read_csv
from tests.support.people_set import people_set
from tests.support.sharded_heads import CLASSES, head_figures
from tests.support.tiny_fit import TINY

OPTIONS: dict[str, Any] = {
    **TINY, "backbone": "timm:test_convnext", "batches": "people", "photos_per_person": 3, "loss": "cosface",
    "margin": 0.35, "scale": 16.0, "normalised": True, "sample_classes": 0.5, "sub_centres": 2,
    "margin_warmup_epochs": 1.5, "optimizer": "adamw", "weight_decay": 0.01, "clip": 1.0, "accumulate": 2,
    "lr": 1e-3, "save_steps": 1, "val_share": 0.2, "average": 0.9,
}  # fmt: skip


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(str(people_set(tmp_path_factory.mktemp("set")).path))


@pytest.fixture(scope="module")
def one(faces: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run by one process."""
    fit(faces, run := tmp_path_factory.mktemp("one") / "run", **OPTIONS)
    return run


@pytest.fixture(scope="module")
def two(faces: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes wrote: see ``sharded_heads``."""
    folder = tmp_path_factory.mktemp("two")
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
        "-m", "tests.support.sharded_heads", str(faces), str(folder), json.dumps(OPTIONS),
    ]  # fmt: skip
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=env, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.mark.parametrize("share", [0.999, 0.4])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_two_processes_have_the_losses_and_gradients_of_one(
    two: Path, share: float, dtype: torch.dtype
) -> None:
    parts = [load_file(two / f"head-{rank}.safetensors") for rank in range(2)]
    wanted = head_figures(ALONE, share, dtype)
    rtol, atol = (1e-9, 1e-12) if dtype == torch.float64 else (1e-4, 1e-5)
    for part in parts:
        for name in ("losses", "accuracy", "network"):
            assert torch.allclose(part[f"{share:g}.{name}"], wanted[name].double(), rtol, atol), name
    gradients = torch.cat([part[f"{share:g}.centres"] for part in parts])
    assert torch.allclose(gradients, wanted["centres"].double(), rtol, atol)
    drawn = (gradients.view(CLASSES, -1) != 0).any(1)  # of two centres a person the nearest learns
    assert drawn.all() == (share > 0.9)


def test_two_processes_train_as_one(one: Path, two: Path) -> None:
    figures = ("loss", "val_loss", "probe_loss", "val_auc", "spread", "used_mean", "images", "steps")
    for ours, theirs in zip(
        read_csv(two / "two" / "history.csv"), read_csv(one / "history.csv"), strict=True
    ):
        for name in (name for name in figures if getattr(theirs, name) is not None):
            assert getattr(ours, name) == pytest.approx(getattr(theirs, name), rel=2e-3, abs=2e-3), name
    state, wanted = (load_file(checkpoint_files(run / "state")[0]) for run in (two / "two", one))
    assert state.keys() == wanted.keys()  # two processes' centres and momentum are brought together
    assert {"centres.weights", "centres.first", "centres.second", "centres.last"} < state.keys()
    for name, value in wanted.items():
        assert torch.allclose(state[name].double(), value.double(), atol=2e-3), name


def test_two_processes_resume_bit_for_bit(two: Path) -> None:
    ours, theirs = (load_file(checkpoint_files(two / name / "state")[0]) for name in ("resumed", "two"))
    assert ours.keys() == theirs.keys()
    assert [name for name, value in ours.items() if not torch.equal(value, theirs[name])] == []
    for name in ("best", "last"):
        ours, theirs = (load_file(two / run / f"{name}.safetensors") for run in ("resumed", "two"))
        assert [key for key, value in ours.items() if not torch.equal(value, theirs[key])] == []


def test_one_process_resumes_bit_for_bit(faces: Path, one: Path, tmp_path: Path) -> None:
    class Stop(Exception):
        """Breaks off within the second epoch, after a checkpoint."""

    def stop(progress: Any) -> None:
        if (progress.epoch, progress.step) == (2, 2):
            raise Stop

    with pytest.raises(Stop):
        fit(faces, tmp_path / "run", **OPTIONS, on_progress=stop)
    fit(faces, tmp_path / "run", **OPTIONS, resume=True)
    ours, theirs = (load_file(checkpoint_files(run / "state")[0]) for run in (tmp_path / "run", one))
    assert [name for name, value in ours.items() if not torch.equal(value, theirs[name])] == []


def test_what_two_processes_began_one_finishes(faces: Path, two: Path, one: Path) -> None:
    run = two / "two"
    (run / "state" / "done.json").unlink()
    checkpoint_files(run / "state")[0].unlink()
    fit(faces, run, **OPTIONS, resume=True)
    last, wanted = (load_file(folder / "last.safetensors") for folder in (run, one))
    assert all(torch.allclose(last[name].double(), wanted[name].double(), atol=2e-3) for name in wanted)


def test_a_saved_model_has_no_centres_and_says_so(faces: Path, one: Path, tmp_path: Path) -> None:
    assert not [name for name in load_file(one / "best.safetensors") if name.startswith("goal.")]
    (line,) = [line for line in info_lines(model_info(one)) if line.startswith("loss ")]
    assert line.endswith("classes, without their centres (each batch trained 0.5 of them)")
    assert open_model(one).spec.dim == 16
    assert evaluate(one, faces, tmp_path / "scores")["figures"]


def test_the_log_says_how_large_the_centres_are(
    faces: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def stop(progress: Any) -> None:
        raise Interrupted("here", resumes=False)

    with caplog.at_level(logging.INFO), pytest.raises(Interrupted):
        fit(faces, tmp_path / "run", **OPTIONS, on_progress=stop)
    assert "with their momentum; a batch is compared with its own and 0.5 of the others" in caplog.text
