"""Groups in which each photo is like each; what lies between two people brings nobody together."""

from __future__ import annotations

import numpy as np
import pytest

from facedata.types import Int64Array
from facemodel.training.doubt import alike
from facemodel.training.doubt.alike import group_alike
from tests.support.kept_check import towards
from tests.support.synthetic_people import many_people

HALF = float(np.cos(np.radians(30)))


def groups(degrees: list[float], limit: float = HALF) -> list[int]:
    return list(group_alike(towards(degrees), limit).tolist())


def test_those_within_the_limit_are_together_and_the_others_alone() -> None:
    assert groups([0, 90, 20, 200, 80, 10]) == [0, 1, 0, -1, 1, 0]
    assert groups([0, 31]) == [-1, -1]
    assert groups([0, 29]) == [0, 0]
    assert groups([7]) == [-1]
    assert groups([]) == []


def test_one_between_two_stays_with_the_nearer_and_does_not_join_them() -> None:
    assert groups([0, 20, 45]) == [0, 0, -1], "45 is near 20 but not near 0"
    assert groups([0, 26, 45]) == [-1, 0, 0]
    assert groups([0, 10, 30, 40]) == [0, 0, 1, 1], "10 and 30 are alike, 0 and 40 are not"
    chain = groups([float(at) for at in range(0, 180, 20)])
    assert chain == [0, 0, 1, 1, 2, 2, 3, 3, -1]


def test_numbers_follow_the_first_photos() -> None:
    assert groups([100, 5, 0, 99]) == [0, 1, 1, 0]


def test_of_pairs_that_are_as_alike_the_first_is_joined() -> None:
    flat = np.eye(3, dtype=np.float32)
    flat[1] = [0.6, 0.8, 0.0]
    flat[2] = [0.6, -0.8, 0.0]
    assert group_alike(flat, 0.5).tolist() == [0, 0, -1]


def test_the_limit_itself_counts_and_float32_decides_nothing() -> None:
    one = np.array([[1.0, 0.0], [0.6, 0.8]], np.float32)
    cosine = float(np.float64(one[1, 0]))
    assert group_alike(one, cosine).tolist() == [0, 0]
    assert group_alike(one, float(np.nextafter(cosine, 1))).tolist() == [-1, -1]


@pytest.mark.parametrize(("floats", "tried"), [(1, 1), (500, 7), (1 << 23, 1 << 12)])
def test_blocks_do_not_show(floats: int, tried: int, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, person = many_people(60, [1, 2, 5], 64, 0.9)
    whole = group_alike(vectors, 0.5)
    assert len(set(whole.tolist())) > 20
    assert purity(whole, person) == 1
    monkeypatch.setattr(alike, "_BLOCK_FLOATS", floats)
    monkeypatch.setattr(alike, "_TRIED", tried)
    assert np.array_equal(group_alike(vectors, 0.5), whole)


@pytest.mark.parametrize("limit", [0.3, 0.5, 0.6])
def test_groups_are_those_that_the_rule_says_word_by_word(limit: float) -> None:
    vectors, _ = many_people(20, [1, 4, 9], 16, 0.9)
    cosine = vectors.astype(np.float64) @ vectors.T.astype(np.float64)
    one, other = np.triu_indices(len(vectors), 1)
    groups = [{row} for row in range(len(vectors))]
    for at in np.argsort(-cosine[one, other], kind="stable").tolist():
        mine, theirs = (next(some for some in groups if row in some) for row in (one[at], other[at]))
        if mine is not theirs and cosine[np.ix_([*mine], [*theirs])].min() >= limit:
            groups.remove(theirs)
            mine |= theirs
    found = group_alike(vectors, limit).tolist()
    several = sorted(sorted(some) for some in groups if len(some) > 1)
    assert len(several) > 5
    assert several == [
        [row for row, at in enumerate(found) if at == number] for number in range(max(found) + 1)
    ]


@pytest.mark.parametrize(("most", "expected"), [(5, [0, 0, 0, 0, 1, 1]), (3, [0, 0, 1, 1, 2, 2])])
def test_of_very_many_that_are_linked_only_the_more_alike_count(
    most: int, expected: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """From .3 all six are linked; the next limits are .65, with 41 degrees between four, and .825."""
    degrees = [0.0, 1.0, 40.0, 41.0, 100.0, 101.0]
    monkeypatch.setattr(alike, "_MOST_LINKED", most)
    assert groups(degrees, 0.3) == expected
    assert groups([5.0] * 9, 0.3) == [-1] * 9, "of very many that are the same picture nothing is said"


def purity(group: Int64Array, person: Int64Array) -> float:
    """Return the share of pairs in one group that are one person's."""
    same = (group[:, None] == group) & (group >= 0) & ~np.eye(len(group), dtype=bool)
    return float((person[:, None] == person)[same].mean())


def test_a_limit_that_is_too_low_mixes_people() -> None:
    """So that the purity above can fail."""
    vectors, person = many_people(60, [1, 2, 5], 64, 0.9)
    assert purity(group_alike(vectors, 0.0), person) < 0.9
