"""The tutorials' commands: what facedata does in them is done here, on real photos laid out as they say."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from facedata import open_set
from facedata.cli import main
from tests.support.command_line import run_here
from tests.support.inline_engine import inline
from tests.support.processes import ROOT
from tests.support.shared_data import SHARED, needs_shared
from tests.support.tutorial_data import LAY_OUT

_FOLDER = ROOT / "docs" / "tutorials"
# LFW as a whole, in the tutorials a second set; its command is that of the quickstart
_NOT_HERE = {"facedata prepare lfw lfw/ --out lfw-faces"}


def _commands(tutorial: str) -> list[str]:
    text = (_FOLDER / f"{tutorial}.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    lines = [line.removeprefix("$ ") for block in blocks for line in block.splitlines() if line[:2] == "$ "]
    return [line for line in lines if line.startswith("facedata ") and line not in _NOT_HERE]


def test_every_tutorial_is_run() -> None:
    assert {path.stem for path in _FOLDER.glob("*.md")} == {*LAY_OUT, "index"}
    assert all(_commands(tutorial) for tutorial in LAY_OUT)


@needs_shared
@pytest.mark.parametrize("tutorial", LAY_OUT)
def test_its_commands_run_from_top_to_bottom(
    tutorial: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not (SHARED / "data" / "five_celebs").is_dir():
        pytest.skip("the five actors' photos are not here")
    LAY_OUT[tutorial](tmp_path)
    monkeypatch.chdir(tmp_path)
    for command in _commands(tutorial):
        words = shlex.split(command.replace("1000000", "1000"), comments=True)[1:]
        with inline():
            finished = run_here(main, "facedata", words)
        # a check whose findings the next command corrects ends with 1
        assert finished.status in ((0, 1) if words[0] == "check" else (0,)), finished.stderr
    counts = open_set(tmp_path / "faces").info["counts"]
    assert counts["status"]["kept"] >= 0.9 * counts["records"]
    assert {"train", "test"} == set(counts["splits"])
    assert all(split["pairs"] and split["triplets"] for split in counts["splits"].values())
