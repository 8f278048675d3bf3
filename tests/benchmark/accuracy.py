"""Print what the real photos give: kept counts, official pairs, tilt errors, memory, triplets.

    make bench-accuracy

Reads the folder of real photos (``FACEDATA_SHARED``); each figure stands beside the one it has to reach.
"""

from __future__ import annotations

import csv
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import psutil

from facedata import ClassManifest, PrepareConfig, PreparedSet, TripletManifest, prepare
from facedata.sources.demo import DemoSource
from facedata.types import Float64Array
from facedata.work.run import Progress
from tests.support.shared_data import SHARED

WEIGHTS = {
    "yunet": SHARED / "weights" / "face_detection_yunet_2023mar.onnx",
    "retinaface": SHARED / "weights" / "retinaface_mobilenet0.25_Final.pth",
}
EYES = (slice(36, 42), slice(42, 48))
"""The points of the image-left and image-right eye among the 68 (iBUG 300-W numbering)."""


class Figure(NamedTuple):
    """One line of the table."""

    what: str
    found: str
    wanted: str
    good: bool


def main() -> int:
    """Print the table; return 1 when a figure is missed."""
    if not (SHARED / "data").is_dir():
        print(f"no real photos at {SHARED}: set FACEDATA_SHARED")
        return 1
    folder = Path(tempfile.mkdtemp(prefix="facedata-accuracy-"))
    try:
        figures = [*lfw(folder), *celeba(folder), *keypoints(folder), *demo(folder), *triplets(folder)]
    finally:
        shutil.rmtree(folder)
    print(f"{'':2} {'what':<58} {'found':<34} wanted")
    for figure in figures:
        print(f"{'ok' if figure.good else '!!':2} {figure.what:<58} {figure.found:<34} {figure.wanted}")
    return 0 if all(figure.good for figure in figures) else 1


def lfw(folder: Path) -> Iterator[Figure]:
    """Kept photos, the ledger's rows, View 1's pairs, and a worker's memory on the way."""
    source = SHARED / "data" / "lfw"
    with worker_memory() as memory:
        prepared = prepare(source, folder / "lfw", kind="lfw", on_progress=memory.progress)
    counts = prepared.info["counts"]
    kept, records = counts["status"]["kept"], counts["records"]
    yield Figure("lfw: photos in the ledger", f"{records:,}", "4,992", records == 4992)
    yield Figure(
        "lfw: photos kept", f"{kept:,} ({100 * kept / records:.2f}%)", "≥ 99.5%", kept >= 0.995 * records
    )
    pairs = counts["pairs"]
    missing = len(pairs["missing"])
    rows = {name: split["rows"] for name, split in pairs["splits"].items()}
    whole = pairs["official"] == 3200 and pairs["complete"] + missing == 3200
    named = all(pair["missing"] for pair in pairs["missing"])
    text = f"{rows['train']:,} and {rows['test']:,}, {missing} named"
    yield Figure("lfw: View 1's official pairs", text, "2,200 and 1,000 less those named", whole and named)
    yield Figure("lfw: largest worker", f"{memory.most / 1e9:.2f} GB", "≤ 0.5 GB", memory.most <= 0.5e9)
    first, last = memory.first_and_last_thousand()
    growth = f"{first / 1e9:.2f} → {last / 1e9:.2f} GB"
    yield Figure(
        "lfw: worker's memory, first and last thousand photos", growth, "not growing", last <= 1.05 * first
    )


def celeba(folder: Path) -> Iterator[Figure]:
    """Kept photos, and the memory of workers that meet photos of up to 5,000 px."""
    with worker_memory() as memory:
        prepared = prepare(
            SHARED / "data" / "celeba", folder / "celeba", kind="celeba", on_progress=memory.progress
        )
    counts = prepared.info["counts"]
    kept, records = counts["status"]["kept"], counts["records"]
    text = f"{kept} of {records} ({100 * kept / records:.1f}%)"
    yield Figure("celeba: photos kept", text, "≥ 98% of 389", kept >= 0.98 * records and records == 389)
    yield Figure("celeba: largest worker", f"{memory.most / 1e9:.2f} GB", "≤ 0.8 GB", memory.most <= 0.8e9)


