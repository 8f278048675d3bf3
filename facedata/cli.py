"""The command line: every command is one call of one public function with one option dataclass.

Results go to stdout (``--json`` for machines), progress and logs to stderr. Exit status: 0 good, 1 the work
failed, 2 the command was used wrongly; 130 after Ctrl-C, as shells expect.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from tqdm import tqdm

from .commands.crop import crop_set
from .commands.prepare import prepare
from .commands.redraw import pairs_set, split_set, triplets_set
from .commands.summary import drawing_lines, summary_lines, weights_lines
from .config import CropConfig, PairsConfig, PrepareConfig, SplitConfig, TripletsConfig
from .detect.weights import fetch_weights, list_weights
from .errors import PhotosLostError
from .flags import add_command, add_options, options_of, print_result, run_command
from .options import Options
from .sets.prepared import open_set
from .work.counting import Progress

_EPILOG = """examples:
  facedata prepare demo --out demo-faces           try it: nothing is downloaded
  facedata prepare folder photos/ --out faces      a folder per person
  facedata prepare lfw lfw.tgz --out lfw-faces     official splits and pairs
  facedata crop faces --template arcface112 --out faces112
  facedata info faces                              what is in a set
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status."""
    return run_command(_parser(), arguments, "facedata")


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
    info = add_command(commands, "info", "say what is in a set")
    info.add_argument("set", help="the set's folder")
    info.set_defaults(run=_info)
    _add_weights(commands)
    return parser


def _add_prepare(commands: Any) -> None:
    parser = add_command(
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
    add_options(parser, PrepareConfig, leave_out=("kind",))
    parser.set_defaults(run=_prepare)


def _add_weights(commands: Any) -> None:
    text = "list or download the weights of detectors that bring none"
    parser = commands.add_parser("weights", help=text, description=text, allow_abbrev=False)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = add_command(actions, "list", "say which weights there are, their licence, and where they lie")
    listing.set_defaults(run=_list_weights)
    fetching = add_command(actions, "fetch", "download weights into the cache")
    fetching.add_argument("detectors", nargs="+", metavar="DETECTOR", help="yunet, retinaface, or all")
    fetching.set_defaults(run=_fetch_weights)
    for action in (listing, fetching):
        action.add_argument("--cache", metavar="DIR", help="cache folder (default: ~/.cache/facedata)")


def _add_drawing(commands: Any, name: str, kind: type[Options], function: Any, text: str) -> None:
    parser = add_command(commands, name, text)
    parser.add_argument("set", help="the set's folder")
    add_options(parser, kind)

    def run(parsed: argparse.Namespace) -> None:
        section = function(parsed.set, options_of(parsed, kind))
        print_result(parsed, section, drawing_lines(section))

    parser.set_defaults(run=run)


def _add_crop(commands: Any) -> None:
    parser = add_command(
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
    add_options(parser, CropConfig)
    parser.set_defaults(run=_crop)


def _prepare(parsed: argparse.Namespace) -> None:
    config = options_of(parsed, PrepareConfig)
    with _Bar() as bar:
        prepared = prepare(
            [*parsed.sources, *parsed.source] or None, parsed.out, config, on_progress=bar.show
        )
    print_result(parsed, prepared.info, summary_lines(prepared))


def _crop(parsed: argparse.Namespace) -> None:
    config = options_of(parsed, CropConfig)
    try:
        with _Bar() as bar:
            cropped = crop_set(
                parsed.set, parsed.out, config, source=parsed.source or None, on_progress=bar.show
            )
    except PhotosLostError as error:
        photos = [{"photo": photo, "reason": reason} for photo, reason in error.photos]
        print_result(parsed, photos, [f"{photo}: {reason}" for photo, reason in error.photos])
        raise
    print_result(parsed, cropped.info, summary_lines(cropped))


def _info(parsed: argparse.Namespace) -> None:
    prepared = open_set(parsed.set)
    print_result(parsed, prepared.info, summary_lines(prepared))


def _list_weights(parsed: argparse.Namespace) -> None:
    rows = list_weights(parsed.cache)
    print_result(parsed, rows, weights_lines(rows))


def _fetch_weights(parsed: argparse.Namespace) -> None:
    paths = [str(path) for path in fetch_weights(parsed.detectors, parsed.cache)]
    print_result(parsed, paths, paths)


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
