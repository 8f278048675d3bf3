"""`--recipe finetune` on three small sets, and `--teacher`: are unseen people told apart better than before?

python -m tests.benchmark.finetune [--sets celeba,lfw,frames] [--seeds 5] [--teacher]   (make bench-finetune)

The start is the real MobileFaceNet of $FACEDATA_SHARED/weights. The sets are CelebA's 36 people, sixty of
LFW's people with five photos or more, and the 30 people of the keypoints' frames; each seed deals the people
anew, and what is judged are people that neither trained nor validated, all pairs of their photos. The
interval is of the difference to the untouched network, paired, when the people are drawn again, the same for
all seeds of a set.

With ``--teacher``, a ResNet18 at 32 px learns from scratch, with and without the same network as its teacher,
on the people of tests/benchmark/people_sets.py; photos and labels are the same.

Runs are kept in --folder, so a killed table continues.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from facedata import ClassManifest, PrepareConfig, PreparedSet, open_set, prepare
from facedata.types import Float32Array, Float64Array, Int64Array
from facemodel import fit, open_model
from facemodel.batches.people import TrainingPeople
from facemodel.batches.reader import CropReader
from facemodel.models.embed_crops import embed_rows
from facemodel.scoring.distances import compare
from tests.benchmark.people_sets import make_people
from tests.benchmark.recipe_figures import FIGURES, RankedPairs
from tests.support.onnx_networks import MOBILEFACENET
from tests.support.shared_data import SHARED

SETS = ("celeba", "lfw", "frames")
DRAWS = 300
_LFW_TRAIN, _LFW_JUDGE = 60, 250
_TAUGHT: dict[str, Any] = {
    "backbone": "resnet18", "weights": "none", "size": 32, "dim": 128, "recipe": "laptop", "device": "cpu",
    "precision": "fp32", "workers": 1,
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Judged:
    """The photos of people that a run has not seen.

    Attributes:
        manifest: the photos of the whole set.
        rows: ``(n,)`` int64, which of them are judged.
        person: ``(n,)`` int64, whose they are, by the whole set's codes.
    """

    manifest: ClassManifest
    rows: Int64Array
    person: Int64Array

    def pairs(self) -> tuple[Int64Array, Int64Array]:
        return np.triu_indices(len(self.rows), 1)

    def likeness(self, model: str | Path) -> Float32Array:
        embedder = open_model(model, "cpu")
        with CropReader(self.manifest) as reader:
            embeddings = embed_rows(embedder, reader, self.rows, 64)
        return compare(embeddings, *self.pairs(), "cosine").astype(np.float32)


def start_of(folder: Path) -> Path:
    """Return the real network beside a spec."""
    net = folder / "mobilefacenet.onnx"
    if not net.exists():
        folder.mkdir(parents=True, exist_ok=True)
        net.symlink_to(SHARED / "weights" / "mobilefacenet_112_ms1m.onnx")
    net.with_suffix(".json").write_text(json.dumps(MOBILEFACENET))
    return net


def whole_set(name: str, folder: Path) -> PreparedSet:
    """Return all people of a set, as crops of the network's template."""
    if name in ("celeba", "lfw"):
        make_people(folder, "arcface112", 112)
        return open_set(folder / f"{name}-arcface112-112")
    out = folder / f"{name}-arcface112-112"
    if (out / "dataset.json").is_file():
        return open_set(out)
    source = folder / f"{name}-photos"
    for photo in sorted((SHARED / "data/keypoints").glob("*/*.jpg")):
        own = source / re.sub(r"_?\d+\.jpg$", "", photo.name)
        own.mkdir(parents=True, exist_ok=True)
        if not (own / photo.name).exists():
            (own / photo.name).write_bytes(photo.read_bytes())
    return prepare(source, out, PrepareConfig(kind="folder", template="arcface112", size=112))


def deal(name: str, whole: PreparedSet, seed: int, folder: Path) -> tuple[PreparedSet, Judged]:
    """Return a set of the people who train, and the photos of those who are judged.

    Of LFW sixty people with five photos or more train, and 250 of the others with two or more are judged; of
    the other sets three people in five train.
    """
    manifest = ClassManifest.open(whole)
    people = TrainingPeople.of(manifest)
    order = np.random.default_rng([seed, 7]).permutation(len(people.names))
    order = order[people.counts[order] >= 2]
    if name == "lfw":
        mine = order[people.counts[order] >= 5][:_LFW_TRAIN]
        others = order[~np.isin(order, mine)][:_LFW_JUDGE]
    else:
        mine, others = np.split(order, [round(0.6 * len(order))])
    crops, out = folder / f"{name}-{seed}-crops", folder / f"{name}-{seed}"
    if not (out / "dataset.json").is_file():
        files = manifest.table.column("file").to_pylist()
        for row in np.flatnonzero(np.isin(people.person, mine)):
            own = crops / people.names[people.person[row]] / Path(files[row]).name
            own.parent.mkdir(parents=True, exist_ok=True)
            if not own.exists():
                own.hardlink_to(Path(str(whole.path)) / files[row])
        config = PrepareConfig(
            kind="folder", as_crops=True, template="arcface112", size=112, min_photos=2,
            splits="train=1.0",
        )  # fmt: skip
        prepare(crops, out, config)
    rows = np.flatnonzero(np.isin(people.person, others))
    return open_set(out), Judged(manifest, rows, people.person[rows])


