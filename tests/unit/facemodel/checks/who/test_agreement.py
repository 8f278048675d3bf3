"""Which photos agree, against one person at a time in a plain loop."""

from __future__ import annotations

import numpy as np
import pytest

from facedata.types import Float32Array, Float64Array, Int64Array
from facemodel.checks.who import agreement
from facemodel.checks.who.agreement import Photos, split_people
from facemodel.checks.who.likelihood import Likelihood, Nearness
from facemodel.checks.who.reference import choose_reference
from tests.support.synthetic_people import directions, exchange, many_people, photos_of


def photos(vectors: Float32Array, person: Int64Array, agreement: float = 0.5) -> Photos:
    chosen = choose_reference(vectors, person)
    likelihood = Likelihood(chosen.usual, agreement, 0.12, 0.05, 0.0, 0.8, 2.5, 0.5)
    return Photos(vectors, chosen.measure(vectors, person), likelihood)


def odds(
    given: Photos, similar: Float64Array, size: Int64Array | int, row: Int64Array, members: Int64Array
) -> Float64Array:
    mean, deviation = (np.array([values[members].mean()]) for values in given.near)
    centre = Nearness(mean, deviation)
    other = given.likelihood.log_other(similar, given.near.take(row), centre)
    return np.asarray(given.likelihood.log_same(similar, 1, size) - other)


def slow_parts(given: Photos, rows: Int64Array) -> list[int]:
    """Take the photo that agrees with most, gather those that agree with the others' mean, and go on."""
    usual, part, left, done = given.likelihood.usual, dict[int, int](), rows.tolist(), 0
    similar = {
        (one, two): (float(given.vectors[one].astype(float) @ given.vectors[two]) - usual) / (1 - usual)
        for one in left
        for two in left
    }
    pair_odds = {
        (one, two): 5.0
        if one == two
        else float(odds(given, np.array([value]), 1, np.array([one]), np.array([two]))[0])
        for (one, two), value in similar.items()
    }
    while left:
        liked = []
        for one in left:
            good = [pair_odds[one, two] for two in left if pair_odds[one, two] > 0]
            liked.append(len(good) + 1e-3 * sum(map(np.tanh, good)) / len(left))
        seed = left[int(np.argmax(liked))]
        members = [one for one in left if pair_odds[seed, one] > 0]
        for _ in range(8):
            if len(members) == 1:
                break
            better = []
            for one in left:
                rest = [two for two in members if two != one]
                mean = float(np.mean([similar[one, two] for two in rest]))
                # a photo is wholly similar to itself, whatever float32 says
                among = float(np.mean([1.0 if a == b else similar[a, b] for a in rest for b in rest]))
                cosine = np.array([mean / np.sqrt(max(among, 1e-6))])
                if odds(given, cosine, len(rest), np.array([one]), np.array(members))[0] > 0:
                    better.append(one)
            better = better or [seed]
            if better == members:
                break
            members = better
        part |= dict.fromkeys(members, done)
        left, done = [one for one in left if one not in members], done + 1
    sizes = [list(part.values()).count(number) for number in range(done)]
    rank = sorted(range(done), key=lambda number: -sizes[number])
    return [rank.index(part[row]) for row in rows.tolist()]


@pytest.mark.parametrize("offset", [0.0, 2.0])
@pytest.mark.parametrize("noise", [0.8, 1.2, 3.0])
def test_groups_are_those_of_a_loop(noise: float, offset: float) -> None:
    vectors, person = many_people(24, [1, 2, 3, 6, 9], dim=32, noise=noise, offset=offset)
    person, _ = exchange(person, 0.3)
    given = photos(vectors, person, 1 / (1 + noise**2))
    found = split_people(given, person)
    begun = 0
    for one in range(24):
        rows = np.flatnonzero(person == one)
        slow = slow_parts(given, rows)
        assert (found[rows] - begun).tolist() == slow, one
        begun += max(slow) + 1


@pytest.mark.parametrize("limit", ["_PAIRS", "_NUMBERS"])
def test_batches_change_nothing(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, person = many_people(40, [2, 4, 7], dim=16)
    person, _ = exchange(person, 0.2)
    given = photos(vectors, person)
    whole = split_people(given, person)
    monkeypatch.setattr(agreement, limit, 1)
    np.testing.assert_array_equal(split_people(given, person), whole)


def test_rows_in_any_order() -> None:
    vectors, person = many_people(30, [1, 3, 8], dim=32)
    person, _ = exchange(person, 0.2)
    given = photos(vectors, person)
    order = np.random.default_rng(1).permutation(len(person))
    shuffled = Photos(vectors[order], given.near.take(order), given.likelihood)
    one, other = split_people(given, person)[order], split_people(shuffled, person[order])
    for group in set(one.tolist()):
        assert len(set(other[one == group].tolist())) == 1
    assert one.max() == other.max()


def test_more_photos_than_are_compared_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two people under each name: each has its group, though one of 20 photos is compared."""
    people = directions(20, 64)
    whose = np.r_[np.repeat([0, 1], [700, 300]), np.repeat(np.arange(2, 20), 5)]
    person = np.where(whose < 2, 0, whose - 1)
    vectors = photos_of(people, whose)
    monkeypatch.setattr(agreement, "_COMPARED", 50)
    found = split_people(photos(vectors, person), person)
    sizes = np.bincount(found[:1000])
    assert sizes[0] > 690
    assert sizes[1] > 290
    assert (np.bincount(found[:700])[0], np.bincount(found[700:1000])[1]) == (sizes[0], sizes[1])


def test_a_name_of_many_people_is_split_into_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a name such as `unknown` has: no photo joins another person's."""
    monkeypatch.setattr(agreement, "_COMPARED", 40)
    whose = np.r_[np.arange(300), np.repeat(np.arange(300, 320), 4)]
    person = np.where(whose < 300, 0, whose - 299)
    vectors = photos_of(directions(320, 128), whose, 0.7)
    found = split_people(photos(vectors, person, 0.67), person)
    assert len(set(found[:300].tolist())) > 290
