"""What holds for both programs' command lines: any order of words, one line for what is mistyped, streams."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from facedata.cli import parser as facedata_parser
from facedata.parser import Parser
from facedata.testing import painted_folder
from facemodel.cli import parser as facemodel_parser
from tests.support.facedata_command import SMALL
from tests.support.processes import ROOT

_PROGRAMS = {"facedata": facedata_parser, "facemodel": facemodel_parser}
_ORDERS = 60
_UNPRINTED = b"facemodel: error: the result could not be printed: "


def _leaves(parser: Parser, names: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Parser]]:
    if not parser._commands():
        yield names, parser
    for name, below in parser._commands().items():
        yield from _leaves(below, (*names, name))


_COMMANDS = {
    f"{program} {' '.join(names)}": (root, names, leaf)
    for program, root in _PROGRAMS.items()
    for names, leaf in _leaves(root)
}
each_command = pytest.mark.parametrize("command", _COMMANDS)
each_program = pytest.mark.parametrize("program", _PROGRAMS)


def _value(action: argparse.Action) -> str:
    """Return a word that an option or argument takes; an awkward one where it may be anything."""
    if action.choices:
        return str(next(iter(action.choices)))
    kind = getattr(action.type, "__name__", "")
    return {"whole_number": "3", "float": "0.5"}.get(kind, "prepare")


def _units(leaf: Parser) -> tuple[list[list[str]], list[list[str]]]:
    """Return the arguments, in their order, and the options, each with its value."""
    arguments: list[list[str]] = []
    options: list[list[str]] = []
    for action in leaf._actions:
        if isinstance(action, argparse._HelpAction):
            continue
        if not action.option_strings:
            words = [_value(action), "photos", "more"] if action.nargs in ("*", "+") else [_value(action)]
            arguments += [[word] for word in words]
        elif action.nargs == 0:
            options.append([action.option_strings[-1]])
        else:
            options.append([action.option_strings[0], _value(action)])
    return arguments, options


def _words(units: list[list[str]]) -> list[str]:
    return [word for unit in units for word in unit]


def _parse(root: Parser, words: list[str]) -> dict[str, object]:
    return vars(root.parse_args(words))


@each_command
def test_options_and_arguments_may_stand_in_any_order(command: str) -> None:
    root, names, leaf = _COMMANDS[command]
    arguments, options = _units(leaf)
    order = random.Random(command)
    straight = _parse(root, [*names, *_words(arguments), *_words(options)])
    assert straight["json"] is True
    for _ in range(_ORDERS):
        units: list[list[str]] = list(options)
        order.shuffle(units)
        for place in sorted(order.randrange(len(units) + 1) for _ in arguments):
            units.insert(place, [])  # one argument comes here
        rest = iter(arguments)
        words = _words([*(unit or next(rest, []) for unit in units), *rest])
        assert _parse(root, [*names, *words]) == straight


@each_command
def test_options_may_stand_before_the_command(command: str) -> None:
    root, names, leaf = _COMMANDS[command]
    arguments, options = _units(leaf)
    straight = _parse(root, [*names, *_words(arguments), *_words(options)])
    if len(names) == 1:
        assert _parse(root, [*_words(options), *names, *_words(arguments)]) == straight
    else:
        assert _parse(root, [names[0], *_words(options), *names[1:], *_words(arguments)]) == straight


def _fails(root: Parser, words: list[str]) -> str:
    """Return the one line that refuses the words."""
    stderr = io.StringIO()
    with contextlib.redirect_stderr(stderr), pytest.raises(SystemExit) as end:
        root.parse_args(words)
    assert end.value.code == 2
    (line,) = stderr.getvalue().splitlines()
    return line


@each_command
def test_a_mistyped_option_is_one_line_with_the_nearest_name(command: str) -> None:
    root, names, leaf = _COMMANDS[command]
    assert _fails(root, [*names, "--vebrose"]) == (
        f"{leaf.prog}: error: there is no option --vebrose; did you mean --verbose?"
    )
    assert _fails(root, [*names, "--qqq"]) == (
        f"{leaf.prog}: error: there is no option --qqq; {leaf.prog} --help lists them"
    )


@each_program
@pytest.mark.parametrize("cut", [1, 2])
def test_a_mistyped_command_is_one_line_with_the_nearest_name(program: str, cut: int) -> None:
    root = _PROGRAMS[program]
    for name in root._commands():
        if len(name) > 4:
            typed = name[:-cut] + "x"
            assert _fails(root, [typed, "faces"]) == (
                f"{program}: error: there is no command {typed!r}; did you mean {name}?"
            )


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("info", "info: error: the following arguments are required: SET"),
        ("info faces more", "info: error: 'more' is one argument too many"),
        ("info -- faces --more", "info: error: '--more' is one argument too many"),
        ("prepare folder p --out", "prepare: error: --out needs a value"),
        ("prepare folder p --out --seed 1", "prepare: error: --out needs a value"),
        ("prepare folder p --seed one", "prepare: error: --seed is 'one'; it takes a whole number"),
        ("prepare folder p --seed 1.5", "prepare: error: --seed is '1.5'; it takes a whole number"),
        ("prepare folder p --min-score high", "prepare: error: --min-score is 'high'; it takes a number"),
        (
            "split faces --split-by fotos",
            "split: error: --split-by is 'fotos'; it takes one of identity, photo, official; did you mean photo?",  # noqa: E501
        ),
        (
            "prepare p --out x --detector MTCNN",
            "prepare: error: --detector is 'MTCNN'; it takes one of mtcnn, yunet, retinaface; did you mean mtcnn?",  # noqa: E501
        ),
        ("split p --stable=maybe", "split: error: --stable takes no value"),
        ("info p --json=yes", "info: error: --json takes no value"),
        ("photos --out x", "error: there is no command 'photos'; facedata --help lists them"),
        ("weights lits", "weights: error: there is no command 'lits'; did you mean list?"),
        ("--seed 1", "error: no command follows --seed: write one of prepare, split"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(words: str, line: str) -> None:
    said = _fails(facedata_parser, words.split())
    assert said.startswith("facedata" + (": " if line.startswith("error") else " ") + line)


def test_negative_numbers_and_two_dashes_are_no_options() -> None:
    parsed = facedata_parser.parse_args(["prepare", "--seed", "-1", "--out", "x", "folder", "--", "--odd"])
    assert (parsed.seed, parsed.sources) == (-1, ["--odd"])


@each_program
def test_the_bare_command_shows_its_help(program: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        _PROGRAMS[program].parse_args([])
    assert end.value.code == 2
    shown = capsys.readouterr()
    assert shown.out == _PROGRAMS[program].format_help()
    assert shown.err == ""


@each_program
def test_the_version_is_the_package_s(program: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        _PROGRAMS[program].parse_args(["--version"])
    assert not end.value.code
    assert capsys.readouterr().out == f"{program} {version('facedata')}\n"


def _run(shell: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run shell text in which ``$recipes`` is ``facemodel recipes`` and ``$none`` a command that fails."""
    python = f"{sys.executable} -c 'import sys; from {{}}.cli import main; sys.exit(main())'"
    text = f'recipes="{python.format("facemodel")} recipes"; none="{python.format("facedata")} info /no/set";'
    return subprocess.run(
        ["sh", "-c", text + shell], capture_output=True, check=False, timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("shell", "status", "stdout", "stderr"),
    [
        ("eval $recipes >&-", 1, b"", _UNPRINTED + b"stdout is closed\n"),
        ("eval $recipes --json >/dev/full", 1, b"", _UNPRINTED + b"No space left on device\n"),
        ("eval $none 2>&-", 1, b"", b""),
        ("eval $none >&- 2>&- <&-", 1, b"", b""),
        ("eval $recipes --nope 2>&-", 2, b"", b""),
        ("eval $recipes >&- 2>&-", 1, b"", b""),
    ],
)  # fmt: skip
def test_closed_and_full_streams(shell: str, status: int, stdout: bytes, stderr: bytes) -> None:
    ended = _run(shell)
    assert (ended.returncode, ended.stdout, ended.stderr) == (status, stdout, stderr)


