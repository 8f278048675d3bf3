"""Every recipe, a short run on real photos: does it tell unseen people apart better than before training?

python -m tests.benchmark.recipes [RECIPE …]     (make bench-recipes)

The sets are made from $FACEDATA_SHARED/data: LFW's people with two photos or more, divided by person, and
CelebA's as photographed, divided by photo for the classifier. All recipes run with a ResNet18 at 32 px and
few epochs, from scratch, so that two cores are done in a quarter of an hour. Judged is on the test split,
which `fit` never reads: on pairs of people (for the classifier: on photos) that neither trained nor chose the
best epoch.
The interval is of the difference to the same network before epoch 1, when the test people are drawn again.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from facedata import ClassManifest, PairManifest, PrepareConfig, PreparedSet, open_set, prepare
from facedata.types import Float64Array, Int64Array
from facemodel import fit
from facemodel.batches.people import TrainingPeople
from facemodel.batches.reader import CropReader
from facemodel.config import FitConfig
from facemodel.models.embed_crops import embed_rows
from facemodel.models.embedder import TorchEmbedder
from facemodel.models.saved import load_objective
from facemodel.network.model import input_spec, make_model
from facemodel.objective.objective import Objective, make_objective
from facemodel.recipes import recipe_names
from facemodel.scoring.distances import compare, likeness
from facemodel.scoring.intervals import Interval, bootstrap
from facemodel.scoring.metrics import decide, roc
from tests.support.fit_files import read_fit_config
from tests.support.history import read_csv
from tests.support.shared_data import SHARED

logger = logging.getLogger("facemodel.bench")

SMALL: dict[str, Any] = {
    "backbone": "resnet18", "weights": "none", "size": 32, "device": "cpu", "precision": "fp32",
    "val_pairs": 2000, "hidden": "", "rotate": 0.0,
}  # fmt: skip
"""What all runs here have in place of their recipe's own."""

RUNS: dict[str, dict[str, Any]] = {
    "default": {"epochs": 4, "batch": 64, "photos_per_person": 2},
    "laptop": {"epochs": 4, "batch": 64, "photos_per_person": 2},
    "anchors": {"epochs": 2, "batch": 48, "rows_per_epoch": 3000},
    "celeba-triplet": {"epochs": 3, "batch": 48, "rows_per_epoch": 2000, "hard_below": 0.4},
    "celeba-pairs": {"epochs": 3, "rows_per_epoch": 3000},
    "passport-triplet": {"epochs": 3, "rows_per_epoch": 2000, "lr": 1e-2},
    "passport-pairs": {"epochs": 3, "rows_per_epoch": 3000},
    "lfw-classifier": {"epochs": 14},
    "lfw-embedding": {"epochs": 4, "step_epochs": 4},
}
FROZEN = ("anchors", "passport-triplet", "passport-pairs")
"""Recipes of which a second run freezes random layers: what is left must lower the validation loss."""


@dataclass(frozen=True)
class Line:
    """A line of the table; an interval that is None means that ``after`` must be below ``before``."""

    recipe: str
    what: str
    before: float
    after: float
    interval: Interval | None
    seconds: float

    @property
    def good(self) -> bool:
        return self.interval.low > 0 if self.interval else self.after < self.before

    def row(self) -> str:
        change = f"{self.after - self.before:+.3f}"
        if self.interval is not None:
            change += f" ({self.interval.low:+.3f} … {self.interval.high:+.3f})"
        mark = "ok" if self.good else "!!"
        return (
            f"| {self.recipe} | {self.what} | {self.before:.3f} | {self.after:.3f} | {change} "
            f"| {self.seconds:.0f} s | {mark} |"
        )


def people_set(folder: Path) -> PreparedSet:
    """LFW's people with two photos or more; one is the reference photo."""
    return made(
        folder / "people", SHARED / "data/lfw/lfw-deepfunneled", min_photos=2, face="center",
        splits="train=0.6,val=0.1,test=0.3", reference="*_0001.jpg",
    )  # fmt: skip


def closed_set(folder: Path) -> PreparedSet:
    """CelebA's people, each in every split."""
    return made(
        folder / "closed", SHARED / "data/celeba/img_celeba", source=SHARED / "data/celeba", kind="celeba",
        splits="train=0.6,val=0.15,test=0.25", split_by="photo",
    )  # fmt: skip


def made(out: Path, photos: Path, source: Path | None = None, **options: Any) -> PreparedSet:
    if (out / "dataset.json").is_file():
        return open_set(out)
    weights = SHARED / "weights/face_detection_yunet_2023mar.onnx"
    config = PrepareConfig(
        **{"kind": "folder", "detector": "yunet", "weights": str(weights), "size": 64, **options}
    )
    return prepare(source or photos, out, config)


