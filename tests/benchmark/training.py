"""Print how fast training is fed, and hard negatives are found, against what they replace, as Markdown.

    make bench-train                                  ten minutes on two cores
    python -m tests.benchmark.training --rounds 1     a first look

The input pipeline: crops of a set in folders, 240 px and about 15 KB each, to uint8 batches. Ours reads and
decodes with as many threads as torchvision's ImageFolder has worker processes in a torch DataLoader; both
have the main process besides. The contenders take turns, so that a noisy machine is noisy for all of them; a
ratio is the median over the rounds, each round's figures having been taken within seconds of each other.
Starting the DataLoader's processes (seconds) is not timed. ImageFolder's transforms are those that training
scripts have: they end in ToTensor, in floats. For comparison there is one that stops at bytes, as ours does.

A step of training: resnet18 at 64 px, on crops of that size, fed by the loader, against the same steps on a
batch that is in memory as numbers. By the clock, and by processor time, which other programs disturb less.

Hard mining: the nearest of n candidates for each anchor, the candidates being given. The plain loop computes
the same on lists of floats, one number at a time; it runs on a part of the anchors and is scaled to all.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch

from facedata import ClassManifest, prepare
from facedata.crops.codec import decode_crop
from facedata.testing import painted_folder
from facedata.types import Float32Array, Int64Array
from facemodel.batches.reader import CropReader, read_batches
from facemodel.batches.to_input import ToInput
from facemodel.batches.variation import Augmentation
from facemodel.epochs.nearest import draw_candidates, hard_negatives
from facemodel.epochs.plan import shuffles
from facemodel.spec import InputSpec
from tests.benchmark.gpu_rows.painted_set import write_crops
from tests.benchmark.gpu_rows.steps import Sizes, make_trainer, time_steps
from tests.benchmark.speed import Figure, machine
from tests.support.shared_data import SHARED

SIZE_PX, BATCH, DIM = 240, 64, 128
_DEGREES = 10.0

STEP = Sizes("resnet18", 64, people=100, batch=64, steps=12, precision="fp32")

OURS, OURS_TURNED, MEMORY = "ours, flip", "ours, flip and ±10°", "decode only, bytes in memory"
FOLDER, FOLDER_TURNED = "ImageFolder + PIL, flip, ToTensor", "ImageFolder + PIL, flip, ±10°, ToTensor"
FOLDER_BYTES = "ImageFolder + PIL, flip, PILToTensor"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables; return 1 when a ratio is missed."""
    asked = _parser().parse_args(arguments)
    cv2.setNumThreads(1)  # threads are counted: OpenCV's own would come on top
    torch.set_num_threads(1)
    folder = Path(tempfile.mkdtemp(prefix="facedata-training-"))
    try:
        print(f"{time.strftime('%Y-%m-%d')}, {machine()}\n")
        classes = make_crops(folder, asked.photos)
        figures = pipeline(classes, asked.workers, asked.crops, asked.rounds)
        figures += step(folder / "painted", asked.workers, min(asked.rounds, 5))
        figures += mining(asked.anchors, asked.candidates, asked.loop, asked.rounds)
    finally:
        shutil.rmtree(folder)
    print("| | what | found | wanted |\n|---|---|---|---|")
    for figure in figures:
        print(f"| {'ok' if figure.good else '!!'} | {figure.what} | {figure.found} | {figure.wanted} |")
    return 0 if all(figure.good for figure in figures) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--photos", type=int, default=400, help="that the crops are cut from (default: 400)")
    parser.add_argument("--crops", type=int, default=1600, help="read in a round (default: 1600)")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--anchors", type=int, default=10_000)
    parser.add_argument("--candidates", type=int, default=50)
    parser.add_argument("--loop", type=int, default=1000, help="anchors of the plain loop (default: 1000)")
    return parser