def tuned(name: str, seed: int, folder: Path, options: dict[str, Any]) -> dict[str, Any]:
    """Fine-tune on one deal of a set, unless it is done; return all pairs' likeness before and after."""
    start, whole = start_of(folder / "start"), whole_set(name, folder)
    faces, judged = deal(name, whole, seed, folder)
    kept = folder / f"{name}-{seed}-{_mark(options)}.npz"
    if not kept.is_file():
        run = folder / f"{kept.stem}.run"
        result = fit(
            faces.path, run, recipe="finetune", start=str(start), seed=seed, device="cpu", workers=1,
            overwrite=True, **options,
        )  # fmt: skip
        before = folder / f"{name}-{seed}-start.npy"
        if not before.is_file():
            np.save(before, judged.likeness(start))
        np.savez(kept, likeness=judged.likeness(run), best=result.best)
    with np.load(kept) as had:
        values = {"after": had["likeness"], "best": int(had["best"])}
    left, right = judged.pairs()
    return {
        **values, "before": np.load(folder / f"{name}-{seed}-start.npy"), "left": judged.person[left],
        "right": judged.person[right], "people": len(TrainingPeople.of(ClassManifest.open(whole)).names),
    }  # fmt: skip


def differences(
    runs: Sequence[dict[str, Any]], draws: int = DRAWS
) -> tuple[Float64Array, Float64Array, Float64Array]:
    """Return the figures before, after less before, and that of each draw of people; means over the seeds.

    A pair of one person counts as often as the person is drawn, one of two people the product of both.
    """
    rng, people = np.random.default_rng(0), runs[0]["people"]
    counts = [
        np.ones(people),
        *rng.multinomial(people, np.full(people, 1 / people), draws).astype(np.float64),
    ]
    found: list[list[list[Float64Array]]] = []
    for run in runs:
        left, right = run["left"], run["right"]
        ranked = [RankedPairs.of(run[side], left == right) for side in ("before", "after")]
        weights = (np.where(left == right, one[left], one[left] * one[right]) for one in counts)
        found.append([[side.figures(weight) for side in ranked] for weight in weights])
    every = np.nanmean(np.array(found), axis=0)  # (1 + draws, 2, figures)
    apart = every[:, 1] - every[:, 0]
    return every[0, 0], apart[0], apart[1:]


def table(name: str, runs: Sequence[dict[str, Any]]) -> tuple[list[str], bool]:
    """Return a set's lines, and whether no figure is worse beyond its interval."""
    before, change, drawn = differences(runs)
    low, high = np.nanquantile(drawn, [0.025, 0.975], axis=0)
    sign = np.array([1, -1, 1, 1])  # a lower EER is better
    good = not bool(np.any(np.where(sign > 0, high, -low) < 0))
    lines = []
    for number, figure in enumerate(FIGURES):
        span = f"{change[number]:+.5f} ({low[number]:+.5f} … {high[number]:+.5f})"
        lines.append(f"| {name} | {figure} | {before[number]:.5f} | {span} |")
    kept = sum(run["best"] == 0 for run in runs)
    return [*lines, f"| {name} | runs that kept the start | | {kept} of {len(runs)} |"], good


def taught(seed: int, teacher: bool, folder: Path, options: dict[str, Any]) -> dict[str, Any]:
    """Train a small network with or without the teacher, unless it is done; judge it on the test people."""
    faces = make_people(folder, "arcface112", 112)
    manifest = ClassManifest.open(faces.path, split="test")
    person = TrainingPeople.of(manifest).person
    judged = Judged(manifest, np.arange(len(manifest)), person)
    kept = folder / f"taught-{seed}-{teacher}-{_mark(options)}.npz"
    if not kept.is_file():
        run, more = folder / f"{kept.stem}.run", {}
        if teacher:
            more = {"teacher": str(start_of(folder / "start"))}
        fit(faces.path, run, **{**_TAUGHT, "seed": seed, "overwrite": True, **options, **more})
        np.savez(kept, likeness=judged.likeness(run))
    with np.load(kept) as had:
        left, right = judged.pairs()
        alike = had["likeness"]
    return {"likeness": alike, "left": person[left], "right": person[right], "people": person.max() + 1}


def _mark(options: dict[str, Any]) -> str:
    return "-".join(f"{key}={value}" for key, value in sorted(options.items())) or "recipe"


def _options(words: Sequence[str]) -> dict[str, Any]:
    pairs = (word.partition("=") for word in words)
    return {key.replace("-", "_"): json.loads(value) for key, _, value in pairs}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; return 1 when a figure is worse beyond its interval."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=Path("bench-out/finetune"))
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--teacher", action="store_true", help="the teacher's part instead")
    parser.add_argument("--option", action="append", default=[], metavar="NAME=JSON", help="an option of fit")
    parsed = parser.parse_args(arguments)
    if not (SHARED / "weights").is_dir():
        print(f"no real photos and networks at {SHARED}: set FACEDATA_SHARED")
        return 1
    options, good = _options(parsed.option), True
    before = "without" if parsed.teacher else "start"
    print(f"| set | figure | {before} | change (95% over people) |\n|---|---|---|---|")
    if parsed.teacher:
        runs = []
        for seed in range(parsed.seeds):
            without, with_it = (taught(seed, teacher, parsed.folder, options) for teacher in (False, True))
            runs.append({**without, "before": without["likeness"], "after": with_it["likeness"], "best": 1})
        lines, good = table("teacher", runs)
        print("\n".join(lines[:-1]), flush=True)
        return 0 if good else 1
    for name in parsed.sets.split(","):
        lines, fine = table(name, [tuned(name, seed, parsed.folder, options) for seed in range(parsed.seeds)])
        print("\n".join(lines), flush=True)
        good = good and fine
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
