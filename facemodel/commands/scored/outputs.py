"""What a model returns for the crops that an evaluation needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facedata.types import Float32Array, Int64Array

from ...batches.fitting_crops import FittingCrops
from ...batches.reader import OnProgress
from ...config import EvaluateConfig
from ...models.embed_crops import classify_crops, embed_rows
from ...models.embedder import Embedder
from ...scoring.plan import ScoringPlan


@dataclass(frozen=True, eq=False)
class Outputs:
    """What the model returned for the crops.

    Attributes:
        rows: ``(n,)`` int64, ascending row numbers of the crops.
        embeddings: ``(n, dim)`` float32, theirs.
        predicted: ``(m,)`` int64, a classifier's classes for the split's photos of its own people.
        labels: ``(m,)`` int64, the right ones.
    """

    rows: Int64Array
    embeddings: Float32Array
    predicted: Int64Array
    labels: Int64Array

    def of_rows(self, rows: Int64Array) -> Float32Array:
        """Return the embeddings of some of the crops, ``(len(rows), dim)``."""
        return self.embeddings[np.searchsorted(self.rows, rows)]


def run_model(
    embedder: Embedder,
    fitting: FittingCrops,
    plan: ScoringPlan,
    config: EvaluateConfig,
    on_progress: OnProgress | None,
) -> Outputs:
    """Embed every crop that is needed, once; classify the split's photos with a classifier's own head."""
    codes = {name: code for code, name in enumerate(embedder.classes)}
    label_of = np.array([codes.get(name, -1) for name in plan.people.names], np.int64)
    labels = label_of[plan.people.person[plan.split_rows]]
    with fitting.open_reader(plan.classes, config.workers) as reader:
        reader.check(plan.rows, hashes=True)
        embeddings = embed_rows(embedder, reader, plan.rows, config.batch, config.flip, on_progress)
        own = plan.split_rows[labels >= 0]
        predicted = classify_crops(embedder, reader, own, config.batch, config.flip)
    return Outputs(plan.rows, embeddings, predicted, labels[labels >= 0])