def keypoints(folder: Path) -> Iterator[Figure]:
    """Tilt left in the crops of 294 frames whose eyes are labelled."""
    source = SHARED / "data" / "keypoints"
    truth = {}
    with (source / "training_frames_keypoints.csv").open() as file:
        for name, *values in list(csv.reader(file))[1:]:
            points = np.array(values, np.float64).reshape(68, 2)
            truth[name] = np.array([points[eye].mean(axis=0) for eye in EYES])
    person = r"^(.*)_\d+\.jpg$"
    for detector in ("mtcnn", "yunet", "retinaface"):
        weights = str(WEIGHTS[detector]) if detector in WEIGHTS else None
        config = PrepareConfig(detector=detector, weights=weights, identity_from=person)
        prepared = prepare(source / "training", folder / f"keypoints-{detector}", config)
        errors = tilt_errors(prepared, truth.__getitem__)
        median, most = np.median(errors), np.quantile(errors, 0.9)
        text = f"{len(errors)} frames, {median:.2f}° / {most:.2f}°"
        good = len(errors) == len(truth) and median <= 1.5 and most <= 4.3
        what = f"keypoints: tilt left in the crop by {detector}, median / p90"
        yield Figure(what, text, "294 frames, ≤ 1.5° / ≤ 4.3°", bool(good))


def demo(folder: Path) -> Iterator[Figure]:
    """Kept painted photos, and the tilt left against their true eyes."""
    prepared = prepare(None, folder / "demo", kind="demo")
    source = DemoSource()
    ledger = pd.read_parquet(folder / "demo" / "photos.parquet")
    with_face = sum(len(source.true_eyes(photo)) > 0 for photo in ledger.photo)
    kept = int((ledger.status == "kept").sum())
    yield Figure(
        "demo: photos kept of those with a face", f"{kept} of {with_face}", "≥ 95%", kept >= 0.95 * with_face
    )
    errors = tilt_errors(prepared, lambda photo: source.true_eyes(photo)[0])
    text = f"{np.median(errors):.2f}°"
    yield Figure("demo: tilt left in the crop, median", text, "≤ 1.5°", bool(np.median(errors) <= 1.5))


def triplets(folder: Path) -> Iterator[Figure]:
    """A million triplets from LFW's crops."""
    start = time.perf_counter()
    drawn = TripletManifest.sample(ClassManifest.open(folder / "lfw"), count=1_000_000, seed=7)
    drawn.write(folder / "more.parquet")
    seconds = time.perf_counter() - start
    size = (folder / "more.parquet").stat().st_size / 1e6
    text = f"{len(drawn):,} in {seconds:.1f} s, {size:.1f} MB"
    yield Figure(
        "1,000,000 triplets, drawn and written", text, "a few seconds, ≤ 30 MB", seconds < 10 and size <= 30
    )


def tilt_errors(prepared: PreparedSet, true_eyes: Callable[[str], Any]) -> Float64Array:
    """Return |tilt| in degrees of the true eyes, mapped through ``matrix``, of every kept photo."""
    table = prepared.table("photos", ["photo", "matrix", "status"]).to_pandas()
    kept = table[table.status == "kept"]
    matrices = np.stack(kept.matrix.to_list()).reshape(-1, 2, 3)
    eyes = np.stack([true_eyes(photo) for photo in kept.photo]).astype(np.float64)
    mapped = np.einsum("nij,nkj->nki", matrices[:, :, :2], eyes) + matrices[:, None, :, 2]
    across = mapped[:, 1] - mapped[:, 0]
    errors: Float64Array = np.abs(np.degrees(np.arctan2(across[:, 1], across[:, 0])))
    return errors


class WorkerMemory:
    """Samples the resident memory of this process's largest child, and how many photos were done then."""

    def __init__(self) -> None:
        self.done = 0
        self.samples: list[tuple[int, int]] = []
        self.stopped = threading.Event()

    def progress(self, progress: Progress) -> None:
        """Take note of how far the run is."""
        self.done = progress.kept + progress.rejected

    def sample(self) -> None:
        """Sample ten times a second until stopped."""
        here = psutil.Process()
        while not self.stopped.wait(0.1):
            sizes = [size_of(child) for child in here.children(recursive=True)]
            self.samples.append((self.done, max(sizes, default=0)))

    @property
    def most(self) -> int:
        """The largest worker seen, in bytes."""
        return max(size for _, size in self.samples)

    def first_and_last_thousand(self) -> tuple[int, int]:
        """Return the median bytes once the first photos are done up to the thousandth, and over the last."""
        end = self.samples[-1][0]
        spans = ((1, 1000), (end - 1000, end - 1))  # before the first the networks are still being loaded
        first, last = ([size for done, size in self.samples if low <= done <= high] for low, high in spans)
        return int(np.median(first)), int(np.median(last))


def size_of(process: psutil.Process) -> int:
    """Return a process's resident bytes; 0 when it has just ended."""
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


@contextmanager
def worker_memory() -> Iterator[WorkerMemory]:
    """Watch the workers while the block runs."""
    memory = WorkerMemory()
    thread = threading.Thread(target=memory.sample)
    thread.start()
    try:
        yield memory
    finally:
        memory.stopped.set()
        thread.join()


if __name__ == "__main__":
    raise SystemExit(main())
