"""How similar a person is to those who look alike: what is usual for one is much for another.

Subtracting it from a similarity is what speaker and face verification call adaptive score normalisation:
Matejka et al., Analysis of score normalization in multilingual speaker recognition, Interspeech 2017. Only
the mean is subtracted here, since the spread of few neighbours is hardly known.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from facedata.types import Float32Array, Float64Array, Int64Array

from ...mining.matches import best_matches
from .people_vectors import People

_MOST_PEOPLE = 4_096
"""People of both sets together among whom those who look alike are sought."""

_NEAREST = 0.0025
_FEWEST_NEAREST = 6
"""Of the crowd, the share who look alike, and how many at least. The nearest third of them does not count:
one of them may be the same person."""


class Crowd(NamedTuple):
    """Some people of both sets, evenly from each.

    Attributes:
        vectors: ``(c, dim)`` float32.
        mine: ``(p,)`` int64, the place of each person of this set in it, -1 for none.
        theirs: ``(q,)`` int64, the same for the other set's people.
    """

    vectors: Float32Array
    mine: Int64Array
    theirs: Int64Array


def gather_crowd(mine: People, theirs: People) -> Crowd:
    """Choose the people among whom those who look alike are sought."""
    step = max(1, -(-(len(mine) + len(theirs)) // _MOST_PEOPLE))
    places, start = [], 0
    for side in (mine, theirs):
        chosen = np.arange(0, len(side), step)
        place = np.full(len(side), -1, np.int64)
        place[chosen] = start + np.arange(len(chosen))
        start += len(chosen)
        places.append(place)
    vectors = np.concatenate([mine.vectors[::step], theirs.vectors[::step]])
    return Crowd(vectors, places[0], places[1])


def crowd_level(vectors: Float32Array, crowd: Crowd, own: Int64Array, device: str) -> Float64Array:
    """Return the mean similarity of each vector to those of the crowd who look alike, ``(n,)``.

    Args:
        vectors: ``(n, dim)`` float32 of length one.
        crowd: the crowd.
        own: ``(n,)`` int64, the same person's place in the crowd, who does not count; -1 for none.
        device: where to multiply, as torch names it.
    """
    count = min(max(_FEWEST_NEAREST, round(_NEAREST * len(crowd.vectors))), max(len(crowd.vectors) - 1, 1))
    near = best_matches(vectors, crowd.vectors, own, count, device).similarities.astype(np.float64)
    near = near[:, count // 3 :]
    there = np.isfinite(near)
    sums, counts = np.where(there, near, 0.0).sum(axis=1), there.sum(axis=1)
    return np.asarray(sums / np.maximum(counts, 1))
