"""A run's page: written after each epoch, the same after a kill as without, and never a reason to stop."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from facemodel import fit
from facemodel.pages import run_page
from facemodel.training.state import Progress
from tests.support.history import read_csv
from tests.support.page_text import PageText
from tests.support.people_set import people_set
from tests.support.tiny_fit import FEW, TINY

LONG = {**TINY, "rows_per_epoch": 36, "epochs": 3, "save_steps": 2}


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(people_set(tmp_path_factory.mktemp("set") / "faces").path)  # type: ignore[arg-type]


def read(run: Path) -> PageText:
    return PageText((run / "report.html").read_bytes())


def test_its_figures_are_those_of_history_csv_and_it_needs_nothing_else(faces: Path, tmp_path: Path) -> None:
    result = fit(faces, tmp_path / "run", **LONG)
    page = read(tmp_path / "run")
    head, *rows = page.tables["history"]
    for row, cells in zip(read_csv(tmp_path / "run" / "history.csv"), rows, strict=True):
        for name, text in zip(head, cells, strict=True):
            value = getattr(row, name)
            assert text == (
                f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)
            )
    said = " ".join(page.sections["result"].split())
    assert f"{result.best} the best epoch, by auc of the validation" in said
    assert f"{result.value:.4f} auc in that epoch, {result.before:.4f} before training" in said
    assert f"{result.threshold:.4f} threshold" in said
    spec = json.loads((tmp_path / "run" / "spec.json").read_text())
    assert f"{spec['threshold']:.4f} (euclidean) decides most" in said
    assert "of 2 people" in said  # who validated
    assert len(page.pictures) == 1
    page.check_closed()
    assert str(faces.parent) not in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")


def test_it_is_there_after_each_epoch(faces: Path, tmp_path: Path) -> None:
    seen: dict[int, Any] = {}

    def look(progress: Progress) -> None:
        file = tmp_path / "run" / "report.html"
        seen.setdefault(progress.epoch, " ".join(read(file.parent).text.split()) if file.exists() else None)

    fit(faces, tmp_path / "run", on_progress=look, **LONG)
    assert seen[1] is None
    assert "1 of 3 epochs" in seen[2]
    assert "2 of 3 epochs" in seen[3]
    assert "continue it, should it stop" in seen[3]
    assert "3 of 3 epochs" in read(tmp_path / "run").text
    assert "train it further" in read(tmp_path / "run").text


@pytest.mark.parametrize("kill", ["step 4", "rename 18"])
def test_a_killed_and_resumed_run_ends_with_the_same_page(faces: Path, tmp_path: Path, kill: str) -> None:
    whole, broken = tmp_path / "whole" / "run", tmp_path / "broken" / "run"
    options = {**LONG, "epochs": 2, "freeze": "first:1"}  # without pretrained weights it is left aside
    fit(faces, whole, **options)
    command = [sys.executable, "-m", "tests.support.killed_fit", str(faces), str(broken)]
    done = subprocess.run(
        [*command, json.dumps([(options, kill)])], check=True, stdout=subprocess.PIPE, text=True
    )
    assert json.loads(done.stdout) == [[-signal.SIGKILL, False]]
    fit(faces, broken, **options, resume=True)
    assert (broken / "report.html").read_bytes() == (whole / "report.html").read_bytes()


def test_a_run_made_longer_ends_with_the_page_of_a_long_one(faces: Path, tmp_path: Path) -> None:
    fit(faces, tmp_path / "long" / "run", **{**LONG, "epochs": 2})
    fit(faces, tmp_path / "short" / "run", **{**LONG, "epochs": 1})
    fit(faces, tmp_path / "short" / "run", **{**LONG, "epochs": 2}, resume=True)
    pages = [(tmp_path / name / "run" / "report.html").read_bytes() for name in ("long", "short")]
    assert pages[0] == pages[1]


def test_a_page_that_cannot_be_made_is_a_warning(
    faces: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(story: object) -> bytes:
        raise KeyError("anything")

    monkeypatch.setattr(run_page, "render_run", fail)
    with caplog.at_level(logging.WARNING):
        fit(faces, tmp_path / "run", **FEW)
    assert f"{tmp_path / 'run' / 'report.html'} could not be written" in caplog.text
    assert (tmp_path / "run" / "state" / "done.json").is_file()
    assert not (tmp_path / "run" / "report.html").exists()


def test_a_folder_in_the_page_s_place_is_a_warning(
    faces: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def block(progress: Progress) -> None:
        (tmp_path / "run" / "report.html" / "mine").mkdir(parents=True, exist_ok=True)

    with caplog.at_level(logging.WARNING):
        fit(faces, tmp_path / "run", on_progress=block, **FEW)
    assert "could not be written, and the run continues without it" in caplog.text
    assert (tmp_path / "run" / "state" / "done.json").is_file()


def test_a_run_that_replaces_another_begins_without_its_page(faces: Path, tmp_path: Path) -> None:
    fit(faces, tmp_path / "run", **FEW)
    there: list[bool] = []
    again = lambda _: there.append((tmp_path / "run" / "report.html").exists())  # noqa: E731
    fit(faces, tmp_path / "run", on_progress=again, **{**FEW, "dim": 8}, overwrite=True)
    assert there == [False] * 3
    assert "8 numbers" in read(tmp_path / "run").sections["made"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"batches": "pairs", "loss": "bce"}, ["each line is a pair", "Accuracy"]),
        (
            {"batches": "photos", "loss": "focal", "closed": True, "val_share": 0.3},
            ["A classifier's name needs a probability", "set aside from the photos that train"],
        ),
        (
            {"batches": "people", "loss": "arcface", "margin": 28.6, "normalised": True},
            ["those of a person beside one another", "(cosine) decides most"],
        ),
    ],
)
def test_other_losses_have_their_words(
    faces: Path, tmp_path: Path, options: dict[str, Any], words: list[str]
) -> None:
    fit(faces, tmp_path / "run", **{**FEW, **options})
    text = read(tmp_path / "run").text
    assert [word for word in words if word not in text] == []
