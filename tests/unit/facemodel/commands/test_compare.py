"""What runs are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from facemodel.commands.compare import name_runs
from tests.support.colour_embedder import ColourEmbedder


@pytest.mark.parametrize(
    ("runs", "names"),
    [
        (["a", "b"], ["a", "b"]),
        (["x/a/", "y/../z/b"], ["a", "b"]),
        (["x/scores", "y/scores", "other"], ["x/scores", "y/scores", "other"]),
        (["1/x/s", "2/x/s", "2/y/s"], ["1/x/s", "2/x/s", "y/s"]),
        (["a", "a", "a"], ["a", "a (2)", "a (3)"]),
        (["a (2)", "a", "a"], ["a (2)", "a", "a (3)"]),
        (["net.onnx", "net"], ["net.onnx", "net"]),
        (["new\nline\x1b[31m", "\u202eturned"], ["new\\nline\\x1b[31m", "\\u202eturned"]),
        (["Zoë 🙂", "<b>"], ["Zoë 🙂", "<b>"]),
        (["not \udcff utf-8", "b"], ["not \\udcff utf-8", "b"]),
    ],
)
def test_names_are_the_last_parts_that_tell_runs_apart(runs: list[str], names: list[str]) -> None:
    assert name_runs(runs) == names


def test_a_folder_within_another_keeps_its_own_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert name_runs([".", tmp_path / "b"]) == [tmp_path.name, "b"]
    assert name_runs([Path("s"), Path("s/s")]) == [f"{tmp_path.name}/s", "s/s"]


def test_an_open_model_has_the_name_of_its_file() -> None:
    assert name_runs([ColourEmbedder(), ColourEmbedder()]) == ["colours.onnx", "colours.onnx (2)"]
