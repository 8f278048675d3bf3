"""The plain rule that a check has to beat: ten lines, with constants for one network."""

from __future__ import annotations

import numpy as np

from facedata.types import BoolArray, Float32Array, Int64Array
from tests.benchmark.check_rows.planted import unit_means

_NEARER, _LEAST, ONE_PERSON = 0.1, 0.45, 0.55


def plain_photos(vectors: Float32Array, person: Int64Array) -> BoolArray:
    """Report photos nearer to somebody else's mean than to that of their own people's other photos."""
    sums = np.zeros((int(person.max()) + 1, vectors.shape[1]))
    np.add.at(sums, person, vectors)
    rest = sums[person] - vectors
    own = (vectors * rest).sum(1) / np.maximum(np.linalg.norm(rest, axis=1), 1e-12)
    similar = vectors @ unit_means(vectors, person).T
    similar[np.arange(len(person)), person] = -1
    nearest = similar.max(1)
    return np.asarray((nearest > own + _NEARER) & (nearest > _LEAST))


def plain_people(vectors: Float32Array, person: Int64Array) -> set[tuple[int, int]]:
    """Report pairs of people whose means are so alike."""
    means = unit_means(vectors, person)
    pairs = np.argwhere(np.triu(means @ means.T, 1) >= ONE_PERSON)
    return {(int(left), int(right)) for left, right in pairs}
