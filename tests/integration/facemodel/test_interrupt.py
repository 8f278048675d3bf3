"""Ctrl-C in `fit`: the step is finished and saved, the command that continues is said, and no bit is lost."""

from __future__ import annotations

import json
import logging
import os
import shlex
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from facemodel import fit
from facemodel.errors import Interrupted, ModelError, RunError
from facemodel.models.header import weights_file
from facemodel.models.saved import load_objective
from facemodel.training.checkpoint import checkpoint_files, load_newest
from facemodel.training.state import Progress
from tests.support.facemodel_command import here
from tests.support.history import read_csv
from tests.support.people_set import people_set
from tests.support.processes import ROOT
from tests.support.tiny_fit import FEW, TINY

HARD = {
    **TINY, "rows_per_epoch": 48, "epochs": 4, "dropout": 0.2, "rotate": 10.0, "hidden": "24", "clip": 5.0,
    "negatives": "random-then-hard", "hard_below": 0.999, "hard_candidates": 5, "schedule": "cosine",
    "margin": 0.05, "per_negative": 3,
}  # fmt: skip
"""Four steps an epoch; negatives turn hard after the first epoch."""

STOPPED = [130, False]


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(people_set(tmp_path_factory.mktemp("set")).path)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def ctrl_c() -> Any:
    """Whoever runs the tests in the background has Ctrl-C ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupted(faces: Path, out: Path, *kills: str) -> tuple[list[list[object]], str]:
    """Run and resume in processes of their own; return how each one ended, and what all of them said."""
    runs = [({**HARD, "resume": number > 0}, kill) for number, kill in enumerate(kills)]
    command = [sys.executable, "-m", "tests.support.killed_fit", str(faces), str(out), json.dumps(runs)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    return list(json.loads(done.stdout)), done.stderr


def assert_same(run: Path, want: Path) -> None:
    for name in ("last", "best"):
        ours, theirs = (load_file(folder / f"{name}.safetensors") for folder in (run, want))
        assert ours.keys() == theirs.keys()
        assert [key for key in ours if not torch.equal(ours[key], theirs[key])] == []
    first, second = (
        [{**vars(row), "seconds": None} for row in read_csv(folder / "history.csv")] for folder in (run, want)
    )
    assert first == second


def stop_at(step: int, *signals: int) -> Any:
    """Return what sends signals to this process after a step of the whole run."""

    def on_progress(progress: Progress) -> None:
        if (progress.epoch - 1) * progress.steps + progress.step == step:
            for number in signals:
                os.kill(os.getpid(), number)

    return on_progress


def test_interrupted_anywhere_it_ends_in_the_same_bits(faces: Path, tmp_path: Path) -> None:
    fit(faces, tmp_path / "whole", **HARD)
    kills = {
        "embedding 1": "stopped before the first step",
        "interrupt 1": "in epoch 1, after step 1",
        "interrupt 4": "in epoch 1, after step 4",  # the last one: the epoch is not judged yet
        "embedding 2": "in epoch 1, after step 4",  # while it is judged, after the validation rows
        "embedding 3": "after epoch 1",  # while crops are embedded to find hard negatives
        "interrupt 6": "in epoch 2, after step 2",
        "embedding 3 ": "in epoch 2, after step 4",  # while the crops it used are embedded again
        "terminate 10": "in epoch 3, after step 2",
    }
    ended, said = interrupted(faces, tmp_path / "run", *kills, "never")
    assert ended == [*[STOPPED] * len(kills), [0, True]], said
    assert [line for line in said.splitlines() if line.startswith("stopped ")] == [
        "stopped before the first step: nothing was trained; start it again",
        *[f"stopped {where}: continue with resume=True" for where in list(kills.values())[1:]],
    ]
    assert_same(tmp_path / "run", tmp_path / "whole")


def test_in_python_it_is_a_keyboard_interrupt_and_handlers_are_put_back(faces: Path, tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt) as caught:
        fit(faces, tmp_path / "run", **FEW, on_progress=stop_at(2, signal.SIGTERM))
    assert str(caught.value) == "stopped in epoch 1, after step 2: continue with resume=True"
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    newest = load_newest(tmp_path / "run" / "state")
    assert newest is not None
    assert (newest.values["epoch"], newest.values["step"]) == (0, 2)


def test_a_second_ctrl_c_stops_at_once(faces: Path, tmp_path: Path) -> None:
    with pytest.raises(Interrupted) as caught:
        fit(faces, tmp_path / "run", **FEW, on_progress=stop_at(2, signal.SIGINT, signal.SIGINT))
    assert caught.value.where == "at once, after the last checkpoint"
    newest = load_newest(tmp_path / "run" / "state")
    assert newest is not None
    assert newest.values["step"] == 0  # the one before epoch 1
    fit(faces, tmp_path / "whole", **FEW)
    fit(faces, tmp_path / "run", **FEW, resume=True)
    assert_same(tmp_path / "run", tmp_path / "whole")


def test_before_a_run_has_begun_the_older_one_is_what_it_was(
    faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interrupted --overwrite that has removed nothing must not advise to resume the older run."""
    command = import_module("facemodel.commands.fit")
    fit(faces, tmp_path / "run", **FEW)
    weights = (tmp_path / "run" / "best.safetensors").read_bytes()
    opened = command.open_inputs

    def interrupts(*arguments: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        return opened(*arguments)

    monkeypatch.setattr(command, "open_inputs", interrupts)
    with pytest.raises(Interrupted) as caught:
        fit(faces, tmp_path / "run", **FEW, overwrite=True)
    assert not caught.value.resumes
    assert (tmp_path / "run" / "best.safetensors").read_bytes() == weights


def typed(faces: Path, out: Path, *more: str, epochs: int = 400) -> list[str]:
    options = {**FEW, "rows_per_epoch": 24, "epochs": epochs, "save_steps": 100_000}
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    return ["fit", str(faces), "--out", str(out), *flags, *more]


def run_until(command: list[str], start: str, number: int) -> tuple[int, str, str]:
    """Run a command until a line of its stderr starts so, then send it a signal.

    Returns:
        Its exit status, that line, and what else it wrote to stderr.
    """
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    # Ctrl-C is not ignored here, see above, and so not in the child either
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=env) as process:
        assert process.stderr is not None
        before = []
        for line in process.stderr:
            before.append(line)
            if line.startswith(start):
                break
        else:
            raise AssertionError("".join(before))
        process.send_signal(number)
        said = process.stderr.read()
        return process.wait(120), line, said


