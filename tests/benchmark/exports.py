"""Print how long each export takes beside copying what it wrote, and how much memory, as Markdown.

    make bench-exports                                       everything; some twenty minutes on two cores
    python -m tests.benchmark.exports csv hf --crops 20000   some formats, a smaller set
    python -m tests.benchmark.exports rows                   the rows of hf, reckoned to three million
    python -m tests.benchmark.exports --keep DIR             use the sets that an earlier run made there

The set has crops of real size, distinct in their bytes, with pairs and triplets as ``prepare`` draws them:
once as folders and once in tars, from which the formats that are archives are exported too. Each export is a
command of its own, and is followed by ``cp -r`` of the set's crops, files or tars; both times end when the
disk has everything, and both read what the system has in its memory. Exits with 1 where a row is missed.
"""

from __future__ import annotations

import argparse
import itertools
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pyarrow as pa

from facedata import open_set
from facedata.config import EXPORTS
from facedata.painted import NAMES, paint
from tests.benchmark.check_rows.line import Line, print_lines, processor
from tests.support.shared_data import SHARED

_PROGRAM = """
import sys
from facedata.cli import main
status = main(sys.argv[2:])
with open("/proc/self/status") as about, open(sys.argv[1], "w") as peak:
    peak.write(next(line.split()[1] for line in about if line.startswith("VmHWM:")))
raise SystemExit(status)
"""
_SIZE_PX, _EACH = 240, 20
_FOLDERS_ONLY = ("imagefolder", "csv", "pairs-txt", "coco")
"""Formats with a file a crop, or none: not exported from tars, of which nothing can be linked."""
_NO_CROPS = ("coco",)
"""Formats that hold no crop: there is nothing to compare with."""
_RATIO, _MOST_GB, _MOST_ROWS_GB, _MANY = 0.8, 1.0, 2.0, 3_000_000


class Finished(NamedTuple):
    """A command: seconds until the disk had everything, and the most memory it held."""

    seconds: float
    peak_gb: float = 0.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables; return 1 when a row is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("parts", nargs="*", help=f"some of {', '.join(EXPORTS)}, rows (default: all)")
    parser.add_argument("--keep", type=Path, help="folder for the sets; it stays, and is used again")
    parser.add_argument("--crops", type=int, default=200_000, help="crops of the set (default: 200000)")
    parser.add_argument(
        "--rows", type=int, default=300_000, help="crops of the set for rows (default: 300000)"
    )
    parser.add_argument("--runs", type=int, default=3, help="times each is run; medians count (default: 3)")
    asked = parser.parse_args(arguments)
    if unknown := set(asked.parts) - {*EXPORTS, "rows"}:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    parts = asked.parts or [*EXPORTS, "rows"]
    folder = asked.keep or Path(tempfile.mkdtemp(prefix="facedata-exports-"))
    print(f"{time.strftime('%Y-%m-%d')}, {processor()}")
    try:
        formats = [part for part in parts if part != "rows"]
        good = not formats or print_lines(
            f"Exports of {asked.crops:,} crops", _export_lines(folder, formats, asked.crops, asked.runs)
        )
        if "rows" in parts:
            good &= print_lines(f"Rows of hf, reckoned to {_MANY:,}", _row_lines(folder, asked.rows))
    finally:
        if asked.keep is None:
            shutil.rmtree(folder)
    return not good


def _export_lines(folder: Path, formats: Sequence[str], crops: int, runs: int) -> Iterator[Line]:
    for form, store in itertools.product(formats, ("folders", "tar")):
        if store == "tar" and form in _FOLDERS_ONLY:
            continue
        faces = _make_set(folder, crops, store)
        exported: list[Finished] = []
        copied = []
        for _ in range(runs):
            exported.append(_export(folder, faces, form))
            size_gb = sum(file.stat().st_size for file in (folder / "out").rglob("*")) / 1e9
            copied.append(_run("cp", "-r", "--reflink=never", faces / "crops", folder / "copy"))
            for made in ("out", "copy"):
                shutil.rmtree(folder / made)
        seconds, copy_s = (statistics.median(one.seconds for one in each) for each in (exported, copied))
        ratio, peak_gb = copy_s / seconds, max(one.peak_gb for one in exported)
        rate = f"{crops / seconds:,.0f} crops/s, {size_gb:.2f} GB in {seconds:.1f} s"
        if form in _NO_CROPS:
            yield Line(f"{form}: seconds", f"{seconds:.1f}", "told", True, counts=rate)
        else:
            what = f"{form} from {store}: of the speed of `cp -r` of the crops"
            counts = f"{rate}, copied in {copy_s:.1f} s"
            yield Line(what, f"{ratio:.2f}", f"≥ {_RATIO}", ratio >= _RATIO, counts=counts)
        what, is_good = f"{form} from {store}: memory", peak_gb <= _MOST_GB
        yield Line(what, f"{peak_gb:.2f} GB", f"≤ {_MOST_GB:g} GB", is_good)


