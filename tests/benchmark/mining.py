"""Print how fast and how clean global mining is, as Markdown.

    make bench-mining                               everything; some minutes on two cores
    python -m tests.benchmark.mining speed          200,000 x 128, top 10, beside faiss-cpu's exact index
    python -m tests.benchmark.mining speed --rows 50000 --queries 5000
                                                    faiss for some rows only, and scaled: its time is linear
    python -m tests.benchmark.mining swaps          wrong negatives among mined ones, with swapped labels
    python -m tests.benchmark.mining swaps --set DIR --embeddings FILE
                                                    of a set that is embedded already (facemodel embed)

The part ``swaps`` reads the folder of real photos and networks (``FACEDATA_SHARED``). Exits with 1 where a
row is missed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import torch

from facedata import ClassManifest
from facedata.tables.people import person_codes
from facedata.types import Float32Array, Int64Array
from facemodel.epochs.candidates import MiningRule
from facemodel.epochs.hard_negatives import FeatureCache, find_negatives
from facemodel.epochs.outliers import find_outliers
from facemodel.machine.cores import own_cores
from facemodel.mining.matches import COSINE
from facemodel.mining.rules import NegativeRules
from facemodel.mining.whole_set import Comparison, nearest_others
from facemodel.models.embedding_file import read_embeddings
from tests.benchmark.check_rows.line import processor
from tests.benchmark.check_rows.planted import plant_swaps
from tests.benchmark.check_rows.sets import Sets

SHARES = (0.0, 0.05, 0.2, 0.4)
SEEDS = 3
COUNT = 10

ResultT = TypeVar("ResultT")


class Took(NamedTuple):
    """Wall clock and processor time."""

    wall_s: float
    cpu_s: float


def measure(work: Callable[[], ResultT]) -> tuple[ResultT, Took]:
    """Run something once."""
    started = time.perf_counter(), time.process_time()
    result = work()
    return result, Took(time.perf_counter() - started[0], time.process_time() - started[1])


def make_people(rows: int, dim: int, seed: int = 0) -> tuple[Float32Array, Int64Array]:
    """Return directions that scatter around ten photos' people each, in random order, and who they are."""
    rng = np.random.default_rng(seed)
    person = rng.integers(0, max(rows // 10, 2), rows)
    centres = rng.normal(size=(int(person.max()) + 1, dim)).astype(np.float32)
    vectors = centres[person] + 0.8 * rng.normal(size=(rows, dim)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), person


def speed_lines(asked: argparse.Namespace) -> Iterator[str]:
    """Yield the rows of the table of speed."""
    import faiss

    threads = asked.threads or own_cores()
    torch.set_num_threads(threads)
    faiss.omp_set_num_threads(threads)
    vectors, person = make_people(asked.rows, asked.dim)
    queries = np.random.default_rng(1).permutation(asked.rows)[: asked.queries or asked.rows]
    own = int(np.bincount(person).max())
    where = f"{asked.rows:,} × {asked.dim}, top {COUNT}, {threads} thread(s) each"
    ratios = []
    for _ in range(asked.rounds):
        found, ours = measure(lambda: nearest_others(vectors, person, COUNT, Comparison(device=asked.device)))

        def search(count: int) -> tuple[Float32Array, Int64Array]:
            index = faiss.IndexFlatIP(asked.dim)
            index.add(vectors)
            values, columns = index.search(vectors[queries], count)
            return values, columns

        _, theirs = measure(lambda: search(COUNT))
        scale = asked.rows / len(queries)
        ratios.append((theirs.wall_s * scale / ours.wall_s, theirs.cpu_s * scale / ours.cpu_s))
        yield (
            f"| {where}: seconds here, of faiss IndexFlatIP; of processor time "
            f"| {ours.wall_s:.1f}, {theirs.wall_s * scale:.1f}; "
            f"{ours.cpu_s:.1f}, {theirs.cpu_s * scale:.1f} | |"
        )
    wall, cpu = (float(np.median(column)) for column in zip(*ratios, strict=True))
    asked.good &= max(wall, cpu) >= 1
    yield f"| faiss ÷ here, wall clock; processor time | {wall:.2f}×; {cpu:.2f}× | ≥ 1× |"
    # faiss knows nobody: it is asked for as many more as a person has photos
    queries = queries[: asked.compared]
    values, columns = search(COUNT + own)
    others = person[columns] != person[queries][:, None]
    first = np.argsort(~others, axis=1, kind="stable")[:, :COUNT]
    apart = np.abs(np.take_along_axis(values, first, 1) - found.similarities[queries]).max()
    different = np.mean(np.take_along_axis(columns, first, 1) != found.columns[queries])
    asked.good &= bool(apart < 1e-5 and different < 1e-3)
    yield f"| largest difference of a similarity, of {len(queries):,} rows | {apart:.1e} | < 1e-5 |"
    yield f"| of the {COUNT} nearest in order, other rows (ties within rounding) | {different:.4%} | < 0.1% |"


class Embedded(NamedTuple):
    """A set's embeddings, of length one, and whose they are."""

    vectors: Float32Array
    person: Int64Array


def read_set(asked: argparse.Namespace, folder: Path) -> Embedded:
    """Return LFW and CelebA together, people with two photos or more; or the set that was named."""
    if asked.set is not None:
        classes, kept = ClassManifest.open(asked.set), read_embeddings(asked.embeddings)
        vectors = kept.values[np.searchsorted(kept.ids, classes.ids)]
        codes, _ = person_codes(classes.table.column("identity"))
        length = np.linalg.norm(vectors, axis=1, keepdims=True)
        return Embedded(vectors / length, codes.astype(np.int64))
    sets = Sets(folder)
    crops = (sets.lfw + sets.celeba).with_photos(2)
    return Embedded(crops.vectors, crops.person)


class Figures(NamedTuple):
    """How clean and how hard mined negatives are, and what was refused."""

    wrong: float
    cosine: float
    refused_right: float
    wrong_share: float

    @classmethod
    def of(cls, real: Embedded, labels: Int64Array, rule: MiningRule, seed: int) -> Figures:
        """Mine a negative for each photo whose label has another photo."""
        cache = FeatureCache(len(labels), real.vectors.shape[1])
        cache.update(np.arange(len(labels)), real.vectors)
        anchors = np.flatnonzero(np.bincount(labels)[labels] > 1)
        order = np.argsort(labels, kind="stable")
        mate = np.empty_like(order)  # the next photo with the same label, the first after the last
        size, start = np.bincount(labels), np.cumsum(np.bincount(labels)) - np.bincount(labels)
        place, whose = np.arange(len(order)), labels[order]
        mate[order] = order[start[whose] + (place - start[whose] + 1) % size[whose]]
        rows = np.stack([anchors, mate[anchors]], axis=1)
        mined = find_negatives(rows, cache, labels, rule, (seed, 0))
        chosen = mined.negatives[:, 0]
        anchors, chosen = anchors[chosen >= 0], chosen[chosen >= 0]
        same = real.person[anchors] == real.person[chosen]
        near = np.einsum("nd,nd->n", real.vectors[anchors], real.vectors[chosen])
        pairs = real.person[mined.suspects.anchor] != real.person[mined.suspects.candidate]
        right = float(np.count_nonzero(pairs) / len(labels))
        return cls(float(same.mean()), float(near[~same].mean()), right, mined.evidence.wrong_share)


def swap_lines(asked: argparse.Namespace) -> Iterator[str]:
    """Yield the rows of the table of wrong negatives."""
    with tempfile.TemporaryDirectory(prefix="facedata-mining-") as folder:
        real = read_set(asked, asked.keep or Path(folder))
    for share in SHARES:
        found: dict[str, list[Figures]] = {"any": [], "rules": [], "random": []}
        for seed in range(SEEDS):
            labels = plant_swaps(real.person, share, seed).person
            outliers = find_outliers(real.vectors, labels)
            for name, candidates, free in (("any", 0, True), ("rules", 0, False), ("random", 50, True)):
                rule = MiningRule(
                    candidates, passed_over=outliers, rules=NegativeRules(COSINE), allow_suspects=free
                )
                found[name].append(Figures.of(real, labels, rule, seed))
        plain, ruled, drawn = (Figures(*np.mean(found[name], axis=0)) for name in ("any", "rules", "random"))
        asked.good &= bool(ruled.wrong <= plain.wrong / 4 + 0.001 and ruled.cosine > plain.cosine - 0.03)
        yield (
            f"| {share:.0%} | {drawn.wrong:.1%} | {plain.wrong:.1%} | **{ruled.wrong:.1%}** "
            f"| {drawn.cosine:.3f} | {plain.cosine:.3f} | {ruled.cosine:.3f} | {ruled.refused_right:.3f} "
            f"| {ruled.wrong_share:.3f} ({1 - (1 - share) ** 2:.3f}) |"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables; return 1 when a row is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("parts", nargs="*", help="speed, swaps (default: both)")
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--queries", type=int, help="rows that faiss looks up (default: all)")
    parser.add_argument("--compared", type=int, default=20_000, help="rows whose results are compared")
    parser.add_argument("--threads", type=int, help="of each (default: one per core)")
    parser.add_argument("--device", default="cpu", help="where to compare; faiss stays on the CPU")
    parser.add_argument("--set", type=Path, help="a set that is embedded already")
    parser.add_argument("--embeddings", type=Path, help="its embeddings")
    parser.add_argument("--keep", type=Path, help="folder for the sets; it stays, and is used again")
    asked = parser.parse_args(arguments)
    asked.good = True
    print(f"{time.strftime('%Y-%m-%d')}, {processor()}")
    if not asked.parts or "speed" in asked.parts:
        print("\n| | found | wanted |\n|---|---|---|", flush=True)
        for line in speed_lines(asked):
            print(line, flush=True)
    if not asked.parts or "swaps" in asked.parts:
        print(
            "\n| swapped | wrong: nearest of 50 | wrong: nearest of all | wrong: with the rules "
            "| cosine of right ones: of 50 | of all | with the rules | right pairs refused, a photo "
            "| wrong pairs, estimated (planted) |\n|---|---|---|---|---|---|---|---|---|",
            flush=True,
        )
        for line in swap_lines(asked):
            print(line, flush=True)
    print(f"\n{'ok: every row is as wanted' if asked.good else '!! some rows are missed'}")
    return 0 if asked.good else 1


if __name__ == "__main__":
    sys.exit(main())