def test_with_stderr_closed_the_result_is_printed_all_the_same() -> None:
    ended = _run("eval $recipes --json 2>&- <&-")
    assert ended.returncode == 0
    assert {"default", "anchors"} <= {row["name"] for row in json.loads(ended.stdout)}


def test_a_file_opened_later_never_gets_the_number_of_a_closed_stream(tmp_path: Path) -> None:
    """A table written as descriptor 1 or 2 would hold what a library prints there."""
    program = (
        "import os, sys; from facedata.flags import argument, command, make_parser, run_command\n"
        "parser, commands = make_parser('facedata', '', '')\n"
        "def run(parsed):\n"
        "    with open(parsed.file, 'wb') as file:\n"
        "        os.write(1, b'out'); os.write(2, b'err'); file.write(b'own')\n"
        "command(commands, 'write', '', argument('file', 'FILE', ''))(run)\n"
        "run_command(parser)"
    )
    file = tmp_path / "file"
    script = tmp_path / "program.py"
    script.write_text(program)
    _run(f"{sys.executable} {script} write {file} >&- 2>&-")
    assert file.read_bytes() == b"own"


def test_json_is_utf_8_whatever_the_locale(tmp_path: Path) -> None:
    program = (
        "import sys; from facedata.flags import command, make_parser, print_result, run_command\n"
        "parser, commands = make_parser('facedata', '', '')\n"
        "command(commands, 'name', '')(lambda parsed: print_result(parsed, 'Zoë', ['Zoë']))\n"
        "run_command(parser)"
    )
    script = tmp_path / "program.py"
    script.write_text(program, encoding="utf-8")
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    assert _run(f"{sys.executable} {script} name --json", **plain).stdout.decode() == '"Zoë"\n'
    assert _run(f"{sys.executable} {script} name", **plain).stdout.decode() == "Zoë\n"


