"""Print the ratios that matter in two minutes, and hold them against the last ones of this kind of processor.

    make bench-quick                          fails where a ratio is worse by more than a third
    python -m tests.benchmark.quick --keep    these are the last ones from now on

All is processor time of single threads, the contenders in turns, the least of some rounds, so that others on
the machine change little. The photos are painted: every checkout has them.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2

from facedata.testing import painted_folder

LAST = Path(__file__).with_name("quick_last.json")
_WORSE = 1.5
"""A ratio may be so many times worse than the last one: a third of the speed is lost there."""
_ROUNDS = 4
_LARGE = 3
_PROGRAM = [sys.executable, "-c", "from facedata.cli import main; raise SystemExit(main())"]


class Ratio(NamedTuple):
    """A row: what was measured, how much, and whether more is better."""

    what: str
    value: float
    more_is_better: bool = True


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; return 1 where a ratio is much worse than the last one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--keep", action="store_true", help=f"write the ratios to {LAST.name}")
    asked = parser.parse_args(arguments)
    os.environ.update({f"{name}_NUM_THREADS": "1" for name in ("OMP", "MKL", "OPENBLAS")})
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package's modules are compiled once
    from tests.benchmark.speed import machine, vectors  # they import torch, which reads the number of threads

    print(f"{time.strftime('%Y-%m-%d')}, {machine()}\n\n| | ratio | last | |\n|---|---|---|---|", flush=True)
    kept = json.loads(LAST.read_text(encoding="utf-8")) if LAST.is_file() else {}
    last, found = kept.get(vectors(), {}), {}
    with tempfile.TemporaryDirectory(prefix="facedata-quick-") as folder:
        for one in [*starting(Path(folder)), *running(Path(folder))]:
            found[one.what] = one
            print(f"| {' | '.join(row(one, last.get(one.what)))} |", flush=True)
    if asked.keep:
        kept[vectors()] = {what: round(one.value, 3) for what, one in found.items()}
        LAST.write_text(json.dumps(dict(sorted(kept.items())), indent=2, ensure_ascii=False) + "\n")
    elif not last:
        print(f"\nnothing to compare with: no figures of {vectors()} are kept yet (--keep)")
    return int(any(is_worse(one, last.get(what)) for what, one in found.items()) and not asked.keep)


def row(one: Ratio, last: float | None) -> tuple[str, str, str, str]:
    """Return the cells of a row."""
    said = "" if last is None else "!! worse by a third" if is_worse(one, last) else "ok"
    return one.what, f"{one.value:.2f}", "–" if last is None else f"{last:.2f}", said


def is_worse(one: Ratio, last: float | None) -> bool:
    """Return whether a ratio is much worse than the last one.

    >>> speed, seconds = Ratio("speed", 6.0), Ratio("seconds", 1.6, more_is_better=False)
    >>> is_worse(speed, 9.5), is_worse(speed, 8.5), is_worse(speed, None)
    (True, False, False)
    >>> is_worse(seconds, 1.0), is_worse(seconds, 1.2)
    (True, False)
    """
    if last is None:
        return False
    return one.value * _WORSE < last if one.more_is_better else one.value > _WORSE * last


def starting(folder: Path) -> Iterator[Ratio]:
    """Measure what commands take before they do anything, in parts of what importing torch takes."""
    painted_folder(folder / "few", people=2, photos=3)
    sources, out = ["prepare", "folder", str(folder / "few")], iter(range(99))
    torch_s, prepare_s, info_s = [], [], []
    for _ in range(3):
        torch_s.append(cpu_s([sys.executable, "-c", "import torch"]))
        made = str(folder / f"few-{next(out)}")
        prepare_s.append(cpu_s([*_PROGRAM, *sources, "--out", made]))
        info_s.append(cpu_s([*_PROGRAM, "info", made]))
    yield Ratio("prepare of 6 photos ÷ import torch", min(prepare_s) / min(torch_s), False)
    yield Ratio("info ÷ import torch", min(info_s) / min(torch_s), False)


def running(folder: Path) -> Iterator[Ratio]:
    """Measure a photo's way against the floor, facenet-pytorch, and the whole of `prepare`."""
    from tests.benchmark.contenders import FACEDATA, FACENET, FLOOR, make_way

    cv2.setNumThreads(1)
    out = folder / "crops"
    out.mkdir()
    ours = make_way(FACEDATA[0])
    small = folder / "small"
    painted_folder(small, people=12, photos=5)
    sets = {"portraits": sorted(small.rglob("*.jpg")), "large photos": enlarge(small, folder / "large")}
    rows, inner_s = [], 0.0
    for name, photos in sets.items():
        ways: dict[str, Callable[[], object]] = {
            key: lambda way=way, photos=photos: way(photos, out, "largest")  # type: ignore[misc]
            for key, way in ((FLOOR, make_way(FLOOR)), (FACEDATA[0], ours))
        }
        least = take_turns(ways, _ROUNDS)
        rows.append(Ratio(f"{name}: default detector ÷ floor", least[FLOOR] / least[FACEDATA[0]]))
        inner_s = least[FACEDATA[0]] / len(photos)  # of the large ones, which come last
    yield from rows
    facenet = make_way(FACENET)
    for name, photos in sets.items():
        some = photos[:16]
        ways = {
            FACENET: lambda some=some: facenet(some, out, "largest"),  # type: ignore[misc]
            FACEDATA[0]: lambda some=some: ours(some, out, "largest"),  # type: ignore[misc]
        }
        least = take_turns(ways, 2)
        yield Ratio(f"{name}: default detector ÷ facenet-pytorch", least[FACENET] / least[FACEDATA[0]])
    few = folder / "large-few"
    enlarge(small, few, 8)
    took = [
        cpu_s([*_PROGRAM, "prepare", "folder", str(source), "--workers", "1", "--out", f"{source}-set"])
        for source in (few, folder / "large")
    ]
    a_photo = (took[1] - took[0]) / (len(sets["large photos"]) - 8)
    yield Ratio("inner way ÷ whole prepare without start-up", inner_s / a_photo)


def take_turns(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Return the least processor time of each, in seconds; the first round warms up."""
    took: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            before = time.process_time()
            way()
            if number:
                took[name].append(time.process_time() - before)
    return {name: min(seconds) for name, seconds in took.items()}


def enlarge(source: Path, target: Path, most: int | None = None) -> list[Path]:
    """Write photos three times as wide and high, as a camera makes them; return their paths."""
    written = []
    for photo in sorted(source.rglob("*.jpg"))[:most]:
        image = cv2.imread(str(photo))
        assert image is not None
        place = target / photo.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        large = cv2.resize(image, None, fx=_LARGE, fy=_LARGE, interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(place), large, [cv2.IMWRITE_JPEG_QUALITY, 92])
        written.append(place)
    return written


def cpu_s(command: Sequence[str]) -> float:
    """Run a program that must succeed; return the processor time of it and all that it starts."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


if __name__ == "__main__":
    raise SystemExit(main())
