"""Print two curves: rows against the conductor's time and memory, photos against CPU time a photo.

    make bench-scale
    python -m tests.benchmark.scale rows 200000 2000000 20000000 --out DIR
    python -m tests.benchmark.scale photos 1000 10000 100000 --source DIR --detector mtcnn --out DIR

``rows`` takes records that no photo is behind through the real ``prepare``; shards write real parts, and that
time is not counted; nor is the report's page, unless with ``--report``. 20 million rows need 30 GB of disk.
``photos`` runs the whole way on few real photos under many names, with one worker.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from facedata import PrepareConfig, prepare
from facedata.types import Face, UInt8Image
from tests.benchmark.synthetic import no_workers, prepare_synthetic
from tests.support.shared_data import SHARED

PHOTOS_PER_PERSON = 55.6
"""20 million photos of 360,000 people."""

_STAGES = {
    "facedata.commands.prepare": {
        "plan_run": "plan", "find_rows": "earlier rows", "run_shards": "(shards)", "add_parts": "read parts",
        "Ledger": "settle", "is_up_to_date": "compare",
    },
    "facedata.closing.close": {"_draw": "plan pairs, triplets"},
    "facedata.sets.prepared": {"stage_table": "{kind}"},
    "facedata.closing.divide_set": {"divide_crops": "split", "set_fingerprint": "fingerprint"},
}  # fmt: skip
_PERSON = 50


def main() -> int:
    """Print one curve, or both."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("curve", choices=["rows", "photos", "one-rows", "one-photos"])
    parser.add_argument("counts", nargs="+", type=int)
    parser.add_argument(
        "--out", type=Path, default=None, help="where there is room (default: a temporary folder)"
    )
    parser.add_argument(
        "--source", type=Path, default=SHARED / "data" / "lfw", help="photos: real ones, JPEG"
    )
    parser.add_argument(
        "--detector", default="centre", help="photos: centre (finds a face in the middle) or a real one"
    )
    parser.add_argument("--triplets-per-photo", type=int, default=10)
    parser.add_argument("--rerun", action="store_true", help="rows: time the run that has nothing to do, too")
    parser.add_argument("--report", action="store_true", help="rows: with the report's page, too")
    asked = parser.parse_args()
    if asked.curve.startswith("one-"):
        measure = one_rows if asked.curve == "one-rows" else one_photos
        print(json.dumps(measure(asked.counts[0], asked.out, asked)))
        return 0
    folder = Path(tempfile.mkdtemp(prefix="facedata-scale-", dir=asked.out))
    try:
        found = [_measured(asked, count, folder / str(count)) for count in asked.counts]
    finally:
        shutil.rmtree(folder)
    print("\n".join(_rows_table(found) if asked.curve == "rows" else _photos_table(found)))
    return 0


def _measured(asked: argparse.Namespace, count: int, out: Path) -> dict[str, Any]:
    found = _in_a_process(asked, count, out)
    if asked.curve == "rows" and asked.rerun:
        found["rerun"] = _in_a_process(asked, count, out)
    shutil.rmtree(out, ignore_errors=True)
    return found


def _in_a_process(asked: argparse.Namespace, count: int, out: Path) -> dict[str, Any]:
    """Each run has a process of its own: a peak of memory is one of its whole life."""
    command = [
        sys.executable, "-m", "tests.benchmark.scale", f"one-{asked.curve}", str(count), "--out", str(out),
        "--source", str(asked.source), "--detector", asked.detector,
        "--triplets-per-photo", str(asked.triplets_per_photo), *["--report"][: asked.report],
    ]  # fmt: skip
    shown = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    return dict(json.loads(shown.splitlines()[-1]))


