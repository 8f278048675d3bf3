"""Photos sorted by person: what is looked up, and what need not be."""

from __future__ import annotations

import numpy as np
import pytest

from facedata.sampling.pool import Pool


@pytest.mark.parametrize("person", [[0, 0, 1, 2, 2, 2], [2, 0, 1, 2, 0, 2]])
def test_a_place_is_a_row_of_its_person(person: list[int]) -> None:
    pool = Pool(np.array(person), people=3)
    rows = pool.row_at(np.arange(6))
    assert rows.tolist() == pool.rows.tolist()
    assert [person[row] for row in rows] == sorted(person)


def test_a_place_among_some_rows_is_one_of_these() -> None:
    pool = Pool(np.array([0, 0, 1, 1]), 2, np.array([False, True, False, True]))
    assert pool.row_at(np.arange(2)).tolist() == [1, 3]


@pytest.mark.parametrize("absent", [False, True])
def test_people_are_drawn_equally_often_and_never_ones_own(absent: bool) -> None:
    """With everybody present, and where the third person has no photo in the pool."""
    person = np.repeat(np.arange(5), [1, 2, 30, 4, 5])
    pool = Pool(person, 5, person != 2 if absent else None)
    own = np.repeat(np.arange(5), 4000)
    rows = pool.other_row(own, pool.draw_other(own, "people", np.random.default_rng(0)))
    found = np.zeros((5, 5), np.int64)
    np.add.at(found, (own, person[rows]), 1)
    others = [[who for who in range(5) if who != one and not (absent and who == 2)] for one in range(5)]
    for one, mine in enumerate(others):
        assert np.flatnonzero(found[one]).tolist() == mine
        assert found[one, mine].tolist() == pytest.approx([4000 / len(mine)] * len(mine), rel=0.15)
