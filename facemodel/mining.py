"""Hard negatives as system A meant them: of n random crops of other people, the one nearest to the anchor.

Embeddings of all training crops lie in one float32 array, made in eval mode and without augmentation. Each
anchor draws its candidates from that; the nearest by Euclidean distance is its negative, so that no two runs
with one seed choose otherwise.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from facedata import ClassManifest, TripletManifest, open_set
from facedata.combine import TripletRows
from facedata.pool import Pool
from facedata.quota import below
from facedata.rows import SplitCrops
from facedata.sample import sample_triplets
from facedata.types import BoolArray, Float32Array, Int64Array

from .config import MineConfig
from .dataset import CropReader, TrainingSet, UInt8Batch, batches
from .epoch import EpochRows, said_as_data
from .errors import DataError, TrainingError
from .memory import memory_watched
from .nearest import draw_candidates, hard_negatives, other_people
from .outputs import is_table_of, parquet_out

__all__ = ["FeatureCache", "draw_candidates", "fill", "hard_epoch", "hard_negatives", "mine"]

OnProgress = Callable[[int, int], None]
"""Called with how many crops are done, and of how many."""

_DRAWN_AT_ONCE = 1 << 20
"""Candidates drawn at a time in an epoch."""

_MEASURED_AT_ONCE = 1 << 14
"""Distances measured at a time."""

_MINE = 0x6D696E65
"""Stands before the seeds of candidates, so that no other draw shares their random numbers."""


class FeatureCache:
    """Embeddings of all training crops.

    Args:
        photos: how many crops there are.
        dim: length of an embedding.

    Attributes:
        features: ``(photos, dim)`` float32.
        known: ``(photos,)`` bool, which of them were ever given.
    """

    def __init__(self, photos: int, dim: int) -> None:
        self.features: Float32Array = np.zeros((photos, dim), np.float32)
        self.known: BoolArray = np.zeros(photos, np.bool_)

    def update(self, rows: Int64Array, features: Float32Array) -> None:
        """Take the features ``(n, dim)`` of some rows ``(n,)``.

        Raises:
            TrainingError: some are NaN or infinite: nothing is near or far by them.
        """
        if not np.isfinite(features).all():
            raise TrainingError(
                "embeddings of training crops are NaN or infinite: lower --lr, or set --clip 1 or "
                "--precision fp32"
            )
        self.features[rows] = features
        self.known[rows] = True


def fill(
    cache: FeatureCache,
    rows: Int64Array,
    embed: Callable[[UInt8Batch], Float32Array],
    reader: CropReader,
    batch: int,
    on_progress: OnProgress | None = None,
) -> None:
    """Embed some crops and put them into the cache, each at its own row.

    Args:
        cache: takes them.
        rows: which, ``(n,)`` int64; repeats are embedded once.
        embed: ``(N, size, size, 3)`` uint8 RGB to ``(N, dim)`` float32, in eval mode.
        reader: reads the crops.
        batch: crops in a batch.
        on_progress: called after each batch.

    Raises:
        DataError: a crop cannot be read; it names it, and no other crop's feature takes its place.
    """
    once = np.unique(rows)
    pieces = [once[start : start + batch] for start in range(0, len(once), batch)]
    done = 0
    for piece, crops in batches(reader, pieces):
        cache.update(piece, embed(crops))
        done += len(piece)
        if on_progress is not None:
            on_progress(done, len(once))


def hard_epoch(
    plan: EpochRows, cache: FeatureCache, person: Int64Array, n: int, key: tuple[int, ...]
) -> EpochRows:
    """Return the triplets of an epoch with hard negatives.

    Args:
        plan: its triplets, as drawn.
        cache: features of all crops.
        person: ``(photos,)`` int64.
        n: candidates for each anchor.
        key: seeds the candidates: (seed, epoch).

    Raises:
        DataError: the cache lacks crops, or there is one person only.
    """
    if not cache.known.all():
        raise DataError(
            f"the features of {np.count_nonzero(~cache.known):,} crops are not known: embed all of them first"
        )
    rng, anchors, pool = np.random.default_rng([_MINE, *key]), plan.rows[:, 0], other_people(person)
    negatives = [np.empty(0, np.int64)]
    step = max(1, _DRAWN_AT_ONCE // n)
    for start in range(0, len(anchors), step):
        part = anchors[start : start + step]
        candidates = draw_candidates(person, part, n, rng, pool)
        negatives.append(hard_negatives(cache.features, person, part, candidates))
    return plan.with_negatives(np.concatenate(negatives))


def mine(
    model: str | os.PathLike[str],
    set_path: str | os.PathLike[str],
    out: str | os.PathLike[str],
    config: MineConfig | None = None,
    on_progress: OnProgress | None = None,
) -> dict[str, Any]:
    """Write triplets with hard negatives, to train on with ``facemodel fit --triplets``.

    Args:
        model: a run folder, or an ONNX network with its spec beside it.
        set_path: the set.
        out: the Parquet file to write; it carries the set's fingerprint.
        config: the options.
        on_progress: called after each batch of crops.

    Returns:
        ``triplets``, ``anchors`` (different ones), ``candidates``, ``split``, and the mean Euclidean distance
        of the ``positive`` and the ``negative`` crops from their anchors.

    Raises:
        ModelError: no model there, or crops made otherwise than those it knows.
        DataError: one person only, nobody with two photos, or crops gone or damaged.
    """
    from .embedder import open_model  # it imports torch, which nothing else here needs

    config = config or MineConfig()
    out = parquet_out(out, "a file of triplets", lambda path: is_table_of(path, TripletManifest.kind))
    prepared = open_set(set_path)
    embedder = open_model(os.fspath(model), config.device, config.workers)
    embedder.spec.check_set(prepared)
    training = TrainingSet.of(ClassManifest.open(prepared.path, split=config.split))
    anchor, positive = _anchors(training, config.count, config.seed)
    cache = FeatureCache(len(training), embedder.spec.dim)
    advice = f"lower --batch, now {config.batch}, or --candidates"
    with CropReader(training.classes, config.workers) as reader, memory_watched(advice):
        reader.check(hashes=True)
        fill(cache, np.arange(len(training)), embedder.embed, reader, config.batch, on_progress)
    plan = EpochRows(np.column_stack([anchor, positive, positive]), None, config.batch)
    rows = hard_epoch(plan, cache, training.person, config.candidates, (config.seed, 0)).rows
    crops = SplitCrops(training.classes.table, config.split)
    tables = list(crops.triplet_tables([TripletRows(*np.ascontiguousarray(rows.T))]))
    TripletManifest(prepared, pa.concat_tables(tables), config.split).write(out)
    return {
        "triplets": len(rows),
        "anchors": len(np.unique(anchor)),
        "candidates": config.candidates,
        "split": config.split,
        "positive": _mean_distance(cache.features, rows[:, 0], rows[:, 1]),
        "negative": _mean_distance(cache.features, rows[:, 0], rows[:, 2]),
    }


def _anchors(training: TrainingSet, count: int | None, seed: int) -> tuple[Int64Array, Int64Array]:
    """Return anchors and their positives: so many, or each crop that can be one once."""
    with said_as_data():
        drawn = sample_triplets(training.person, count or 1, np.random.default_rng([_MINE, seed]))
    if count is not None:
        return drawn.anchor, drawn.positive
    pool, rng = Pool(training.person, len(training.names)), np.random.default_rng([_MINE, seed])
    place = np.flatnonzero(pool.size[pool.owner] > 1)
    owner = pool.owner[place]
    size, start = pool.size[owner], pool.start[owner]
    other = start + (place - start + 1 + below(size - 1, rng)) % size
    return pool.rows[place], pool.rows[other]


def _mean_distance(features: Float32Array, left: Int64Array, right: Int64Array) -> float:
    """Return the mean Euclidean distance of rows, a block at a time."""
    total = 0.0
    for start in range(0, len(left), _MEASURED_AT_ONCE):
        part = slice(start, start + _MEASURED_AT_ONCE)
        total += float(np.linalg.norm(features[left[part]] - features[right[part]], axis=1).sum())
    return total / max(1, len(left))
