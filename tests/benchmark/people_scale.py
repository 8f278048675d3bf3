"""Print how long who is who takes, and what memory beside the embeddings, for more and more photos.

    make bench-check                                              with the other figures of check
    python -m tests.benchmark.people_scale --photos-each 10 25000 50000 100000 --reckon 1000000

Embeddings are made: a direction for each person, noise around it, 5% of the names wrong; they lie in a
file, as a set's do. Each count runs in a process of its own. What a count to come will take is reckoned from
the last two: a part that grows with the photos, and one that grows with the square of the people.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from facedata.types import Float32Array, Int64Array
from facemodel.checks.official_pairs import OfficialPairs
from facemodel.checks.who.find import find_people_findings
from facemodel.config import CheckConfig
from tests.support.synthetic_people import crops_of

_NOISE = 0.9
_WRONG = 0.05
_BLOCK = 10_000


def main() -> int:
    """Print the curve as Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", nargs="+", type=int)
    parser.add_argument("--photos-each", type=float, default=10.0, help="photos a person, on average")
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--reckon", type=int, default=1_000_000, help="photos to reckon the time for")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(_measure(asked.photos[0], asked.photos_each, asked.dim)))
        return 0
    rows = []
    print(f"| photos of {asked.dim} numbers | people | findings | CPU s | s | MB beside the embeddings |")
    print("|---|---|---|---|---|---|", flush=True)
    for count in asked.photos:
        options = ["--photos-each", str(asked.photos_each), "--dim", str(asked.dim), "--one"]
        command = [sys.executable, "-m", "tests.benchmark.people_scale", str(count), *options]
        rows.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
        values = [
            f"{rows[-1][name]:,}" for name in ("photos", "people", "findings", "cpu_s", "s", "beside_mb")
        ]
        print(f"| {' | '.join(values)} |", flush=True)
    if len(rows) > 1:
        print(f"\n{asked.reckon:,} photos: reckoned {_reckon(rows, asked.reckon) / 3600:.1f} hours of CPU")
    return 0


def _reckon(rows: list[dict[str, Any]], photos: int) -> float:
    """Return the CPU seconds of so many photos: ``a n + b n²`` through the last two counts."""
    counts = np.array([row["photos"] for row in rows[-2:]], float)
    found = np.linalg.solve(np.stack([counts, counts**2], 1), [row["cpu_s"] for row in rows[-2:]])
    return float(np.maximum(found, 0) @ [photos, photos**2])


def _measure(photos: int, each: float, dim: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        vectors, person = _make_photos(Path(folder) / "vectors", photos, max(2, round(photos / each)), dim)
        crops = crops_of([f"person {code:07}" for code in person.tolist()])
        none = np.empty(0, np.int64)
        pairs = OfficialPairs(none, none, np.empty(0, np.bool_))
        find_people_findings(vectors[:200], crops[:200], CheckConfig(), pairs=pairs)  # all is imported now
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        wall, cpu = time.perf_counter(), time.process_time()
        found, _ = find_people_findings(vectors, crops, CheckConfig(), pairs=pairs)
        return {
            "photos": photos,
            "people": len(np.unique(person)),
            "findings": len(found),
            "cpu_s": round(time.process_time() - cpu, 1),
            "s": round(time.perf_counter() - wall, 1),
            "beside_mb": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024
            - vectors.nbytes // (1 << 20),
        }


def _make_photos(file: Path, photos: int, people: int, dim: int) -> tuple[Float32Array, Int64Array]:
    """Write embeddings to a file, and return them and the names they have."""
    chance = np.random.default_rng(0)
    centres = chance.standard_normal((people, dim), np.float32)
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    person = chance.permutation(np.r_[np.arange(people), chance.integers(0, people, photos - people)])
    with file.open("wb") as out:
        for start in range(0, photos, _BLOCK):
            mine = person[start : start + _BLOCK]
            noise = chance.standard_normal((len(mine), dim), np.float32) / np.float32(dim**0.5)
            rows = centres[mine] + np.float32(_NOISE) * noise
            (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32).tofile(out)
    given, wrong = person.copy(), chance.permutation(photos)[: int(_WRONG * photos)]
    given[wrong] = person[np.roll(wrong, 1)]
    return np.memmap(file, np.float32, "r", shape=(photos, dim)), given


if __name__ == "__main__":
    sys.exit(main())
