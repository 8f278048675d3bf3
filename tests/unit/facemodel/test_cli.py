"""facemodel's command line: help, options from flags and files, bars on terminals only, Ctrl-C."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import os
import struct
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

import facemodel
from facedata.options import Options
from facemodel import config
from facemodel.cli import parser
from facemodel.recipes import fit_config
from tests.support.facemodel_command import here
from tests.support.fit_files import read_fit_config

_CONFIGS: dict[str, type[Options]] = {
    "fit": config.FitConfig,
    "embed": config.EmbedConfig,
    "evaluate": config.EvaluateConfig,
    "compare": config.CompareConfig,
    "enroll": config.EnrollConfig,
    "identify": config.IdentifyConfig,
    "mine": config.MineConfig,
    "export": config.ExportConfig,
}


@pytest.mark.parametrize("command", _CONFIGS)
def test_help_names_every_option_with_its_meaning(command: str) -> None:
    flat = " ".join(here(command, "--help").stdout.split()).replace("- ", "-")  # argparse breaks at hyphens
    for field in dataclasses.fields(_CONFIGS[command]):  # type: ignore[arg-type]  # every Options is one
        assert f"--{field.name.replace('_', '-')}" in flat
        assert field.metadata["text"].replace("- ", "-") in flat
    assert "--json" in flat
    assert "--config" in flat


def _fit_config(*words: str) -> config.FitConfig:
    """Return what ``fit`` would be called with."""
    seen = []

    class Stopped(Exception):
        pass

    def stop(set_path: str, out: str, on_progress: object, **given: Any) -> None:
        seen.append(fit_config(given))
        raise Stopped

    parsed = parser.parse_args(["fit", "faces", "--out", "run", *words])
    with patch.object(facemodel, "fit", stop, create=True), contextlib.suppress(Stopped):
        parsed.run(parsed)
    return seen[0]


def test_flags_win_over_the_file_and_both_over_the_recipe(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('recipe = "anchors"\nmargin = 0.5\nepochs = 7\nflip = false\n')
    found = _fit_config("--config", str(file), "--epochs", "3", "--flip")
    assert (found.recipe, found.margin, found.epochs, found.flip) == ("anchors", 0.5, 3, True)
    assert found.distance == "squared"  # the recipe's
    assert found == read_fit_config(file, epochs=3, flip=True)
    again = tmp_path / "again.toml"
    again.write_text(found.to_toml())
    assert _fit_config("--config", str(again)) == found


def test_a_recipe_in_a_file_gives_way_to_one_that_is_typed(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('recipe = "anchors"\nepochs = 7\n')
    found = _fit_config("--config", str(tmp_path / "mine.toml"), "--recipe", "default")
    assert (found.recipe, found.loss, found.epochs) == ("default", "cosface", 7)


_BAR = """
import logging, sys
from facedata.flags import log_to_stderr
from facemodel.bar import Bar
log_to_stderr("facemodel", False)
with Bar("photo") as bar:
    bar.step("reading the photos")
    for done in range(1, 4):
        bar.show(done, 3)
        logging.getLogger("facemodel.x").info("line %s", done)
"""


def test_a_pipe_gets_the_log_and_no_bar() -> None:
    finished = subprocess.run([sys.executable, "-c", _BAR], capture_output=True, text=True, check=True)
    assert finished.stdout == ""
    assert finished.stderr == "".join(f"facemodel: line {number}\n" for number in (1, 2, 3))


def test_a_terminal_gets_a_bar_with_the_log_above_it() -> None:
    outer, inner = os.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("4H", 24, 100, 0, 0))  # 24 lines of 100
    process = subprocess.Popen([sys.executable, "-c", _BAR], stderr=inner)
    os.close(inner)
    shown = b""
    with os.fdopen(outer, "rb", buffering=0) as terminal, contextlib.suppress(OSError):  # so it ends
        while block := terminal.read(4096):
            shown += block
    assert process.wait() == 0
    text = shown.decode()
    assert "3/3" in text
    assert "photo/s" in text
    assert "reading the photos: 100%" in text
    for number in (1, 2, 3):
        (line,) = [line for line in text.splitlines() if f"line {number}" in line]
        assert line.rpartition("\r")[2].strip() == f"facemodel: line {number}"


def test_ctrl_c_is_one_line_and_130(tmp_path: Path) -> None:
    program = (
        "import os, signal, facemodel.cli as cli\n"
        "import facemodel.commands.info\n"
        "def stop(*_): os.kill(os.getpid(), signal.SIGINT)\n"
        "facemodel.commands.info.model_info = stop\n"
        "raise SystemExit(cli.main(['info', 'run']))\n"
    )
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert finished.returncode == 130
    assert finished.stderr == "facemodel: stopped; run the same command again to continue\n"


def test_it_is_a_module_too() -> None:
    program = [sys.executable, "-m", "facemodel", "--help"]
    finished = subprocess.run(program, capture_output=True, text=True, check=True)
    assert finished.stdout.startswith("usage: facemodel")
