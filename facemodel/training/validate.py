"""How good a network is, on rows that stay the same from before the first epoch to after the last.

Validation rows are of people (closed sets: photos) that do not train. Beside them stand as many rows of the
same kind of training people, the *probe*: both are scored in eval mode and without augmentation, so that a
difference between the two is overfitting and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from facedata.errors import SampleError
from facedata.sampling.sample import sample_pairs, sample_triplets
from facedata.types import BoolArray, Float32Array, Float64Array, Int64Array

from ..batches.people import TrainingSet
from ..batches.reader import CropReader
from ..config import FitConfig
from ..epochs.holdout import Validation
from ..machine.ranks import Ranks
from ..models.embed_crops import embed_rows
from ..models.embedder import TorchEmbedder
from ..objective.losses import triplet_losses
from ..objective.objective import Objective
from ..scoring.distances import compare, likeness
from ..scoring.metrics import accuracy, roc

_BLOCK_ROWS = 8192
_PROBE = 0x70726F6265
"""Stands before the seeds of probes, so that no other draw shares their random numbers."""

_MISSED = 0.05
"""Share of rightly named validation photos that a classifier's threshold gives up, to keep strangers out."""

_COSINE_MARGIN = 0.3
"""Of the validation loss where the training loss knows its own people only."""


@dataclass(frozen=True, eq=False)
class FixedRows:
    """Rows that stay the same.

    Attributes:
        crops: ``(n,)`` int64, the crops they are made of, as a reader's row numbers.
        left: ``(m,)`` int64 places in ``crops``.
        right: ``(m,)`` int64 places in ``crops``.
        same: ``(m,)`` bool, which pairs are of one person.
        triplets: ``(t, 3)`` int64 places in ``crops``; t = 0 where none can be had.
        labels: ``(n,)`` int64, each crop's class; -1 for people that do not train.
    """

    crops: Int64Array
    left: Int64Array
    right: Int64Array
    same: BoolArray
    triplets: Int64Array
    labels: Int64Array


@dataclass(frozen=True)
class Judgement:
    """How good a network is; None where there is no such thing.

    Attributes:
        loss: of the fixed rows: the training loss where it can be had of people that do not train, else the
            triplet loss of cosines with margin .3.
        auc: of the fixed pairs: by the pair head where there is one, else by the model's metric.
        accuracy: of a closed set's photos by the classifier; of pairs by the pair head at one half; else of
            pairs at the best threshold.
        threshold: the best for the fixed pairs' embeddings, in the model's metric.
        spread: of the embeddings; see :class:`~facemodel.training.history.EpochRow`.
        class_threshold: of a classifier: 95% of the photos that it names rightly reach this probability.
    """

    loss: float | None
    auc: float | None
    accuracy: float | None
    threshold: float | None
    spread: float
    class_threshold: float | None = None


class Embeds(Protocol):
    """Embeds crops of a reader: ``(len(rows), dim)`` float32, in the order of the rows."""

    def __call__(self, reader: CropReader, rows: Int64Array) -> Float32Array:
        """Embed in eval mode, without augmentation."""
        ...


class Embedding:
    """Embeds with a network that is training: in eval mode, without augmentation, each process a share.

    Args:
        objective: the network; its training mode comes back afterwards.
        batch: crops in a batch.
        ranks: the processes.
    """

    def __init__(self, objective: Objective, batch: int, ranks: Ranks) -> None:
        self.embedder, self.batch, self.ranks = TorchEmbedder(objective), batch, ranks

    def __call__(self, reader: CropReader, rows: Int64Array) -> Float32Array:
        """Return the embeddings, ``(len(rows), dim)`` float32, the same in all processes."""
        mine = embed_rows(self.embedder, reader, rows[self.ranks.share(len(rows))], self.batch)
        return self.ranks.gathered(mine, len(rows))


def validation_fixed(config: FitConfig, validation: Validation, training: TrainingSet) -> FixedRows:
    """Return the validation rows; their crops are numbered in ``validation.validation``."""
    judges = TrainingSet.of(validation.validation)
    labels = training.codes_of(judges.names)[judges.person]
    left, right, same = validation.pairs
    return _fixed(config, judges.person, labels, (left, right, same))


def probe_fixed(config: FitConfig, like: FixedRows, training: TrainingSet) -> FixedRows:
    """Return as many rows of the same kind as ``like``, of the crops that train."""
    rng = np.random.default_rng([_PROBE, config.seed])
    nothing = np.empty(0, np.int64)
    left, right, same = nothing, nothing, np.empty(0, np.bool_)
    if len(like.same):
        try:
            left, right, same = sample_pairs(training.person, len(like.same), rng)
        except SampleError:  # nobody has two photos: classes can be learnt so, and pairs have no probe
            left, right = nothing, nothing
    some = rng.permutation(len(training))[: len(like.crops)] if config.names_photos else nothing
    return _fixed(config, training.person, training.person, (left, right, same), np.sort(some))


