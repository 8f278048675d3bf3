"""Which group has which name, against all ways to give the names."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from facedata.types import Int64Array
from facemodel.checks.who import names
from facemodel.checks.who.groups import Groups, make_groups
from facemodel.checks.who.likelihood import Likelihood, Nearness
from facemodel.checks.who.names import Links, give_names, join_groups
from facemodel.checks.who.reference import choose_reference
from tests.support.synthetic_people import directions, many_people, photos_of


def plain_groups(person: list[int], size: list[int]) -> Groups:
    """Return groups of which only people and sizes matter."""
    count = len(person)
    empty = np.zeros((count, 2), np.float32)
    near = Nearness(np.zeros(count), np.ones(count))
    each = np.arange(count)
    return Groups(each, np.array(person), np.array(size), each, empty, empty, np.ones(count), near)


def largest(groups: Groups) -> Int64Array:
    people = int(groups.person.max()) + 1
    return np.array(
        [
            np.flatnonzero(groups.person == one)[groups.size[groups.person == one].argmax()]
            for one in range(people)
        ]
    )


def kept(groups: Groups, given: Int64Array) -> int:
    return int(groups.size[given == groups.person].sum())


@pytest.mark.parametrize("seed", range(40))
def test_no_other_way_keeps_more_photos(seed: int) -> None:
    """Votes are photos; what breaks ties is worth less than a photo of a set of this size."""
    chance = np.random.default_rng(seed)
    person = np.sort(np.r_[np.arange(4), chance.integers(0, 4, 5)])
    groups = plain_groups(person.tolist(), chance.integers(1, 5, 9).tolist())
    joined = np.arange(9)
    for _ in range(4):
        one, other = chance.integers(0, 9, 2)
        joined[joined == max(joined[one], joined[other])] = min(joined[one], joined[other])
    given = give_names(groups, joined, largest(groups))
    for one in set(joined.tolist()):
        assert len(set(given[joined == one].tolist())) == 1  # what is joined has one name
    owners = [int(joined[np.flatnonzero(given == name)[0]]) for name in set(given.tolist()) - {-1}]
    assert len(owners) == len(set(owners))
    faces = sorted(set(joined.tolist()))
    most = 0
    for order in permutations([0, 1, 2, 3, *[-1] * (len(faces) - 1)], len(faces)) if len(faces) < 6 else ():
        names_of = dict(zip(faces, order, strict=True))
        most = max(most, kept(groups, np.array([names_of[int(one)] for one in joined])))
    assert kept(groups, given) >= most - 1  # a group larger than the others of its name counts a little more


def test_two_exchanged_photos_get_their_names_back() -> None:
    # ada has three of her own and one of bo's; bo three and one of ada's
    groups = plain_groups([0, 0, 1, 1], [3, 1, 3, 1])
    assert give_names(groups, np.array([0, 1, 1, 0]), np.array([0, 2])).tolist() == [0, 1, 1, 0]


def test_nothing_is_said_of_one_photo_each() -> None:
    """Two names with one photo of each of two people: lower numbers win, and it is the same each time."""
    groups = plain_groups([0, 0, 1, 1], [1, 1, 1, 1])
    assert give_names(groups, np.array([0, 1, 0, 1]), np.array([0, 2])).tolist() == [0, 1, 0, 1]


def test_who_has_lost_all_names_has_none() -> None:
    groups = plain_groups([0, 0], [3, 1])
    assert give_names(groups, np.array([0, 1]), np.array([0])).tolist() == [0, -1]


def test_very_many_connected_names_go_to_the_largest(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = np.random.default_rng(0)
    person = np.sort(chance.integers(0, 40, 200))
    person[:40] = np.arange(40)
    groups = plain_groups(np.sort(person).tolist(), chance.integers(1, 9, 200).tolist())
    joined = np.minimum(np.arange(200), chance.integers(0, 60, 200))
    joined = joined[joined]
    exact = give_names(groups, joined, largest(groups))
    monkeypatch.setattr(names, "_MOST_ASSIGNED", 3)
    quick = give_names(groups, joined, largest(groups))
    assert len({(int(one), int(name)) for one, name in zip(joined, quick, strict=True)}) == len(
        set(joined.tolist())
    )
    named = [int(name) for name in set(quick.tolist()) - {-1}]
    assert len({int(joined[quick == name][0]) for name in named}) == len(named)
    assert 0.8 * kept(groups, exact) <= kept(groups, quick) <= kept(groups, exact) + 1


def test_only_those_are_joined_that_agree_as_a_whole() -> None:
    """A chain of faces, each like the next, is not one person."""
    people = directions(4, 128)
    people[2] = people[1] + people[3]  # a photo between two people
    people[2] /= np.linalg.norm(people[2])
    vectors = photos_of(people, np.repeat(np.arange(4), 4), 0.5)
    vectors = np.concatenate([vectors, many_people(60, 2, 128, seed=5)[0]])
    person = np.r_[np.repeat(np.arange(4), 4), 4 + np.repeat(np.arange(60), 2)]
    chosen = choose_reference(vectors, person)
    groups = make_groups(vectors, person, person, chosen)
    likelihood = Likelihood(chosen.usual, 0.8, 0.1, best_at=2.0, best_scale=0.5)
    links = Links(np.array([1, 2]), np.array([2, 3]), np.array([3.0, 2.0]))
    joined = join_groups(groups, links, likelihood)
    assert joined[:4].tolist() == [0, 1, 1, 3]
    same = photos_of(people[:1], np.zeros(12, np.int64), 0.5)
    vectors[:12] = same
    groups = make_groups(vectors, person, person, chosen)
    links = Links(np.array([0, 1, 0]), np.array([1, 2, 2]), np.array([3.0, 2.0, 1.0]))
    assert join_groups(groups, links, likelihood)[:4].tolist() == [0, 0, 0, 3]
