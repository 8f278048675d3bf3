"""A network that `facemodel fit` trains here, in minutes, on people who are not in what it then checks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

import facemodel
from facedata import ClassManifest
from facedata.types import Int64Array
from tests.benchmark.check_rows.line import Line
from tests.benchmark.check_rows.planted import Counts, plant_swaps, reported_photos
from tests.benchmark.check_rows.sets import CELEBA, LFW, Sets, made
from tests.benchmark.check_rows.whole import link_file

_EPOCHS = 4
_SEEDS = 3
_FALSE_SHARE = 0.003


def second_lines(sets: Sets) -> Iterator[Line]:
    """Yield the rows of that network, on LFW's test people with two photos and more."""
    run = sets.folder / "second"
    if not (run / "best.safetensors").exists():
        link_training(sets.folder / "second-photos")
        faces = made(
            sets.folder / "second-photos", sets.folder / "second-faces", min_photos=2, splits="train=1"
        )
        facemodel.fit(faces.path, run, recipe="laptop", epochs=_EPOCHS, device="cpu", overwrite=True)
    crops = sets.embedded(sets.lfw_set, run / "best.safetensors", rows_to_check(sets))
    for share in (0.0, 0.05):
        counts, weak, said = Counts(), 0, ""
        for seed in range(_SEEDS if share else 1):
            planted = plant_swaps(crops.person, share, seed, None, crops.named)
            findings, summary = crops.check(planted.person)
            weak += bool(summary["strength"]["is_weak"])
            said = " ".join(summary["strength"]["lines"])
            reported = reported_photos(findings, len(crops.person))
            counts += Counts.of(reported, planted.moved, crops.named)
        runs = _SEEDS if share else 1
        what = "5% swapped at random" if share else "as it is"
        yield Line(
            f"laptop recipe, {_EPOCHS} epochs; lfw's test people with ≥ 2 photos: {what}",
            f"{counts}; called too weak in {weak} of {runs}",
            f"called too weak, or false ≤ {_FALSE_SHARE}",
            counts.false_share <= _FALSE_SHARE,
            counts=f"{runs} seeds: {counts.found} of {counts.planted}, {counts.false} of {counts.clean:,}",
            more=(f"{what}: {said}",),
        )


def rows_to_check(sets: Sets) -> Int64Array:
    """Return the rows of View 1's test people with several photos."""
    classes = ClassManifest.open(sets.lfw_set.path).table
    people = classes.column("identity").to_pylist()
    _, code, photos = np.unique(people, return_inverse=True, return_counts=True)
    is_test = np.array([split == "test" for split in classes.column("split").to_pylist()])
    return np.flatnonzero(is_test & (photos[code] >= 2))


def link_training(folder: Path) -> None:
    """Link the photos of View 1's train people and of CelebA's into a folder a person."""
    lines = (LFW / "protocol" / "peopleDevTrain.txt").read_text().splitlines()[1:]
    for name in (line.split()[0] for line in lines if line.strip()):
        for file in (LFW / "lfw-deepfunneled" / name).glob("*.jpg"):
            _link(file, folder / name)
    for line in (CELEBA / "identity_CelebA.txt").read_text().splitlines():
        name, _, person = line.partition(" ")
        if (CELEBA / "img_celeba" / name).is_file():
            _link(CELEBA / "img_celeba" / name, folder / f"celeba {person.strip()}")


def _link(file: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    link_file(file, folder / file.name)
