"""Print how long pages take to write and to answer, with what is wanted beside it, as Markdown.

    make bench-report                                  everything; some minutes on two cores
    python -m tests.benchmark.report write open        some parts
    python -m tests.benchmark.report --keep DIR        use what an earlier run made there

Reads the folder of real photos (``FACEDATA_SHARED``) and drives the system's Chromium, all on two cores.
Exits with 1 where a row is missed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tests.benchmark.check_rows.line import processor
from tests.benchmark.report_rows.browsing import browsing_rows
from tests.benchmark.report_rows.reviewing import reviewing_rows
from tests.benchmark.report_rows.row import Row, print_rows
from tests.benchmark.report_rows.writing import PageSets, writing_rows
from tests.support.browser import find_missing, launch_browser
from tests.support.shared_data import SHARED

PARTS: dict[str, tuple[str, Callable[[PageSets], Iterator[Row]]]] = {
    "write": ("Written", writing_rows),
    "open": ("Opened in Chromium", browsing_rows),
    "review": ("Decided by keyboard", reviewing_rows),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables; return 1 when a row is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("parts", nargs="*", help=f"some of {', '.join(PARTS)} (default: all)")
    parser.add_argument("--keep", type=Path, help="folder for the sets; it stays, and is used again")
    parser.add_argument("--many", type=int, default=200_000, help="crops of the large set (default: 200000)")
    asked = parser.parse_args(arguments)
    if unknown := set(asked.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    missing = find_missing()
    if not (SHARED / "data").is_dir():
        missing = f"no real photos at {SHARED}: set FACEDATA_SHARED"
    if missing:
        print(missing, file=sys.stderr)
        return 2
    keep_to_two_cores()
    print(f"{time.strftime('%Y-%m-%d')}, {describe_machine()}")
    folder = asked.keep or Path(tempfile.mkdtemp(prefix="facedata-pages-"))
    good = True
    try:
        sets = PageSets(folder, asked.many)
        for name in asked.parts or PARTS:
            title, rows = PARTS[name]
            good &= print_rows(title, rows(sets))
    finally:
        if asked.keep is None:
            shutil.rmtree(folder)
    print(f"\n{'ok: every row is as wanted' if good else '!! some rows are missed'}")
    return 0 if good else 1


def keep_to_two_cores() -> None:
    """Leave this process, and all that it starts, two cores, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])


def describe_machine() -> str:
    """Return what the figures were taken on."""
    with launch_browser() as browser:
        return f"{processor()}; Chromium {browser.version}, headless, which the processor draws for"


if __name__ == "__main__":
    raise SystemExit(main())
