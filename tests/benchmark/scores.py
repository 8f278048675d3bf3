"""A million pairs scored: how long, in how much memory.

    make bench-scores
    python -m tests.benchmark.scores --pairs 1000000 --crops 200000 --dim 512

Embeddings are random numbers about random people; what is timed, in CPU seconds, is all that ``evaluate``
does after embedding: comparing the pairs by both metrics and computing every figure of each. Each line is a
process of its own, since a peak of memory is one of its whole life.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from facedata.types import Float32Array
from facemodel.scoring.distances import compare
from facemodel.scoring.pair_figures import ScoredPairs, pair_figures
from facemodel.scoring.thresholds import Threshold

_MOST_S = 20
_MOST_GB = 1.0
_PHOTOS_PER_PERSON = 20
_PEOPLES_SPREAD = 0.5


def main() -> int:
    """Print a table, a line for each size of embedding."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=1_000_000)
    parser.add_argument("--crops", type=int, default=50_000)
    parser.add_argument("--dim", type=int, nargs="+", default=[128, 512])
    parser.add_argument("--one", action="store_true", help="measure here, and print JSON")
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(measure(asked.pairs, asked.crops, asked.dim[0])))
        return 0
    print("| | pairs, crops, numbers each | compare, both metrics | figures of each metric | peak | wanted |")
    print("|---" * 6 + "|")
    for dim in asked.dim:
        print(_line(asked.pairs, asked.crops, dim))
    return 0


def _line(pairs: int, crops: int, dim: int) -> str:
    command = [sys.executable, "-m", "tests.benchmark.scores", "--one", "--pairs", str(pairs)]
    command += ["--crops", str(crops), "--dim", str(dim)]
    found = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
    good = found["total_s"] <= _MOST_S and found["peak_gb"] <= _MOST_GB
    return (
        f"| {'ok' if good else '!!'} | {pairs:,}, {crops:,}, {dim} | {found['compare_s']:.1f} s CPU "
        f"| {found['figures_s']:.1f} s CPU | {found['peak_gb']:.2f} GB, {found['before_gb']:.2f} of it the "
        f"embeddings and libraries | seconds, ≤ {_MOST_GB:g} GB |"
    )


def measure(pairs: int, crops: int, dim: int) -> dict[str, Any]:
    """Score random pairs; return seconds and peak memory."""
    rng = np.random.default_rng(0)
    person = np.arange(crops) // _PHOTOS_PER_PERSON
    embeddings = _embeddings(person, dim, rng)
    left = rng.integers(crops, size=pairs)
    near = person[left] * _PHOTOS_PER_PERSON + rng.integers(_PHOTOS_PER_PERSON, size=pairs)
    right = np.where(rng.random(pairs) < 0.5, np.minimum(near, crops - 1), rng.integers(crops, size=pairs))
    same = person[left] == person[right]
    before_gb, start = _peak_gb(), time.process_time()
    values = {metric: compare(embeddings, left, right, metric) for metric in ("euclidean", "cosine")}
    compared = time.process_time()
    found = [
        pair_figures(
            ScoredPairs(scores, metric, same, person[left], person[right]),
            Threshold(float(np.median(scores)), "model"),
        )
        for metric, scores in values.items()
    ]
    end = time.process_time()
    return {
        "compare_s": compared - start,
        "figures_s": (end - compared) / 2,
        "total_s": end - start,
        "before_gb": before_gb,
        "peak_gb": _peak_gb(),
        "auc": [one["auc"] for one in found],
    }


def _embeddings(person: Any, dim: int, rng: np.random.Generator) -> Float32Array:
    """Return embeddings that lie about their people; made in place, so that no peak comes of making them."""
    found = rng.standard_normal((len(person), dim), np.float32)
    centres = rng.standard_normal((int(person.max()) + 1, dim), np.float32) * np.float32(_PEOPLES_SPREAD)
    for number, centre in enumerate(centres):
        found[number * _PHOTOS_PER_PERSON : (number + 1) * _PHOTOS_PER_PERSON] += centre
    return found


def _peak_gb() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e9
    return 0.0


if __name__ == "__main__":
    sys.exit(main())
