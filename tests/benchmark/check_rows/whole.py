"""Photos of which some lie in each other's folders, prepared and checked by the commands."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from tests.benchmark.check_rows.line import Line
from tests.benchmark.check_rows.planted import NAMED, Counts, plant_swaps
from tests.benchmark.check_rows.sets import LFW, Sets, known_errors, named_by

_LEAST_PHOTOS, _SHARE = 3, 0.05


def whole_lines(sets: Sets) -> Iterator[Line]:
    """Yield the row of LFW's people with three photos and more, 5% of whose photos are swapped as files."""
    folder = sets.folder / "whole"
    moved = link_swapped(folder / "photos", seed=100)
    found = check_by_commands(folder / "photos", folder / "faces", sets.model)
    known = {name for row in known_errors() for name in named_by(row)}
    photos = sorted(path for path in (folder / "photos").rglob("*.jpg"))
    named = [path.stem in known or path.parent.name in known for path in photos]
    reported = np.array([f"{path.parent.name}/{path.name}" in found for path in photos])
    planted = np.array([f"{path.parent.name}/{path.name}" in moved for path in photos])
    counts = Counts.of(reported, planted, np.array(named))
    yield Line(
        "lfw, people with ≥ 3 photos: 5% swapped as files, by `facedata prepare` and `facemodel check`",
        str(counts), "≥ 0.99 at ≤ 0.001", counts.meets(0.99, 0.001),
        counts=f"{counts.found} of {counts.planted}, {counts.false} of {counts.clean:,} clean",
    )  # fmt: skip


def link_swapped(folder: Path, seed: int) -> set[str]:
    """Link LFW's photos into a folder, some in each other's place; return these, as ``Ann/Ann_1.jpg``."""
    people = [home for home in sorted((LFW / "lfw-deepfunneled").iterdir()) if home.is_dir()]
    files = [sorted(home.glob("*.jpg")) for home in people]
    files = [some for some in files if len(some) >= _LEAST_PHOTOS]
    photos = [file for some in files for file in some]
    person = np.repeat(np.arange(len(files)), [len(some) for some in files])
    planted = plant_swaps(person, _SHARE, seed)
    place = np.arange(len(photos))
    place[planted.pairs] = planted.pairs[:, ::-1]
    for at, file in zip(place.tolist(), photos, strict=True):
        link = folder / photos[at].parent.name / photos[at].name
        link.parent.mkdir(parents=True, exist_ok=True)
        link_file(file, link)
    return {f"{photos[at].parent.name}/{photos[at].name}" for at in np.flatnonzero(planted.moved)}


def link_file(file: Path, link: Path) -> None:
    """Link a photo; beyond this disk by a symbolic link."""
    link.unlink(missing_ok=True)
    try:
        os.link(file, link)
    except OSError:
        link.symlink_to(file.resolve())


def check_by_commands(photos: Path, faces: Path, model: Path) -> set[str]:
    """Prepare and check; return the photos that findings.parquet says have a wrong name."""
    options = ("--out", faces, "--template", "arcface112", "--face", "center", "--triplets-per-photo", "0")
    run("facedata", "prepare", photos, *options)
    run("facemodel", "check", model, faces)
    table = pq.read_table(faces / "check" / "findings.parquet").to_pylist()
    named = [one for one in table if one["kind"] in {kind.value for kind in NAMED}]
    sides = [
        one[side] for one in named for side in ("left_photo", "right_photo")
        if side == "left_photo" or one["kind"] == "swapped"
    ]  # fmt: skip
    return set(sides)


def run(package: str, *arguments: object) -> str:
    """Run a command in a process of its own; a check's exit status 1 says that something was found."""
    program = f"from {package}.cli import main; raise SystemExit(main())"
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)], capture_output=True, text=True, check=False
    )  # fmt: skip
    if done.returncode not in ((0, 1) if "check" in arguments[:1] else (0,)):
        raise RuntimeError(f"{package} {arguments[0]} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout
