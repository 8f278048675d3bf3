"""Print how fast facedata is, against the floor and against what it replaces, as Markdown.

    make bench                                       all that there is; an hour on two cores
    python -m tests.benchmark.speed --photos 64      a first look

One run, the same photos, the same cores, the whole way: file in, crop out. Every contender is a process
pinned to one core with one thread. They take turns at 64 photos each, in an order that rotates, and only one
runs at a time, so that a noisy machine is noisy for all of them. Loading (importing torch takes seconds) is
not timed there; the lines of whole ``prepare`` runs include everything, over enough photos that it does not
show much (a small set's photos are there several times, as those of other people).
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path

import cv2
import numpy as np
import psutil

from tests.benchmark.accuracy import WEIGHTS
from tests.benchmark.contenders import (
    EXHAUSTIVE,
    FACEDATA,
    FACENET,
    FLOOR,
    ONE_AT_A_TIME,
    Job,
    Lap,
    Runner,
)
from tests.benchmark.stages import STAGES, shares
from tests.support.shared_data import SHARED

_LAP_PHOTOS = 64
_RULES = {"lfw": "center", "celeba": "largest"}
_WARM_PHOTOS = 4
_HALVES, _TWO = "mtcnn on two halves, side by side", "mtcnn on all, two workers"


@dataclass
class Result:
    """What one contender did on one set of photos."""

    laps: list[Lap] = field(default_factory=list)
    photos: int = 0
    problem: str | None = None

    @property
    def rate(self) -> float:
        """Photos per second over all laps."""
        return self.photos / sum(lap.seconds for lap in self.laps)

    def against(self, other: Result) -> tuple[float, float, float]:
        """Return how many times as fast it is: the median over the laps, and the middle half of them."""
        laps = [theirs.seconds / ours.seconds for ours, theirs in zip(self.laps, other.laps, strict=True)]
        low, median, high = np.quantile(laps, [0.25, 0.5, 0.75])
        return float(median), float(low), float(high)

    @property
    def kept(self) -> int:
        """Crops written."""
        return sum(lap.kept for lap in self.laps)

    @property
    def peak_gb(self) -> float:
        """Largest resident memory."""
        return max(lap.peak_bytes for lap in self.laps) / 1e9


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables; return 1 when a ratio is missed."""
    asked = _parser().parse_args(arguments)
    if not (SHARED / "data").is_dir():
        print(f"no real photos at {SHARED}: set FACEDATA_SHARED")
        return 1
    os.environ.update({f"{name}_NUM_THREADS": "1" for name in ("OMP", "MKL", "OPENBLAS")})
    os.environ["ONEDNN_PRIMITIVE_CACHE_CAPACITY"] = "64"  # as in facedata's workers
    folder = Path(tempfile.mkdtemp(prefix="facedata-speed-"))
    try:
        return _report(asked, folder)
    finally:
        shutil.rmtree(folder)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--photos", type=int, default=512, help="of each set, at most (default: 512)")
    parser.add_argument("--sets", nargs="+", choices=_RULES, default=list(_RULES))
    parser.add_argument("--core", type=int, default=min(os.sched_getaffinity(0)))
    parser.add_argument("--whole", type=int, default=2000, help="photos of the whole runs (default: 2000)")
    parser.add_argument("--repeats", type=int, default=3, help="of the whole runs (default: 3)")
    parser.add_argument("--without-prepare", action="store_true", help="leave the whole runs out")
    parser.add_argument("--without-pairs", action="store_true", help="leave LFW's View 1 pairs out")
    return parser


def _report(asked: argparse.Namespace, folder: Path) -> int:
    print(f"{time.strftime('%Y-%m-%d')}, {machine()}\n")
    results = {name: one_core(name, pick(name, asked.photos), asked.core, folder) for name in asked.sets}
    for name, found in results.items():
        print_speeds(name, found)
    for name in asked.sets:
        print_shares(name, pick(name, asked.photos), asked.core, folder)
    figures = [figure for name, found in results.items() for figure in ratios(name, found)]
    if not asked.without_prepare:
        for name in asked.sets:
            figures += whole_runs(name, asked.whole, folder, asked.repeats)
            figures += whole_against_inner(name, asked.whole, folder, asked.repeats, asked.core)
    if not asked.without_pairs:
        from tests.benchmark.verification import view_1

        figures += [Figure(*figure) for figure in view_1(folder)]
    print("| | what | found | wanted |\n|---|---|---|---|")
    for figure in figures:
        print(f"| {'ok' if figure.good else '!!'} | {figure.what} | {figure.found} | {figure.wanted} |")
    return 0 if all(figure.good for figure in figures) else 1


@dataclass(frozen=True)
class Figure:
    """One line of the table of targets."""

    what: str
    found: str
    wanted: str
    good: bool


def machine() -> str:
    """Return what the figures were taken on."""
    import torch

    cpus = len(os.sched_getaffinity(0))
    hidden = ", AVX-512 hidden" * (_flags()[1] and "avx512f" in _flags()[0])
    return (
        f"{cpus} cores, {vectors()}{hidden}, {psutil.virtual_memory().total / 1e9:.0f} GB, "
        f"Python {platform.python_version()}, torch {torch.__version__}"
    )


