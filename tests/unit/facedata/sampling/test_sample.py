"""Pairs and triplets against slow loops, at the limits, and in their distribution."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pytest

from facedata.errors import SampleError
from facedata.sampling.quota import SPAN_ROWS
from facedata.sampling.sample import pair_drawing, sample_pairs, sample_triplets, triplet_drawing, usage
from facedata.sampling.spaces import Rule, unrank_pair
from facedata.types import BoolArray, Int64Array

SMALL = np.array([2, 0, 1, 0, 0, 3, 1])  # people in no order; 2 and 3 have one photo


def slow_triplets(person: Int64Array) -> set[tuple[int, ...]]:
    n = len(person)
    return {
        (a, p, x)
        for a, p in permutations(range(n), 2)
        for x in range(n)
        if person[a] == person[p] != person[x]
    }


def rows_of(*columns: Int64Array | BoolArray) -> list[tuple[int, ...]]:
    return list(zip(*(column.tolist() for column in columns), strict=True))


@pytest.mark.parametrize("uniform", ["people", "photos"])
@pytest.mark.parametrize("count", [None, 44, 1000])
def test_asked_for_all_triplets_makes_every_one_once(uniform: str, count: int | None) -> None:
    rows = rows_of(*sample_triplets(SMALL, count, 0, Rule(uniform=uniform)))
    assert len(rows) == 6 * 4 + 2 * 5 == 34
    assert set(rows) == slow_triplets(SMALL)


@pytest.mark.parametrize("count", range(34))
def test_any_count_up_to_the_limit_is_met(count: int) -> None:
    rows = rows_of(*sample_triplets(SMALL, count, count))
    assert len(set(rows)) == len(rows) == count
    assert set(rows) <= slow_triplets(SMALL)


def test_triplets_are_uniform_over_people() -> None:
    person = np.repeat(np.arange(40), [80] * 10 + [20] * 10 + [1] * 20)
    rows = sample_triplets(person, 20_000, 0)
    assert np.bincount(person[rows.anchor]).tolist() == [1000] * 20
    negatives = np.bincount(person[rows.negative])
    assert negatives.tolist() == pytest.approx([500] * 40, rel=0.25)  # one-photo people as often as others


def test_triplets_are_uniform_over_photos() -> None:
    person = np.repeat(np.arange(30), [50] * 10 + [5] * 10 + [1] * 10)
    rows = sample_triplets(person, 22_000, 0, Rule(uniform="photos"))
    assert set(np.bincount(rows.anchor, minlength=560)[:550]) == {40}
    # a photo is a negative unless it is of the anchor's person
    assert np.bincount(rows.negative).tolist() == pytest.approx([22_000 / 560] * 560, abs=36)


def test_each_positive_is_as_likely_as_any_other() -> None:
    person = np.repeat(np.arange(30), 6)
    rows = sample_triplets(person, 20_000, 1)
    own = np.bincount(rows.anchor % 6 * 6 + rows.positive % 6, minlength=36).reshape(6, 6)
    assert (np.diag(own) == 0).all()
    assert own[~np.eye(6, dtype=bool)].tolist() == pytest.approx([20_000 / 30] * 30, rel=0.15)


def test_nobody_gives_more_triplets_than_the_cap() -> None:
    rows = sample_triplets(SMALL, None, 0, Rule(max_per_person=7))
    assert np.bincount(SMALL[rows.anchor]).tolist() == [7, 7]


def test_reference_photos_are_crossed_with_own_and_others() -> None:
    reference = np.array([True, False, True, True, False, True, False])
    rows = rows_of(*sample_triplets(SMALL, None, 0, Rule("reference"), reference))
    expected = {t for t in slow_triplets(SMALL) if reference[t[0]] and not reference[t[1]]}
    assert len(rows) == len(expected)
    assert set(rows) == expected
    some = rows_of(*sample_triplets(SMALL, 5, 0, Rule("reference"), reference))
    assert len(set(some)) == 5
    assert set(some) < expected


def test_all_makes_every_positive_pair_once_with_one_negative() -> None:
    rows = sample_triplets(SMALL, None, 0, Rule("all"))
    expected = {t[:2] for t in slow_triplets(SMALL)}
    assert sorted(rows_of(rows.anchor, rows.positive)) == sorted(expected)
    assert (SMALL[rows.anchor] != SMALL[rows.negative]).all()


@pytest.mark.parametrize("uniform", ["people", "photos"])
def test_asked_for_all_pairs_makes_as_many_of_one_as_of_two(uniform: str) -> None:
    person = np.array([0, 1, 0, 1, 0, 1, 0])
    rows = sample_pairs(person, None, 0, Rule(uniform=uniform))
    positive = {(i, j) for i, j in combinations(range(7), 2) if person[i] == person[j]}
    assert set(rows_of(rows.left[rows.same], rows.right[rows.same])) == positive
    negative = rows_of(rows.left[~rows.same], rows.right[~rows.same])
    assert len(set(negative)) == len(negative) == len(positive) == 9
    assert all(i < j and person[i] != person[j] for i, j in negative)


def test_where_few_negatives_exist_positives_are_cut_to_them_but_for_all() -> None:
    person = np.array([0] * 10 + [1])
    balanced, everything = (sample_pairs(person, None, 0, Rule(strategy)) for strategy in ("random", "all"))
    assert (balanced.same.sum(), (~balanced.same).sum()) == (10, 10)
    assert (everything.same.sum(), (~everything.same).sum()) == (45, 10)


@pytest.mark.parametrize(("count", "same"), [(1, 1), (2, 1), (7, 4), (8, 4)])
def test_an_odd_pair_more_is_of_one_person(count: int, same: int) -> None:
    rows = sample_pairs(np.repeat(np.arange(4), 4), count, 0)
    assert (len(rows.same), rows.same.sum()) == (count, same)


def test_negative_pairs_are_spread_over_all_people() -> None:
    person = np.repeat(np.arange(60), [20] * 20 + [2] * 20 + [1] * 20)
    rows = sample_pairs(person, 4000, 0)
    different = np.bincount(person[np.concatenate([rows.left[~rows.same], rows.right[~rows.same]])])
    assert different[:20].tolist() == pytest.approx([4000 / 60] * 20, rel=0.5)
    assert (different[40:] >= 20).all()  # each with at most 59 partners' photos, and yet not left out
    same = np.bincount(person[rows.left[rows.same]])
    assert same.tolist() == [99] * 20 + [1] * 20  # two photos make one pair; the others share the rest


def test_nobody_gives_more_positive_pairs_than_the_cap() -> None:
    person = np.repeat(np.arange(5), [30, 3, 2, 1, 1])
    rows = sample_pairs(person, None, 0, Rule("all", max_per_person=4))
    assert np.bincount(person[rows.left[rows.same]]).tolist() == [4, 3, 1]


def test_reference_pairs_have_the_reference_photo_left() -> None:
    reference = np.array([True, False, True, True, False, True, False])
    rows = sample_pairs(SMALL, None, 0, Rule("reference"), reference)
    assert reference[rows.left].all()
    assert not reference[rows.right].any()
    expected = {(i, j) for i in (0, 2, 3, 5) for j in (1, 4, 6) if SMALL[i] == SMALL[j]}
    assert set(rows_of(rows.left[rows.same], rows.right[rows.same])) == expected
    negative = rows_of(rows.left[~rows.same], rows.right[~rows.same])
    assert len(set(negative)) == len(expected)
    assert all(SMALL[i] != SMALL[j] for i, j in negative)


def test_many_rows_come_in_chunks_that_are_distinct_together() -> None:
    person = np.arange(3000) // 3
    drawing = triplet_drawing(person, 2 * SPAN_ROWS, np.random.default_rng(0))
    chunks = [np.stack(chunk, axis=1) for chunk in drawing.chunks]
    rows = np.concatenate(chunks)
    assert len(chunks) >= 2
    assert max(map(len, chunks)) < 1.1 * SPAN_ROWS
    assert len(rows) == drawing.rows == 2 * SPAN_ROWS
    assert len(np.unique(rows, axis=0)) == len(rows)
    assert (np.diff(rows[:, 0]) >= 0).all()


def test_people_with_very_many_photos_among_many_with_one_do_not_stall_it() -> None:
    person = np.concatenate([np.zeros(2, np.int64), np.arange(1, 400), np.full(20_000, 400)])
    rows = sample_triplets(person, 9_000, 0, Rule(max_per_person=4_500))
    assert len(set(rows_of(*rows))) == 9_000


def test_one_seed_one_drawing() -> None:
    person = np.arange(300) // 3
    first, again, other = (rows_of(*sample_triplets(person, 500, seed)) for seed in (3, 3, 4))
    assert first == again != other


def test_what_is_made_is_known_before() -> None:
    assert triplet_drawing(SMALL, 100, np.random.default_rng(0)).rows == 34
    drawing = pair_drawing(SMALL, 100, np.random.default_rng(0))
    assert (drawing.asked, drawing.rows, drawing.same) == (100, 8, 4)


def test_nothing_asked_nothing_made() -> None:
    assert rows_of(*sample_triplets(SMALL, 0, 0)) == rows_of(*sample_pairs(SMALL, 0, 0)) == []


@pytest.mark.parametrize(
    ("person", "strategy", "reference", "words"),
    [
        ([], "random", None, "nobody has a photo"),
        ([0, 0, 0], "random", None, "only one person"),
        ([0, 1, 2], "all", None, "none of the 3 people"),
        ([0, 0, 1], "reference", None, "--reference GLOB"),
        ([0, 0, 1], "reference", [False] * 3, "--reference GLOB"),
        ([0, 0, 1], "reference", [True, True, True], "matches fewer"),
    ],
)
def test_what_cannot_be_drawn_says_why(
    person: list[int], strategy: str, reference: list[bool] | None, words: str
) -> None:
    mask = None if reference is None else np.array(reference)
    for draw in (sample_pairs, sample_triplets):
        with pytest.raises(SampleError, match=words):
            draw(np.array(person, np.int64), 5, 0, Rule(strategy), mask)


def test_unranking_goes_through_all_pairs_and_is_exact_far_out() -> None:
    i, j = unrank_pair(np.arange(45))
    assert rows_of(i, j) == sorted(combinations(range(10), 2), key=lambda pair: pair[::-1])
    far = 20_000_000
    edges = np.array([far * (far - 1) // 2 - 1, far * (far - 1) // 2])
    assert rows_of(*unrank_pair(edges)) == [(far - 2, far - 1), (0, far)]


def test_usage_of_no_photos_is_nothing() -> None:
    found = usage(np.empty(0, np.int64))
    assert (found.mean, found.std, found.never, found.most) == (0, 0, 0, 0)
