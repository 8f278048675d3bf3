"""One direction for each person, and halves, against a loop."""

from __future__ import annotations

import numpy as np

from facedata.types import Float32Array
from facemodel.checks.overlap.people_vectors import gather_people, halve_people


def rows(count: int, dim: int = 6, seed: int = 0) -> Float32Array:
    values = np.random.default_rng(seed).normal(size=(count, dim))
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    return np.asarray(values, np.float32)


def test_people_are_the_directions_of_their_sums() -> None:
    directions, person = rows(50_000), np.random.default_rng(1).integers(0, 300, 50_000)
    person[person == 17] = 18  # a number that nobody has
    people = gather_people(directions, person)
    assert people.numbers.tolist() == [one for one in range(300) if one != 17]
    for place, number in enumerate(people.numbers.tolist()):
        total = directions[person == number].astype(np.float64).sum(axis=0)
        assert np.allclose(people.vectors[place], total / np.linalg.norm(total), atol=1e-5)
        assert people.photos[place] == (person == number).sum()


def test_a_person_whose_photos_cancel_out_is_left_out() -> None:
    one = rows(1)
    people = gather_people(np.concatenate([one, -one, one]), np.array([4, 4, 9]))
    assert people.numbers.tolist() == [9]


def test_halves_are_other_photos_of_the_same_person() -> None:
    directions, person = rows(400), np.random.default_rng(2).integers(0, 60, 400)
    people = gather_people(directions, person)
    for left, right in ((1, 1), (2, 1), (4, 4)):
        halves = halve_people(directions, person, people, left, right)
        assert halves.places.tolist() == np.flatnonzero(people.photos >= left + right).tolist()
        for at, place in enumerate(halves.places.tolist()):
            mine = directions[person == people.numbers[place]]
            if left == right == 1:
                dots = [(mine @ half[at] > 0.9999).nonzero()[0] for half in (halves.left, halves.right)]
                assert [len(one) for one in dots] == [1, 1]
                assert dots[0][0] != dots[1][0]
        assert np.allclose(np.linalg.norm(halves.left, axis=1), 1, atol=1e-5)


def test_nobody_has_enough_photos() -> None:
    directions = rows(5)
    people = gather_people(directions, np.arange(5))
    assert len(halve_people(directions, np.arange(5), people, 1, 1).places) == 0
