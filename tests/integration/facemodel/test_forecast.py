"""Before the first step `fit` says how long it will take here; no bit of the run depends on that."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from facemodel import fit
from facemodel.commands import forecast
from facemodel.errors import RunError
from facemodel.training.state import Progress
from facemodel.training.trainer import Trainer
from tests.support.history import read_csv
from tests.support.people_set import people_set
from tests.support.tiny_fit import FEW, TINY

KINDS: dict[str, dict[str, Any]] = {
    "triplets": {**FEW, "dropout": 0.3, "rotate": 10.0, "negatives": "hard", "hard_candidates": 5},
    "pairs": {**FEW, "batches": "pairs", "loss": "bce", "dropout": 0.2, "accumulate": 2},
    "people": {
        **TINY, "epochs": 1, "batches": "people", "loss": "cosface", "margin": 0.35, "scale": 16.0,
        "normalised": True, "photos_per_person": 3, "precision": "bf16",
    },
    "photos": {**TINY, "epochs": 1, "batches": "photos", "loss": "focal", "class_weights": True},
}  # fmt: skip


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(people_set(tmp_path_factory.mktemp("set")).path)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_is_the_same_to_the_bit_without_the_trial(
    faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    fit(faces, tmp_path / "with", **KINDS[kind])
    monkeypatch.setattr(Trainer, "time_image", lambda *_: 0.01)
    fit(faces, tmp_path / "without", **KINDS[kind])
    for name in ("last", "best"):
        ours, theirs = (load_file(tmp_path / run / f"{name}.safetensors") for run in ("with", "without"))
        assert [key for key in ours if not torch.equal(ours[key], theirs[key])] == []
    first, second = (
        [{**vars(row), "seconds": None} for row in read_csv(tmp_path / run / "history.csv")]
        for run in ("with", "without")
    )
    assert first == second


def test_it_is_said_before_the_first_step_with_the_steps_that_come(
    faces: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    said: list[str] = []

    def on_progress(progress: Progress) -> None:
        said.extend(caplog.messages if not said else [])

    with caplog.at_level(logging.INFO):
        fit(faces, tmp_path / "run", **{**FEW, "epochs": 2}, on_progress=on_progress)
    line = said[-1]
    found = re.fullmatch(
        r"an epoch takes about ([\d.]+) s here \(3 steps, ([\d,.]+) images/s\), all 2 ([\d.]+) s", line
    )
    assert found, said
    epoch_s, whole_s = float(found[1]), float(found[3])
    assert whole_s == pytest.approx(2 * epoch_s, abs=0.16)  # both are rounded to tenths
    real_s = read_csv(tmp_path / "run" / "history.csv")[1].seconds
    assert epoch_s < 20 * real_s + 0.2  # a busy machine may be any factor off, but not any order
    assert real_s < 20 * epoch_s + 0.2


def test_a_long_run_without_a_gpu_is_told_what_would_be_quicker(
    faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Trainer, "time_image", lambda *_: 2.0)
    monkeypatch.setattr(forecast, "_measure", lambda *_: ("bf16", 2.0))
    with caplog.at_level(logging.INFO):
        fit(faces, tmp_path / "run", **{**FEW, "size": 48, "rows_per_epoch": 900, "batch": 300})
    assert "an epoch takes about 1 h 30 min here (3 steps, 0.5 images/s), all 1 1 h 30 min" in caplog.text
    (quicker,) = [line for line in caplog.messages if line.startswith("quicker: ")]
    assert quicker == (
        "quicker: --recipe laptop (made for computers without a GPU), --size 32 (44% of the time), "
        "--rows-per-epoch 180 (shorter epochs), --precision bf16"
    )


def test_auto_is_measured_once_and_a_resumed_run_keeps_it(
    faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    options = {**FEW, "precision": "auto"}
    monkeypatch.setattr(forecast, "_measure", lambda *_: ("bf16", 2.5))
    with caplog.at_level(logging.INFO):
        fit(faces, tmp_path / "run", **options)
    assert "precision: bf16 (measured here: 2.5 times as fast as fp32)" in caplog.text
    settings = json.loads((tmp_path / "run" / "state" / "settings.json").read_text())
    assert settings["settings"]["precision"] == "bf16"
    assert 'precision = "bf16"' in (tmp_path / "run" / "config.toml").read_text()
    fit(faces, tmp_path / "same", **{**FEW, "precision": "bf16"})
    ours, theirs = (load_file(tmp_path / run / "last.safetensors") for run in ("run", "same"))
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)

    monkeypatch.setattr(forecast, "_measure", lambda *_: pytest.fail("measured again"))
    (tmp_path / "run" / "state" / "done.json").unlink()
    fit(faces, tmp_path / "run", **options, resume=True)
    fit(faces, tmp_path / "run", **{**options, "epochs": 2, "resume": True})
    with pytest.raises(RunError, match="precision: 'bf16' before, 'fp32' now"):
        fit(faces, tmp_path / "run", **{**options, "epochs": 2, "precision": "fp32", "resume": True})


def test_a_run_that_a_recipe_began_in_bf16_is_resumed_with_the_recipe_of_today(
    faces: Path, tmp_path: Path
) -> None:
    """The recipe `default` had bf16 for all machines."""
    options = {**TINY, "epochs": 1, "photos_per_person": 3, "recipe": "default"}
    fit(faces, tmp_path / "run", **options, precision="bf16")
    (tmp_path / "run" / "state" / "done.json").unlink()
    fit(faces, tmp_path / "run", **options, resume=True)


def test_a_real_measurement_chooses_one_of_the_two(
    faces: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        fit(faces, tmp_path / "run", **{**FEW, "precision": "auto"})
    assert re.search(r"precision: (bf16|fp32) \(measured here: ", caplog.text)