def one_rows(count: int, out: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """Prepare a synthetic set, or do so again; return seconds and peak memory of every stage."""
    stages: dict[str, dict[str, float]] = {}
    people = max(2, round(count / PHOTOS_PER_PERSON))
    with no_workers(), _timed(stages):
        before = time.process_time()
        prepare_synthetic(
            out, count, people, triplets_per_photo=asked.triplets_per_photo, report=asked.report
        )
        seconds = time.process_time() - before - stages.get("(shards)", {}).get("seconds", 0.0)
    return {
        "rows": count,
        "people": people,
        "parts": -(-count // 64),
        "seconds": seconds,
        "peak_gb": max(_peak_gb(), *(stage["peak_gb"] for stage in stages.values())),
        "files_gb": {file.stem: file.stat().st_size / 1e9 for file in out.glob("*.parquet")},
        "stages": stages,
    }


@contextmanager
def _timed(stages: dict[str, dict[str, float]]) -> Iterator[None]:
    """Wrap the conductor's stages, so that each one's time and peak are noted."""

    def timed(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def run(*args: Any, **kwargs: Any) -> Any:
            stage = name.format(**kwargs)
            found = stages.setdefault(stage, {"seconds": 0.0, "peak_gb": 0.0})
            found["before_gb"] = max(found.get("before_gb", 0.0), _peak_gb())
            _reset_peak()
            before = time.process_time()
            try:
                return call(*args, **kwargs)
            finally:
                found["seconds"] += time.process_time() - before
                found["peak_gb"] = max(found["peak_gb"], _peak_gb(), found.pop("before_gb"))
                print(f"{stage}: {found['seconds']:.1f} s, {_peak_gb():.2f} GB", file=sys.stderr)
                _reset_peak()

        return run

    with ExitStack() as stack:
        for module_name, names in _STAGES.items():
            module = sys.modules[module_name]
            for attribute, name in names.items():
                stack.enter_context(patch.object(module, attribute, timed(name, getattr(module, attribute))))
        yield


def _peak_gb() -> float:
    """Return the process' peak of resident memory since the last reset."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e9
    return 0.0


def _reset_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def one_photos(count: int, out: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """Prepare so many names of a few real photos with one worker; return CPU seconds a photo."""
    source = out / "photos"
    _link(sorted(asked.source.rglob("*.jpg")), source, count)
    config = PrepareConfig() if asked.detector == "centre" else PrepareConfig(detector=asked.detector)
    before = _cpu_s()
    prepare(source, out / "set", config, detector=Centre if asked.detector == "centre" else None, workers=1)
    return {"photos": count, "cpu_s": _cpu_s() - before, "detector": asked.detector}


def _link(photos: list[Path], folder: Path, count: int) -> None:
    if not photos:
        raise SystemExit("no photos there: name some with --source")
    for index in range(count):
        person, number = divmod(index, min(_PERSON, len(photos)))
        home = folder / f"p{person:06d}"
        home.mkdir(parents=True, exist_ok=True)
        (home / f"{number:03d}.jpg").symlink_to(photos[index % len(photos)].resolve())


class Centre:
    """Finds a face in the middle of every photo: what is measured is all the rest."""

    name = "centre"

    def detect(self, images: Any, rules: Any = None) -> list[list[Face]]:
        """Return one face of each image."""
        return [[_middle(image)] for image in images]


def _middle(image: UInt8Image) -> Face:
    height, width = image.shape[:2]
    x, y, side = width / 2, height / 2, min(width, height) / 4
    points = np.array([[-0.4, -0.3], [0.4, -0.3], [0, 0.1], [-0.3, 0.5], [0.3, 0.5]]) * side + [x, y]
    box = np.array([x - side, y - 1.2 * side, x + side, y + 1.2 * side], np.float32)
    return Face(box, 0.99, points.astype(np.float32))


def _cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _rows_table(found: list[dict[str, Any]]) -> Iterator[str]:
    names = [name for name in found[0]["stages"] if not name.startswith("(")]
    yield "| rows | people | parts | seconds | peak RSS | " + " | ".join(names) + " |"
    yield "|---" * (5 + len(names)) + "|"
    for one in found:
        cells = [f"{one['rows']:,}", f"{one['people']:,}", f"{one['parts']:,}"]
        cells += [f"{one['seconds']:.0f} s", f"{one['peak_gb']:.2f} GB"]
        cells += [
            f"{one['stages'][name]['seconds']:.1f} s, {one['stages'][name]['peak_gb']:.2f} GB"
            for name in names
        ]
        yield "| " + " | ".join(cells) + " |"
    yield ""
    for one in found:
        sizes = ", ".join(f"{name} {size:.2f} GB" for name, size in sorted(one["files_gb"].items()))
        yield f"{one['rows']:,} rows: {sizes}"
        if "rerun" in one:
            yield f"nothing to do: {one['rerun']['seconds']:.0f} s, {one['rerun']['peak_gb']:.2f} GB"


def _photos_table(found: list[dict[str, Any]]) -> Iterator[str]:
    first = found[0]["cpu_s"] / found[0]["photos"]
    yield "| photos | detector | CPU s | CPU ms a photo | against the first |"
    yield "|---|---|---|---|---|"
    for one in found:
        each = one["cpu_s"] / one["photos"]
        cells = [f"{one['photos']:,}", one["detector"], f"{one['cpu_s']:.0f}", f"{1000 * each:.2f}"]
        yield "| " + " | ".join([*cells, f"{each / first:.3f}"]) + " |"


if __name__ == "__main__":
    sys.exit(main())
