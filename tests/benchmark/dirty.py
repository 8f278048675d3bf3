"""What wrong labels cost, and what helps: AUC of unseen people after training with some labels exchanged.

python -m tests.benchmark.dirty [--shares 0.2 0.4] [--seeds 3] [--arms plain drop move …] [--dirty-val]

Real people (tests/benchmark/people_sets.py). Of the people who train, a share of the photos is exchanged,
file for file, so that each name keeps its number of photos; with --dirty-val of those who validate, too. Who
is tested is as before. Then what a user types: ``facemodel check MODEL faces``, with the network of
$FACEDATA_SHARED/weights, and ``facemodel fit faces --doubted drop|move``. ``plain`` trains as if nothing was
known. ``cosface``, ``sub-centres`` and ``filter`` train a margin loss, and are compared with ``cosface`` on
clean labels. Results are kept in ``results.jsonl`` below --out, so a run that was killed goes on.
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from facedata import ClassManifest, PrepareConfig, PreparedSet, open_set, prepare
from facemodel import check, fit, open_model
from facemodel.batches.people import TrainingPeople
from facemodel.batches.reader import CropReader
from facemodel.models.embed_crops import embed_rows
from facemodel.scoring.metrics import roc
from facemodel.training.history import read_csv
from tests.benchmark.check_rows.planted import plant_swaps
from tests.benchmark.people_sets import SPLITS, make_people
from tests.support.shared_data import SHARED

BASE: dict[str, Any] = {
    "recipe": "default", "backbone": "resnet18", "weights": "none", "size": 32, "epochs": 10,
    "device": "cpu", "workers": 1, "trust_crops": True, "overwrite": True,
}  # fmt: skip
"""The default recipe, as it adapts to the set; some 20,000 photos seen."""

COSFACE: dict[str, Any] = {"loss": "cosface", "margin": 0.2, "scale": 16.0, "batch": 64, "lr": 1e-3}
"""The loss that the two options are for, with a margin for few people, and the steps of ``plain``."""

ARMS: dict[str, dict[str, Any]] = {
    "plain": {},
    "drop": {"doubted": "drop"},
    "move": {"doubted": "move"},
    "cosface": COSFACE,
    "sub-centres": {**COSFACE, "sub_centres": 3},
    "filter": {**COSFACE, "interclass_filter": 0.4},
}
NETWORK = {
    "size_px": 112, "template": "arcface112", "colour": "rgb", "mean": [0.485, 0.456, 0.406],
    "std": [0.229, 0.224, 0.225], "dim": 128, "normalised": False, "metric": "cosine",
}  # fmt: skip


def checking_network(folder: Path) -> Path:
    """Return the network that checks: MobileFaceNet, with its input spec beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(SHARED / "weights/mobilefacenet_112_ms1m.onnx", folder / "net.onnx")
    (folder / "net.json").write_text(json.dumps(NETWORK))
    return folder / "net.onnx"


def make_dirty(clean: PreparedSet, out: Path, share: float, seed: int, splits: Sequence[str]) -> PreparedSet:
    """Return a copy of a set in which a share of some splits' photos lie under each other's names.

    Args:
        clean: a set of finished crops, one file each, made with ``people_sets``.
        out: the copy; made unless it is there.
        share: of the photos of each of the splits.
        seed: other photos.
        splits: whose photos are exchanged, within each.
    """
    if (out / "dataset.json").is_file():
        return open_set(out)
    folder = out.with_name(f"{out.name}-crops")
    shutil.rmtree(folder, ignore_errors=True)
    every = ClassManifest.open(clean)
    files = every.table.column("file").to_pylist()
    shown = list(range(len(files)))
    for split in splits:
        people = TrainingPeople.of(ClassManifest.open(clean, split=split))
        rows = every.find(people.ids)
        for left, right in rows[plant_swaps(people.person, share, seed).pairs].tolist():
            shown[left], shown[right] = right, left
    for file, row in zip(files, shown, strict=True):
        to = folder / Path(file).relative_to("crops")
        to.parent.mkdir(parents=True, exist_ok=True)
        to.hardlink_to(Path(str(clean.path)) / files[row])
    settings = clean.info["settings"]
    crops = {"template": settings["template"], "size": settings["size"]}
    return prepare(
        folder, out, PrepareConfig(kind="folder", as_crops=True, min_photos=2, splits=SPLITS, **crops)
    )