def test_the_command_that_is_said_continues(faces: Path, tmp_path: Path) -> None:
    """A process as a user has it, with a real Ctrl-C somewhere in the middle."""
    program = [sys.executable, "-m", "facemodel"]
    arguments = typed(faces, tmp_path / "my run", "--overwrite")
    status, _, said = run_until([*program, *arguments], "facemodel: epoch 2/", signal.SIGINT)
    assert status == 130, said
    where, _, command = said.splitlines()[-1].partition("; to continue: ")
    assert where.startswith("facemodel: stopped ")
    assert "Traceback" not in said
    again = shlex.split(command)
    assert again == ["facemodel", *[word for word in arguments if word != "--overwrite"], "--resume"]
    newest = load_newest(tmp_path / "my run" / "state")
    assert newest is not None
    done = newest.values["total"]
    assert done > 2
    refused = here(*again[1:], "--epochs", "3")
    assert "a run of 400 epochs, and --epochs 3 is fewer" in refused.error
    _, line, _ = run_until([*program, *again[1:]], "facemodel: epoch ", signal.SIGKILL)
    assert int(line.split()[2].partition("/")[0]) == done // 2 + 1


def test_the_command_as_typed_with_its_options_of_an_older_run(faces: Path, tmp_path: Path) -> None:
    from facemodel.commands.summary import stopped_line
    from facemodel.config import FitConfig

    stop, fresh = Interrupted("in epoch 1, after step 2", True), Interrupted("before the first step", False)
    words = ["fit", "my faces", "--out", "run", "--overwrite"]
    assert stopped_line(stop, words, FitConfig(overwrite=True)) == (
        "stopped in epoch 1, after step 2; to continue: facemodel fit 'my faces' --out run --resume"
    )
    assert stopped_line(fresh, words, FitConfig(overwrite=True)).endswith(
        "before the first step; to start again: facemodel fit 'my faces' --out run --overwrite"
    )
    # --overwrite stands in the file
    words = ["fit", "faces", "--config", "fit.toml", "--out", "run", "--resume"]
    assert stopped_line(stop, words, FitConfig(overwrite=True)).endswith("--out run --resume --no-overwrite")


def test_two_processes_stop_at_the_same_step(faces: Path, tmp_path: Path) -> None:
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
        "-m", "facemodel", *typed(faces, tmp_path / "run"),
    ]  # fmt: skip
    status, _, said = run_until(command, "facemodel: epoch 2/", signal.SIGINT)
    assert status != 0
    assert "to continue: the same command, with --resume" in said
    newest = load_newest(tmp_path / "run" / "state")
    assert newest is not None
    values = newest.values
    assert values["total"] == values["epoch"] * 2 + values["step"] >= 4
    at = f"in epoch {values['epoch'] + 1}, after step {values['step']}"
    assert (at if values["step"] else f"after epoch {values['epoch']}") in said


