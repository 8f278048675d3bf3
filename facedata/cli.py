"""The command line: every command is one call of one public function with one option dataclass.

Results go to stdout (``--json`` for machines), progress and logs to stderr. Exit status: 0 success, 1
failure, 2 wrong usage, 130 after Ctrl-C, as shells expect. What a command needs is imported when it runs, so
that ``facedata --help`` is quick.
"""

from __future__ import annotations

import dataclasses
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import facedata

from .bar import Bar
from .config import SOURCES
from .errors import PhotosLostError
from .flags import argument, command, command_group, make_parser, options_of, print_result, run_command
from .options import is_file

parser, commands = make_parser(
    "facedata",
    "From photographs of people to a trainable face set; every photo is accounted for.",
    """examples:
  facedata prepare demo --out demo-faces           try it; nothing is downloaded
  facedata prepare photos/ --out faces             one folder per person
  facedata prepare lfw lfw.tgz --out lfw-faces     official splits and pairs
  facedata crop faces --template arcface112 --out faces112
  facedata review faces                            decide on what a check found, in a browser
  facedata fix faces corrections.csv --out faces2  the corrected set; nothing is detected again
  facedata export faces --to hf --out hub          for the hub, InsightFace, WebDataset, a spreadsheet …
  facedata info faces                              what is in a set
""",
)
_SET = argument("set", "SET", "the set's folder")
_ONE_SPLIT = argument("--split", "NAME", "draw those of this split only; the others stay (default: all)")
_MOVED_TO = argument(
    "--source",
    "SOURCE",
    "where the set's photos are now, if they have moved; several as name=DIR",
    action="append",
    default=[],
)
_CACHE = argument("--cache", "DIR", "cache folder (default: ~/.cache/facedata)")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status."""
    return run_command(parser, arguments)


@command(
    commands,
    "prepare",
    "turn photographs into a prepared set; run it again to continue or update",
    argument("kind", "NAME", f"where the photos come from: {', '.join(SOURCES)}; or a SOURCE itself"),
    argument("sources", "SOURCE", "folder, table or archive; several as name=DIR", nargs="*"),
    argument("--source", "SOURCE", "the same as SOURCE, as an option", action="append", default=[]),
    argument("--out", "DIR", "the set's folder", required=True),
    options=facedata.PrepareConfig,
)
def _prepare(parsed: Namespace) -> None:
    named = parsed.kind
    if named in SOURCES:
        options_of(parsed, facedata.PrepareConfig)  # what is wrong is said before anything is imported
    with _worker_ahead(parsed), Bar("starting") as bar:
        from .commands.summary import summary_lines
        from .sources.open import understand_source

        parsed.kind, sources = understand_source(named, [*parsed.sources, *parsed.source])
        config = options_of(parsed, facedata.PrepareConfig)
        prepared = facedata.prepare(
            sources or None, parsed.out, config, on_progress=bar.show, on_step=bar.step
        )
    lines = [] if named == parsed.kind else [f"source     {named}, taken as a {parsed.kind}"]
    print_result(parsed, prepared.recorded_info(), lines + summary_lines(prepared))


@command(
    commands,
    "split",
    "split a set again, and draw its pairs and triplets again",
    _SET,
    options=facedata.SplitConfig,
)
def _split(parsed: Namespace) -> None:
    from .commands.summary import drawing_lines

    section = facedata.split_set(parsed.set, options_of(parsed, facedata.SplitConfig))
    print_result(parsed, section, drawing_lines(section, parsed.set))


@command(
    commands,
    "pairs",
    "draw a set's pairs again, or take those of a file",
    _SET,
    argument(
        "--from",
        "FILE",
        "take the pairs that a file lists: LFW's format, or CSV or Parquet with two photos and a label",
        dest="from_file",
    ),
    _ONE_SPLIT,
    options=facedata.PairsConfig,
)
def _pairs(parsed: Namespace) -> None:
    from .commands.summary import drawing_lines

    config = options_of(parsed, facedata.PairsConfig)
    section = facedata.pairs_set(parsed.set, config, split=parsed.split, from_file=parsed.from_file)
    print_result(parsed, section, drawing_lines(section, parsed.set))


@command(
    commands, "triplets", "draw a set's triplets again", _SET, _ONE_SPLIT, options=facedata.TripletsConfig
)
def _triplets(parsed: Namespace) -> None:
    from .commands.summary import drawing_lines

    section = facedata.triplets_set(
        parsed.set, options_of(parsed, facedata.TripletsConfig), split=parsed.split
    )
    print_result(parsed, section, drawing_lines(section, parsed.set))


@command(
    commands,
    "crop",
    "make another set with other crops of the same faces; no detection is repeated",
    _SET,
    argument("--out", "DIR", "the new set's folder", required=True),
    _MOVED_TO,
    options=facedata.CropConfig,
)
def _crop(parsed: Namespace) -> None:
    config, source = options_of(parsed, facedata.CropConfig), parsed.source or None
    with _photos_listed(parsed), _worker_ahead(parsed), Bar("starting") as bar:
        from .commands.summary import summary_lines

        cropped = facedata.crop_set(
            parsed.set, parsed.out, config, source=source, on_progress=bar.show, on_step=bar.step
        )
    print_result(parsed, cropped.recorded_info(), summary_lines(cropped))


@command(
    commands,
    "check",
    "find what is damaged in a set, what is in it twice, and poor photos; changes nothing in it",
    _SET,
    argument("--against", "OTHER", "another set: find the people and photos that both have"),
    argument("--out", "DIR", "folder for the findings (default: check in the set's folder)"),
    options=facedata.CheckConfig,
)
def _check(parsed: Namespace) -> None:
    from .checks.report_lines import finding_lines, refuse_undecided

    config = options_of(parsed, facedata.CheckConfig)
    with Bar("starting") as bar:
        findings = facedata.check(
            parsed.set, against=parsed.against, out=parsed.out, config=config, on_progress=bar.count,
            on_step=bar.step,
        )  # fmt: skip
    print_result(parsed, findings.summary, finding_lines(findings, parsed.set))
    refuse_undecided(findings)


@command(
    commands,
    "review",
    "write the page on which a check's findings are decided, or serve it; it ends in corrections.csv",
    _SET,
    argument("--check", "DIR", "folder of the findings (default: check in the set's folder)"),
    argument("--out", "DIR", "folder of the page (default: review in the set's folder)"),
    options=facedata.ReviewConfig,
)
def _review(parsed: Namespace) -> None:
    from .review.outcome import review_lines

    def show_address(url: str) -> None:
        text = f"open {url} in a browser here; Done on the page stops it, and so does Ctrl-C"
        print(text, file=sys.stderr, flush=True)

    config = options_of(parsed, facedata.ReviewConfig)
    with Bar("starting") as bar:
        review = facedata.review_set(
            parsed.set, parsed.check, parsed.out, config, on_progress=bar.count, on_step=bar.step,
            on_serve=show_address,
        )  # fmt: skip
    values = {**dataclasses.asdict(review), "page": str(review.page), "corrections": str(review.corrections)}
    print_result(parsed, values, review_lines(review, parsed.set))


@command(
    commands,
    "fix",
    "make the corrected set from a finished one, which stays as it is; nothing is detected again",
    _SET,
    argument("corrections", "FILE", "a file of corrections; several are applied in turn", nargs="+"),
    argument("--out", "DIR", "the new set's folder", required=True),
    _MOVED_TO,
    options=facedata.FixConfig,
)
def _fix(parsed: Namespace) -> None:
    from .commands.summary import corrected_rows, correction_lines, summary_lines

    config, source = options_of(parsed, facedata.FixConfig), parsed.source or None
    before = facedata.open_set(parsed.set)
    with _photos_listed(parsed), Bar("starting") as bar:
        fixed = facedata.fix_set(
            before, parsed.corrections, parsed.out, config, source=source, on_progress=bar.show,
            on_step=bar.step,
        )  # fmt: skip
    applied = len(before.info["settings"]["corrections"])
    rows = corrected_rows(fixed, applied)
    values = {**fixed.recorded_info(), "corrected": rows}
    print_result(parsed, values, correction_lines(rows) + summary_lines(fixed))


@command(
    commands,
    "report",
    "write a page to look at a set: its photos, people, distributions, pairs and findings",
    _SET,
    argument("--out", "DIR", "folder for the page (default: report in the set's folder)"),
    _MOVED_TO,
    options=facedata.ReportConfig,
)
def _report(parsed: Namespace) -> None:
    config, source = options_of(parsed, facedata.ReportConfig), parsed.source or None
    with Bar("starting") as bar:
        page = facedata.report_set(
            parsed.set, parsed.out, config, source=source, on_progress=bar.count, on_step=bar.step
        )
    print_result(parsed, {"page": str(page)}, [f"page       {page}"])


@command(
    commands,
    "export",
    "write a set in a format that other programs read",
    _SET,
    argument("--out", "DIR", "folder for the export", required=True),
    options=facedata.ExportConfig,
)
def _export(parsed: Namespace) -> None:
    from .exports.lines import export_lines

    config = options_of(parsed, facedata.ExportConfig)
    with Bar("starting") as bar:
        exported = facedata.export_set(
            parsed.set, parsed.out, config, on_progress=bar.count, on_step=bar.step
        )
    values = {"folder": str(exported.folder), **dataclasses.asdict(exported.note)}
    print_result(parsed, values, export_lines(exported))


@command(
    commands,
    "forget",
    "take people, or photos, out of a set, so that no later run brings them back",
    _SET,
    argument("people", "PERSON", "a person's name, as the ledger has it", nargs="*"),
    options=facedata.ForgetConfig,
)
def _forget(parsed: Namespace) -> None:
    from .forgetting.outcome import forget_lines, refuse_traces

    config = options_of(parsed, facedata.ForgetConfig)
    with Bar("starting") as bar:
        outcome = facedata.forget_set(parsed.set, parsed.people, config, on_step=bar.step)
    print_result(parsed, dataclasses.asdict(outcome), forget_lines(outcome))
    refuse_traces(outcome)


@command(commands, "info", "show what is in a set", _SET)
def _info(parsed: Namespace) -> None:
    from .commands.summary import info_lines
    from .sets.missing_crops import refuse_missing

    prepared = facedata.open_set(parsed.set)
    print_result(parsed, prepared.recorded_info(), info_lines(prepared))
    refuse_missing(prepared)


weights = command_group(commands, "weights", "list or download weights of detectors that do not include them")


@command(weights, "list", "list the weights, with their licence and path", _CACHE)
def _list_weights(parsed: Namespace) -> None:
    from .commands.summary import weights_lines
    from .detect.weights import list_weights

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
    from .detect.weights import fetch_weights

    paths = [str(path) for path in fetch_weights(parsed.detectors, parsed.cache)]
    print_result(parsed, paths, paths)


@contextmanager
def _worker_ahead(parsed: Namespace) -> Iterator[None]:
    """Where a new set is made here, start a worker while this process still imports and lists photos."""
    is_here = getattr(parsed, "engine", "local") == "local" and "://" not in parsed.out
    if not is_here or is_file(f"{parsed.out}/dataset.json"):
        yield
        return
    from .processes import start_ahead

    with start_ahead("facedata.work.task"):
        yield


@contextmanager
def _photos_listed(parsed: Namespace) -> Iterator[None]:
    """Print the photos that a command lacks, before its error."""
    try:
        yield
    except PhotosLostError as error:
        photos = [{"photo": photo, "reason": reason} for photo, reason in error.photos]
        print_result(parsed, photos, [f"{photo}: {reason}" for photo, reason in error.photos])
        raise
