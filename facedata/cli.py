"""The command line: every command is one call of one public function with one option dataclass.

Results go to stdout (``--json`` for machines), progress and logs to stderr. Exit status: 0 success, 1
failure, 2 wrong usage, 130 after Ctrl-C, as shells expect.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from tqdm import tqdm

from .commands.crop import crop_set
from .commands.prepare import prepare
from .commands.redraw import pairs_set, split_set, triplets_set
from .commands.summary import drawing_lines, summary_lines, weights_lines
from .config import SOURCES, CropConfig, PairsConfig, PrepareConfig, SplitConfig, TripletsConfig
from .detect.weights import fetch_weights, list_weights
from .errors import PhotosLostError
from .flags import argument, command, command_group, make_parser, options_of, print_result, run_command
from .sets.prepared import open_set
from .work.run import Progress

parser, commands = make_parser(
    "facedata",
    "From photographs of people to a trainable face set; every photo is accounted for.",
    """examples:
  facedata prepare demo --out demo-faces           try it; nothing is downloaded
  facedata prepare folder photos/ --out faces      one folder per person
  facedata prepare lfw lfw.tgz --out lfw-faces     official splits and pairs
  facedata crop faces --template arcface112 --out faces112
  facedata info faces                              what is in a set
""",
)
_SET = argument("set", "SET", "the set's folder")
_CACHE = argument("--cache", "DIR", "cache folder (default: ~/.cache/facedata)")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status."""
    return run_command(parser, arguments)


@command(
    commands,
    "prepare",
    "turn photographs into a prepared set; run it again to continue or update",
    argument("kind", "NAME", f"where the photos come from: {', '.join(SOURCES)}", choices=SOURCES.keys()),
    argument("sources", "SOURCE", "folder, table or archive; several as name=DIR", nargs="*"),
    argument("--source", "SOURCE", "the same as SOURCE, as an option", action="append", default=[]),
    argument("--out", "DIR", "the set's folder", required=True),
    options=PrepareConfig,
)
def _prepare(parsed: Namespace) -> None:
    config, sources = options_of(parsed, PrepareConfig), [*parsed.sources, *parsed.source]
    with _Bar() as bar:
        prepared = prepare(sources or None, parsed.out, config, on_progress=bar.show)
    print_result(parsed, prepared.info, summary_lines(prepared))


@command(
    commands, "split", "split a set again, and draw its pairs and triplets again", _SET, options=SplitConfig
)
def _split(parsed: Namespace) -> None:
    section = split_set(parsed.set, options_of(parsed, SplitConfig))
    print_result(parsed, section, drawing_lines(section))


@command(commands, "pairs", "draw a set's pairs again", _SET, options=PairsConfig)
def _pairs(parsed: Namespace) -> None:
    section = pairs_set(parsed.set, options_of(parsed, PairsConfig))
    print_result(parsed, section, drawing_lines(section))


@command(commands, "triplets", "draw a set's triplets again", _SET, options=TripletsConfig)
def _triplets(parsed: Namespace) -> None:
    section = triplets_set(parsed.set, options_of(parsed, TripletsConfig))
    print_result(parsed, section, drawing_lines(section))


@command(
    commands,
    "crop",
    "make another set with other crops of the same faces; no detection is repeated",
    _SET,
    argument("--out", "DIR", "the new set's folder", required=True),
    argument(
        "--source",
        "SOURCE",
        "where the set's photos are now, if they have moved; several as name=DIR",
        action="append",
        default=[],
    ),
    options=CropConfig,
)
def _crop(parsed: Namespace) -> None:
    config, source = options_of(parsed, CropConfig), parsed.source or None
    try:
        with _Bar() as bar:
            cropped = crop_set(parsed.set, parsed.out, config, source=source, on_progress=bar.show)
    except PhotosLostError as error:
        photos = [{"photo": photo, "reason": reason} for photo, reason in error.photos]
        print_result(parsed, photos, [f"{photo}: {reason}" for photo, reason in error.photos])
        raise
    print_result(parsed, cropped.info, summary_lines(cropped))


@command(commands, "info", "show what is in a set", _SET)
def _info(parsed: Namespace) -> None:
    prepared = open_set(parsed.set)
    print_result(parsed, prepared.info, summary_lines(prepared))


weights = command_group(commands, "weights", "list or download weights of detectors that do not include them")


@command(weights, "list", "list the weights, with their licence and path", _CACHE)
def _list_weights(parsed: Namespace) -> None:
    rows = list_weights(parsed.cache)
    print_result(parsed, rows, weights_lines(rows))


@command(
    weights,
    "fetch",
    "download weights into the cache",
    argument("detectors", "DETECTOR", "yunet, retinaface, or all", nargs="+"),
    _CACHE,
)
def _fetch_weights(parsed: Namespace) -> None:
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
        """Draw the bar again."""
        if self._bar is None:
            no_terminal = not sys.stderr.isatty()
            self._bar = tqdm(total=progress.total, unit="photo", disable=no_terminal, file=sys.stderr)
        self._bar.set_postfix(kept=progress.kept, rejected=progress.rejected, refresh=False)
        self._bar.update(progress.kept + progress.rejected - self._bar.n)
