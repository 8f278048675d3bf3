"""From option dataclasses to a command line: flags, config files, output, exit statuses.

Both packages' command lines are made of these. Results go to stdout (``--json`` for machines), progress and
logs to stderr. Exit status: 0 good, 1 the work failed, 2 the command was used wrongly; 130 after Ctrl-C, as
shells expect.
"""

from __future__ import annotations

import argparse
import dataclasses
import io
import json
import logging
import os
import sys
import types
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .errors import FacedataError
from .options import Options, OptionsT, from_toml, make, whole_number

_INTERRUPTED = 130


def run_command(parser: argparse.ArgumentParser, arguments: Sequence[str] | None, package: str) -> int:
    """Parse a command line, call its ``run``, and turn errors into one line and an exit status.

    Args:
        parser: its program's name stands before every message.
        arguments: None for those of this process.
        package: whose log goes to stderr.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # a name that the terminal cannot show is no reason to fail
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        parsed = parser.parse_args(arguments)
        log_to_stderr(package, parsed.verbose)
        parsed.run(parsed)
    except FacedataError as error:
        print(f"{parser.prog}: error: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        print(f"{parser.prog}: stopped; run the same command again to go on", file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone: nobody is left to tell
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:  # of a place where nobody expected the system to say no
        print(f"{parser.prog}: error: {error}", file=sys.stderr)
        return 1
    return 0


def log_to_stderr(package: str, verbose: bool) -> None:
    """Show a package's log on stderr, without times: those are for files."""
    logging.basicConfig(format=f"{package}: %(message)s", stream=sys.stderr)
    logging.getLogger(package).setLevel(logging.DEBUG if verbose else logging.INFO)


def add_command(commands: Any, name: str, text: str) -> argparse.ArgumentParser:
    """Add a command with the flags that all of them have."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=text, description=text, allow_abbrev=False
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--verbose", action="store_true", help="log more, to stderr")
    return parser


def add_options(parser: argparse.ArgumentParser, kind: type[Options], leave_out: Sequence[str] = ()) -> None:
    """Add one flag per field; flags not typed stay absent and so do not hide a config file's values."""
    parser.add_argument(
        "--config", metavar="FILE.toml", type=Path, help="read options from a file; flags win over it"
    )
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]  # every Options is a dataclass
        if field.name not in leave_out:
            flag = "--" + field.name.replace("_", "-")
            parser.add_argument(flag, **_flag(field, hints[field.name]))


def _flag(field: dataclasses.Field[Any], hint: Any) -> dict[str, Any]:
    text = field.metadata["text"].replace("%", "%%")
    if field.default is not None and field.default is not False:
        text += f" (default: {field.default})"
    given: dict[str, Any] = {"dest": field.name, "default": argparse.SUPPRESS, "help": text}
    if hint is bool:
        return {**given, "action": argparse.BooleanOptionalAction}
    kinds = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    kind = next(kind for kind in kinds if kind is not type(None))
    given["type"] = whole_number if kind is int else kind
    if field.metadata["choices"]:
        return {**given, "choices": field.metadata["choices"]}
    return {**given, "metavar": field.metadata["metavar"] or ("N" if kind is int else "X")}


def options_of(parsed: argparse.Namespace, kind: type[OptionsT]) -> OptionsT:
    """Return the options that were typed, over those of ``--config``."""
    names = {field.name for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    typed = {name: value for name, value in vars(parsed).items() if name in names}
    return from_toml(kind, parsed.config, **typed) if parsed.config else make(kind, typed)


def print_result(parsed: argparse.Namespace, values: Any, lines: Sequence[str]) -> None:
    """Print a result: as lines for people, with ``--json`` as one line for machines."""
    print(json.dumps(values, ensure_ascii=False, sort_keys=True) if parsed.json else "\n".join(lines))
