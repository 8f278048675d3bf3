"""A run killed with SIGKILL and resumed ends in the same bits as an unbroken one."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from facemodel import fit
from facemodel.errors import ArchitectureError, CheckpointError, RunError
from facemodel.training.checkpoint import checkpoint_files
from tests.support.history import read_csv
from tests.support.people_set import people_set
from tests.support.tiny_fit import TINY

HARD = {
    **TINY, "rows_per_epoch": 48, "epochs": 4, "dropout": 0.2, "hidden": "24", "rotate": 10.0, "clip": 5.0,
    "negatives": "random-then-hard", "hard_below": 0.999, "hard_candidates": 5, "hard_lr": 3e-4,
    "save_steps": 3, "schedule": "cosine", "warmup_epochs": 0.5, "weight_decay": 1e-4, "margin": 0.05,
}  # fmt: skip
"""Four steps an epoch; negatives turn hard after the first epoch."""

PEOPLE = {
    **TINY, "batches": "people", "loss": "cosface", "margin": 0.35, "scale": 16.0, "normalised": True,
    "photos_per_person": 3, "epochs": 2, "optimizer": "adamw", "precision": "bf16", "accumulate": 2,
    "save_steps": 1,
}  # fmt: skip

KILLED = [-signal.SIGKILL, False]


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(people_set(tmp_path_factory.mktemp("set")).path)  # type: ignore[arg-type]


def killed(faces: Path, out: Path, *runs: tuple[dict[str, Any], str]) -> list[list[object]]:
    """Run in processes of their own; return each one's exit status, and whether it said that it was done."""
    command = [sys.executable, "-m", "tests.support.killed_fit", str(faces), str(out), json.dumps(runs)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return list(json.loads(done.stdout))


def weights(run: Path, name: str = "last") -> dict[str, torch.Tensor]:
    return load_file(run / f"{name}.safetensors")


def assert_same(run: Path, want: Path) -> None:
    for name in ("last", "best"):
        ours, theirs = weights(run, name), weights(want, name)
        assert ours.keys() == theirs.keys()
        assert [key for key in ours if not torch.equal(ours[key], theirs[key])] == []
    assert [undated(row) for row in read_csv(run / "history.csv")] == [
        undated(row) for row in read_csv(want / "history.csv")
    ]
    assert (run / "spec.json").read_text() == (want / "spec.json").read_text()
    assert card(run) == card(want)


def card(run: Path) -> list[str]:
    """Return a run's card without its title, which is the folder's name, and the digest at its end."""
    return [line for line in (run / "README.md").read_text().splitlines() if line[:2] not in ("# ", "<!")]


def undated(row: Any) -> dict[str, Any]:
    return {**vars(row), "seconds": None}


def test_killed_at_several_steps_with_hard_mining_and_dropout(faces: Path, tmp_path: Path) -> None:
    fit(faces, tmp_path / "whole", **HARD)
    rows = read_csv(tmp_path / "whole" / "history.csv")
    assert [row.negatives for row in rows] == [None, "random", "hard", "hard", "hard"]
    # before the first checkpoint of an epoch, after one, in a hard epoch, at an epoch's last step
    kills = ["step 2", "step 4", "rename 4", "step 7", "step 16", "never"]
    runs = [({**HARD, "resume": number > 0}, kill) for number, kill in enumerate(kills)]
    assert killed(faces, tmp_path / "run", *runs) == [*[KILLED] * 5, [0, True]]
    assert_same(tmp_path / "run", tmp_path / "whole")


def test_killed_with_people_margins_bf16_and_accumulation(faces: Path, tmp_path: Path) -> None:
    fit(faces, tmp_path / "whole", **PEOPLE)
    assert killed(faces, tmp_path / "run", (PEOPLE, "step 3")) == [KILLED]
    fit(faces, tmp_path / "run", **PEOPLE, resume=True)
    assert_same(tmp_path / "run", tmp_path / "whole")


def test_a_corrupt_checkpoint_gives_way_to_the_one_before(
    faces: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    options = {**TINY, "rows_per_epoch": 36, "save_steps": 2}
    fit(faces, tmp_path / "whole", **options)
    assert killed(faces, tmp_path / "run", (options, "step 5")) == [KILLED]
    newest, before = checkpoint_files(tmp_path / "run" / "state")
    newest.write_bytes(newest.read_bytes()[:-100])
    with caplog.at_level(logging.WARNING):
        fit(faces, tmp_path / "run", **options, resume=True)
    assert f"{newest} is corrupt" in caplog.text
    assert before.name in caplog.text
    assert_same(tmp_path / "run", tmp_path / "whole")
    (tmp_path / "run" / "state" / "done.json").unlink()
    for file in checkpoint_files(tmp_path / "run" / "state"):
        file.write_bytes(b"")
    with pytest.raises(CheckpointError, match="--overwrite"):
        fit(faces, tmp_path / "run", **options, resume=True)


def test_a_finished_run_says_so_and_other_settings_are_refused(
    faces: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    options = {**TINY, "rows_per_epoch": 24, "epochs": 1}
    first = fit(faces, tmp_path / "run", **options)
    before = (tmp_path / "run" / "last.safetensors").stat().st_mtime_ns
    with caplog.at_level(logging.INFO):
        assert fit(faces, tmp_path / "run", **options, resume=True) == first
    assert "is finished" in caplog.text
    assert (tmp_path / "run" / "last.safetensors").stat().st_mtime_ns == before
    with pytest.raises(RunError, match="dim: 16 before, 8 now"):
        fit(faces, tmp_path / "run", **{**options, "dim": 8}, resume=True)
    with pytest.raises(RunError, match="holds a finished run"):
        fit(faces, tmp_path / "run", **options)


def test_a_checkpoint_of_another_architecture_is_refused(faces: Path, tmp_path: Path) -> None:
    options = {**TINY, "rows_per_epoch": 24, "epochs": 1}
    for name, dim in (("run", 16), ("other", 8)):
        fit(faces, tmp_path / name, **{**options, "dim": dim})
    (tmp_path / "run" / "state" / "done.json").unlink()
    theirs, ours = (checkpoint_files(tmp_path / name / "state")[0] for name in ("other", "run"))
    ours.write_bytes(theirs.read_bytes())
    with pytest.raises(ArchitectureError, match=r"of another architecture: model\.head"):
        fit(faces, tmp_path / "run", **options, resume=True)
