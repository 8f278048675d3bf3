"""Whoever is left over: two people who can be told apart are never one new person, and each one is whole."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from facedata.types import Float32Array, Int64Array
from facemodel.training.doubt.alike import group_alike

photos_each = st.lists(st.integers(1, 5), min_size=1, max_size=12)
BETWEEN = 0.707
"""A photo is within 22.4 degrees of its person's direction: two of one person have a cosine above this, two
of different people below."""


def separable(each: list[int], seed: int) -> tuple[Float32Array, Int64Array]:
    """Return photos of people in any order, and whose each one is."""
    chance = np.random.default_rng(seed)
    person = chance.permutation(np.repeat(np.arange(len(each)), each))
    vectors = np.eye(len(each), 24)[person]
    noise = chance.normal(size=vectors.shape)
    vectors += 0.38 * noise / np.linalg.norm(noise, axis=1, keepdims=True)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), person


def same_group(group: Int64Array) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    return np.asarray((group[:, None] == group) & (group >= 0))


@given(photos_each, st.integers(0, 2**32 - 1), st.floats(0.0, 1.0))
def test_groups_are_the_people(each: list[int], seed: int, share: float) -> None:
    vectors, person = separable(each, seed)
    cosine, same = vectors.astype(np.float64) @ vectors.T, person[:, None] == person
    highest = cosine[~same].max(initial=-1)
    assert highest < BETWEEN < cosine[same].min()
    limit = highest + (cosine[same].min() - highest) * (0.01 + 0.98 * share)
    group = group_alike(vectors, limit)
    several = np.bincount(person)[person] > 1
    assert np.array_equal(same_group(group), same & several[:, None])


@given(photos_each, st.integers(0, 2**32 - 1), st.floats(-0.5, 0.99))
def test_at_any_limit_all_of_a_group_are_alike(each: list[int], seed: int, limit: float) -> None:
    vectors, _ = separable(each, seed)
    group = group_alike(vectors, limit)
    cosine = np.einsum("ik,jk->ij", vectors.astype(np.float64), vectors.astype(np.float64))
    assert cosine[same_group(group)].min(initial=1) >= limit - 1e-12
    numbers = group[np.sort(np.unique(group, return_index=True)[1])]
    assert numbers[numbers >= 0].tolist() == list(range(group.max(initial=-1) + 1))
    assert (np.bincount(group[group >= 0]) > 1).all()
    assert np.array_equal(group_alike(vectors, limit), group)


@given(photos_each, st.integers(0, 2**32 - 1))
def test_the_order_of_photos_decides_nothing(each: list[int], seed: int) -> None:
    vectors, _ = separable(each, seed)
    order = np.random.default_rng(seed).permutation(len(vectors))
    group, turned = group_alike(vectors, BETWEEN), group_alike(vectors[order], BETWEEN)
    assert np.array_equal(same_group(group)[np.ix_(order, order)], same_group(turned))
