"""How far probabilities are from the truth on people whom neither the network nor the calibration has seen.

python -m tests.benchmark.calibration SET EMBEDDINGS.parquet [SPLIT …]

The embeddings are those that ``facemodel embed`` writes. The people of the splits (all, without one named)
are dealt anew for each seed: some calibrate, the others judge, by pairs as ``facedata pairs`` draws them and
as galleries.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from facedata import ClassManifest
from facedata.sampling.sample import sample_pairs
from facedata.types import BoolArray, Float32Array, Float64Array, Int64Array
from facemodel.recognition.gallery import mean_embedding
from facemodel.recognition.probability import person_probabilities
from facemodel.scoring.calibrated.error import calibration_error
from facemodel.scoring.distances import compare, compare_all
from facemodel.scoring.open_set import summarise_validation
from facemodel.validated.calibration import Calibration

SEEDS = 20
CALIBRATING = (12, 30, 120, 240)
GALLERIES = (10, 100)
_MOST_JUDGES = 360


def read_crops(folder: Path, file: Path, splits: Sequence[str]) -> tuple[Float32Array, Int64Array]:
    """Return the embeddings of the crops of some splits, and the person on each."""
    classes, table = ClassManifest.open(folder), pq.read_table(file)
    rows = np.searchsorted(table["id"].to_numpy(), classes.ids)
    embeddings = np.stack(table["embedding"].to_numpy())[rows].astype(np.float32)
    names = np.array(classes.table.column("identity").to_pylist())
    mine = np.isin(classes.table.column("split").to_pylist(), splits) if splits else np.ones(len(names), bool)
    return embeddings[mine], np.unique(names[mine], return_inverse=True)[1].astype(np.int64)


def judge_pairs(
    curve: Calibration, embeddings: Float32Array, person: Int64Array, seed: int
) -> tuple[float, float, float]:
    """Return the calibration error of pairs, the same without what chance adds, and Brier's score."""
    left, right, same = sample_pairs(person, 2 * len(person), seed)
    chance = curve.probability(compare(embeddings, left, right, "cosine"))
    found = calibration_error(chance, same.astype(np.bool_), person[left], person[right], seed)
    return found["error"], found["debiased"], found["brier"]


def name_faces(
    curve: Calibration, embeddings: Float32Array, person: Int64Array, size: int, uses_mean: bool, seed: int
) -> tuple[Float64Array, Float64Array, BoolArray]:
    """Enroll some people and show a photo of each and one of as many strangers.

    Returns:
        For each photo the probability of the nearest person among all, that of the pair alone, and whether it
        is the right one; empty if there are too few people.
    """
    rng, counts = np.random.default_rng(seed), np.bincount(person)
    able = rng.permutation(np.flatnonzero(counts >= (3 if uses_mean else 2)))[:size]
    others = rng.permutation(np.setdiff1d(np.arange(len(counts)), able))[:size]
    if len(able) < size or len(others) < size:
        return np.empty(0), np.empty(0), np.empty(0, np.bool_)
    anchors, shown = [], []
    for one in able:
        rows = rng.permutation(np.flatnonzero(person == one))
        anchors.append(mean_embedding(embeddings[rows[:-1] if uses_mean else rows[:1]], "cosine", True))
        shown.append(rows[-1])
    shown += [rng.choice(np.flatnonzero(person == one)) for one in others]
    log_odds = curve.weigh(compare_all(embeddings[shown], np.stack(anchors), "cosine"))
    nearest = log_odds.argmax(axis=1)
    every, alone = person_probabilities(log_odds, 0.5), 1 / (1 + np.exp(-log_odds))
    at = np.arange(len(shown)), nearest
    return every[at], alone[at], np.append(nearest[:size] == np.arange(size), np.zeros(size, np.bool_))


def pooled_error(chance: Float64Array, right: BoolArray) -> float:
    """Return the calibration error of names, in 15 bins of as many each."""
    parts = np.array_split(np.argsort(chance, kind="stable"), 15)
    return float(sum(abs(float((chance[some] - right[some]).sum())) for some in parts) / len(chance))


def measure(embeddings: Float32Array, person: Int64Array) -> Iterator[str]:
    """Yield the lines of the table."""
    head = ("people who calibrate", "method", "error", "without chance", "worst", "Brier")
    yield f"| {' | '.join(head)} | galleries of 10 | of 100 |"
    yield "|---|---|---|---|---|---|---|---|"
    for count in CALIBRATING:
        pairs, names, methods = [], dict[int, list[tuple[Float64Array, Float64Array, BoolArray]]](), set()
        for seed in range(SEEDS):
            dealt = np.random.default_rng([seed, count]).permutation(int(person.max()) + 1)
            judges = dealt[count:][:_MOST_JUDGES]
            mine, theirs = np.isin(person, dealt[:count]), np.isin(person, judges)
            curve = summarise_validation(embeddings[mine], person[mine], "cosine", unseen=True).calibration
            if curve is None:
                raise SystemExit(f"{count} people are too few to calibrate")
            methods.add(curve.method)
            judged = embeddings[theirs], np.unique(person[theirs], return_inverse=True)[1].astype(np.int64)
            pairs.append(judge_pairs(curve, *judged, seed))
            for size in GALLERIES:
                for uses_mean in (False, True):
                    names.setdefault(size, []).append(name_faces(curve, *judged, size, uses_mean, seed))
        error, debiased, brier = np.mean(pairs, axis=0)
        worst = max(one[0] for one in pairs)
        cells = []
        for size in GALLERIES:
            every, alone, right = (np.concatenate(parts) for parts in zip(*names[size], strict=True))
            cells.append(
                "–"
                if not len(right)
                else f"{100 * pooled_error(every, right):.1f} (pair: {100 * pooled_error(alone, right):.1f})"
            )
        yield (
            f"| {count} | {' or '.join(sorted(methods))} | {100 * error:.2f} | {100 * debiased:.2f} | "
            f"{100 * worst:.2f} | {brier:.4f} | {cells[0]} | {cells[1]} |"
        )


if __name__ == "__main__":
    for line in measure(*read_crops(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])):
        print(line, flush=True)
