"""How alike two embeddings are, for millions of pairs in little memory; pure functions on arrays.

Figures are computed from *likenesses*: numbers that are higher the more alike two crops are. The cosine is
one; of the Euclidean distance it is the negative.
"""

from __future__ import annotations

import numpy as np

from facedata.errors import UsageError
from facedata.types import BoolArray, Float32Array, Float64Array, Int64Array

from ..errors import ScoreError
from ..spec import METRICS

_BLOCK_NUMBERS = 1 << 17
"""Numbers of a side held at a time: 1 MB as float64, which a cache holds; 8 MB take twice as long."""


def compare(embeddings: Float32Array, left: Int64Array, right: Int64Array, metric: str) -> Float64Array:
    """Return the distance or similarity of pairs of embeddings, computed in float64.

    Args:
        embeddings: ``(n, dim)`` float32.
        left: ``(m,)`` int64, row numbers in ``embeddings``.
        right: ``(m,)`` int64.
        metric: ``euclidean`` (the distance) or ``cosine`` (the similarity; 0 for a vector of length 0).

    Returns:
        ``(m,)`` float64.

    Raises:
        UsageError: there is no such metric.
        ScoreError: an embedding is NaN or infinite.

    >>> some = np.array([[3, 0], [0, 4]], np.float32)
    >>> compare(some, np.array([0]), np.array([1]), "euclidean"), compare(some, [0], [0], "cosine")
    (array([5.]), array([1.]))
    """
    if metric not in METRICS:
        raise UsageError(f"there is no metric {metric!r}; there are {', '.join(METRICS)}")
    left, right = np.asarray(left, np.int64), np.asarray(right, np.int64)
    found = np.empty(len(left), np.float64)
    lengths = _lengths(embeddings)
    block = max(1, _BLOCK_NUMBERS // max(embeddings.shape[1], 1))
    for start in range(0, len(left), block):
        rows = slice(start, start + block)
        one, other = (embeddings[side[rows]].astype(np.float64) for side in (left, right))
        if metric == "euclidean":
            one -= other
            found[rows] = np.sqrt(np.einsum("ij,ij->i", one, one))
        else:
            both = lengths[left[rows]] * lengths[right[rows]]
            products = np.einsum("ij,ij->i", one, other)
            found[rows] = np.divide(products, both, out=np.zeros(len(both)), where=both > 0)
    return found


def likeness(values: Float64Array, metric: str) -> Float64Array:
    """Return distances or similarities as numbers that are higher the more alike; its own inverse."""
    return values if metric == "cosine" else -values


def is_same(values: Float64Array, threshold: float, metric: str) -> BoolArray:
    """Tell for which pairs a threshold says that they show one person.

    A similarity must be at least the threshold, a distance at most.
    """
    return np.asarray(values >= threshold if metric == "cosine" else values <= threshold)


def nearest(
    probes: Float32Array, anchors: Float32Array, metric: str, block_numbers: int = 1 << 24
) -> tuple[Int64Array, Float64Array]:
    """Return each probe's nearest anchor (the first of equally near ones), and how near it is.

    Args:
        probes: ``(m, dim)`` float32.
        anchors: ``(k, dim)`` float32, k at least 1.
        metric: ``euclidean`` or ``cosine``.
        block_numbers: how many distances are held at a time.

    Returns:
        Row numbers of anchors, ``(m,)`` int64, and distances or similarities as :func:`compare` has them.
    """
    against = anchors.astype(np.float64)
    lengths = np.sqrt(np.einsum("ij,ij->i", against, against))
    if metric == "cosine":
        against = np.divide(against, lengths[:, None], out=np.zeros_like(against), where=lengths[:, None] > 0)
    found = np.empty(len(probes), np.int64)
    block = max(1, block_numbers // len(anchors))
    for start in range(0, len(probes), block):
        products = probes[start : start + block].astype(np.float64) @ against.T
        if metric == "euclidean":  # of |p - a|² what depends on the anchor
            products -= lengths**2 / 2
        found[start : start + block] = products.argmax(1)
    both = np.concatenate([probes, anchors])
    near = compare(both, np.arange(len(probes)), len(probes) + found, metric)
    return found, near


def _lengths(embeddings: Float32Array) -> Float64Array:
    lengths = np.empty(len(embeddings), np.float64)
    block = max(1, _BLOCK_NUMBERS // max(embeddings.shape[1], 1))
    for start in range(0, len(embeddings), block):
        some = embeddings[start : start + block].astype(np.float64)
        lengths[start : start + block] = np.sqrt(np.einsum("ij,ij->i", some, some))
    if not np.isfinite(lengths).all():
        bad = int(np.flatnonzero(~np.isfinite(lengths))[0])
        raise ScoreError(f"embedding {bad} holds NaN or infinity: the model gives no usable numbers")
    return lengths
