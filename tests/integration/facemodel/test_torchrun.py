"""Two processes by torchrun (gloo) train as one does with the same batch: same losses, same weights."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from facemodel import fit
from facemodel.training.history import EpochRow
from tests.support.history import read_csv
from tests.support.people_set import people_set
from tests.support.tiny_fit import TINY

# no dropout, which draws in each process; augmentation is that of the whole batch in both
PLAIN = {**TINY, "epochs": 2, "optimizer": "sgd", "lr": 1e-3, "rotate": 10.0}
RUNS: dict[str, dict[str, Any]] = {
    "triplets": {**PLAIN, "batch": 10, "rows_per_epoch": 33, "negatives": "hard", "hard_candidates": 5},
    "pairs": {**PLAIN, "batches": "pairs", "loss": "bce", "batch": 9, "rows_per_epoch": 28, "accumulate": 2},
    "people": {
        # margins make a few BatchNorm steps chaotic: rounding grows tenfold a step
        **PLAIN, "backbone": "timm:test_convnext", "batches": "people", "loss": "cosface",
        "margin": 0.35, "scale": 16.0, "normalised": True,
        "photos_per_person": 3,
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(str(people_set(tmp_path_factory.mktemp("set")).path))


def two_processes(faces: Path, runs: dict[Path, dict[str, Any]]) -> subprocess.CompletedProcess[str]:
    """Run each one after the other in the same two processes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-addr", "127.0.0.1",
        "--master-port", str(port), "-m", "tests.support.several_fits", str(faces),
        json.dumps({str(out): options for out, options in runs.items()}),
    ]  # fmt: skip
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, check=False, capture_output=True, text=True, env=env, timeout=600)


def figures(row: EpochRow) -> dict[str, Any]:
    names = ("loss", "active", "val_loss", "probe_loss", "spread", "used_mean", "images", "steps")
    return {name: getattr(row, name) for name in names if getattr(row, name) is not None}


@pytest.fixture(scope="module")
def runs(faces: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs by two processes, each named as it is in RUNS; "resumed" was begun by one."""
    folder, options = tmp_path_factory.mktemp("runs"), {**RUNS["triplets"], "save_steps": 2}
    fit(faces, folder / "resumed", **options)
    (folder / "resumed" / "state" / "done.json").unlink()
    newest = sorted((folder / "resumed" / "state").glob("*.safetensors"))[-1]
    newest.unlink()  # back to within the second epoch
    resumed = {folder / "resumed": {**options, "resume": True}}
    done = two_processes(faces, {folder / name: options for name, options in RUNS.items()} | resumed)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.mark.parametrize("name", RUNS)
def test_two_processes_train_as_one(faces: Path, runs: Path, tmp_path: Path, name: str) -> None:
    fit(faces, tmp_path / name, **RUNS[name])
    one, two = (read_csv(folder / name / "history.csv") for folder in (tmp_path, runs))
    for ours, theirs in zip(two, one, strict=True):
        assert figures(ours) == pytest.approx(figures(theirs), rel=2e-3, abs=2e-3)
    weights = [load_file(folder / name / "last.safetensors") for folder in (tmp_path, runs)]
    for key, value in weights[0].items():
        assert torch.allclose(value.float(), weights[1][key].float(), atol=2e-3), key


def test_two_processes_go_on_with_what_one_began(runs: Path) -> None:
    assert len(read_csv(runs / "resumed" / "history.csv")) == 3


def test_what_one_process_refuses_is_one_line_of_each(faces: Path, tmp_path: Path) -> None:
    fit(faces, tmp_path / "run", **PLAIN, rows_per_epoch=12)
    words = ["--backbone", PLAIN["backbone"], "--size", "32", "--dim", "16", "--device", "cpu"]
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
        "-m", "facemodel", "fit", str(faces), "--out", str(tmp_path / "run"), *words,
    ]  # fmt: skip
    done = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode
    lines = [line for line in done.stderr.splitlines() if "facemodel: error: " in line]
    assert any("holds a finished run: train it further with --resume" in line for line in lines), done.stderr
    assert "facemodel/commands/fit.py" not in done.stderr, (
        done.stderr
    )  # no traceback of ours; torchrun has one of its own
