"""Groups of photos in which each is like each: no photo between two people can bring them together."""

from __future__ import annotations

import numpy as np

from facedata.types import Float32Array, Float64Array, Int64Array

_BLOCK_FLOATS = 1 << 23
"""Similarities that are held at a time: 32 MB."""

_SLACK = 1e-4
"""What float32 cannot tell; pairs so near to the limit are measured again in float64."""

_MOST_LINKED = 8192
"""Where pairs link more photos than this, the limit is raised: memory grows with the square."""

_TRIED = 4096
"""Pairs that are looked at together."""


def group_alike(directions: Float32Array, limit: float) -> Int64Array:
    """Group photos so that any two of a group have a cosine of the limit at least.

    Pairs are taken from the most similar one down (if equal, in the order of their rows), and join the groups
    of their photos if all of these are alike. So a photo that is like two people stays with one of them.
    Where pairs link more than 8192 photos, the limit is raised for these.

    Args:
        directions: ``(n, dim)`` float32 of length one.
        limit: a cosine below 1.

    Returns:
        ``(n,)`` int64: each photo's group, numbered from 0 in the order of their first photos; -1 for a photo
        that is with no other.
    """
    count = len(directions)
    pairs, cosine = _pairs_from(directions, limit)
    first = np.arange(count)  # of each photo's group
    while len(pairs) and limit < 1 - _SLACK:
        linked = _link(pairs, count)
        few = np.bincount(linked, minlength=count)[linked[pairs[:, 0]]] <= _MOST_LINKED
        _join_linked(first, pairs[few], linked)
        limit = (1 + limit) / 2
        pairs, cosine = pairs[~few & (cosine >= limit)], cosine[~few & (cosine >= limit)]
    several = np.bincount(first, minlength=count) > 1
    return np.asarray(np.where(several, np.cumsum(several) - 1, -1)[first])


def _pairs_from(directions: Float32Array, limit: float) -> tuple[Int64Array, Float64Array]:
    """Return the pairs with a cosine of the limit at least, ``(pairs, 2)``, from the highest, and theirs."""
    count = len(directions)
    step = max(1, _BLOCK_FLOATS // max(count, 1))
    found, cosines = [np.empty((0, 2), np.int64)], [np.empty(0)]
    for start in range(0, count, step):
        block = directions[start : start + step] @ directions[start:].T
        near = np.argwhere(np.triu(block >= limit - _SLACK, 1)) + start
        exact = _measure(directions, near)
        found.append(near[exact >= limit])
        cosines.append(exact[exact >= limit])
    pairs, cosine = np.concatenate(found), np.concatenate(cosines)
    order = np.lexsort((pairs[:, 1], pairs[:, 0], -cosine))
    return pairs[order], cosine[order]


def _measure(directions: Float32Array, pairs: Int64Array) -> Float64Array:
    """Return the cosines of pairs in float64, ``(pairs,)``."""
    cosine, step = np.empty(len(pairs)), max(1, _BLOCK_FLOATS // max(directions.shape[1], 1) // 4)
    for start in range(0, len(pairs), step):
        one, other = (directions[rows].astype(np.float64) for rows in pairs[start : start + step].T)
        cosine[start : start + step] = np.einsum("ij,ij->i", one, other)
    return cosine


def _link(pairs: Int64Array, count: int) -> Int64Array:
    """Return for each photo the first of all that pairs link it with, on whatever way, ``(count,)``."""
    linked = np.arange(count)
    while True:
        least, before = linked[pairs].min(axis=1), linked.copy()
        for side in pairs.T:
            np.minimum.at(linked, side, least)
        linked = linked[linked]
        if np.array_equal(linked, before):
            return linked


def _join_linked(first: Int64Array, pairs: Int64Array, linked: Int64Array) -> None:
    """Set the first photo of each photo's group, of those that are linked by pairs.

    Args:
        first: ``(n,)``, to be filled in.
        pairs: the most similar first.
        linked: ``(n,)``, which photos may be together.
    """
    part = linked[pairs[:, 0]]
    order = np.argsort(part, kind="stable")
    ends = np.flatnonzero(np.diff(part[order])) + 1
    for mine in np.split(pairs[order], ends) if len(pairs) else ():
        rows, local = np.unique(mine, return_inverse=True)
        if 2 * len(mine) == len(rows) * (len(rows) - 1):  # each is like each
            first[rows] = rows[0]
        else:
            first[rows] = rows[_join_alike(local.reshape(mine.shape), len(rows))]


def _join_alike(pairs: Int64Array, count: int) -> Int64Array:
    """Return the first photo of each one's group, ``(count,)``, of few photos.

    Args:
        pairs: all that are alike, the most similar first.
        count: of the photos.
    """
    alike = np.eye(count, dtype=np.bool_)  # of photos; in the rows of groups' first photos, of groups
    alike[pairs[:, 0], pairs[:, 1]] = alike[pairs[:, 1], pairs[:, 0]] = True
    first, at = np.arange(count), 0
    while at < len(pairs):
        one, other = first[pairs[at : at + _TRIED].T]
        can = np.flatnonzero((one != other) & alike[one, other])
        at += int(can[0]) + 1 if len(can) else _TRIED
        if len(can):
            low, high = sorted((int(one[can[0]]), int(other[can[0]])))
            first[first == high] = low
            alike[low] &= alike[high]
            alike[:, low] = alike[low]
    return first
