"""One recipe at equal terms: the same people, backbone, crop size and photos seen, all else its own.

Its own are: loss, what a batch holds, optimizer, rate, schedule, clipping, freezing, augmentation, layers
after the backbone and the length of an embedding. What cannot be is said at :func:`options_of`.

A run is kept as the likeness of every pair of test photos, so that a killed table continues, and figures can
be computed again without training.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from facedata import ClassManifest, PreparedSet
from facedata.types import BoolArray, Float32Array, Float64Array, Int64Array
from facemodel import fit
from facemodel.batches.people import TrainingPeople
from facemodel.batches.reader import CropReader
from facemodel.config import FitConfig
from facemodel.models.embed_crops import embed_rows
from facemodel.models.embedder import TorchEmbedder
from facemodel.models.saved import load_objective
from facemodel.objective.objective import Objective
from facemodel.recipe_choice import SetFacts, adapt_options
from facemodel.recipes import fit_config, load_recipe
from facemodel.scoring.distances import compare, likeness
from tests.support.history import read_csv
from tests.support.shared_data import SHARED

EPOCHS = 10
PHOTOS_PER_ROW = {"triplets": 3, "pairs": 2, "photos": 1, "people": 1}
INITS: dict[str, dict[str, Any]] = {
    "scratch": {"backbone": "resnet18", "weights": "none", "size": 32},
    "imagenet": {
        "backbone": "timm:tf_efficientnet_lite0",
        "weights": str(SHARED / "weights/tf_efficientnet_lite0_imagenet.safetensors"),
        "size": 48,
    },
}
"""Where a network starts: the options that are the same for all recipes."""

_FEWEST_PHOTOS = 32
_BLOCK_PAIRS = 100_000
_MACHINE = ("device", "workers", "trust_crops", "overwrite", "weights", "val_pairs", "seed", "recipe")


@dataclass(frozen=True)
class Terms:
    """A run.

    Attributes:
        recipe: its name.
        init: where the network starts, one of :data:`INITS`.
        seed: of the run.
        photos: how many photos training sees; a triplet is three of them, a pair two.
        precision: what the network computes in.
    """

    recipe: str
    init: str
    seed: int
    photos: int
    precision: str = "fp32"


@dataclass(frozen=True, eq=False)
class TestPairs:
    """Every pair of the test photos.

    Attributes:
        manifest: the test photos.
        left: ``(n,)`` int64 rows of the manifest.
        right: ``(n,)`` int64.
        person: ``(photos,)`` int64.
    """

    manifest: ClassManifest
    left: Int64Array
    right: Int64Array
    person: Int64Array

    __test__ = False  # no test of pytest's

    @classmethod
    def of(cls, faces: PreparedSet) -> TestPairs:
        manifest = ClassManifest.open(faces.path, split="test")
        left, right = np.triu_indices(len(manifest), 1)
        return cls(manifest, left, right, TrainingPeople.of(manifest).person)

    @property
    def same(self) -> BoolArray:
        return np.asarray(self.person[self.left] == self.person[self.right])


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a run came to.

    Attributes:
        likeness: ``(n,)`` float32 of every pair of test photos at the best epoch, higher the more alike.
        curve: validation AUC before epoch 1 and after each epoch.
        seconds: what training took.
    """

    likeness: Float32Array
    curve: Float64Array
    seconds: float


def options_of(terms: Terms) -> dict[str, Any]:
    """Return the options of ``fit`` for a run.

    What is not the recipe's own, beside what is equal for all: there are ten epochs (warm-up and steps keep
    their share of the run), the best one is by AUC of pairs of unseen people, a closed set is not closed,
    anchors are drawn at random (nobody here has a reference photo), and batches of fewer than 32 photos are
    of 32, with the rate in proportion, since they would take four times as long (Goyal et al. 2017,
    arXiv:1706.02677).
    """
    own = load_recipe(terms.recipe).config
    rows = terms.photos // EPOCHS // PHOTOS_PER_ROW[own.batches]
    options: dict[str, Any] = {
        "recipe": terms.recipe, **INITS[terms.init], "seed": terms.seed, "precision": terms.precision,
        "epochs": EPOCHS, "rows_per_epoch": max(rows, 1), "best_by": "auc", "closed": False,
        "strategy": "random", "val_pairs": 100_000, "device": "cpu", "workers": 1, "trust_crops": True,
        "overwrite": True,
    }  # fmt: skip
    if own.warmup_epochs:
        options["warmup_epochs"] = own.warmup_epochs * EPOCHS / own.epochs
    if own.schedule in ("step", "restarts"):
        options["step_epochs"] = max(round(own.step_epochs * EPOCHS / own.epochs), 1)
    if own.batch < _FEWEST_PHOTOS and own.batches == "photos":
        options |= {"batch": _FEWEST_PHOTOS, "lr": own.lr * _FEWEST_PHOTOS / own.batch}
    return options


def key_of(terms: Terms, faces: PreparedSet) -> str:
    """Return the name that a run is kept under: of its set, and of its options that change weights.

    An option at its default does not count, so that one that is new does not make all runs new.
    """
    config, usual = fit_config(options_of(terms)), FitConfig().settings()
    if config.adapt:
        config, _ = adapt_options(config, SetFacts.of(faces))
    own = {k: v for k, v in config.settings().items() if k not in _MACHINE and v != usual[k]}
    text = json.dumps([own, terms.init, terms.seed, faces.fingerprint], sort_keys=True, default=str)
    return f"{terms.recipe}-{terms.init}-{terms.seed}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def run_terms(terms: Terms, faces: PreparedSet, folder: Path) -> Outcome:
    """Train a recipe and compare all pairs of test photos, or take both from the folder."""
    kept = folder / f"{key_of(terms, faces)}.npz"
    if not kept.is_file():
        run = folder / f"{kept.stem}.run"
        fit(faces.path, run, **options_of(terms))
        rows = read_csv(run / "history.csv")
        alike = compare_all(load_objective(run), TestPairs.of(faces))
        curve = np.array([row.val_auc for row in rows], np.float64)
        part = folder / f"{kept.stem}.part.npz"
        np.savez(part, likeness=alike, curve=curve, seconds=sum(row.seconds or 0.0 for row in rows))
        part.rename(kept)
        shutil.rmtree(run)
    with np.load(kept) as had:
        return Outcome(had["likeness"], had["curve"], float(had["seconds"]))


def compare_all(objective: Objective, test: TestPairs) -> Float32Array:
    """Return the likeness of every pair, ``(n,)`` float32: by the pair head, else by the model's metric."""
    embedder, metric = TorchEmbedder(objective), objective.model.spec.metric
    with CropReader(test.manifest) as reader:
        embeddings = embed_rows(embedder, reader, np.arange(len(test.manifest)), 256)
    alike = np.empty(len(test.left), np.float32)
    for start in range(0, len(alike), _BLOCK_PAIRS):
        left, right = (side[start : start + _BLOCK_PAIRS] for side in (test.left, test.right))
        alike[start : start + _BLOCK_PAIRS] = (
            embedder.score_pairs(embeddings[left], embeddings[right])
            if objective.has_pairs
            else likeness(compare(embeddings, left, right, metric), metric)
        )
    return alike
