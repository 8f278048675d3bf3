"""Triplets whose negatives are hard for a model."""

from __future__ import annotations

import logging
import os
from typing import Any

import numpy as np
import pyarrow as pa

from facedata import ClassManifest, TripletManifest, open_set
from facedata.options import resolve_options
from facedata.sampling.pool import Pool
from facedata.sampling.quota import draw_below
from facedata.sampling.sample import sample_triplets
from facedata.sampling.spaces import TripletRows
from facedata.sampling.tables import SplitCrops
from facedata.types import Int64Array

from ..bar import with_bar
from ..batches.people import TrainingPeople
from ..batches.reader import CropReader, OnProgress
from ..batches.sources import SetPath
from ..config import MineConfig
from ..epochs.hard_negatives import (
    CANDIDATES_SEED,
    FeatureCache,
    MiningRule,
    NegativeUse,
    fill_cache,
    hard_epoch,
)
from ..epochs.outliers import find_outliers, read_doubted
from ..epochs.plan import EpochRows, as_data_errors
from ..machine.memory import catch_out_of_memory
from ..models.embedder import Embedder, open_model
from ..outputs import is_table_of, parquet_out
from ..scoring.distances import compare

logger = logging.getLogger(__name__)


@with_bar("crop")
def mine(
    model: str | os.PathLike[str] | Embedder,
    set_path: SetPath,
    out: str | os.PathLike[str],
    config: MineConfig | None = None,
    *,
    on_progress: OnProgress | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """Write triplets with hard negatives, to train on with ``facemodel fit --triplets``.

    Args:
        model: a run folder, an ONNX file with its spec beside it, or an open model.
        set_path: a prepared set's folder or URL.
        out: the Parquet file to write; it carries the set's fingerprint.
        config: the options; ``changes`` win over it.
        on_progress: called after each batch with the number of crops embedded, and the total.
        **changes: single options by name.

    Returns:
        ``triplets``, ``anchors`` (different ones), ``candidates``, ``split``; ``most_used`` (how often the
        most used negative is), ``top_share`` (of all negatives, those that the most used 1% of the crops
        make) and ``passed_over`` (crops that look like nobody here, or that `check` doubts); and the mean
        Euclidean distance of the ``positive`` and the ``negative`` crops from their anchors.

    Raises:
        ModelError: there is no model.
        SpecError: the set's crops were made with another template than the model's.
        DataError: there is only one person, no person has two photos, or crops are missing or damaged.
    """
    config = resolve_options(MineConfig, config, changes)
    out = parquet_out(out, "a file of triplets", lambda path: is_table_of(path, TripletManifest.kind))
    prepared = open_set(set_path)
    embedder = open_model(model, config.device, config.workers)
    embedder.spec.check_set(prepared)
    training = TrainingPeople.of(ClassManifest.open(prepared, split=config.split))
    anchor, positive = _draw_anchors(training, config.count, config.seed)
    cache = FeatureCache(len(training), embedder.spec.dim)
    advice = f"lower --batch, now {config.batch}, or --candidates"
    with CropReader(training.classes, config.workers) as reader, catch_out_of_memory(advice):
        reader.check(hashes=True)
        fill_cache(cache, np.arange(len(training)), embedder.embed, reader, config.batch, on_progress)
    plan = EpochRows(np.column_stack([anchor, positive, positive]), None, config.batch)
    outliers = find_outliers(cache.features, training.person) | read_doubted(training)
    by_cosine = embedder.spec.metric == "cosine" and not embedder.spec.normalised
    rule = MiningRule(config.candidates, config.max_per_negative, by_cosine, outliers)
    rows = hard_epoch(plan, cache, training.person, rule, (config.seed, 0)).rows
    use = NegativeUse.of(rows[:, 2], outliers)
    if config.max_per_negative is not None and use.most > config.max_per_negative:
        logger.warning(
            "--max-per-negative %d leaves too few photos: one is used %d times; raise it, or --candidates",
            config.max_per_negative, use.most,
        )  # fmt: skip
    crops = SplitCrops(training.classes.table, config.split)
    tables = list(crops.triplet_tables([TripletRows(*np.ascontiguousarray(rows.T))]))
    TripletManifest(prepared, pa.concat_tables(tables), config.split).write(out)
    return {
        "triplets": len(rows),
        "anchors": len(np.unique(anchor)),
        "candidates": config.candidates,
        "split": config.split,
        "most_used": use.most,
        "top_share": use.top_share,
        "passed_over": use.passed_over,
        "positive": float(compare(cache.features, rows[:, 0], rows[:, 1], "euclidean").mean()),
        "negative": float(compare(cache.features, rows[:, 0], rows[:, 2], "euclidean").mean()),
    }


def _draw_anchors(training: TrainingPeople, count: int | None, seed: int) -> tuple[Int64Array, Int64Array]:
    """Return anchors and their positives: ``count`` of them, or each crop that can be an anchor once."""
    with as_data_errors():
        drawn = sample_triplets(training.person, count or 1, np.random.default_rng([CANDIDATES_SEED, seed]))
    if count is not None:
        return drawn.anchor, drawn.positive
    pool, rng = Pool(training.person, len(training.names)), np.random.default_rng([CANDIDATES_SEED, seed])
    place = np.flatnonzero(pool.size[pool.owner] > 1)
    owner = pool.owner[place]
    size, start = pool.size[owner], pool.start[owner]
    other = start + (place - start + 1 + draw_below(size - 1, rng)) % size
    return pool.rows[place], pool.rows[other]
