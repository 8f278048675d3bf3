"""Photos of many people that others are compared with, to see how near somebody's nearest others are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facedata.types import Float32Array, Float64Array, Int64Array

from .likelihood import Nearness

_MOST = 4000
_NEAREST = 400
_LEAST_NEAREST = 5
_PAIRS = 100_000
_BLOCK = 2048
_LEAST_LENGTH = 1e-6
_MOST_USUAL = 1 - 1e-5
"""A model that gives all photos one embedding tells nobody from anybody; then nothing is divided by zero."""


@dataclass(frozen=True, eq=False)
class Reference:
    """Some of a set's photos.

    Attributes:
        vectors: ``(k, dim)`` float32 of length one.
        person: ``(k,)`` int64.
        nearest: how many of them count as a photo's nearest.
        usual: the cosine of the usual pair of photos of different people.
        pairs: ``(p, 2)`` int64, rows of the set: random pairs of different people.
    """

    vectors: Float32Array
    person: Int64Array
    nearest: int
    usual: float
    pairs: Int64Array

    def measure(self, means: Float32Array, person: Int64Array) -> Nearness:
        """Return how near the nearest others are to photos, or to means of photos.

        Args:
            means: ``(n, dim)`` float32, of length one or less.
            person: ``(n,)`` int64; photos of these are not others.
        """
        mean, deviation = np.empty(len(means)), np.empty(len(means))
        for start in range(0, len(means), _BLOCK):
            rows = slice(start, start + _BLOCK)
            some = np.asarray(means[rows])
            scale = np.sqrt(own_length(some, self.usual) * (1 - self.usual))
            similar = some @ self.vectors.T
            similar -= np.float32(self.usual)
            similar /= scale.astype(np.float32)[:, None]
            similar[person[rows, None] == self.person] = -1
            similar.partition(similar.shape[1] - self.nearest, axis=1)
            top = similar[:, -self.nearest :].astype(np.float64)
            mean[rows], deviation[rows] = top.mean(1), np.maximum(top.std(1), 1e-3)
        return Nearness(mean, deviation)


def choose_reference(vectors: Float32Array, person: Int64Array) -> Reference:
    """Choose the photos: at random, as many of each person, at most four thousand.

    Args:
        vectors: ``(n, dim)`` float32 of length one; may be memory-mapped.
        person: ``(n,)`` int64, codes from 0 of at least two people.
    """
    chance = np.random.default_rng(0)
    left, right = chance.integers(0, len(person), (2, _PAIRS))
    pairs = np.stack([left, right], 1)[person[left] != person[right]]
    cosines = similarity_of_rows(vectors, pairs)
    shuffled = chance.permutation(len(person))
    codes = person[shuffled]
    order = np.argsort(codes, kind="stable")
    first = np.r_[True, codes[order][1:] != codes[order][:-1]]
    turn = np.arange(len(order)) - np.maximum.accumulate(np.where(first, np.arange(len(order)), 0))
    by_turn = order[np.lexsort((order, turn))][:_MOST]  # everybody's first, then everybody's second
    rows = np.sort(shuffled[by_turn])
    own = int(np.bincount(person[rows]).max())
    nearest = max(_LEAST_NEAREST, min(_NEAREST, len(rows) // 4))
    nearest = max(1, min(nearest, len(rows) - own))
    usual = min(float(np.median(cosines)), _MOST_USUAL)
    return Reference(np.asarray(vectors[rows]), person[rows], nearest, usual, pairs)


def similarity_of_rows(vectors: Float32Array, pairs: Int64Array) -> Float64Array:
    """Return the cosines of pairs of rows, ``(p,)`` float64."""
    values = np.empty(len(pairs))
    for start in range(0, len(pairs), _BLOCK):
        left, right = (
            np.asarray(vectors[pairs[start : start + _BLOCK, side]], np.float64) for side in (0, 1)
        )
        values[start : start + _BLOCK] = np.einsum("ij,ij->i", left, right)
    return values


def own_length(means: Float32Array, usual: float) -> Float64Array:
    """Return the squared lengths of means of photos, less what all photos have in common; above 0."""
    wide = np.asarray(means, np.float64)
    return np.asarray(np.maximum(np.einsum("ij,ij->i", wide, wide) - usual, _LEAST_LENGTH))
