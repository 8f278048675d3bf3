"""Time and memory of writing the page of a set, and what was written."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psutil

from facedata import open_set
from tests.benchmark.check_rows.size import memory_and_cpu
from tests.benchmark.report_rows.many_crops import make_many_crops
from tests.benchmark.report_rows.row import Row
from tests.support.processes import ROOT
from tests.support.shared_data import SHARED

_MOST_S, _MOST_SHARE = 10, 0.2
_MOST_MINUTES, _MOST_GB, _MOST_INDEX_MB, _MOST_SHEET_MB = 5, 1.0, 5.0, 2.0


class Ran(NamedTuple):
    """What a command took.

    Attributes:
        seconds: from its start to its end.
        cpu_s: of all its processes; on a machine that does other work, what tells.
        memory: the most bytes of all its processes together, shared ones counted once.
    """

    seconds: float
    cpu_s: float
    memory: int


class PageSets:
    """The two sets whose pages are written and opened, made when they are first asked for.

    Args:
        folder: where; what an earlier run left there is used.
        many: how many crops the large one has.
    """

    def __init__(self, folder: Path, many: int) -> None:
        self.folder, self.many = folder, many
        folder.mkdir(parents=True, exist_ok=True)

    def few_crops(self) -> tuple[Path, float]:
        """Return LFW's View 1, prepared by two workers, and the seconds that it took."""
        out, took = self.folder / "lfw", self.folder / "lfw-prepared.json"
        if not took.is_file():
            source = SHARED / "data" / "lfw"
            ran = run_watched(
                "prepare", "lfw", source, "--out", out, "--workers", 2, "--no-report", "--overwrite"
            )
            took.write_text(json.dumps(ran.seconds))
        return out, float(json.loads(took.read_text()))

    def many_crops(self) -> Path:
        """Return the large set."""
        out, _ = self.folder / f"many-{self.many}", self.few_crops()
        if not (out / "check" / "summary.json").is_file():
            make_many_crops(out, self.few_crops()[0], self.many)
        return out

    def page(self, faces: Path) -> Path:
        """Return a set's page, written here or before."""
        page = faces / "report" / "index.html"
        if not page.is_file():
            run_watched("report", faces)
        return page


def writing_rows(sets: PageSets) -> Iterator[Row]:
    """Yield the rows of both sets."""
    faces, prepare_s = sets.few_crops()
    best = min(run_watched("report", faces) for _ in range(3))
    yield Row(
        f"page of {_crops(faces):,} crops of LFW: time to write, two cores, best of 3",
        f"{best.seconds:.1f} s ({best.cpu_s:.1f} s of CPU); {best.seconds / prepare_s:.0%} of the "
        f"{prepare_s:.0f} s of `prepare`",
        f"≤ {_MOST_S} s; ≤ {_MOST_SHARE:.0%}",
        best.seconds <= min(_MOST_S, _MOST_SHARE * prepare_s),
    )
    faces = sets.many_crops()
    ran = run_watched("report", faces)
    people = open_set(faces).info["counts"]["people"]
    yield Row(
        f"page of {_crops(faces):,} crops of {people:,} people: time to write, two cores",
        f"{ran.seconds / 60:.1f} min ({ran.cpu_s / 60:.1f} min of CPU)",
        f"≤ {_MOST_MINUTES} min",
        ran.seconds <= 60 * _MOST_MINUTES,
    )
    yield Row(
        "the same: most memory of all processes together",
        f"{ran.memory / 1e9:.2f} GB",
        f"≤ {_MOST_GB:g} GB",
        ran.memory <= _MOST_GB * 1e9,
    )
    page = sets.page(faces)
    index_mb = page.stat().st_size / 1e6
    yield Row(
        "the same: index.html", f"{index_mb:.1f} MB", f"≤ {_MOST_INDEX_MB:g} MB", index_mb <= _MOST_INDEX_MB
    )
    sheets = [file.stat().st_size / 1e6 for file in page.parent.rglob("*.jpg")]
    yield Row(
        "the same: sheets beside it",
        f"{len(sheets)} of {max(sheets, default=0):.2f} MB at most, {sum(sheets):.0f} MB together",
        f"some; each ≤ {_MOST_SHEET_MB:g} MB",
        0 < max(sheets, default=0) <= _MOST_SHEET_MB,
    )


def run_watched(*arguments: object) -> Ran:
    """Run ``facedata`` in a process of its own."""
    program = "from facedata.cli import main; raise SystemExit(main())"
    command = [sys.executable, "-c", program, *map(str, arguments)]
    started, most, before = time.monotonic(), 0, _cpu_of_ended()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as child:
        watched = psutil.Process(child.pid)
        while child.poll() is None:
            most = max(most, memory_and_cpu(watched)[0])
            time.sleep(0.1)
    if child.returncode:
        raise SystemExit(f"facedata {' '.join(map(str, arguments))} ended with {child.returncode}")
    return Ran(time.monotonic() - started, _cpu_of_ended() - before, most)


def _cpu_of_ended() -> float:
    """Return the CPU seconds of all processes that this one has started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _crops(faces: Path) -> int:
    return int(open_set(faces).info["counts"]["status"]["kept"])