def test_an_unfinished_run_says_what_it_is(
    faces: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    options = {**FEW, "epochs": 5}
    with pytest.raises(Interrupted):
        fit(faces, tmp_path / "run", **options, on_progress=stop_at(2, signal.SIGINT))
    with pytest.raises(ModelError, match="has no weights yet: the first epoch of this run is not finished"):
        weights_file(tmp_path / "run")
    refused = here("evaluate", tmp_path / "run", faces, "--out", tmp_path / "scores")
    assert "has no weights yet" in refused.error
    with pytest.raises(Interrupted):
        fit(faces, tmp_path / "run", **options, resume=True, on_progress=stop_at(8, signal.SIGINT))
    with caplog.at_level(logging.WARNING):
        load_objective(tmp_path / "run")
    run = tmp_path / "run"
    best = max(read_csv(tmp_path / "run" / "history.csv")[1:], key=lambda row: row.val_auc or 0.0).epoch
    assert [line for line in caplog.messages if "not finished" in line] == [
        f"{run} is not finished: these are the weights of epoch {best}, the best of the 2 so far, of 5 in all"
    ]
    caplog.clear()
    fit(faces, tmp_path / "run", **options, resume=True)
    load_objective(tmp_path / "run")
    assert not [line for line in caplog.messages if "not finished" in line]


def test_a_resumed_run_keeps_its_epochs_where_none_are_given(
    faces: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Not the default's twenty, nor the recipe's forty."""
    options = {name: value for name, value in FEW.items() if name != "epochs"} | {"recipe": "laptop"}
    first = fit(faces, tmp_path / "run", **options, epochs=1)
    with caplog.at_level("INFO"):
        assert fit(faces, tmp_path / "run", **options, resume=True) == first
    assert "is finished already, after epoch 1" in caplog.text
    words = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    again = here("fit", faces, "--out", tmp_path / "run", *words, "--resume", "--json")
    assert json.loads(again.stdout)["epochs"] == 1


@pytest.mark.parametrize("schedule", ["constant", "step", "restarts"])
def test_more_epochs_continue_a_finished_run_as_if_planned_from_the_start(
    faces: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, schedule: str
) -> None:
    options = {**FEW, "schedule": schedule, "step_epochs": 2, "step_factor": 0.5, "warmup_epochs": 0.5}
    fit(faces, tmp_path / "whole", **{**options, "epochs": 4})
    fit(faces, tmp_path / "run", **{**options, "epochs": 2})
    with caplog.at_level(logging.INFO):
        result = fit(faces, tmp_path / "run", **{**options, "epochs": 4, "resume": True})
    assert "had 2 epochs and now has 4: epochs 3 to 4 continue as if they had been planned" in caplog.text
    assert result.epochs == 4
    assert_same(tmp_path / "run", tmp_path / "whole")
    assert "epochs = 4" in (tmp_path / "run" / "config.toml").read_text()
    caplog.clear()
    with caplog.at_level(logging.INFO):
        assert fit(faces, tmp_path / "run", **{**options, "epochs": 4, "resume": True}) == result
    assert "is finished already, after epoch 4" in caplog.text
    with pytest.raises(RunError, match="a run of 4 epochs, and --epochs 2 is fewer"):
        fit(faces, tmp_path / "run", **{**options, "epochs": 2, "resume": True})
    with pytest.raises(RunError, match=r"epochs: 4 before, 6 now, lr: .* before, 0\.5 now"):
        fit(faces, tmp_path / "run", **{**options, "epochs": 6, "lr": 0.5, "resume": True})


def test_a_cosine_goes_on_along_the_curve_of_all_epochs(
    faces: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    options = {**FEW, "schedule": "cosine", "lr": 0.01}
    fit(faces, tmp_path / "run", **options)
    with caplog.at_level(logging.INFO):
        fit(
            faces, tmp_path / "run", **{**options, "epochs": 2, "resume": True},
            on_progress=lambda progress: None,
        )  # fmt: skip
    said = "was planned for 1 epochs: from here on it is that of 2 epochs, 0.005 in epoch 2 and 0 at the end"
    assert said in caplog.text
    rows = read_csv(tmp_path / "run" / "history.csv")
    assert [row.epoch for row in rows] == [0, 1, 2]
    assert 0 < (rows[2].lr or 0) < 0.005


def test_an_extended_run_is_interrupted_and_resumed_like_any_other(faces: Path, tmp_path: Path) -> None:
    options = {**FEW, "epochs": 3}
    fit(faces, tmp_path / "whole", **options)
    fit(faces, tmp_path / "run", **FEW)
    with pytest.raises(Interrupted):
        fit(faces, tmp_path / "run", **options, resume=True, on_progress=stop_at(5, signal.SIGINT))
    with pytest.raises(RunError, match="a run of 3 epochs, and --epochs 1 is fewer"):
        fit(faces, tmp_path / "run", **FEW, resume=True)
    fit(faces, tmp_path / "run", **options, resume=True)
    assert_same(tmp_path / "run", tmp_path / "whole")


def test_a_recipes_shortened_warm_up_is_kept_when_epochs_are_added(faces: Path, tmp_path: Path) -> None:
    """`--recipe default --epochs 1` warms up for a twentieth of it, and with 3 epochs for a whole one."""
    small = {**TINY, "recipe": "default", "photos_per_person": 3, "precision": "fp32"}
    fit(faces, tmp_path / "run", **{**small, "epochs": 1})
    result = fit(faces, tmp_path / "run", **{**small, "epochs": 3, "resume": True})
    assert result.epochs == 3
    assert checkpoint_files(tmp_path / "run" / "state")
    assert "warmup_epochs = 0.05" in (tmp_path / "run" / "config.toml").read_text()