def untrained(config: FitConfig, faces: PreparedSet, classes: Sequence[str]) -> Objective:
    """The network as it was before epoch 1."""
    model, _ = make_model(config, input_spec(config, faces))
    return make_objective(config, model, classes, np.ones(len(classes), np.int64)).eval()


def judged(name: str, faces: PreparedSet, run: Path, seconds: float) -> Line:
    """Compare a run's best weights with the network before epoch 1, on the test split."""
    config = read_fit_config(run / "config.toml")
    after = load_objective(run)
    before = untrained(config, faces, after.classes)
    test = ClassManifest.open(faces.path, split="test")
    figure = name_figure if config.closed else pair_figure
    old, people, (left, right) = figure(before, test)
    new, _, _ = figure(after, test)
    interval = bootstrap(lambda w: new(w) - old(w), people[left], people[right])
    every = np.ones(len(left))
    what = "accuracy" if config.closed or after.has_pairs else "AUC"
    return Line(name, what, old(every), new(every), interval, seconds)


Figure = tuple[Callable[[Float64Array], float], Int64Array, tuple[Int64Array, Int64Array]]


def pair_figure(objective: Objective, test: ClassManifest) -> Figure:
    """Of all pairs of one person and as many of two: AUC, or a pair head's accuracy at one half."""
    pairs = PairManifest.sample(test, strategy="all")
    left, right, same = test.find(pairs.left), test.find(pairs.right), pairs.same
    embeddings = embedded(objective, test)
    person = TrainingPeople.of(test).person
    if objective.has_pairs:
        scores = TorchEmbedder(objective).score_pairs(embeddings[left], embeddings[right])
        said = np.asarray(scores) >= 0.5
        return lambda w: decide(said, same, w).accuracy, person, (left, right)
    metric = objective.model.spec.metric
    alike = likeness(compare(embeddings, left, right, metric), metric)
    return lambda w: roc(alike, same, w).auc(), person, (left, right)


def name_figure(objective: Objective, test: ClassManifest) -> Figure:
    """Of all photos: the share that the classifier names rightly."""
    import torch

    photos = TrainingPeople.of(test)
    with torch.inference_mode():
        named = objective.logits(torch.from_numpy(embedded(objective, test))).argmax(1).numpy()
    right = np.array(objective.classes)[named] == np.array(photos.names)[photos.person]
    rows = np.arange(len(right))
    return lambda w: float(np.average(right, weights=w)), photos.person, (rows, rows)


def embedded(objective: Objective, test: ClassManifest) -> Any:
    with CropReader(test) as reader:
        return embed_rows(TorchEmbedder(objective), reader, np.arange(len(test)))


def run_recipe(name: str, folder: Path) -> list[Line]:
    closed = name == "lfw-classifier"
    faces = closed_set(folder) if closed else people_set(folder)
    options = {**SMALL, "recipe": name, **RUNS[name], "overwrite": True}
    started = time.monotonic()
    fit(faces.path, folder / f"run-{name}", **options)
    lines = [judged(name, faces, folder / f"run-{name}", time.monotonic() - started)]
    if name in FROZEN:
        started = time.monotonic()
        frozen = {**options, "freeze_random": True, "epochs": 2, "rows_per_epoch": 1000}
        fit(faces.path, folder / f"run-{name}-frozen", **frozen)
        rows = read_csv(folder / f"run-{name}-frozen" / "history.csv")
        first, best = rows[0].val_loss or 0.0, min(row.val_loss or 9.0 for row in rows[1:])
        took = time.monotonic() - started
        lines.append(Line(f"{name}, random layers frozen", "validation loss", first, best, None, took))
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipes", nargs="*", default=recipe_names())
    parser.add_argument("--out", type=Path, default=Path("bench-out/recipes"), help="folder of sets and runs")
    parsed = parser.parse_args(arguments)
    if not (SHARED / "data").is_dir():
        print(f"no real photos at {SHARED}: set FACEDATA_SHARED", file=sys.stderr)
        return 2
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    parsed.out.mkdir(parents=True, exist_ok=True)
    print(f"\n{os.cpu_count()} cores; ResNet18, 32 px, from scratch\n")
    print(
        "| recipe | on people or photos never seen | before epoch 1 | after | change (95% over people) | | |"
    )
    print("|---|---|---|---|---|---|---|")
    good = True
    for name in parsed.recipes:
        for line in run_recipe(name, parsed.out):
            print(line.row(), flush=True)
            good = good and line.good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
