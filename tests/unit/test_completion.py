"""Shell completion: the script is made for every shell, and knows commands, options, choices and files."""

from __future__ import annotations

import argparse
import contextlib
import io
import shutil
import subprocess
from pathlib import Path

import pytest

from facedata.cli import parser as facedata_parser
from facemodel.cli import parser as facemodel_parser

_COMPLETE = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); _shtab_$1; echo "${COMPREPLY[@]}"
"""
_PARSERS = [facedata_parser, facemodel_parser]
each_program = pytest.mark.parametrize("parser", _PARSERS, ids=lambda one: one.prog)


def script(parser: argparse.ArgumentParser, shell: str) -> str:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), pytest.raises(SystemExit) as end:
        parser.parse_args(["--print-completion", shell])
    assert not end.value.code
    return printed.getvalue()


@each_program
@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh", "fish", "powershell"])
def test_every_shell_gets_a_script_that_names_the_commands(
    parser: argparse.ArgumentParser, shell: str
) -> None:
    (commands,) = (one for one in parser._actions if isinstance(one, argparse._SubParsersAction))
    made = script(parser, shell)
    assert [name for name in commands.choices if name not in made] == []


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("facedata pre", "prepare"),
        ("facedata weights f", "fetch"),
        ("facedata prepare folder --det", "--detector"),
        ("facedata prepare folder --detector y", "yunet"),
        ("facedata info mine", "mine.parquet"),
        ("facemodel fit faces --triplets mi", "mine.parquet"),
        ("facemodel ev", "evaluate"),
    ],
)
def test_bash_completes(words: str, completed: str, tmp_path: Path) -> None:
    parser = facedata_parser if words.startswith("facedata") else facemodel_parser
    (tmp_path / "complete").write_text(script(parser, "bash"))
    (tmp_path / "mine.parquet").touch()
    typed = ["bash", "-c", _COMPLETE, "bash", "./complete", *words.split()]
    finished = subprocess.run(typed, capture_output=True, text=True, cwd=tmp_path, check=True)
    assert finished.stdout.split() == [completed]


@each_program
def test_a_shell_that_is_not_known_is_refused(
    parser: argparse.ArgumentParser, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        parser.parse_args(["--print-completion", "csh"])
    assert end.value.code == 2
    assert "--print-completion is 'csh'; it takes one of bash, zsh" in capsys.readouterr().err
