"""Score a model on a prepared set: embed every crop that is needed, once; the rest is arithmetic."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from facedata import ClassManifest, open_set
from facedata.options import resolve_options

from ..bar import with_bar
from ..batches.fitting_crops import FittingCrops
from ..batches.reader import OnProgress
from ..batches.sources import SetPath
from ..cards.kept_threshold import CardedSpecFile
from ..config import EvaluateConfig
from ..errors import ScoreError
from ..machine.extras import require_extra
from ..models.embedder import Embedder, open_model
from ..models.known_people import read_people
from ..outputs import folder_out
from ..pages.notebook import Scores
from ..pages.scores_page import render_scores
from ..scoring.calibrated.judge import judge_probabilities
from ..scoring.discard.figures import all_discards
from ..scoring.nearest_anchor import class_figures, name_by_anchors
from ..scoring.overlap.figures_without import all_figures
from ..scoring.plan import ScoringPlan, plan_scores
from ..scoring.report import write_scores
from ..scoring.thresholds import HEAD, Threshold
from ..scoring.weak_points.slices import all_slices
from .scored.outputs import Outputs, run_model
from .scored.pair_scores import score_pairs


@with_bar("crop")
def evaluate(
    model: str | os.PathLike[str] | Embedder,
    set_path: SetPath,
    out: str | os.PathLike[str] | None,
    config: EvaluateConfig | None = None,
    *,
    on_progress: OnProgress | None = None,
    **changes: Any,
) -> Scores:
    """Compute every figure of a model on the pairs and photos of a split.

    The threshold is the model's own. If it has none for the metric, or one that may have been chosen on this
    very split, it is the best one for the set's val pairs, else for its train pairs; if there are none, each
    fold's pairs are decided at the threshold of the other folds. ``threshold`` in the result says which. With
    ``keep_threshold`` it is always chosen on these pairs, and written into the model's JSON.

    Args:
        model: a ready model's name, a run folder, a ``.onnx`` with its spec beside it, or an open model.
        set_path: a prepared set's folder or URL.
        out: folder for scores.json, scores.md, scores.parquet, report.html and the plots; None to write
            nothing.
        config: the options; ``changes`` win over it.
        on_progress: called after each batch with the number of crops embedded, and the total.
        **changes: single options by name.

    Returns:
        The contents of ``scores.json``, a dict that a notebook shows as a table: ``pairs`` (counts),
        ``metric`` (the model's, or the one asked for), ``figures`` by metric (see
        :func:`.pair_figures.pair_figures`), ``naming``, ``classes``, ``notes``, ``pairs_left_out`` (of a
        file, as it names their photos), ``insightface`` (what its verification prints; None without ten
        folds), ``calibration`` (of the probabilities); with ``keep_threshold`` what was ``kept``, with
        ``without_overlap`` the figures ``without_overlap``, with ``by`` the ``slices``, with ``discard`` how
        the rejections fall.

    Raises:
        SpecError: the set's crops were made with another template than the model's.
        DataError: the split has no pairs, crops are missing or changed, or no pairs can choose a threshold
            to keep.
        SourceError: the file of pairs or templates cannot be read.
        ScoreError: the pairs are of one kind, or the model returns NaN.
        UsageError: no such split or column, impossible options, or an overlap of other sets.
        MissingExtraError: matplotlib is not installed, and ``out`` is given.
    """
    config = resolve_options(EvaluateConfig, config, changes)
    if out is not None:
        out = folder_out(out)
        require_extra("matplotlib", what="writing plots to --out")
    file = CardedSpecFile(model) if config.keep_threshold else None
    embedder = open_model(model, config.device, config.workers, config.weights)
    prepared = open_set(set_path)
    fitting = FittingCrops.find(embedder.spec, prepared, config.cut, config.workers)
    known = read_people(model)
    plan = plan_scores(
        ClassManifest.open(prepared),
        config,
        embedder.spec,
        has_pair_head=embedder.scores_pairs,
        trained=known.trained,
        judged=known.judged,
        tells_people=known.is_told,
    )
    outputs = run_model(embedder, fitting, plan, config, on_progress)
    scored, thresholds = score_pairs(embedder, plan, outputs)
    spec, rows = embedder.spec, np.unique(np.concatenate([plan.choosing.left, plan.choosing.right]))
    choosing = outputs.of_rows(rows), plan.people.person[rows]
    scores = {
        "model": {"name": Path(embedder.name).name, "fingerprint": embedder.fingerprint()}
        | {"template": spec.template, "dim": spec.dim, "trained_on": spec.set_fingerprint},
        "set": prepared.fingerprint,
        "settings": config.settings(),
        "split": config.split,
        "pairs": plan.tested.counts(plan.people.person),
        "pairs_left_out": [list(pair) for pair in plan.left_out],
        "metric": plan.metric,
        **all_figures(plan, scored, thresholds, config.seed),
        **all_slices(plan, scored, thresholds, config.seed),
        **judge_probabilities(plan, spec, scored, choosing, config.seed),
        **all_discards(plan, scored, thresholds, config.seed),
        **_score_photos(embedder, plan, outputs, thresholds, config.seed),
    }
    if file is not None:
        scores["kept"] = file.keep(
            thresholds[spec.metric], *choosing, unseen=known.is_told or not spec.is_trained_on(prepared)
        )
    if out is not None:
        page = render_scores(scores, scored, plan, config.workers)
        write_scores(out, scores, scored, plan, page)
    return Scores(scores)


def _score_photos(
    embedder: Embedder, plan: ScoringPlan, outputs: Outputs, thresholds: dict[str, Threshold], seed: int
) -> dict[str, Any]:
    """Return ``naming`` by the nearest anchor, ``classes`` of a classifier, and all ``notes``."""
    naming, classes, notes = None, None, list(plan.notes)
    person = plan.people.person[plan.split_rows]
    mine = outputs.of_rows(plan.split_rows)
    metric = embedder.spec.metric if plan.metric == HEAD else plan.metric
    try:
        reference = plan.people.reference[plan.split_rows]
        naming = name_by_anchors(mine, person, reference, metric, thresholds[metric].value, seed)
    except ScoreError as error:
        notes.append(f"no naming by the nearest photo: {error}")
    try:
        if embedder.classes:
            classes = class_figures(outputs.predicted, outputs.labels, embedder.classes)
    except ScoreError as error:
        notes.append(f"no accuracy of the classifier: {error}")
    return {"naming": naming, "classes": classes, "notes": notes}