def vectors() -> str:
    """Return the machine's kind as far as speed goes: ``x86-64 with AVX-512``, ``x86-64 with AVX2`` …"""
    flags, is_hidden = _flags()
    kind = platform.machine().replace("_", "-")
    for flag, name in (("avx512f", "AVX-512"), ("avx2", "AVX2")):
        if flag in flags and not (is_hidden and flag == "avx512f"):
            return f"{kind} with {name}"
    return kind


def _flags() -> tuple[set[str], bool]:
    """Return what the processor can, and whether :mod:`tests.benchmark.hide_avx512` hides AVX-512."""
    try:
        flags = set(Path("/proc/cpuinfo").read_text(encoding="utf-8").split())
    except OSError:
        flags = set()
    return flags, os.environ.get("ATEN_CPU_CAPABILITY") == "avx2"


def pick(name: str, most: int) -> list[Path]:
    """Return photos spread evenly over a set."""
    photos = sorted((SHARED / "data" / name).rglob("*.jpg"))
    return [photos[at * len(photos) // most] for at in range(most)] if most < len(photos) else photos


def one_core(name: str, photos: list[Path], core: int, folder: Path) -> dict[str, Result]:
    """Run every contender over the photos, in turns."""
    runners = [Runner(one, core) for one in (FLOOR, *FACEDATA, EXHAUSTIVE, FACENET, ONE_AT_A_TIME)]
    results = {runner.name: Result(problem=runner.problem) for runner in runners}
    racing = [runner for runner in runners if runner.problem is None]
    outs = {runner.name: folder / name / runner.name for runner in racing}
    for photo in photos:  # from the disk once: whoever comes first would pay for all
        photo.read_bytes()
    for runner in racing:
        outs[runner.name].mkdir(parents=True)
        runner.run(Job(photos[:_WARM_PHOTOS], outs[runner.name], _RULES[name]))
    for turn, at in enumerate(range(0, len(photos), _LAP_PHOTOS)):
        lap = photos[at : at + _LAP_PHOTOS]
        for runner in racing[turn % len(racing) :] + racing[: turn % len(racing)]:
            results[runner.name].laps.append(runner.run(Job(lap, outs[runner.name], _RULES[name])))
            results[runner.name].photos += len(lap)
    for runner in runners:
        runner.end()
    return results


def print_speeds(name: str, found: dict[str, Result]) -> None:
    """Print one set's table."""
    some = next(result for result in found.values() if result.laps)
    print(f"### {name}: {some.photos} photos, one core, whole way\n")
    print("| | photos/s | ÷ floor | ÷ facenet-pytorch | kept | peak memory |\n|---|---|---|---|---|---|")
    for contender, result in found.items():
        if result.problem is not None:
            print(f"| {contender} | not run: {result.problem} | | | | |")
            continue
        print(
            f"| {contender} | {result.rate:.1f} | {_spread(result.against(found[FLOOR]), 2)} | "
            f"{_spread(result.against(found[FACENET]), 1)} | {result.kept} | {result.peak_gb:.2f} GB |"
        )
    print()


def _spread(ratio: tuple[float, float, float], digits: int) -> str:
    """Return a ratio's median over the laps, and in brackets the middle half."""
    median, low, high = (f"{one:.{digits}f}" for one in ratio)
    return f"{median} ({low} to {high})"


def print_shares(name: str, photos: list[Path], core: int, folder: Path) -> None:
    """Print where facedata's time goes, in this process on one core."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    cv2.setNumThreads(1)
    print(f"### {name}: where the time goes\n")
    print(f"| | {' | '.join(STAGES)} | rest |\n|---|{'---|' * (len(STAGES) + 1)}")
    for contender in FACEDATA:
        out = folder / name / contender
        found = shares(contender.removeprefix("facedata "), photos[:256], out, _RULES[name])
        print(f"| {contender} | {' | '.join(f'{100 * share:.0f}%' for share in found.values())} |")
    print()
    os.sched_setaffinity(0, cores)


def ratios(name: str, found: dict[str, Result]) -> Iterator[Figure]:
    """Compare with the targets on one core."""
    default = found[FACEDATA[0]]
    for other, what, digits, least in (
        (FACENET, "facenet-pytorch MTCNN", 1, {"celeba": 20, "lfw": 12}[name]),
        (FLOOR, "floor", 2, {"celeba": 0.55, "lfw": 0.4}[name]),
    ):
        ratio = default.against(found[other])
        yield Figure(
            f"{name}: default detector ÷ {what}", _spread(ratio, digits), f"≥ {least:g}", ratio[0] >= least
        )
    most_gb = {"celeba": 0.8, "lfw": 0.5}[name]
    yield Figure(
        f"{name}: peak memory of a worker", f"{default.peak_gb:.2f} GB", f"≤ {most_gb} GB",
        default.peak_gb <= most_gb,
    )  # fmt: skip
    if name == "celeba" and found[ONE_AT_A_TIME].problem is None:
        fastest = max((found[one] for one in FACEDATA), key=lambda one: one.rate)
        ratio = fastest.against(found[ONE_AT_A_TIME])
        what = "celeba: fastest detector ÷ RetinaFace one at a time"
        yield Figure(what, _spread(ratio, 1), "≥ 12", ratio[0] >= 12)
    lost = found[EXHAUSTIVE].kept - found[FACEDATA[0]].kept
    most = {"celeba": 1, "lfw": 0}[name]
    yield Figure(
        f"{name}: fewer kept than by the exhaustive search", str(lost), f"≤ {most}, aim 0", lost <= most
    )


def whole_runs(name: str, most: int, folder: Path, repeats: int) -> Iterator[Figure]:
    """Time whole ``prepare`` runs, start-up included: one worker, all, and two halves side by side."""
    photos = pick(name, most)
    photos = list(islice(cycle(photos), most))
    sources = _sources(name, photos, folder)
    cores = len(os.sched_getaffinity(0))
    times: dict[str, list[float]] = {}
    print(f"### {name}: whole `prepare`, start-up included, {len(photos)} photos\n")
    for _ in range(repeats):
        for detector in ("mtcnn", "yunet", "retinaface"):
            for workers in sorted({1, cores}):
                took = _prepare_all(folder, [sources[0]], detector, workers)
                times.setdefault(f"{detector}, {workers} worker{'s' * (workers > 1)}", []).append(took)
        for what, some, workers in ((_HALVES, sources[1:], 1), (_TWO, sources[:1], 2)):
            times.setdefault(what, []).append(_prepare_all(folder, some, "mtcnn", workers))
    print("| | seconds | photos/s |\n|---|---|---|")
    for what, all_seconds in times.items():
        median = statistics.median(all_seconds)
        print(f"| {what} | {median:.1f} | {len(photos) / median:.1f} |")
    print()
    ratio = statistics.median(times[_HALVES]) / statistics.median(times[_TWO])
    what = f"{name}: two workers ÷ two single-worker processes on halves"
    yield Figure(what, f"{ratio:.2f}", "≥ .95", ratio >= 0.95)


def whole_against_inner(name: str, most: int, folder: Path, repeats: int, core: int) -> Iterator[Figure]:
    """Hold whole runs, without their start-up, against the way that a worker's photos go.

    Start-up is what a run of few photos takes: a photo's time is the difference of two runs by their number.
    """
    photos = list(islice(cycle(pick(name, most)), most))
    few = most // 8
    whole = {count: _sources(f"{name}-{count}", photos[:count], folder)[:1] for count in (few, most)}
    out = folder / f"{name}-inner"
    out.mkdir(exist_ok=True)
    runner, cores = Runner(FACEDATA[0], core), len(os.sched_getaffinity(0))
    runner.run(Job(photos[:_LAP_PHOTOS], out, _RULES[name]))
    shares: dict[int, list[float]] = {}
    for _ in range(repeats):
        inner = runner.run(Job(photos, out, _RULES[name])).seconds / most
        for workers in sorted({1, cores}):
            took = {count: _prepare_all(folder, some, "mtcnn", workers) for count, some in whole.items()}
            a_photo = (took[most] - took[few]) / (most - few)
            shares.setdefault(workers, []).append(inner / a_photo / workers)
    runner.end()
    for workers, found in shares.items():
        share = statistics.median(found)
        what = f"{name}: whole prepare without start-up ÷ (inner way × {workers})"
        spread = f"{share:.2f} ({min(found):.2f} to {max(found):.2f})"
        yield Figure(what, spread, "≥ 0.9", share >= 0.9)


def _sources(name: str, photos: list[Path], folder: Path) -> list[Path]:
    """Link the photos into a folder, and its two halves into two more."""
    made = []
    for part, some in (("all", photos), ("left", photos[::2]), ("right", photos[1::2])):
        place = folder / f"{name}-{part}"
        for index, photo in enumerate(some):
            # the photos of the next round are somebody else's: they are no duplicates
            person = place / f"person-{index // 20:04d}"
            person.mkdir(parents=True, exist_ok=True)
            (person / f"{index}-{photo.name}").symlink_to(photo)
        made.append(place)
    return made


def _prepare_all(folder: Path, sources: Sequence[Path], detector: str, workers: int) -> float:
    """Prepare all sources at the same time; return the seconds until the last is done."""
    outs = [folder / f"{source.name}-out" for source in sources]
    for out in outs:
        shutil.rmtree(out, ignore_errors=True)  # what an earlier run left is not this run's to remove
    before = time.perf_counter()
    running = []
    for source, out in zip(sources, outs, strict=True):
        options = ["--detector", detector, "--workers", str(workers), "--out", str(out)]
        weights = ["--weights", str(WEIGHTS[detector])] if detector in WEIGHTS else []
        arguments = [*_COMMAND, "prepare", "folder", str(source), *options, *weights]
        running.append(subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    for process in running:
        if process.wait():
            raise RuntimeError(f"prepare ended with {process.returncode}")
    return time.perf_counter() - before


_COMMAND = [sys.executable, "-c", "from facedata.cli import main; raise SystemExit(main())"]


if __name__ == "__main__":
    raise SystemExit(main())
