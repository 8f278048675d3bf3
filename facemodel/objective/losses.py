"""Losses: functions of embeddings or logits.

Losses of given triplets and of class logits are computed here. Miners and multi-similarity, which compare all
photos of a batch, come from pytorch-metric-learning.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from facedata.types import Int64Array

from ..machine.extras import require_extra


def row_distances(left: Tensor, right: Tensor, distance: str) -> Tensor:
    """Return the distance of each row's two embeddings.

    Args:
        left: ``(N, dim)`` float32.
        right: ``(N, dim)`` float32.
        distance: ``euclidean``; ``squared``, its square; ``mean-squared``, that divided by ``dim``;
            ``cosine``, one minus the cosine.

    Returns:
        ``(N,)`` float32.
    """
    if distance == "cosine":
        return 1 - nn.functional.cosine_similarity(left, right)
    if distance == "euclidean":  # where both are the same its gradient is 0, not NaN
        lengths: Tensor = torch.linalg.vector_norm(left - right, dim=1)
        return lengths
    squares = (left - right).square()
    return squares.mean(1) if distance == "mean-squared" else squares.sum(1)


def triplet_losses(rows: Tensor, margin: float, distance: str) -> Tensor:
    """Return each triplet's loss: ``max(0, d(anchor, positive) - d(anchor, negative) + margin)``.

    Args:
        rows: ``(N, 3, dim)`` float32: anchor, positive, negative.
        margin: in units of the distance.
        distance: as in :func:`row_distances`.

    Returns:
        ``(N,)`` float32.
    """
    anchor, positive, negative = rows.unbind(1)
    near, far = row_distances(anchor, positive, distance), row_distances(anchor, negative, distance)
    return (near - far + margin).clamp_min(0)


def class_weights(counts: Int64Array) -> Tensor:
    """Return each class's weight: inverse to its number of photos, and 1 in the mean over photos.

    Args:
        counts: ``(classes,)`` photos of each class, in label order.

    Returns:
        ``(classes,)`` float32 in label order; a class without photos has 0.

    >>> import numpy as np
    >>> class_weights(np.array([30, 10])).tolist()
    [0.6666666865348816, 2.0]
    """
    number = torch.from_numpy(counts).double()
    there = number > 0
    weights = torch.where(there, number.sum() / (there.sum() * number.clamp_min(1)), 0.0)
    return weights.float()


def focal_loss(logits: Tensor, labels: Tensor, gamma: float, weights: Tensor | None = None) -> Tensor:
    """Return the focal loss, ``mean(w[label] · (1 - p)^gamma · -log p)``; gamma 0 is cross entropy.

    After Lin et al., *Focal Loss for Dense Object Detection*, 2017, with softmax instead of sigmoids. The
    mean is over photos, not over their weights as in torch's weighted cross entropy, so a photo's weight does
    not depend on the rest of its batch.

    Args:
        logits: ``(N, classes)`` float32.
        labels: ``(N,)`` int64.
        gamma: the higher, the less easy photos count.
        weights: ``(classes,)`` float32 in label order; None for 1 each.
    """
    log_p = nn.functional.log_softmax(logits, dim=1).gather(1, labels[:, None]).squeeze(1)
    # at p = 1 a power below 1 has an infinite slope
    losses = -log_p if gamma == 0 else -log_p * (1 - log_p.exp()).clamp_min(1e-8).pow(gamma)
    return (losses if weights is None else losses * weights[labels]).mean()


def make_mined_triplet(margin: float, distance: str) -> nn.Module:
    """Make a triplet loss within a batch: the mean of the losses above 0, of all triplets or of those mined.

    It takes embeddings ``(N, dim)``, labels ``(N,)`` and what a miner returned, or None.

    Raises:
        MissingExtraError: pytorch-metric-learning is not installed.
    """
    library = _library()
    made: nn.Module = library.losses.TripletMarginLoss(margin=margin, distance=_distance(library, distance))
    return made


def make_multi_similarity(margin: float, distance: str) -> nn.Module:
    """Make a multi-similarity loss, used like :func:`make_mined_triplet`'s; it compares cosines, no margin.

    Raises:
        MissingExtraError: pytorch-metric-learning is not installed.
    """
    made: nn.Module = _library().losses.MultiSimilarityLoss()
    return made


def make_miner(name: str, margin: float, distance: str) -> nn.Module | None:
    """Make what picks triplets or pairs from a batch's embeddings and labels; None for all of them.

    Args:
        name: ``none``, or ``semihard`` (negatives farther than the positive, within the margin);
            :mod:`~facemodel.objective.batch_hard` has ``hard``.
        margin: of the semihard miner.
        distance: as in :func:`row_distances`.

    Raises:
        MissingExtraError: pytorch-metric-learning is not installed.
    """
    if name == "none":
        return None
    library = _library()
    measure = _distance(library, distance)
    made: nn.Module = library.miners.TripletMarginMiner(
        margin=margin, type_of_triplets="semihard", distance=measure
    )
    return made


def active_share(embeddings: Tensor, labels: Tensor, margin: float, distance: str) -> Tensor:
    """Return the share of a batch's (anchor, positive) pairs with some negative within the margin.

    Args:
        embeddings: ``(N, dim)`` float32.
        labels: ``(N,)`` int64.
        margin: in units of the distance.
        distance: as in :func:`row_distances`.
    """
    apart = all_distances(embeddings, distance)
    same = labels[:, None] == labels[None, :]
    nearest = apart.masked_fill(same, math.inf).amin(1, keepdim=True)
    pairs = same.fill_diagonal_(False)
    active = (apart - nearest + margin > 0) & pairs
    return active.sum() / pairs.sum().clamp_min(1)


def all_distances(embeddings: Tensor, distance: str) -> Tensor:
    """Return the distance of each embedding to each other, ``(N, N)`` float32; see :func:`row_distances`."""
    if distance == "cosine":
        unit = nn.functional.normalize(embeddings)
        return 1 - unit @ unit.T
    apart = torch.cdist(embeddings, embeddings, compute_mode="donot_use_mm_for_euclid_dist")
    if distance == "euclidean":
        return apart
    return apart.square() / (embeddings.shape[1] if distance == "mean-squared" else 1)


def spread(embeddings: Tensor) -> Tensor:
    """Return how far embeddings lie from their mean, as a share of their length: 0 when all are the same.

    Args:
        embeddings: ``(N, dim)`` float32.
    """
    middle = embeddings - embeddings.mean(0)
    return (middle.square().sum() / embeddings.square().sum().clamp_min(1e-12)).sqrt()


def _distance(library: Any, distance: str) -> Any:
    """Return pytorch-metric-learning's object for a distance: mined and given triplets are measured alike."""

    class Distance(library.distances.BaseDistance):  # type: ignore[misc]
        def compute_mat(self, query_emb: Tensor, ref_emb: Tensor | None) -> Tensor:
            return all_distances(query_emb, distance)

        def pairwise_distance(self, query_emb: Tensor, ref_emb: Tensor) -> Tensor:
            return row_distances(query_emb, ref_emb, distance)

    return Distance(normalize_embeddings=False)


def _library() -> Any:
    require_extra("pytorch_metric_learning")
    import pytorch_metric_learning as library
    from pytorch_metric_learning import distances, losses, miners  # noqa: F401  bound to the package

    return library