def judge(objective: Objective, rows: FixedRows, embeddings: Float32Array) -> Judgement:
    """Judge a network by the embeddings ``(n, dim)`` of the rows' crops.

    Raises:
        ScoreError: an embedding is NaN or infinite.
    """
    metric = objective.model.spec.metric
    auc = found_accuracy = threshold = sure = None
    if len(rows.same):
        curve = roc(likeness(compare(embeddings, rows.left, rows.right, metric), metric), rows.same)
        best = curve.best_threshold()
        auc, threshold = curve.auc(), float(likeness(np.array(best), metric))
        decided = likeness(compare(embeddings, rows.left, rows.right, metric), metric)
        found_accuracy = accuracy(decided, rows.same, best)
    if objective.has_pairs:
        scores = _pair_scores(objective, rows, embeddings)
        auc, found_accuracy = roc(scores, rows.same).auc(), accuracy(scores, rows.same, 0.5)
        loss: float | None = _entropy(scores, rows.same)
    elif objective.config.names_photos and objective.has_classes:
        loss, found_accuracy, sure = _named(objective, rows, embeddings)
    else:
        loss = _triplet_loss(objective.config, rows, embeddings)
    return Judgement(loss, auc, found_accuracy, threshold, _spread(embeddings), sure)


def _fixed(
    config: FitConfig,
    person: Int64Array,
    labels: Int64Array,
    pairs: tuple[Int64Array, Int64Array, BoolArray],
    photos: Int64Array | None = None,
) -> FixedRows:
    """Number the crops that rows use from 0, and draw the triplets from among them."""
    left, right, same = pairs
    if config.names_photos:
        used = np.arange(len(person)) if photos is None else photos
    else:
        used = np.empty(0, np.int64)
    crops = np.unique(np.concatenate([left, right, used]))
    left, right = np.searchsorted(crops, left), np.searchsorted(crops, right)
    triplets = _triplets(person[crops], len(same), config.seed)
    return FixedRows(crops, left, right, same, triplets, labels[crops])


def _triplets(person: Int64Array, count: int, seed: int) -> Int64Array:
    codes = np.unique(person, return_inverse=True)[1]
    try:
        return np.column_stack(
            sample_triplets(codes, max(count, 1), np.random.default_rng([_PROBE, seed, 3]))
        )
    except SampleError:
        return np.empty((0, 3), np.int64)


def _pair_scores(objective: Objective, rows: FixedRows, embeddings: Float32Array) -> Float64Array:
    """Return the pair head's answers, 0 … 1."""
    found = np.empty(len(rows.same), np.float64)
    embedder = TorchEmbedder(objective)
    for start in range(0, len(found), _BLOCK_ROWS):
        part = slice(start, start + _BLOCK_ROWS)
        found[part] = embedder.score_pairs(embeddings[rows.left[part]], embeddings[rows.right[part]])
    return found


def _entropy(scores: Float64Array, same: BoolArray) -> float:
    right = np.where(same, scores, 1 - scores)
    return float(-np.log(np.clip(right, 1e-7, 1)).mean())


def _named(
    objective: Objective, rows: FixedRows, embeddings: Float32Array
) -> tuple[float, float, float | None]:
    """Return cross entropy and accuracy of the crops of people that train, and the class threshold."""
    known = np.flatnonzero(rows.labels >= 0)
    device = next(objective.parameters()).device
    loss, sure = 0.0, []
    objective_mode = objective.training
    objective.eval()
    with torch.inference_mode():
        for start in range(0, len(known), _BLOCK_ROWS):
            part = known[start : start + _BLOCK_ROWS]
            logits = objective.logits(torch.from_numpy(embeddings[part]).to(device))
            labels = torch.from_numpy(rows.labels[part]).to(device)
            loss += float(torch.nn.functional.cross_entropy(logits, labels, reduction="sum"))
            most, who = logits.double().softmax(1).max(1)
            sure.append(most[who == labels].cpu().numpy())
    objective.train(objective_mode)
    right = np.concatenate(sure)
    threshold = float(np.quantile(right, _MISSED, method="lower")) if len(right) else None
    return loss / len(known), len(right) / len(known), threshold


def _triplet_loss(config: FitConfig, rows: FixedRows, embeddings: Float32Array) -> float | None:
    if not len(rows.triplets):
        return None
    own = config.loss == "triplet"
    margin, distance = (config.margin, config.distance) if own else (_COSINE_MARGIN, "cosine")
    total = 0.0
    for start in range(0, len(rows.triplets), _BLOCK_ROWS):
        part = torch.from_numpy(embeddings[rows.triplets[start : start + _BLOCK_ROWS]])
        total += float(triplet_losses(part, margin, distance).double().sum())
    return total / len(rows.triplets)


def _spread(embeddings: Float32Array) -> float:
    wide = embeddings.astype(np.float64)
    length = np.square(wide).sum()
    return float(np.sqrt(np.square(wide - wide.mean(0)).sum() / max(length, 1e-12)))
