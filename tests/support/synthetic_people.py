"""Embeddings of people as a network gives them: a direction for each person, with noise around it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from facedata.types import BoolArray, Float32Array, Float64Array, Int64Array


def directions(count: int, dim: int, seed: int = 0) -> Float64Array:
    """Return random directions."""
    rows = np.random.default_rng(seed).normal(size=(count, dim))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def photos_of(
    people: Float64Array,
    person: Sequence[int] | Int64Array,
    noise: float = 1.0,
    offset: float = 0.0,
    seed: int = 1,
) -> Float32Array:
    """Return photos of people: the cosine of two of one person is about ``1 / (1 + noise ** 2)``.

    Args:
        people: their directions.
        person: whose photo each one is.
        noise: its length, that of a person's direction being 1.
        offset: how much of one and the same direction all photos have, as with some networks.
        seed: of the noise.
    """
    mine = people[np.asarray(person)]
    mine = mine + noise * directions(len(mine), people.shape[1], seed)
    mine /= np.linalg.norm(mine, axis=1, keepdims=True)
    mine += offset * directions(1, people.shape[1], 99)
    return np.asarray(mine / np.linalg.norm(mine, axis=1, keepdims=True), np.float32)


def many_people(
    count: int,
    photos: int | Sequence[int],
    dim: int = 64,
    noise: float = 1.0,
    offset: float = 0.0,
    seed: int = 0,
) -> tuple[Float32Array, Int64Array]:
    """Return photos of people, ``photos`` of each or as many in turn, and whose each one is."""
    each = np.resize(photos, count)
    person = np.repeat(np.arange(count), each)
    return photos_of(directions(count, dim, seed), person, noise, offset, seed + 1), person


def exchange(person: Int64Array, share: float, seed: int = 0) -> tuple[Int64Array, BoolArray]:
    """Give some photos each other's names, two by two; return the names, and which are wrong."""
    chance = np.random.default_rng(seed)
    given, free = person.copy(), list(chance.permutation(len(person)))
    wrong = np.zeros(len(person), np.bool_)
    while free and wrong.sum() < share * len(person):
        one = free.pop()
        other = next((at for at in free if person[at] != person[one]), None)
        if other is None:
            continue
        free.remove(other)
        given[one], given[other] = person[other], person[one]
        wrong[[one, other]] = True
    return given, wrong


def crops_of(names: Sequence[str], splits: Sequence[str | None] | str = "train") -> pa.Table:
    """Return rows as a set's classes have them."""
    return pa.table(
        {
            "id": pa.array(range(100, 100 + len(names)), pa.int64()),
            "photo": pa.array([f"{name}/{at}.jpg" for at, name in enumerate(names)], pa.string()),
            "identity": pa.array(names, pa.string()),
            "split": pa.array([splits] * len(names) if isinstance(splits, str) else splits, pa.string()),
        }
    )