def make_crops(folder: Path, photos: int) -> ClassManifest:
    """Prepare a set in folders from LFW, or from painted faces where LFW is not there."""
    source = folder / "photos"
    found = sorted((SHARED / "data" / "lfw").rglob("*.jpg"))[:photos]
    for photo in found:
        home = source / photo.parent.name
        home.mkdir(parents=True, exist_ok=True)
        (home / photo.name).symlink_to(photo.resolve())
    if not found:
        painted_folder(source, people=12, photos=max(2, photos // 12))
    prepare(source, folder / "faces", size=SIZE_PX, splits="train=1")
    classes = ClassManifest.open(folder / "faces")
    kilobytes = float(np.mean(classes.table.column("length").to_numpy())) / 1000
    print(f"{len(classes)} crops of {'LFW' if found else 'painted faces'}, {kilobytes:.1f} KB in the mean\n")
    return classes


def pipeline(classes: ClassManifest, workers: int, crops: int, rounds: int) -> list[Figure]:
    """Measure the input pipelines; print their speeds and return the ratios."""
    # shuffled passes: a crop that came twice in a batch would be decoded once by us
    order = shuffles(len(classes), -(-crops // len(classes)), np.random.default_rng(0))[:crops]
    contenders: dict[str, Callable[[], None]] = {
        OURS: _ours(classes, order, workers, 0.0),
        OURS_TURNED: _ours(classes, order, workers, _DEGREES),
        MEMORY: _from_memory(classes, order, workers),
        FOLDER: _image_folder(classes, order, workers, 0.0),
        FOLDER_TURNED: _image_folder(classes, order, workers, _DEGREES),
        FOLDER_BYTES: _image_folder(classes, order, workers, 0.0, as_bytes=True),
    }
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, run in contenders.items():
            seconds = _timed(run)
            if number:  # the first round warms up
                rates[name].append(crops / seconds)
    print(f"Crops to uint8 batches of {BATCH}, {workers} workers, crops a second (median of {rounds})\n")
    print("| | crops/s |\n|---|---|")
    for name, found in rates.items():
        print(f"| {name} | {statistics.median(found):,.0f} |")
    print()
    return [
        _ratio(rates, OURS, FOLDER, 4.0),
        _ratio(rates, OURS, MEMORY, 0.85),
        _ratio(rates, OURS_TURNED, FOLDER, 2.0),
        _ratio(rates, OURS_TURNED, FOLDER_TURNED, 2.0),
        _ratio(rates, OURS, FOLDER_BYTES, None),
        _ratio(rates, OURS_TURNED, FOLDER_BYTES, None),
    ]


def step(folder: Path, workers: int, rounds: int, sizes: Sizes = STEP) -> list[Figure]:
    """Measure steps with the loader and without it, in turns; print both and return the ratios."""
    classes, device = write_crops(folder, sizes.people, 8, sizes.size_px), torch.device("cpu")
    trainer, rows = make_trainer(classes, sizes, device), np.random.default_rng(0).permutation(len(classes))
    torch.set_num_threads(workers)
    try:
        with CropReader(classes, workers) as reader:
            turns = [
                [time_steps(trainer, rows, sizes, some) for some in (reader, None)] for _ in range(rounds)
            ]
    finally:
        torch.set_num_threads(1)
    with_loader, in_memory = (
        statistics.median(one.photos_s for one in each) for each in zip(*turns, strict=True)
    )
    name = f"{sizes.backbone}, {sizes.size_px} px, batch {sizes.batch}"
    print(f"Training {name}, photos/s: {with_loader:,.0f} with the loader, {in_memory:,.0f} in memory\n")
    clock = statistics.median(one.photos_s / other.photos_s for one, other in turns)
    processor = statistics.median(other.cpu_s / one.cpu_s for one, other in turns)
    return [
        Figure(f"fit step ({name}), in memory / with the loader", f"{clock:.2f}", "≥ 0.9", clock >= 0.9),
        Figure("the same by processor time", f"{processor:.2f}", "for comparison", True),
    ]


def _ratio(rates: dict[str, list[float]], mine: str, theirs: str, wanted: float | None) -> Figure:
    ratio = statistics.median(a / b for a, b in zip(rates[mine], rates[theirs], strict=True))
    goal = "for comparison" if wanted is None else f"≥ {wanted:g}"
    return Figure(f"{mine} / {theirs}", f"{ratio:.2f}", goal, wanted is None or ratio >= wanted)


def _ours(classes: ClassManifest, order: Int64Array, workers: int, degrees: float) -> Callable[[], None]:
    """Read, decode, mirror and turn with threads, straight into the batch."""
    reader = CropReader(classes, workers)
    spec = InputSpec(SIZE_PX, "square", DIM)
    to_input = ToInput(spec, "cpu", True, Augmentation(True, degrees), workers)

    def run() -> None:
        steps = list(_batches_of(order))
        shapings = (to_input.shaping(len(rows), (0, 1, step)) for step, rows in enumerate(steps))
        for _ in read_batches(reader, steps, shapings=shapings):
            pass

    return run


def _batches_of(order: Int64Array) -> Iterator[Int64Array]:
    return (order[start : start + BATCH] for start in range(0, len(order), BATCH))


def _from_memory(classes: ClassManifest, order: Int64Array, workers: int) -> Callable[[], None]:
    """Decode bytes that are there already, and let go of the images."""
    data = [row.bytes() for row in classes]
    pieces = [piece.tolist() for piece in np.array_split(order, 16 * workers)]
    pool = ThreadPoolExecutor(workers)

    def decode(piece: list[int]) -> None:
        for row in piece:
            decode_crop(data[row])

    def run() -> None:
        for _ in pool.map(decode, pieces):
            pass

    return run


def _image_folder(
    classes: ClassManifest, order: Int64Array, workers: int, degrees: float, as_bytes: bool = False
) -> Callable[[], None]:
    """Read as most training scripts do: PIL, transforms image by image, worker processes."""
    from torch.utils.data import DataLoader
    from torchvision import datasets, transforms

    bilinear = transforms.InterpolationMode.BILINEAR
    steps: list[Any] = [transforms.RandomHorizontalFlip()]
    steps += [transforms.RandomRotation(degrees, interpolation=bilinear)] if degrees else []
    steps += [transforms.PILToTensor() if as_bytes else transforms.ToTensor()]
    folder = datasets.ImageFolder(str(classes.prepared.path / "crops"), transforms.Compose(steps))
    loader: DataLoader[Any] = DataLoader(
        folder, batch_size=BATCH, sampler=order.tolist(), num_workers=workers, persistent_workers=True
    )

    def run() -> None:
        for _ in loader:
            pass

    return run


class MiningCase(NamedTuple):
    """Features of 10,000 crops, and for each anchor its candidates."""

    features: Float32Array
    person: Int64Array
    anchors: Int64Array
    candidates: Int64Array


def mining(anchors: int, candidates: int, loop: int, rounds: int) -> list[Figure]:
    """Measure hard mining against the plain loop; return the ratio, and whether the choices are the same."""
    rng = np.random.default_rng(0)
    features = rng.standard_normal((anchors, DIM)).astype(np.float32)
    person = np.arange(anchors) // 20  # CelebA has about 20 photos a person
    rows = np.arange(anchors)
    started = time.perf_counter()
    case = MiningCase(features, person, rows, draw_candidates(person, rows, candidates, rng))
    draw_s = time.perf_counter() - started
    few = case._replace(anchors=rows[:loop], candidates=case.candidates[:loop])
    hard_negatives(*case)
    ours_s, loop_s, chosen = [], [], []
    for _ in range(rounds):
        ours_s.append(_timed(lambda: hard_negatives(*case)))
        started = time.perf_counter()
        chosen = plain_loop(few)
        loop_s.append((time.perf_counter() - started) * anchors / loop)
    ratio = statistics.median(b / a for a, b in zip(ours_s, loop_s, strict=True))
    same = hard_negatives(*case)[:loop].tolist() == chosen
    print(
        f"Hard mining, {anchors:,} anchors × {candidates}, {DIM}-d: ours "
        f"{1000 * statistics.median(ours_s):.0f} ms (drawing the candidates {1000 * draw_s:.0f} ms more), "
        f"the plain loop {statistics.median(loop_s):.1f} s (run on {loop:,} anchors and scaled)\n"
    )
    return [
        Figure("hard mining / plain Python loop", f"{ratio:.0f}", "≥ 100", ratio >= 100),
        Figure(f"the same choices for {loop:,} anchors", "yes" if same else "no", "yes", same),
    ]


def plain_loop(case: MiningCase) -> list[int]:
    """Return each anchor's nearest candidate, one number at a time, as system A's loops did."""
    features, chosen = case.features.tolist(), []
    for anchor, mine in zip(case.anchors.tolist(), case.candidates.tolist(), strict=True):
        best, least = -1, float("inf")
        for candidate in mine:
            distance = 0.0
            for x, y in zip(features[anchor], features[candidate], strict=True):
                distance += (x - y) * (x - y)
            if distance < least:
                best, least = candidate, distance
        chosen.append(best)
    return chosen


def _timed(run: Callable[[], Any]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


if __name__ == "__main__":
    raise SystemExit(main())
