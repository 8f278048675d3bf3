"""What is typed wrong: one line, the right exit status, nothing left. Enroll and identify have their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from facemodel import list_recipes
from tests.support.facemodel_command import done, here
from tests.support.onnx_networks import colour_net
from tests.support.small_set import make_set


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a set, a network of another template than the set's, and a file that is neither."""
    make_set(tmp_path / "faces", {f"p{number}": 4 for number in range(6)})
    colour_net(tmp_path)
    (tmp_path / "notes.txt").write_text("neither a model nor a set")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("command", "status", "what"),
    [
        ("fit none --out run", 1, "there is no folder none"),
        ("fit notes.txt --out run", 1, "notes.txt"),
        ("fit faces", 2, "--out"),
        ("fit faces --out run --recipe lucky", 2, "no recipe 'lucky'"),
        ("fit faces --recipe fintune sface --out run", 2, "no recipe 'fintune'; did you mean finetune?"),
        ("fit faces --recipe=fintune sface --out run", 2, "no recipe 'fintune'; did you mean finetune?"),
        ("fit faces --out run --loss bce", 2, "--loss bce"),
        ("fit faces --out run --batches people --loss arcface --batch 4", 2, "--batch 4"),
        ("fit faces --out run --freeze sometimes", 2, "--freeze 'sometimes'"),
        ("fit faces --out run --hidden wide", 2, "--hidden"),
        ("fit faces --out run --stop-on boredom", 2, "boredom"),
        ("fit faces --out run --lr nan", 2, "--lr"),
        ("fit faces --out run --epochs 0", 2, "--epochs"),
        ("fit faces --out run --epoch 3", 2, "--epoch"),
        ("fit faces --out run --config none.toml", 2, "none.toml"),
        ("fit faces --out run --config notes.txt", 2, "notes.txt"),
        ("fit faces --out run --resume --overwrite", 2, "choose one"),
        ("fit faces --out run --device tpu", 2, "--device 'tpu'"),
        ("fit faces --out run --device cuda:99", 1, "--device cuda:99"),
        ("fit faces --out faces", 1, "faces"),
        ("info none", 1, "no model at none"),
        ("info faces", 1, "faces is a set of crops, not a model"),
        ("info notes.txt", 1, "notes.txt is not a model"),
        ("embed none faces --out e.parquet", 1, "no model at none"),
        ("embed colour.onnx none --out e.parquet", 2, "none"),
        ("embed colour.onnx faces --out e.parquet --split lunch", 2, "lunch"),
        ("embed colour.onnx faces --out e.parquet", 1, "trained on arcface112 crops and faces has square"),
        ("evaluate colour.onnx faces --out scores", 1, "trained on arcface112 crops and faces has square"),
        ("evaluate colour.onnx none --out scores", 1, "none"),
        ("evaluate colour.onnx faces --out scores --metric manhattan", 2, "--metric"),
        ("mine colour.onnx faces --out t.parquet", 1, "trained on arcface112 crops and faces has square"),
        ("mine colour.onnx faces --out t.parquet --count 0", 2, "--count"),
        ("export colour.onnx --out x.onnx", 2, "colour.onnx"),
        ("export none --out x.onnx", 1, "no model at none"),
        ("export colour.onnx --out x.onnx --to coreml", 2, "--to"),
        ("export colour.onnx --out x.txt", 2, "x.txt"),
        ("recipes lucky", 2, "no recipe 'lucky'"),
        ("recipes default anchors", 2, "anchors"),
    ],
)
def test_one_line_the_right_status_and_nothing_left(
    command: str, status: int, what: str, folder: Path
) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    refused = here(*command.split())
    assert what in refused.error
    assert refused.status == status
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


@pytest.mark.parametrize("command", ["", "fit", "evaluate", "enroll", "identify", "export"])
def test_help_succeeds(command: str) -> None:
    finished = here(*command.split(), "--help")
    assert (finished.status, finished.stderr) == (0, "")
    assert finished.stdout.startswith("usage: facemodel")


def test_recipes_are_listed_and_shown() -> None:
    lines = done("recipes").stdout.splitlines()
    assert len(lines) == len(list_recipes()) == 10
    assert lines[0].startswith("default ")
    assert "margin = 0.9" in done("recipes", "anchors").stdout
    assert '"margin": 0.9' in done("recipes", "anchors", "--json").stdout
