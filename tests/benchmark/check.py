"""Print what `check` finds of planted and published errors, with what is wanted beside it, as Markdown.

    make bench-check                                        everything; about half an hour on two cores
    python -m tests.benchmark.check known swaps doubles     some parts
    python -m tests.benchmark.check --keep DIR              use what an earlier run made there

Reads the folder of real photos and networks (``FACEDATA_SHARED``). Exits with 1 where a row is missed.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tests.benchmark.check_rows.copies import copy_lines
from tests.benchmark.check_rows.doubles import double_lines
from tests.benchmark.check_rows.known import known_lines
from tests.benchmark.check_rows.line import Line, print_lines, processor
from tests.benchmark.check_rows.second import second_lines
from tests.benchmark.check_rows.sets import Sets
from tests.benchmark.check_rows.shared import shared_lines
from tests.benchmark.check_rows.size import size_lines
from tests.benchmark.check_rows.swaps import swap_lines
from tests.benchmark.check_rows.whole import whole_lines
from tests.support.shared_data import SHARED

PARTS: dict[str, tuple[str, Callable[[Sets], Iterator[Line]]]] = {
    "known": ("LFW as it is", known_lines),
    "swaps": ("Photos with each other's names", swap_lines),
    "doubles": ("People under two names", double_lines),
    "whole": ("From photos to findings", whole_lines),
    "copies": ("Photos saved again", copy_lines),
    "shared": ("Two sets that share people", shared_lines),
    "second": ("A network trained here", second_lines),
    "size": ("Time and memory", size_lines),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables; return 1 when a row is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("parts", nargs="*", help=f"some of {', '.join(PARTS)} (default: all)")
    parser.add_argument("--keep", type=Path, help="folder for the sets; it stays, and is used again")
    parser.add_argument("--many", type=int, default=200_000, help="crops of the part size (default: 200000)")
    asked = parser.parse_args(arguments)
    if unknown := set(asked.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    if not (SHARED / "data").is_dir():
        print(f"no real photos at {SHARED}: set FACEDATA_SHARED", file=sys.stderr)
        return 2
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    folder = asked.keep or Path(tempfile.mkdtemp(prefix="facedata-check-"))
    print(f"{time.strftime('%Y-%m-%d')}, {processor()}")
    good = True
    try:
        sets = Sets(folder, asked.many)
        for name in asked.parts or PARTS:
            title, lines = PARTS[name]
            started = time.monotonic()
            good &= print_lines(title, lines(sets))
            print(f"{name}: {time.monotonic() - started:.0f} s", file=sys.stderr)
    finally:
        if asked.keep is None:
            shutil.rmtree(folder)
    print(f"\n{'ok: every row is as wanted' if good else '!! some rows are missed'}")
    return 0 if good else 1


if __name__ == "__main__":
    raise SystemExit(main())
