"""Time and memory: many crops without a model, and embeddings by the hundred thousand."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil

from facedata import open_set, prepare
from facedata.types import UInt8Image
from tests.benchmark.check_rows.line import Line
from tests.benchmark.check_rows.sets import Sets
from tests.benchmark.scale import Centre

_EACH = 50
"""Crops of a person."""

_SIDE = 112
_MOST_MINUTES, _MOST_GB = 15, 2.0


def size_lines(sets: Sets) -> Iterator[Line]:
    """Yield the row of many crops, checked without a model by two workers."""
    folder = sets.folder / f"many-{sets.many}"
    if not (folder / "faces" / "dataset.json").is_file():
        paint_photos(sets, folder / "photos", sets.many)
        prepare(
            folder / "photos", folder / "faces", detector=Centre, template="arcface112", workers=2,
            triplets_per_photo=0,
        )  # fmt: skip
        shutil.rmtree(folder / "photos")
    crops = open_set(folder / "faces").info["counts"]["status"]["kept"]
    seconds, cpu_s, most_gb, found = watch_check(folder / "faces")
    yield Line(
        f"{crops:,} crops without a model, two workers",
        f"{seconds / 60:.1f} min ({1000 * cpu_s / crops:.2f} ms of CPU a crop); {most_gb:.2f} GB",
        f"≤ {_MOST_MINUTES} min; ≤ {_MOST_GB:g} GB", seconds <= 60 * _MOST_MINUTES and most_gb <= _MOST_GB,
        counts=f"one run; {found}",
    )  # fmt: skip


def paint_photos(sets: Sets, folder: Path, count: int) -> None:
    """Write photos whose quarters are of four people's crops: as many as wanted, no two alike."""
    rng = np.random.default_rng(0)
    files = sorted((Path(str(sets.lfw_set.path)) / "crops").rglob("*.jpg"))
    crops = [cv2.imread(str(file)) for file in files[:: max(1, len(files) // 2000)]]
    for number in range(count):
        home = folder / f"p{number // _EACH:06d}"
        if number % _EACH == 0:
            home.mkdir(parents=True, exist_ok=True)
        quarters = rng.integers(0, len(crops), 4)
        cv2.imwrite(str(home / f"{number % _EACH:02d}.jpg"), join_quarters([crops[at] for at in quarters]))


def join_quarters(crops: list[UInt8Image]) -> UInt8Image:
    """Return a picture of the first crop's first quarter, the second's second, and so on."""
    half = _SIDE // 2
    picture = np.empty((_SIDE, _SIDE, 3), np.uint8)
    for at, crop in enumerate(crops):
        rows, columns = (slice(half * place, half * (place + 1)) for place in divmod(at, 2))
        picture[rows, columns] = crop[rows, columns]
    return picture


def watch_check(faces: Path) -> tuple[float, float, float, str]:
    """Run ``facedata check`` in a process of its own.

    Returns:
        Seconds, CPU seconds, the most memory of all its processes together in GB, shared pages counted once,
        and what it found.
    """
    program = "from facedata.cli import main; raise SystemExit(main())"
    started, most, cpu_s = time.monotonic(), 0, 0.0
    command = [sys.executable, "-c", program, "check", str(faces), "--workers", "2", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as child:
        watched = psutil.Process(child.pid)
        while child.poll() is None:
            memory, used = memory_and_cpu(watched)
            most, cpu_s = max(most, memory), max(cpu_s, used)
            time.sleep(0.5)
        assert child.stdout is not None
        told = child.stdout.read()
    summary = json.loads(told)
    found = ", ".join(
        f"{kind} {number:,}" for kinds in _findings(summary).values() for kind, number in kinds.items()
    )
    return time.monotonic() - started, cpu_s, most / 1e9, found or "nothing found"


def _findings(summary: dict[str, Any]) -> dict[str, dict[str, int]]:
    return dict(summary.get("findings", {}))


def memory_and_cpu(process: psutil.Process) -> tuple[int, float]:
    """Return bytes and CPU seconds of a process and all below it; ended ones count with their parent."""
    memory, cpu_s = 0, 0.0
    for one in [process, *_children(process)]:
        try:
            memory += one.memory_full_info().pss
            times = one.cpu_times()
            cpu_s += times.user + times.system + (times.children_user + times.children_system)
        except psutil.Error:
            continue
    return memory, cpu_s


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return list(process.children(recursive=True))
    except psutil.Error:
        return []