_SLOW = {
    "numpy", "pyarrow", "pandas", "cv2", "PIL", "tqdm", "joblib", "asyncio", "torch", "torchvision", "scipy",
    "sklearn", "matplotlib", "jinja2", "fsspec", "timm", "facenet_pytorch",
    "pytorch_metric_learning", "onnxruntime",
}  # fmt: skip
"""Packages whose import takes a while; each command is held to those that it needs."""


def _imported_by(program: str, *words: str) -> set[str]:
    """Return which of the slow packages a command imports."""
    code = (
        f"import sys\nfrom {program}.cli import main\ntry: status = main(sys.argv[1:])\n"
        f"except SystemExit as end: status = end.code or 0\n"
        f"print(*({_SLOW} & set(sys.modules)))\nsys.exit(status)"
    )
    return set(
        subprocess.check_output([sys.executable, "-c", code, *words], text=True).splitlines()[-1].split()
    )


@each_program
def test_help_version_and_completion_import_nothing_slow(program: str) -> None:
    for words in (["--help"], ["--version"], ["--print-completion", "bash"]):
        assert _imported_by(program, *words) == set()


@each_program
def test_the_help_of_a_command_and_a_slip_import_nothing_slow(program: str) -> None:
    for words in (["info", "--help"], ["check", "--help"]):
        assert _imported_by(program, *words) == set()
    if program == "facemodel":
        assert _imported_by(program, "recipes") == _imported_by(program, "evaluate", "--help") == set()


def test_a_command_imports_only_what_it_needs(tmp_path: Path) -> None:
    painted_folder(tmp_path / "photos", people=4, photos=3)
    faces, tables = str(tmp_path / "faces"), {"numpy", "pyarrow"}
    preparing = _imported_by(
        "facedata", "prepare", "folder", str(tmp_path / "photos"), "--out", faces, *SMALL
    )
    assert preparing == tables | {"cv2", "PIL", "tqdm", "jinja2"}
    assert _imported_by("facedata", "info", faces) == tables
    assert _imported_by("facedata", "split", faces) == tables
    assert _imported_by("facedata", "pairs", faces) == tables
    assert _imported_by("facedata", "triplets", faces) == tables
    assert not _imported_by("facedata", "report", faces) & {"torch", "pandas", "scipy", "fsspec"}


def test_pandas_is_there_for_who_wants_it() -> None:
    """Commands spare it only as long as they run, and Arrow makes frames all the same."""
    code = (
        "import sys\nfrom facedata.cli import main\n"
        "main(['info', 'nothing'])\n"
        "import pyarrow\nassert 'pandas' not in sys.modules\n"
        "print(pyarrow.table({'a': [1, 2]}).to_pandas().a.sum())\n"
        "import pandas\nprint(pyarrow.array(pandas.Series([None, 2.0])).null_count)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.split() == ["3", "1"]
