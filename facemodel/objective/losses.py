"""What is minimised: functions of embeddings or logits.

Batches of given triplets need no more than three rows of distances each. What looks at all combinations
within a batch (miners, margin softmax, multi-similarity) is pytorch-metric-learning's.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from facedata.types import Int64Array

from ..network.kind import missing_extra

_NEAR_ONE = 1 - 1e-6


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
    if distance == "euclidean":  # its gradient is 0 where both are the same, not NaN
        lengths: Tensor = torch.linalg.vector_norm(left - right, dim=1)
        return lengths
    squares = (left - right).square()
    return squares.mean(1) if distance == "mean-squared" else squares.sum(1)


def triplet_losses(rows: Tensor, margin: float, distance: str) -> Tensor:
    """Return each triplet's loss: ``max(0, d(anchor, positive) - d(anchor, negative) + margin)``.

    Args:
        rows: ``(N, 3, dim)`` float32: anchor, positive, negative.
        margin: in units of the distance.
        distance: as of :func:`row_distances`.

    Returns:
        ``(N,)`` float32.
    """
    anchor, positive, negative = rows.unbind(1)
    near, far = row_distances(anchor, positive, distance), row_distances(anchor, negative, distance)
    return (near - far + margin).clamp_min(0)


def class_weights(counts: Int64Array) -> Tensor:
    """Return what each class's photos count: inverse to their number, and 1 in the mean over photos.

    Args:
        counts: ``(classes,)`` photos of each class, in label order; so are the weights.

    Returns:
        ``(classes,)`` float32; a class without photos has 0.

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

    After Lin et al., *Focal Loss for Dense Object Detection*, 2017, with softmax in the place of its
    sigmoids. The mean is over photos, not over their weights as in torch's weighted cross entropy: so each
    photo's weight is the same whatever else its batch holds.

    Args:
        logits: ``(N, classes)`` float32.
        labels: ``(N,)`` int64.
        gamma: how little the easy photos count.
        weights: ``(classes,)`` float32 in label order; None for 1 each.
    """
    log_p = nn.functional.log_softmax(logits, dim=1).gather(1, labels[:, None]).squeeze(1)
    # at p = 1 a power below 1 has an infinite slope
    losses = -log_p if gamma == 0 else -log_p * (1 - log_p.exp()).clamp_min(1e-8).pow(gamma)
    return (losses if weights is None else losses * weights[labels]).mean()


def margin_softmax(kind: str, classes: int, dim: int, margin: float, scale: float) -> nn.Module:
    """Make an ``arcface`` (margin in degrees) or ``cosface`` loss with its matrix of class centres.

    It takes embeddings ``(N, dim)`` and labels ``(N,)``; ``get_logits(embeddings)`` gives the scaled cosines
    without a margin. Deng et al., *ArcFace*, 2019; Wang et al., *CosFace*, 2018.

    Raises:
        MissingExtraError: pytorch-metric-learning is not installed.
    """
    losses = _metric_learning().losses

    class ArcFace(losses.ArcFaceLoss):  # type: ignore[misc,name-defined]
        """The library's, whose angle of an embedding that lies on its centre has a NaN for a gradient."""

        def get_angles(self, cosine_of_target_classes: Tensor) -> Tensor:
            return torch.acos(cosine_of_target_classes.clamp(-_NEAR_ONE, _NEAR_ONE))

    make = ArcFace if kind == "arcface" else losses.CosFaceLoss
    module: nn.Module = make(num_classes=classes, embedding_size=dim, margin=margin, scale=scale)
    return module


class PeopleLoss(nn.Module):
    """Triplet or multi-similarity loss over what a batch of people holds, mined or all of it.

    Args:
        kind: ``triplet`` or ``multi-similarity``.
        miner: ``none``, ``semihard`` (negatives farther than the positive, within the margin) or ``hard``
            (each anchor's farthest positive and nearest negative).
        margin: of the triplet loss and of the semihard miner.
        distance: as of :func:`row_distances`.

    Raises:
        MissingExtraError: pytorch-metric-learning is not installed.
    """

    def __init__(self, kind: str, miner: str, margin: float, distance: str) -> None:
        super().__init__()
        library = _metric_learning()
        self.margin, self.distance = margin, distance
        measure = _distance(library, distance)
        self.loss: nn.Module = (
            library.losses.TripletMarginLoss(margin=margin, distance=measure)
            if kind == "triplet"
            else library.losses.MultiSimilarityLoss()
        )
        self.miner = _miner(library, miner, margin, measure)

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of ``(N, dim)`` float32 embeddings of the people ``labels``, ``(N,)`` int64."""
        mined = None if self.miner is None else self.miner(embeddings, labels)
        found: Tensor = self.loss(embeddings, labels, mined)
        return found


def active_share(embeddings: Tensor, labels: Tensor, margin: float, distance: str) -> Tensor:
    """Return the share of a batch's (anchor, positive) pairs with some negative within the margin.

    Args:
        embeddings: ``(N, dim)`` float32.
        labels: ``(N,)`` int64.
        margin: in units of the distance.
        distance: as of :func:`row_distances`.
    """
    apart = all_distances(embeddings, distance)
    same = labels[:, None] == labels[None, :]
    nearest = apart.masked_fill(same, math.inf).amin(1, keepdim=True)
    pairs = same.fill_diagonal_(False)
    active = (apart - nearest + margin > 0) & pairs
    return active.sum() / pairs.sum().clamp_min(1)


def all_distances(embeddings: Tensor, distance: str) -> Tensor:
    """Return the distance of every two embeddings, ``(N, N)`` float32; see :func:`row_distances`."""
    if distance == "cosine":
        unit = nn.functional.normalize(embeddings)
        return 1 - unit @ unit.T
    apart = torch.cdist(embeddings, embeddings, compute_mode="donot_use_mm_for_euclid_dist")
    if distance == "euclidean":
        return apart
    return apart.square() / (embeddings.shape[1] if distance == "mean-squared" else 1)


def spread(embeddings: Tensor) -> Tensor:
    """Return how far embeddings lie from their mean, as a share of their length: 0 when all are one.

    Args:
        embeddings: ``(N, dim)`` float32.
    """
    middle = embeddings - embeddings.mean(0)
    return (middle.square().sum() / embeddings.square().sum().clamp_min(1e-12)).sqrt()


def _miner(library: Any, name: str, margin: float, measure: Any) -> nn.Module | None:
    if name == "none":
        return None
    miners, hardest = library.miners, {"pos_strategy": "hard", "neg_strategy": "hard"}
    made: nn.Module = (
        miners.BatchEasyHardMiner(distance=measure, **hardest)
        if name == "hard"
        else miners.TripletMarginMiner(margin=margin, type_of_triplets="semihard", distance=measure)
    )
    return made


def _distance(library: Any, distance: str) -> Any:
    """Return pytorch-metric-learning's object for a distance."""
    base = library.distances.BaseDistance

    class Distance(base):  # type: ignore[misc,valid-type]
        """Ours, so that a mined batch and given triplets are measured alike."""

        def compute_mat(self, query_emb: Tensor, ref_emb: Tensor | None) -> Tensor:
            return all_distances(query_emb, distance)

        def pairwise_distance(self, query_emb: Tensor, ref_emb: Tensor) -> Tensor:
            return row_distances(query_emb, ref_emb, distance)

    return Distance(normalize_embeddings=False)


def _metric_learning() -> Any:
    try:
        import pytorch_metric_learning as library
        from pytorch_metric_learning import distances, losses, miners  # noqa: F401  bound to the package
    except ImportError as error:
        raise missing_extra("pytorch-metric-learning") from error
    return library
