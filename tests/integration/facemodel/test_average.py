"""`fit --average`: the average is what is judged and saved, and a killed run ends in the same bits."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from facemodel import fit
from facemodel.training.checkpoint import checkpoint_files, load_newest, part
from tests.support.people_set import people_set
from tests.support.tiny_fit import TINY

AVERAGED: dict[str, Any] = {
    **TINY, "batches": "people", "loss": "cosface", "margin": 0.35, "scale": 16.0, "normalised": True,
    "photos_per_person": 3, "average": 0.9, "save_steps": 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(people_set(tmp_path_factory.mktemp("set")).path)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def whole(faces: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run") / "whole"
    fit(faces, out, **AVERAGED)
    return out


def test_the_file_holds_the_average_and_not_the_weights_that_train(whole: Path) -> None:
    checkpoint = load_newest(whole / "state")
    assert checkpoint is not None
    saved = load_file(whole / "last.safetensors")
    average, training = (part(checkpoint.tensors, prefix) for prefix in ("average.", "objective."))
    assert saved.keys() == average.keys() == training.keys()
    assert all(torch.equal(saved[name], average[name]) for name in saved)
    assert not any(torch.equal(saved[name], training[name]) for name in saved if name.endswith("weight"))


def test_without_it_the_training_is_the_same_and_the_file_is_not(
    faces: Path, whole: Path, tmp_path: Path
) -> None:
    fit(faces, tmp_path / "plain", **{**AVERAGED, "average": 0.0})
    states = [load_newest(run / "state") for run in (whole, tmp_path / "plain")]
    trained = [part(state.tensors, "objective.") for state in states if state is not None]
    assert all(torch.equal(trained[0][name], value) for name, value in trained[1].items())
    assert (whole / "last.safetensors").read_bytes() != (tmp_path / "plain/last.safetensors").read_bytes()


def test_a_killed_run_ends_in_the_same_bits(faces: Path, whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    command = [sys.executable, "-m", "tests.support.killed_fit", str(faces), str(out)]
    done = subprocess.run([*command, json.dumps([(AVERAGED, "step 3")])], check=True, stdout=subprocess.PIPE)
    assert json.loads(done.stdout) == [[-signal.SIGKILL, False]]
    fit(faces, out, **AVERAGED, resume=True)
    for name in ("best.safetensors", "last.safetensors", "spec.json"):
        assert (out / name).read_bytes() == (whole / name).read_bytes()
    newest = [checkpoint_files(run / "state")[0] for run in (out, whole)]
    ours, theirs = (load_file(file) for file in newest)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
