"""A hundred findings decided by keyboard at ten keys a second: every key must have decided its finding."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from facedata import open_set
from facedata.checks.check_folder import open_check_folder
from facedata.checks.close_check import close_check
from facedata.checks.findings import Finding, Kind, Severity
from facedata.checks.run_checks import Checked
from tests.benchmark.report_rows.many_crops import draw_quality
from tests.benchmark.report_rows.row import Row
from tests.benchmark.report_rows.writing import PageSets, run_watched
from tests.support.browser import OpenPage, launch_browser

_FINDINGS, _KEYS_A_SECOND = 100, 10
_ACTIONS = {"n": "keep", "d": "drop"}


def reviewing_rows(sets: PageSets) -> Iterator[Row]:
    """Yield the one row."""
    faces, _ = sets.few_crops()
    check, out = sets.folder / "doubts", sets.folder / "review"
    photos = draw_doubts(faces, check)
    run_watched("review", faces, "--check", check, "--out", out)
    keys = ["nd"[number % 2] for number in range(len(photos))]
    with launch_browser() as browser:
        opener = OpenPage(browser)
        visit = opener(out / "index.html")
        visit.wait_ready()
        started = time.monotonic()
        for number, key in enumerate(keys):
            time.sleep(max(0.0, started + number / _KEYS_A_SECOND - time.monotonic()))
            visit.page.keyboard.press(key)
        took_s = time.monotonic() - started
        text = str(visit.page.evaluate("facedata.review.csv()"))
        opener.close()
    decided = {
        line["photo"]: line["action"]
        for line in csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    }
    right = sum(decided.get(photo) == _ACTIONS[key] for photo, key in zip(photos, keys, strict=True))
    yield Row(
        f"a review of {len(photos)} findings by keyboard",
        f"{len(keys)} keys in {took_s:.1f} s, {len(decided)} decisions, {right} as their key says",
        f"{_FINDINGS} at {_KEYS_A_SECOND} keys a second",
        right == len(decided) == _FINDINGS and len(keys) / took_s > 0.95 * _KEYS_A_SECOND,
    )


def draw_doubts(faces: Path, folder: Path) -> Sequence[str]:
    """Write a check's folder that doubts a photo of each of a hundred people; return the photos in order."""
    prepared = open_set(faces)
    classes = pq.read_table(faces / "classes.parquet")
    names = classes.column("identity").to_pylist()
    people, first, photos_of = np.unique(names, return_index=True, return_counts=True)
    chosen = first[np.flatnonzero(photos_of > 1)[:_FINDINGS]]
    findings = [
        Finding(
            Kind.STRANGER, Severity.SUSPECT, 1 - number / _FINDINGS, "Another person than in the others.",
            left=classes.column("id")[int(row)].as_py(), identity=names[row], value=0.9, threshold=0.5,
        )
        for number, row in enumerate(chosen)
    ]  # fmt: skip
    count = classes.num_rows
    quality = draw_quality(classes, np.random.default_rng(0))
    checked = Checked(
        prepared.path, prepared, prepared.fingerprint, classes, np.ones(count, np.bool_), findings, quality,
        {}, {"crops": count, "readable": count, "people": len(people)},
    )  # fmt: skip
    with open_check_folder(prepared.path, folder) as opened:
        close_check(opened, checked)
    return list(map(str, pq.read_table(folder / "findings.parquet").column("left_photo").to_pylist()))