def _row_lines(folder: Path, crops: int) -> Iterator[Line]:
    peaks = []
    for count in (crops // 2, crops):
        faces = _make_set(folder, count, "tar")
        peaks.append(_export(folder, faces, "hf").peak_gb)
        shutil.rmtree(folder / "out")
    each = max(0.0, (peaks[1] - peaks[0]) / (crops - crops // 2))
    most = peaks[1] + each * (_MANY - crops)
    yield Line(
        f"hf: memory of {_MANY:,} rows",
        f"{most:.2f} GB",
        f"≤ {_MOST_ROWS_GB:g} GB",
        most <= _MOST_ROWS_GB,
        counts=f"{crops // 2:,}: {peaks[0]:.2f} GB, {crops:,}: {peaks[1]:.2f} GB",
    )


def _export(folder: Path, faces: Path, form: str) -> Finished:
    """Export a set to ``out`` below the folder."""
    # the command writes its own peak: what the system says of a child has its parent's in it
    peak, out = folder / "peak", folder / "out"
    finished = _run(sys.executable, "-c", _PROGRAM, peak, "export", faces, "--to", form, "--out", out)
    return finished._replace(peak_gb=1024 * int(peak.read_text()) / 1e9)


def _run(*command: str | Path) -> Finished:
    """Run a command until the disk has what it wrote."""
    os.sync()
    start = time.perf_counter()
    subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)
    os.sync()
    return Finished(time.perf_counter() - start)


def _make_set(folder: Path, crops: int, store: str) -> Path:
    """Make a set of so many finished crops, and give them boxes and points; use one that is there."""
    out = folder / f"faces-{crops}-{store}"
    if not (out / "dataset.json").is_file():
        _write_crops(photos := folder / f"photos-{crops}", crops)
        command = ["prepare", "folder", photos, "--as-crops", "--size", _SIZE_PX]
        command += ["--store", store, "--no-report", "--out", out]
        _run(sys.executable, "-c", _PROGRAM, os.devnull, *map(str, command))
        prepared = open_set(out)
        prepared.update({"photos": (_with_boxes(rows) for rows in prepared.blocks("photos"))}, {})
    return out


def _with_boxes(rows: pa.Table) -> pa.Table:
    chance = np.random.default_rng(rows.num_rows)
    for name, count in (("box", 4), ("landmarks", 10)):
        at = rows.schema.get_field_index(name)
        values = np.sort(chance.uniform(0, 250, (rows.num_rows, count)).astype(np.float32), axis=1)
        lists = pa.array(list(values), pa.list_(pa.float32()))
        rows = rows.set_column(at, rows.schema.field(at), lists)
    return rows


def _write_crops(folder: Path, count: int) -> None:
    """Write ``<person>/<n>.jpg``: some dozens of pictures, each time with another comment in the JPEG."""
    if folder.is_dir():
        return
    pictures = list(itertools.islice(_pictures(), 64))
    for number in range(count):
        file = folder / f"person-{number // _EACH:07d}" / f"{number % _EACH:02d}.jpg"
        if number % _EACH == 0:
            file.parent.mkdir(parents=True)
        comment = f"crop {number}".encode()
        data = pictures[number * 7919 % len(pictures)]
        mark = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment
        file.write_bytes(data[:2] + mark + data[2:])


def _pictures() -> Iterator[bytes]:
    """Yield crops as JPEG: of LFW where that is there, else painted."""
    lfw = SHARED / "data" / "lfw" / "lfw-deepfunneled"
    files = sorted(lfw.glob("*/*_0001.jpg"))[:64]
    for file in files:
        yield _encode(np.asarray(cv2.imread(str(file)))[65:185, 65:185])
    for person, photo in () if files else itertools.product(range(len(NAMES)), range(8)):
        yield _encode(np.asarray(paint(person, photo).image)[..., ::-1])


def _encode(image: cv2.typing.MatLike) -> bytes:
    small = cv2.resize(image, (_SIZE_PX, _SIZE_PX), interpolation=cv2.INTER_AREA)
    return bytes(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes())


if __name__ == "__main__":
    raise SystemExit(main())
