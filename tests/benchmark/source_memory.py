"""Print what a planned row takes in memory, by source: the slope of peak memory over the number of photos.

    python -m tests.benchmark.source_memory 200000 800000      the last part of `make bench-scale`

The photos are empty files, which planning does not open. The lists beside them are whole: of ``celeba``
identities, splits, boxes and 40 attributes; of ``lfw`` a protocol of the real one's size; ``table`` is a CSV
file with photo, identity, split and box.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from facedata import PrepareConfig
from facedata.plan.plan import plan_run
from facedata.sources.open import open_source

_PHOTOS_PER_PERSON = 50
_PAIRS = 1_000
_ATTRIBUTES = 40
_ATTRIBUTE_NAMES = [f"Attribute_{number}" for number in range(_ATTRIBUTES)]


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("counts", nargs="+", type=int, help="photos: two numbers or more")
    parser.add_argument("--one", choices=SOURCES, help=argparse.SUPPRESS)
    parser.add_argument("--source", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(_plan(asked.one, asked.source))
        return 0
    print(f"| | {' | '.join(f'{count:,} photos' for count in asked.counts)} | bytes a row |")
    print(f"|---|{'---|' * (len(asked.counts) + 1)}")
    for name, make in SOURCES.items():
        peaks = [_measure(name, make, count) for count in asked.counts]
        slope = (peaks[-1] - peaks[0]) / (asked.counts[-1] - asked.counts[0])
        print(f"| {name} | {' | '.join(f'{peak / 1e9:.2f} GB' for peak in peaks)} | {slope:.0f} |")
    return 0


def _measure(name: str, make: Callable[[Path, int], Path], count: int) -> int:
    """Plan that many photos of a source in a process of its own; return its peak memory in bytes."""
    folder = Path(tempfile.mkdtemp(prefix="facedata-sources-"))
    try:
        command = [sys.executable, "-m", "tests.benchmark.source_memory", str(count), "--one", name]
        source = make(folder, count)
        return int(subprocess.run([*command, "--source", source], check=True, capture_output=True).stdout)
    finally:
        shutil.rmtree(folder)


def _plan(name: str, source: Path) -> int:
    config = PrepareConfig(kind=name)
    plan, _ = plan_run(open_source(source, config), config)
    if not plan.records.num_rows:
        raise RuntimeError(f"{name} has no rows")
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    (peak,) = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return 1024 * int(peak)


def _celeba(folder: Path, count: int) -> Path:
    names = [f"{number:06}.jpg" for number in range(1, count + 1)]
    _touch(folder / "img_celeba", names)
    people = [f"{name} {number // _PHOTOS_PER_PERSON + 1}" for number, name in enumerate(names)]
    _write(folder / "identity_CelebA.txt", people)
    _write(folder / "list_eval_partition.txt", [f"{name} {number % 3}" for number, name in enumerate(names)])
    boxes = [f"{name} 95 71 226 313" for name in names]
    _write(folder / "list_bbox_celeba.txt", [str(count), "image_id x_1 y_1 width height", *boxes])
    signs = " ".join(["-1", " 1"] * (_ATTRIBUTES // 2))
    attributes = [f"{name} {signs}" for name in names]
    _write(folder / "list_attr_celeba.txt", [str(count), " ".join(_ATTRIBUTE_NAMES), *attributes])
    return folder


def _lfw(folder: Path, count: int) -> Path:
    people = [f"Person_Number_{number}" for number in range(count // _PHOTOS_PER_PERSON)]
    for person in people:
        photos = [f"{person}_{number + 1:04}.jpg" for number in range(_PHOTOS_PER_PERSON)]
        _touch(folder / "lfw-deepfunneled" / person, photos)
    half = len(people) // 2
    for name, some in (("Train", people[:half]), ("Test", people[half:])):
        others = list(pairwise(some))[:_PAIRS]
        pairs = [f"{person}\t1\t2" for person, _ in others]
        pairs += [f"{person}\t1\t{other}\t1" for person, other in others]
        _write(folder / f"pairsDev{name}.txt", [str(len(others)), *pairs])
        listed = [f"{person}\t{_PHOTOS_PER_PERSON}" for person in some]
        _write(folder / f"peopleDev{name}.txt", [str(len(some)), *listed])
    return folder


def _table(folder: Path, count: int) -> Path:
    names = [f"photos/{number:07}.jpg" for number in range(count)]
    _touch(folder / "photos", [name.removeprefix("photos/") for name in names])
    rows = [
        f"{name},person-{number // _PHOTOS_PER_PERSON},train,{number % 90},20,160,180"
        for number, name in enumerate(names)
    ]
    _write(folder / "photos.csv", ["photo,identity,split,x0,y0,x1,y1", *rows])
    return folder / "photos.csv"


SOURCES = {"celeba": _celeba, "table": _table, "lfw": _lfw}


def _touch(folder: Path, names: list[str]) -> None:
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).touch()


def _write(path: Path, lines: list[str]) -> None:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
