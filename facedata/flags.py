"""From option dataclasses to a command line: flags, config files, output, exit statuses, shell completion.

Both packages build their command lines from these. Results go to stdout (``--json`` for machines), progress
and logs to stderr. Exit status: 0 success, 1 failure, 2 wrong usage, 130 after Ctrl-C, as shells expect.
"""

from __future__ import annotations

import argparse
import atexit
import codecs
import dataclasses
import gc
import io
import json
import logging
import os
import re
import sys
import types
import typing
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from .errors import FacedataError, StoreError
from .late_names import pandas_spared
from .options import Options, OptionsT, from_toml, make, types_of, whole_number
from .parser import Parser

Run = Callable[[argparse.Namespace], None]
Argument = tuple[str, dict[str, Any]]

_INTERRUPTED = 130
_SHELLS = ("bash", "zsh", "tcsh", "fish", "powershell")
_NAMES_A_FILE = re.compile("FILE|DIR|PATH|SET|SOURCE|MODEL|PEOPLE|PHOTO")


def make_parser(program: str, text: str, examples: str) -> tuple[Parser, Any]:
    """Return a program's parser, and its subparsers, to which :func:`command` adds commands."""
    parser = Parser(
        prog=program, description=text, epilog=examples, allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--version", action=_PrintVersion, nargs=0, help="print the version")
    parser.add_argument(
        "--print-completion", action=_PrintCompletion, choices=_SHELLS,
        help="print the script that lets a shell complete commands, options and files",
    )  # fmt: skip
    return parser, parser.add_subparsers(dest="command", required=True, metavar="COMMAND")


def command_group(commands: Any, name: str, text: str) -> Any:
    """Add a command that only groups subcommands; return its subparsers, for :func:`command`."""
    parser = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
    return parser.add_subparsers(dest="action", required=True, metavar="ACTION")


def command(
    commands: Any, name: str, text: str, *arguments: Argument, options: type[Options] | None = None
) -> Callable[[Run], Run]:
    """Make the decorated function a command; it gets the parsed arguments.

    Args:
        commands: the subparsers from :func:`make_parser` or :func:`command_group`.
        name: the command's name.
        text: its help text.
        *arguments: from :func:`argument`.
        options: the dataclass whose fields become flags, except those that ``arguments`` name.
    """

    def register(run: Run) -> Run:
        parser = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
        parser.set_defaults(run=run)
        for flag, about in arguments:
            _add_argument(parser, flag, about)
        if options:
            _add_options(parser, options, {flag for flag, _ in arguments})
        parser.add_argument("--json", action="store_true", help="print the result as JSON")
        parser.add_argument("--verbose", action="store_true", help="log more, to stderr")
        return run

    return register


def argument(flag: str, metavar: str, text: str, **about: Any) -> Argument:
    """Return an argument or flag that belongs to no option dataclass, as ``add_argument`` takes it."""
    return flag, {"metavar": metavar, "help": text, **about}


def run_command(parser: argparse.ArgumentParser, arguments: Sequence[str] | None = None) -> int:
    """Run the command given by the arguments; return its exit status. An error prints one line to stderr.

    Args:
        parser: its ``prog`` is also the name of the package whose log goes to stderr.
        arguments: None for ``sys.argv``.
    """
    if arguments is None and sys.getfilesystemencoding() != "utf-8" and "utf8" not in sys._xoptions:
        # names are UTF-8 whatever the locale: Python has to be told when it starts, and workers inherit it
        os.environ["PYTHONUTF8"] = "1"
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])
    if arguments is None:  # this process is the command: looking for garbage is a fifth of its imports
        gc.set_threshold(10_000)
        atexit.register(gc.freeze)  # and takes as long again when Python ends
    stdout_is_closed = sys.stdout is None
    _open_streams()
    try:
        parsed = parser.parse_args(arguments)
        parsed.typed = list(sys.argv[1:] if arguments is None else arguments)
        log_to_stderr(parser.prog, parsed.verbose)
        with pandas_spared():
            parsed.run(parsed)
        if stdout_is_closed:
            raise StoreError("the result could not be printed: stdout is closed")
    except FacedataError as error:
        print(f"{parser.prog}: error: {error}", file=sys.stderr)
        return error.exit_status
    except (KeyboardInterrupt, ImportError) as stop:
        # Ctrl-C while a compiled module starts comes out of the import as an ImportError
        is_import = isinstance(stop, ImportError)
        if is_import and not isinstance(stop.__cause__, KeyboardInterrupt):
            raise
        text = "" if is_import else str(stop)
        text = text or "stopped; run the same command again to continue"
        print(f"{parser.prog}: {text}", file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:  # the reader of our output, such as head, has gone
        _drop_stdout()
        return 1
    except OSError as error:  # one that our code did not expect
        print(f"{parser.prog}: error: {error}", file=sys.stderr)
        return 1
    return 0


def _open_streams() -> None:
    """Make the three standard streams usable: open, and able to print every name.

    A stream that the caller closed goes to the null device: a file opened later would get its number, and all
    that a library prints.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  open until the end
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # names are UTF-8, whatever LC_ALL=C says of the terminal
            is_ascii = codecs.lookup(stream.encoding).name == "ascii"
            stream.reconfigure(encoding="utf-8" if is_ascii else stream.encoding, errors="backslashreplace")


def _drop_stdout() -> None:
    """Send what is still to be printed nowhere, so that Python does not fail again when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _PrintVersion(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, parsed: Any, values: Any, flag: Any = None) -> None:
        from importlib.metadata import version

        print(f"{parser.prog} {version('facedata')}")
        parser.exit()


class _PrintCompletion(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, parsed: Any, values: Any, flag: Any = None) -> None:
        import shtab

        print(shtab.complete(parser, values))
        parser.exit()


def log_to_stderr(package: str, verbose: bool) -> None:
    """Print a package's log to stderr, without timestamps: those are for log files."""
    logging.basicConfig(format=f"{package}: %(message)s", stream=sys.stderr)
    logging.getLogger(package).setLevel(logging.DEBUG if verbose else logging.INFO)


def _add_argument(parser: argparse.ArgumentParser, flag: str, about: dict[str, Any]) -> None:
    action = parser.add_argument(flag, **about)
    if _NAMES_A_FILE.search(about.get("metavar", "")):
        action.complete = "file"  # type: ignore[attr-defined]  # it is what shtab looks for


def _add_options(parser: argparse.ArgumentParser, kind: type[Options], leave_out: Collection[str]) -> None:
    """Add one flag per field; a flag that is not typed sets nothing, so the config file's value counts."""
    config = {"type": Path, "help": "read options from a file; flags override it"}
    _add_argument(parser, "--config", {**config, "metavar": "FILE.toml"})
    hints = types_of(kind)  # type: ignore[arg-type]  # a class is hashable
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]  # every Options is a dataclass
        if field.name in leave_out:
            continue
        text, hint = field.metadata["text"].replace("%", "%%"), hints[field.name]
        if field.default not in (None, "", ()) and field.default is not False:
            text += f" (default: {field.default})"
        about: dict[str, Any] = {"dest": field.name, "default": argparse.SUPPRESS, "help": text}
        if hint is bool:
            about["action"] = argparse.BooleanOptionalAction
        else:
            kinds = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
            value_type = next(one for one in kinds if one is not type(None))
            if typing.get_origin(value_type) is tuple:
                about["action"], value_type = "append", str
            about["type"] = whole_number if value_type is int else value_type
            if field.metadata["choices"]:
                about["choices"] = field.metadata["choices"]
            else:
                about["metavar"] = field.metadata["metavar"] or ("N" if value_type is int else "X")
        _add_argument(parser, "--" + field.name.replace("_", "-"), about)


def typed_options(parsed: argparse.Namespace, kind: type[Options]) -> dict[str, Any]:
    """Return the options that were typed, by name."""
    names = {field.name for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    return {name: value for name, value in vars(parsed).items() if name in names}


def options_of(parsed: argparse.Namespace, kind: type[OptionsT]) -> OptionsT:
    """Return the options: those of ``--config``, overridden by those that were typed."""
    typed = typed_options(parsed, kind)
    return from_toml(kind, parsed.config, **typed) if parsed.config else make(kind, typed)


def print_result(parsed: argparse.Namespace, values: Any, lines: Sequence[str]) -> None:
    """Print a result: lines for people, or with ``--json`` one line of JSON."""
    if parsed.json and isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")
    text = json.dumps(values, ensure_ascii=False, sort_keys=True) if parsed.json else "\n".join(lines)
    try:
        print(text, flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        _drop_stdout()
        raise StoreError(f"the result could not be printed: {error.strerror}") from error
