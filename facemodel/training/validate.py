"""How good a network is, on rows that stay the same through the whole run.

Validation rows are of people (closed sets: photos) that do not train. The *probe* is as many rows of the same
kind, of people that train. Both are scored in eval mode and without augmentation, so a difference between the
two is overfitting and nothing else.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from facedata.errors import SampleError
from facedata.sampling.sample import sample_pairs, sample_triplets
from facedata.types import BoolArray, Float32Array, Int64Array

from ..batches.people import TrainingPeople
from ..batches.reader import CropReader, OnProgress
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
"""First seed of a probe, so that no other draw shares its random numbers."""

_MISSED = 0.05
"""Share of the correctly named validation photos that a classifier's threshold may reject."""

_LET_IN = 0.01
"""Share of the photos of strangers, and of the wrongly named ones, that it may accept."""

_COSINE_MARGIN = 0.3
"""Margin of the validation loss where the training loss cannot be computed for other people."""


@dataclass(frozen=True, eq=False)
class FixedRows:
    """Rows that stay the same.

    Attributes:
        crops: ``(n,)`` int64, the crops they are made of, as a reader's row numbers.
        left: ``(m,)`` int64 indices of ``crops``.
        right: ``(m,)`` int64 indices of ``crops``.
        same: ``(m,)`` bool, which pairs are of one person.
        triplets: ``(t, 3)`` int64 indices of ``crops``; t = 0 if there is no triplet.
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
    """How good a network is; None for figures that it does not have.

    Attributes:
        loss: of the fixed rows: the training loss if it can be computed for people that do not train, else
            the triplet loss of cosines with margin .3.
        auc: of the fixed pairs, by the pair head if there is one, else by the model's metric.
        accuracy: of a closed set's photos by the classifier; of pairs by the pair head at 0.5; else of pairs
            at the best threshold.
        threshold: the best for the fixed pairs' embeddings, in the model's metric.
        spread: of the embeddings; see :class:`~facemodel.training.history.EpochRow`.
        class_threshold: of a classifier: 95% of the photos it names correctly reach this probability; more,
            where more than 1% of strangers would, or of the photos it names wrongly.
        class_photos: how many photos a classifier named.
        class_right: how many of them correctly, and at least at ``class_threshold``.
    """

    loss: float | None
    auc: float | None
    accuracy: float | None
    threshold: float | None
    spread: float
    class_threshold: float | None = None
    class_photos: int = 0
    class_right: int = 0


class Embeds(Protocol):
    """Embeds crops of a reader: ``(len(rows), dim)`` float32, in the order of the rows."""

    def __call__(self, reader: CropReader, rows: Int64Array) -> Float32Array:
        """Embed in eval mode, without augmentation."""
        ...


class SharedEmbedder:
    """Embeds with a network that is training, in eval mode without augmentation; each process does a share.

    Args:
        objective: the network; its training mode is restored afterwards.
        batch: crops in a batch.
        ranks: the processes.
        on_batch: called after each batch, with how many crops are done and of how many.
    """

    def __init__(
        self, objective: Objective, batch: int, ranks: Ranks, on_batch: OnProgress | None = None
    ) -> None:
        self.embedder, self.batch, self.ranks = TorchEmbedder(objective), batch, ranks
        self.on_batch = on_batch

    def __call__(self, reader: CropReader, rows: Int64Array) -> Float32Array:
        """Return the embeddings, ``(len(rows), dim)`` float32, the same in all processes."""
        own = rows[self.ranks.share(len(rows))]
        mine = embed_rows(self.embedder, reader, own, self.batch, on_progress=self.on_batch)
        return self.ranks.all_gather(mine, len(rows))


def make_validation_rows(config: FitConfig, validation: Validation, training: TrainingPeople) -> FixedRows:
    """Return the validation rows; their crops are numbered in ``validation.validation``."""
    people = TrainingPeople.of(validation.validation)
    labels = training.codes_of(people.names)[people.person]
    return _make_rows(config, people.person, labels, validation.pairs, np.arange(len(people.person)))


def make_probe_rows(config: FitConfig, like: FixedRows, training: TrainingPeople) -> FixedRows:
    """Return as many rows of the same kind as ``like``, of the crops that train."""
    rng = np.random.default_rng([_PROBE, config.seed])
    left, right, same = np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.bool_)
    if len(like.same):
        # classes can be learnt even if no person has two photos; the probe then has no pairs
        with contextlib.suppress(SampleError):
            left, right, same = sample_pairs(training.person, len(like.same), rng)
    photos = np.sort(rng.permutation(len(training))[: len(like.crops)])
    return _make_rows(config, training.person, training.person, (left, right, same), photos)


def _make_rows(
    config: FitConfig,
    person: Int64Array,
    labels: Int64Array,
    pairs: tuple[Int64Array, Int64Array, BoolArray],
    photos: Int64Array,
) -> FixedRows:
    """Number the crops of pairs (and photos, if the run names photos) from 0, and draw triplets of them."""
    left, right, same = pairs
    crops = np.unique(np.concatenate([left, right, photos if config.names_photos else photos[:0]]))
    rng, codes = (
        np.random.default_rng([_PROBE, config.seed, 3]),
        np.unique(person[crops], return_inverse=True)[1],
    )
    triplets = np.empty((0, 3), np.int64)
    with contextlib.suppress(SampleError):
        triplets = np.column_stack(sample_triplets(codes, max(len(same), 1), rng))
    left, right = np.searchsorted(crops, left), np.searchsorted(crops, right)
    return FixedRows(crops, left, right, same, triplets, labels[crops])


def judge(objective: Objective, rows: FixedRows, embeddings: Float32Array) -> Judgement:
    """Judge a network by the embeddings ``(n, dim)`` of the rows' crops.

    Raises:
        ScoreError: an embedding is NaN or infinite.
    """
    metric = objective.model.spec.metric
    loss = auc = right = threshold = class_threshold = None
    names = [0, 0]
    if len(rows.same):
        scores = likeness(compare(embeddings, rows.left, rows.right, metric), metric)
        curve = roc(scores, rows.same)
        best = curve.best_threshold()
        auc, right, threshold = (
            curve.auc(),
            accuracy(scores, rows.same, best),
            float(likeness(np.array(best), metric)),
        )
    if objective.has_pairs:
        embedder, scores = TorchEmbedder(objective), np.empty(len(rows.same), np.float64)
        for start in range(0, len(scores), _BLOCK_ROWS):
            part = slice(start, start + _BLOCK_ROWS)
            scores[part] = embedder.score_pairs(embeddings[rows.left[part]], embeddings[rows.right[part]])
        auc, right = roc(scores, rows.same).auc(), accuracy(scores, rows.same, 0.5)
        loss = float(-np.log(np.clip(np.where(rows.same, scores, 1 - scores), 1e-7, 1)).mean())
    elif objective.config.names_photos:
        loss, right, class_threshold, *names = _judge_names(objective, rows, embeddings)
    elif len(rows.triplets):
        config, total = objective.config, 0.0
        own = config.loss_row.of_triplets
        margin, distance = (config.margin, config.distance) if own else (_COSINE_MARGIN, "cosine")
        for start in range(0, len(rows.triplets), _BLOCK_ROWS):
            block = torch.from_numpy(embeddings[rows.triplets[start : start + _BLOCK_ROWS]])
            total += float(triplet_losses(block, margin, distance).double().sum())
        loss = total / len(rows.triplets)
    wide = embeddings.astype(np.float64)
    length = max(np.square(wide).sum(), 1e-12)
    spread = float(np.sqrt(np.square(wide - wide.mean(0)).sum() / length))
    return Judgement(loss, auc, right, threshold, spread, class_threshold, *names)


def _judge_names(
    objective: Objective, rows: FixedRows, embeddings: Float32Array
) -> tuple[float, float, float | None, int, int]:
    """Return a classifier's cross entropy, accuracy and class threshold, of the people that train.

    Validation has no strangers here, so each photo also plays one: the class it belongs to is taken out, and
    what then is the most probable class would name a stranger. Then come the number of photos, and of those
    named correctly at the threshold.
    """
    known = np.flatnonzero(rows.labels >= 0)
    device, was_training = next(objective.parameters()).device, objective.training
    loss, right, wrong = 0.0, [], []
    objective.eval()
    with torch.inference_mode():
        for start in range(0, len(known), _BLOCK_ROWS):
            part = known[start : start + _BLOCK_ROWS]
            logits = objective.logits(torch.from_numpy(embeddings[part]).to(device))
            labels = torch.from_numpy(rows.labels[part]).to(device)
            loss += float(torch.nn.functional.cross_entropy(logits, labels, reduction="sum"))
            most, named = logits.double().softmax(1).max(1)
            right.append(most[named == labels].cpu().numpy())
            wrong.append(most[named != labels].cpu().numpy())
            if logits.shape[1] > 2:  # of two classes the other one would always be certain
                others = logits.double().scatter(1, labels[:, None], -torch.inf)
                wrong.append(others.softmax(1).max(1).values.cpu().numpy())
    objective.train(was_training)
    correct, mistaken = np.concatenate(right), np.concatenate(wrong)
    threshold = None
    if len(correct):
        threshold = float(np.quantile(correct, _MISSED, method="lower"))
    if len(mistaken) and threshold is not None:
        least = float(np.quantile(mistaken, 1 - _LET_IN, method="higher"))
        threshold = max(threshold, min(1.0, float(np.nextafter(least, 2.0))))
    reached = 0 if threshold is None else int((correct >= threshold).sum())
    return loss / len(known), len(correct) / len(known), threshold, len(known), reached
