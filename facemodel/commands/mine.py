"""``facemodel mine``: triplets whose negatives are hard for a model."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pyarrow as pa

from facedata import ClassManifest, TripletManifest, open_set
from facedata.sampling.pool import Pool
from facedata.sampling.quota import below
from facedata.sampling.sample import sample_triplets
from facedata.sampling.spaces import TripletRows
from facedata.sampling.tables import SplitCrops
from facedata.types import Float32Array, Int64Array

from ..batches.people import TrainingSet
from ..batches.reader import CropReader, OnProgress
from ..config import MineConfig
from ..epochs.hard_negatives import CANDIDATES_SEED, FeatureCache, fill, hard_epoch
from ..epochs.plan import EpochRows, said_as_data
from ..machine.memory import memory_watched
from .outputs import is_table_of, parquet_out

_MEASURED_AT_ONCE = 1 << 14
"""Distances measured at a time."""


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
    from ..models.embedder import open_model  # it imports torch, which nothing else here needs

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
        drawn = sample_triplets(training.person, count or 1, np.random.default_rng([CANDIDATES_SEED, seed]))
    if count is not None:
        return drawn.anchor, drawn.positive
    pool, rng = Pool(training.person, len(training.names)), np.random.default_rng([CANDIDATES_SEED, seed])
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
