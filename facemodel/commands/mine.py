"""Triplets whose negatives are hard for a model."""

from __future__ import annotations

import logging
import os
from typing import Any

import numpy as np
import pyarrow as pa

from facedata import ClassManifest, TripletManifest, open_set
from facedata.options import resolve_options
from facedata.sampling.spaces import TripletRows
from facedata.sampling.tables import SplitCrops

from ..bar import with_bar
from ..batches.fitting_crops import FittingCrops
from ..batches.people import TrainingPeople
from ..batches.reader import OnProgress
from ..batches.sources import SetPath
from ..config import MineConfig
from ..epochs.anchors import draw_anchors
from ..epochs.candidates import MiningRule
from ..epochs.hard_negatives import FeatureCache, NegativeUse, fill_cache, find_negatives
from ..epochs.outliers import find_outliers, read_doubted, read_one_person
from ..errors import DataError
from ..machine.devices import choose_device
from ..machine.memory import catch_out_of_memory
from ..mining.matches import COSINE
from ..mining.rules import NegativeRules
from ..models.embedder import Embedder, open_model
from ..outputs import is_table_of, parquet_out, suspects_out
from ..scoring.distances import compare

logger = logging.getLogger(__name__)

_NONE_LEFT = (
    "the rules leave no negative for any triplet: lower --margin, --relative-margin and --range-min, or "
    "loosen --max-score"
)


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
        model: a ready model's name, a run folder, an ONNX file with its spec beside it, or an open model.
        set_path: a prepared set's folder or URL.
        out: the Parquet file to write; it carries the set's fingerprint.
        config: the options; ``changes`` win over it.
        on_progress: called after each batch with the number of crops embedded, and the total.
        **changes: single options by name.

    Returns:
        ``triplets``, ``anchors`` (different ones), ``candidates`` (0 for all), ``split``; ``most_used`` (how
        often the most used negative is), ``top_share`` (of all negatives, those that the most used 1% of the
        crops make) and ``passed_over`` (crops that look like nobody here, or that `check` doubts);
        ``suspects`` (by reason, how many pairs were refused that may show one person), ``suspects_file``,
        ``suspect_from`` (the similarity or distance from which likeness alone makes a pair suspect; None if
        nothing is known), ``wrong_share`` (of the pairs with one name, those that show two people, estimated)
        and ``dropped`` (triplets for which no candidate was left); the ``metric``, the model's, and by it the
        mean similarity or distance of the ``positive`` and the ``negative`` crops to their anchors.

    Raises:
        ModelError: there is no model.
        SpecError: the set's crops were made with another template than the model's.
        DataError: there is only one person, no person has two photos, crops are missing or damaged, or the
            rules leave no negative at all.
        TrainingError: the model gives NaN.
    """
    config = resolve_options(MineConfig, config, changes)
    out = parquet_out(out, "a file of triplets", lambda path: is_table_of(path, TripletManifest.kind))
    suspects = suspects_out(config.suspects, out)
    prepared = open_set(set_path)
    embedder = open_model(model, config.device, config.workers, config.weights)
    metric = embedder.spec.metric
    fitting = FittingCrops.find(embedder.spec, prepared, config.cut, config.workers)
    training = TrainingPeople.of(ClassManifest.open(prepared, split=config.split))
    anchor, positive = draw_anchors(training, config.count, config.seed)
    if config.count is not None and len(anchor) < config.count:
        logger.warning("--count %d: this split has %d different triplets at most", config.count, len(anchor))
    rules = NegativeRules(
        metric, config.margin, config.relative_margin, config.max_score, config.range_min,
        one_person=read_one_person(training),
    )  # fmt: skip
    cache = FeatureCache(len(training), embedder.spec.dim, f"{embedder.name} cannot be used here")
    advice = f"lower --batch, now {config.batch}, or --candidates"
    with fitting.open_reader(training.classes, config.workers) as reader, catch_out_of_memory(advice):
        reader.check(hashes=True)
        fill_cache(cache, np.arange(len(training)), embedder.embed, reader, config.batch, on_progress)
    outliers = find_outliers(cache.features, training.person) | read_doubted(training)
    rule = MiningRule(
        config.candidates, config.per_negative, metric == COSINE and not embedder.spec.normalised, outliers,
        rules, config.allow_suspects, config.per_anchor, str(choose_device(config.device)), config.memory_mb,
    )  # fmt: skip
    drawn = np.column_stack([anchor, positive])
    mined = find_negatives(drawn, cache, training.person, rule, (config.seed, 0))
    rows = np.column_stack([np.repeat(drawn, config.per_anchor, axis=0), mined.negatives.ravel()])
    rows, wanted = np.ascontiguousarray(rows[rows[:, 2] >= 0]), len(rows)
    if not len(rows):
        raise DataError(_NONE_LEFT)
    use = NegativeUse.of(rows[:, 2], outliers)
    if config.per_negative is not None and use.most > config.per_negative:
        logger.warning(
            "--per-negative %d leaves too few photos: one is used %d times; raise it, or --candidates",
            config.per_negative, use.most,
        )  # fmt: skip
    crops = SplitCrops(training.classes.table, config.split)
    tables = list(crops.triplet_tables([TripletRows(*np.ascontiguousarray(rows.T))]))
    TripletManifest(prepared, pa.concat_tables(tables), config.split).write(out)
    mined.suspects.write(suspects, training.classes.table, metric, prepared.fingerprint)
    limit = mined.evidence.limit
    return {
        "triplets": len(rows),
        "anchors": len(np.unique(anchor)),
        "candidates": config.candidates,
        "split": config.split,
        "most_used": use.most,
        "top_share": use.top_share,
        "passed_over": use.passed_over,
        "suspects": mined.suspects.count(),
        "suspects_file": str(suspects),
        "suspect_from": (limit if metric == COSINE else -limit) if np.isfinite(limit) else None,
        "wrong_share": mined.evidence.wrong_share,
        "dropped": wanted - len(rows),
        "metric": metric,
        "positive": float(compare(cache.features, rows[:, 0], rows[:, 1], metric).mean()),
        "negative": float(compare(cache.features, rows[:, 0], rows[:, 2], metric).mean()),
    }