def unseen_auc(run: Path, faces: PreparedSet) -> float:
    """Return the AUC of a run's best weights over all pairs of the people who are tested."""
    test, model = ClassManifest.open(faces, split="test"), open_model(run, "cpu", 1)
    person = TrainingPeople.of(test).person
    with CropReader(test, 1) as reader:
        vectors = embed_rows(model, reader, np.arange(len(test))).astype(np.float64)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    left, right = np.triu_indices(len(person), 1)
    return float(roc((vectors @ vectors.T)[left, right], person[left] == person[right]).auc())


class Bench:
    """Runs arms on sets, each once; what is known already is read."""

    def __init__(self, out: Path, clean: PreparedSet, base: dict[str, Any]) -> None:
        self.out, self.clean, self.base, self.file = out, clean, base, out / "results.jsonl"
        lines = self.file.read_text().splitlines() if self.file.is_file() else []
        self.known: dict[str, float] = {one["key"]: one["auc"] for one in map(json.loads, lines)}

    def auc(self, arm: str, share: float, seed: int, splits: Sequence[str]) -> float:
        """Return what an arm reaches on a set with this share of exchanged photos."""
        where = f"{share:g}-{seed}-{'-'.join(splits)}" if share else "clean"
        key = f"{where} {arm} seed {seed} {json.dumps(self.base, sort_keys=True)}"
        if key not in self.known:
            faces = self.clean
            if share:
                faces = make_dirty(self.clean, self.out / f"faces-{where}", share, 1000 + seed, splits)
            options = {**self.base, **ARMS[arm], "seed": seed}
            found = Path(str(faces.path)) / "check" / "findings.parquet"
            if "doubted" in options and not found.is_file():
                check(faces, checking_network(self.out / "network"), device="cpu", workers=1)
            fit(faces.path, self.out / "run", **options)
            self.known[key] = unseen_auc(self.out / "run", faces)
            best = max(read_csv(self.out / "run" / "history.csv"), key=lambda row: row.val_auc or 0.0)
            result = {"key": key, "auc": self.known[key], "epoch": best.epoch, "validation": best.val_auc}
            with self.file.open("a") as stream:
                stream.write(json.dumps(result) + "\n")
        return self.known[key]


def untreated(arm: str) -> str:
    """Return the arm with the same loss that does nothing about wrong labels."""
    return "cosface" if "loss" in ARMS[arm] else "plain"


def line(bench: Bench, arm: str, share: float, seeds: int, splits: Sequence[str]) -> str:
    """Return a line of the table: means over seeds, and the differences to clean training, seed by seed."""
    clean = np.array([bench.auc(untreated(arm), 0.0, seed, splits) for seed in range(seeds)])
    mine = np.array([bench.auc(arm, share, seed, splits) for seed in range(seeds)])
    apart = mine - clean
    each = ", ".join(f"{value:+.3f}" for value in apart)
    return f"| {share:.0%} | {arm} | {mine.mean():.4f} | {apart.mean():+.4f} ({each}) |"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shares", type=float, nargs="+", default=[0.0, 0.2, 0.4])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=["plain", "drop", "move"])
    parser.add_argument("--dirty-val", action="store_true", help="exchange photos of those who validate, too")
    parser.add_argument("--backbone", default="resnet18")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--precision", default="auto", choices=("auto", "fp32", "bf16"))
    parser.add_argument("--out", type=Path, default=Path("bench-out/dirty"), help="folder of sets and runs")
    parsed = parser.parse_args(arguments)
    if not (SHARED / "data").is_dir():
        print(f"no real photos at {SHARED}: set FACEDATA_SHARED", file=sys.stderr)
        return 2
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    parsed.out.mkdir(parents=True, exist_ok=True)
    base = {**BASE, "backbone": parsed.backbone, "epochs": parsed.epochs, "precision": parsed.precision}
    bench = Bench(parsed.out, make_people(parsed.out, "arcface112", 112), base)
    splits = ("train", "val") if parsed.dirty_val else ("train",)
    print(
        f"\n{parsed.backbone}, 32 px, {parsed.epochs} epochs, {parsed.seeds} seeds; exchanged in: {splits}\n"
    )
    print("| exchanged | what is done | AUC of unseen people | against clean training |\n|---|---|---|---|")
    for share in parsed.shares:
        for arm in parsed.arms:
            print(line(bench, arm, share, parsed.seeds, splits), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
