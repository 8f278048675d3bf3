"""The nearest groups of other people, against all of them."""

from __future__ import annotations

import numpy as np
import pytest

from facedata.types import Float32Array, Int64Array
from facemodel.checks.who.groups import Groups, make_groups
from facemodel.checks.who.likelihood import normalise
from facemodel.checks.who.nearest_groups import find_nearest
from facemodel.checks.who.reference import choose_reference
from tests.support.synthetic_people import many_people

BLOCKS = [1, 90, 300, 5000, None]


def groups_of(vectors: Float32Array, person: Int64Array, of_photo: Int64Array) -> tuple[Groups, float]:
    chosen = choose_reference(vectors, person)
    return make_groups(vectors, person, of_photo, chosen), chosen.usual


def slow_nearest(groups: Groups, usual: float, count: int) -> tuple[list[list[int]], list[list[float]]]:
    found, normal = [], []
    each = np.arange(len(groups))
    for one in each:
        others = each[groups.person != groups.person[one]]
        mine = np.full(len(others), one)
        similar = groups.similarity(mine, others, usual)
        values = normalise(similar, groups.near.take(mine), groups.near.take(others))
        order = np.lexsort((others, -values))[:count]
        missing = count - len(order)
        found.append(others[order].tolist() + [-1] * missing)
        normal.append(values[order].tolist() + [-np.inf] * missing)
    return found, normal


@pytest.mark.parametrize("block_floats", BLOCKS)
@pytest.mark.parametrize("offset", [0.0, 3.0])
def test_they_are_those_of_a_loop(offset: float, block_floats: int | None) -> None:
    """People have several groups each, so that blocks begin and end within a person."""
    vectors, person = many_people(30, [1, 4, 9], dim=24, offset=offset)
    groups, usual = groups_of(vectors, person, person * 3 + np.arange(len(person)) % 3)
    nearest = find_nearest(groups, usual, 5, block_floats=block_floats)
    found, normal = slow_nearest(groups, usual, 5)
    assert nearest.groups.tolist() == found
    np.testing.assert_allclose(nearest.normal, normal, atol=1e-9)
    rows = np.repeat(np.arange(len(groups)), 5)
    similar = groups.similarity(rows, nearest.groups.ravel(), usual)
    np.testing.assert_array_equal(nearest.similarity.ravel(), similar)


@pytest.mark.parametrize("block_floats", BLOCKS)
def test_of_equal_ones_the_lowest_number_comes_first(block_floats: int | None) -> None:
    """Each face is there three times under three names."""
    vectors, _ = many_people(20, 1, dim=16)
    vectors, person = np.tile(vectors, (3, 1)), np.arange(60)
    groups, usual = groups_of(vectors, person, person)
    nearest = find_nearest(groups, usual, 2, block_floats=block_floats)
    near = groups.near
    alike = [
        one
        for one in range(20)
        if np.ptp(near.mean[one::20]) < 1e-9 and np.ptp(near.deviation[one::20]) < 1e-9
    ]
    assert alike
    for one in range(60):
        assert set(nearest.groups[one].tolist()) == {one % 20, one % 20 + 20, one % 20 + 40} - {one}
        if one % 20 in alike:
            assert nearest.groups[one, 0] < nearest.groups[one, 1]


@pytest.mark.parametrize("people", [1, 2, 3])
def test_fewer_others_than_asked_for(people: int) -> None:
    vectors, _ = many_people(people, 4, dim=8)
    person = np.repeat(np.arange(people), 4)
    others = many_people(3, 4, dim=8, seed=9)
    chosen = choose_reference(*others)
    groups = make_groups(vectors, person, np.arange(len(person)), chosen)
    nearest = find_nearest(groups, chosen.usual, 8)
    assert nearest.groups.shape == (4 * people, min(8, 4 * people - 1))
    there = nearest.groups >= 0
    assert (there.sum(1) == min(8, 4 * (people - 1))).all()
    assert np.isneginf(nearest.normal[~there]).all()
    assert (person[nearest.groups] != person[:, None])[there].all()


def test_one_group_has_nobody() -> None:
    vectors, person = many_people(1, 3)
    chosen = choose_reference(*many_people(5, 2))
    nearest = find_nearest(make_groups(vectors, person, person, chosen), chosen.usual)
    assert nearest.groups.shape == (1, 0)
