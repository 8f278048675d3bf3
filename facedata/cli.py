"""The command line: every command is one call of one public function with one option dataclass.

Results go to stdout (``--json`` for machines), progress and logs to stderr. Exit status: 0 good, 1 the work
failed, 2 the command was used wrongly; 130 after Ctrl-C, as shells expect.
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

from tqdm import tqdm

from .config import (
    CropConfig,
    Options,
    OptionsT,
    PairsConfig,
    PrepareConfig,
    SplitConfig,
    TripletsConfig,
    from_toml,
    make,
    whole_number,
)
from .detect.weights import fetch_weights, list_weights
from .draw import pairs_set, split_set, triplets_set
from .errors import FacedataError, PhotosLostError
from .prepare import Progress, prepare
from .prepared import open_set
from .recrop import crop_set
from .summary import drawing_lines, summary_lines, weights_lines

_INTERRUPTED = 130

_EPILOG = """examples:
  facedata prepare demo --out demo-faces           try it: nothing is downloaded
  facedata prepare folder photos/ --out faces      a folder per person
  facedata prepare lfw lfw.tgz --out lfw-faces     official splits and pairs
  facedata crop faces --template arcface112 --out faces112
  facedata info faces                              what is in a set
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status."""
    parsed = _parser().parse_args(arguments)
    _log_to_stderr(parsed.verbose)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a name that the terminal cannot show is no reason to fail
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        parsed.run(parsed)
    except FacedataError as error:
        print(f"facedata: error: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        print("facedata: stopped; run the same command again to go on", file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone: nobody is left to tell
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:  # of a place where nobody expected the system to say no
        print(f"facedata: error: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="facedata",
        description="From photographs of people to a trainable face set; every photo is accounted for.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_prepare(commands)
    _add_drawing(
        commands, "split", SplitConfig, split_set, "divide a set anew; pairs and triplets are drawn anew too"
    )
    _add_drawing(commands, "pairs", PairsConfig, pairs_set, "draw a set's pairs anew")
    _add_drawing(commands, "triplets", TripletsConfig, triplets_set, "draw a set's triplets anew")
    _add_crop(commands)
    info = _add_command(commands, "info", "say what is in a set")
    info.add_argument("set", help="the set's folder")
    info.set_defaults(run=_info)
    _add_weights(commands)
    return parser


def _add_command(commands: Any, name: str, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=text, description=text, allow_abbrev=False
    )
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--verbose", action="store_true", help="log more, to stderr")
    return parser


def _add_prepare(commands: Any) -> None:
    parser = _add_command(
        commands, "prepare", "turn photographs into a prepared set; rerun it to go on or to update"
    )
    kinds = PrepareConfig.__dataclass_fields__["kind"].metadata["choices"]
    parser.add_argument(
        "kind", choices=kinds, metavar="NAME", help=f"where the photos come from: {', '.join(kinds)}"
    )
    parser.add_argument(
        "sources", nargs="*", metavar="SOURCE", help="folder, table or archive; several as name=DIR"
    )
    parser.add_argument(
        "--source", action="append", default=[], metavar="SOURCE", help="the same, as an option"
    )
    parser.add_argument("--out", required=True, metavar="DIR", help="the set's folder")
    _add_options(parser, PrepareConfig, leave_out=("kind",))
    parser.set_defaults(run=_prepare)


def _add_weights(commands: Any) -> None:
    text = "list or download the weights of detectors that bring none"
    parser = commands.add_parser("weights", help=text, description=text, allow_abbrev=False)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = _add_command(actions, "list", "say which weights there are, their licence, and where they lie")
    listing.set_defaults(run=_list_weights)
    fetching = _add_command(actions, "fetch", "download weights into the cache")
    fetching.add_argument("detectors", nargs="+", metavar="DETECTOR", help="yunet, retinaface, or all")
    fetching.set_defaults(run=_fetch_weights)
    for action in (listing, fetching):
        action.add_argument("--cache", metavar="DIR", help="cache folder (default: ~/.cache/facedata)")


def _add_drawing(commands: Any, name: str, kind: type[Options], function: Any, text: str) -> None:
    parser = _add_command(commands, name, text)
    parser.add_argument("set", help="the set's folder")
    _add_options(parser, kind)

    def run(parsed: argparse.Namespace) -> None:
        section = function(parsed.set, _options(parsed, kind))
        _print(parsed, section, drawing_lines(section))

    parser.set_defaults(run=run)


def _add_crop(commands: Any) -> None:
    parser = _add_command(
        commands, "crop", "make another set from a set's ledger: other crops, nothing is detected again"
    )
    parser.add_argument("set", help="the set's folder")
    parser.add_argument("--out", required=True, metavar="DIR", help="the new set's folder")
    parser.add_argument(
        "--source",
        action="append",
        default=[],
        metavar="SOURCE",
        help="where the set's photos are now, when they have moved; several as name=DIR",
    )
    _add_options(parser, CropConfig)
    parser.set_defaults(run=_crop)


def _add_options(parser: argparse.ArgumentParser, kind: type[Options], leave_out: Sequence[str] = ()) -> None:
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


def _options(parsed: argparse.Namespace, kind: type[OptionsT]) -> OptionsT:
    names = {field.name for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    typed = {name: value for name, value in vars(parsed).items() if name in names}
    return from_toml(kind, parsed.config, **typed) if parsed.config else make(kind, typed)


def _prepare(parsed: argparse.Namespace) -> None:
    config = _options(parsed, PrepareConfig)
    with _Bar() as bar:
        prepared = prepare(
            [*parsed.sources, *parsed.source] or None, parsed.out, config, on_progress=bar.show
        )
    _print(parsed, prepared.info, summary_lines(prepared))


def _crop(parsed: argparse.Namespace) -> None:
    config = _options(parsed, CropConfig)
    try:
        with _Bar() as bar:
            cropped = crop_set(
                parsed.set, parsed.out, config, source=parsed.source or None, on_progress=bar.show
            )
    except PhotosLostError as error:
        photos = [{"photo": photo, "reason": reason} for photo, reason in error.photos]
        _print(parsed, photos, [f"{photo}: {reason}" for photo, reason in error.photos])
        raise
    _print(parsed, cropped.info, summary_lines(cropped))


def _info(parsed: argparse.Namespace) -> None:
    prepared = open_set(parsed.set)
    _print(parsed, prepared.info, summary_lines(prepared))


def _list_weights(parsed: argparse.Namespace) -> None:
    rows = list_weights(parsed.cache)
    _print(parsed, rows, weights_lines(rows))


def _fetch_weights(parsed: argparse.Namespace) -> None:
    paths = [str(path) for path in fetch_weights(parsed.detectors, parsed.cache)]
    _print(parsed, paths, paths)


def _print(parsed: argparse.Namespace, values: Any, lines: Sequence[str]) -> None:
    print(json.dumps(values, ensure_ascii=False, sort_keys=True) if parsed.json else "\n".join(lines))


class _Bar:
    """A progress bar with rate, time left, kept and rejected counts; only on a terminal."""

    def __init__(self) -> None:
        self._bar: tqdm[Any] | None = None

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def show(self, progress: Progress) -> None:
        """Draw the bar anew."""
        if self._bar is None:
            self._bar = tqdm(
                total=progress.total, unit="photo", disable=not sys.stderr.isatty(), file=sys.stderr
            )
        done = progress.kept + progress.rejected
        self._bar.set_postfix(kept=progress.kept, rejected=progress.rejected, refresh=False)
        self._bar.update(done - self._bar.n)


def _log_to_stderr(verbose: bool) -> None:
    logging.basicConfig(format="facedata: %(message)s", stream=sys.stderr)
    logging.getLogger("facedata").setLevel(logging.DEBUG if verbose else logging.INFO)
