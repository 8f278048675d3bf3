"""The scores of pairs, of photos or of templates, and the thresholds that decide them."""

from __future__ import annotations

import numpy as np

from ...models.embed_crops import compare_pairs
from ...models.embedder import Embedder
from ...scoring.pair_figures import ScoredPairs
from ...scoring.pairs import PairRows
from ...scoring.plan import ScoringPlan
from ...scoring.templates.mean import mean_templates
from ...scoring.thresholds import HEAD, MODEL, Threshold, choose_threshold
from .outputs import Outputs


def score_pairs(
    embedder: Embedder, plan: ScoringPlan, outputs: Outputs
) -> tuple[dict[str, ScoredPairs], dict[str, Threshold]]:
    """Return the tested pairs' scores and the threshold, by metric."""
    person, tested, choosing, spec = plan.people.person, plan.tested, plan.choosing, embedder.spec
    scored, thresholds = {}, {}
    for metric, own in plan.own.items():
        if own is not None:
            thresholds[metric] = Threshold(own, HEAD if metric == HEAD else MODEL, basis=spec.threshold_basis)
        elif not len(choosing):
            thresholds[metric] = Threshold(None, "none")
        else:
            values = compare_pairs(embedder, outputs.embeddings, outputs.rows, choosing, metric)
            source = f"{plan.choosing_split} pairs"
            thresholds[metric] = choose_threshold(values, choosing.same, metric, source)
        embeddings, rows, pairs = outputs.embeddings, outputs.rows, tested
        if (templates := plan.templates) is not None:
            by_direction = metric == "cosine" or spec.normalised
            embeddings = mean_templates(outputs.of_rows(templates.rows), templates, by_direction)
            rows, pairs = np.arange(len(embeddings)), PairRows(templates.left, templates.right, tested.same)
        values = compare_pairs(embedder, embeddings, rows, pairs, metric)
        people = person[tested.left], person[tested.right]
        scored[metric] = ScoredPairs(values, metric, tested.same, *people, tested.folds)
    return scored, thresholds
