"""Comparing embeddings: distances, similarities, and whether two crops show the same person.

Figures are computed from *likenesses*: numbers that are higher the more alike two crops are. A similarity is
one already; a distance becomes one by its sign. All functions are pure, on arrays; sums are in float64.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from facedata.errors import UsageError
from facedata.types import BoolArray, Float32Array, Float64Array, Int64Array

from ..errors import ScoreError
from ..spec import METRICS

_BLOCK_NUMBERS = 1 << 17
"""Numbers held at a time: 1 MB as float64, which fits a cache; with 8 MB it takes twice as long."""

_BLOCK_PAIRS = 16_384
"""Distances computed at a time where every row meets every other."""

_Values = TypeVar("_Values", float, Float64Array)


def compare(embeddings: Float32Array, left: Int64Array, right: Int64Array, metric: str) -> Float64Array:
    """Return the distance or similarity of pairs of embeddings.

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
    values, lengths = np.empty(len(left), np.float64), np.empty(len(embeddings), np.float64)
    block = max(1, _BLOCK_NUMBERS // max(embeddings.shape[1], 1))
    for start in range(0, len(embeddings), block):
        some = embeddings[start : start + block].astype(np.float64)
        lengths[start : start + block] = np.sqrt(np.einsum("ij,ij->i", some, some))
    if not np.isfinite(lengths).all():
        bad = int(np.flatnonzero(~np.isfinite(lengths))[0])
        raise ScoreError(f"embedding {bad} holds NaN or infinity: the model gives no usable numbers")
    for start in range(0, len(left), block):
        rows = slice(start, start + block)
        one, other = (embeddings[side[rows]].astype(np.float64) for side in (left, right))
        if metric == "euclidean":
            one -= other
            values[rows] = np.sqrt(np.einsum("ij,ij->i", one, one))
        else:
            both = lengths[left[rows]] * lengths[right[rows]]
            products = np.einsum("ij,ij->i", one, other)
            values[rows] = np.divide(products, both, out=np.zeros(len(both)), where=both > 0)
    return values


def compare_all(left: Float32Array, right: Float32Array, metric: str) -> Float64Array:
    """Return the distance or similarity of each row of ``left`` to each of ``right``: ``(n, m)`` float64.

    Args:
        left: ``(n, dim)`` float32.
        right: ``(m, dim)`` float32.
        metric: ``euclidean`` or ``cosine``.
    """
    a, b = left.astype(np.float64), right.astype(np.float64)
    if metric == "cosine":
        return np.asarray(unit_length(a) @ unit_length(b).T)
    values = np.empty((len(a), len(b)))
    step = max(1, _BLOCK_PAIRS // max(1, len(b)))
    for start in range(0, len(a), step):
        # not |a|² - 2ab + |b|², which loses half the digits where two faces are near
        part = a[start : start + step, None] - b[None]
        values[start : start + step] = np.sqrt(np.einsum("ijk,ijk->ij", part, part))
    return values


def unit_length(rows: Float64Array) -> Float64Array:
    """Return rows scaled to length one; rows of length zero stay as they are."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(lengths > 0, lengths, 1.0))


def likeness(values: _Values, metric: str) -> _Values:
    """Return a score as a number that is higher the more alike; the function is its own inverse.

    Args:
        values: distances if the metric is ``euclidean``; of any other metric (``cosine``, a pair head's
            score, a probability) higher is more alike already.
        metric: its name.

    >>> likeness(0.5, "euclidean"), likeness(0.5, "cosine")
    (-0.5, 0.5)
    """
    return -values if metric == "euclidean" else values


def is_same(values: Float64Array, threshold: float | None, metric: str) -> BoolArray:
    """Tell which scores say that two crops show one person.

    A distance must be at most the threshold, any other score at least that; without a threshold all are.
    """
    if threshold is None:
        return np.ones(len(values), np.bool_)
    return np.asarray(likeness(values, metric) >= likeness(threshold, metric))


def nearest(
    probes: Float32Array, anchors: Float32Array, metric: str, block_numbers: int = 1 << 24
) -> tuple[Int64Array, Float64Array]:
    """Return each probe's nearest anchor (the first of equally near ones), and how near it is.

    It is quicker than :func:`compare_all` for thousands of anchors, and less exact in choosing between two
    that are almost equally near.

    Args:
        probes: ``(m, dim)`` float32.
        anchors: ``(k, dim)`` float32, k at least 1.
        metric: ``euclidean`` or ``cosine``.
        block_numbers: how many distances are held at a time.

    Returns:
        Row numbers of anchors, ``(m,)`` int64, and distances or similarities as in :func:`compare`.
    """
    against = anchors.astype(np.float64)
    lengths = np.sqrt(np.einsum("ij,ij->i", against, against))
    if metric == "cosine":
        against = np.divide(against, lengths[:, None], out=np.zeros_like(against), where=lengths[:, None] > 0)
    chosen = np.empty(len(probes), np.int64)
    block = max(1, block_numbers // len(anchors))
    for start in range(0, len(probes), block):
        products = probes[start : start + block].astype(np.float64) @ against.T
        if metric == "euclidean":  # the part of |p - a|² that depends on the anchor
            products -= lengths**2 / 2
        chosen[start : start + block] = products.argmax(1)
    both = np.concatenate([probes, anchors])
    near = compare(both, np.arange(len(probes)), len(probes) + chosen, metric)
    return chosen, near
