"""Embeddings of the people of two sets, some of whom are in both, from two kinds of network; no photos."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from facedata.types import Float32Array, Int64Array


class TwoSets(NamedTuple):
    """Directions and people of two sets; the first ``shared`` people of both are the same."""

    mine: Float32Array
    my_people: Int64Array
    theirs: Float32Array
    their_people: Int64Array
    shared: int


def two_sets(
    people: tuple[int, int],
    shared: int,
    photos: int = 2,
    *,
    noise: float = 0.7,
    offset: float = 0.0,
    dim: int = 64,
    seed: int = 0,
) -> TwoSets:
    """Make two sets of so many people with so many photos each.

    Args:
        people: how many each set has.
        shared: how many of them are in both, with other photos.
        photos: of each person in each set.
        noise: how far photos of one person scatter; people scatter by 1.
        offset: how far all embeddings lie to one side, as those of networks that are not centred.
        dim: length of an embedding.
        seed: other people and photos.
    """
    rng = np.random.default_rng(seed)
    everybody = rng.normal(size=(sum(people) - shared, dim))
    others = np.concatenate([everybody[:shared], everybody[people[0] :]])
    side = offset * np.ones(dim)
    sets: list[tuple[Float32Array, Int64Array]] = []
    for centres in (everybody[: people[0]], others):
        person = np.repeat(np.arange(len(centres)), photos)
        values = centres[person] + noise * rng.normal(size=(len(person), dim)) + side
        values /= np.linalg.norm(values, axis=1, keepdims=True)
        sets.append((values.astype(np.float32), person))
    return TwoSets(*sets[0], *sets[1], shared)
