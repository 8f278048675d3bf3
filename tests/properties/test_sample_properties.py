"""What must hold of every pair and triplet, whoever has how many photos."""

from __future__ import annotations

from collections import Counter
from itertools import combinations, permutations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from facedata.errors import SampleError
from facedata.sampling.sample import pair_drawing, sample_pairs, sample_triplets, triplet_drawing
from facedata.sampling.spaces import Rule
from facedata.types import BoolArray, Int64Array


@st.composite
def photos(draw: st.DrawFn) -> tuple[Int64Array, BoolArray]:
    """At least two people, the first with at least two photos, one of them and not the other a reference."""
    codes = draw(st.lists(st.integers(0, 5), max_size=14))
    person = np.unique(np.array([0, 0, 1, *codes]), return_inverse=True)[1]
    marked = draw(st.lists(st.booleans(), min_size=len(person), max_size=len(person)))
    return person, np.array([True, False, *marked[2:]])


rules = st.builds(
    Rule,
    st.sampled_from(["random", "reference", "all"]),
    st.sampled_from(["people", "photos"]),
    st.none() | st.integers(1, 10),
)
counts = st.none() | st.integers(1, 200)


def slow_triplets(person: Int64Array, rule: Rule, reference: BoolArray) -> Counter[int]:
    """Count each person's distinct triplets (of ``all``: anchor and positive)."""
    found: Counter[int] = Counter()
    for a, p in permutations(range(len(person)), 2):
        if person[a] == person[p] and (rule.strategy != "reference" or (reference[a] and not reference[p])):
            found[int(person[a])] += 1 if rule.strategy == "all" else int((person != person[a]).sum())
    return found


def capped(found: Counter[int], rule: Rule) -> int:
    return sum(min(count, rule.max_per_person or count) for count in found.values())


@given(photos(), counts, rules, st.integers(0, 99))
def test_triplets_are_right_distinct_capped_and_as_many_as_can_be(
    given_photos: tuple[Int64Array, BoolArray], count: int | None, rule: Rule, seed: int
) -> None:
    person, reference = given_photos
    anchor, positive, negative = sample_triplets(person, count, seed, rule, reference)
    assert (anchor != positive).all()
    assert (person[anchor] == person[positive]).all()
    assert (person[anchor] != person[negative]).all()
    columns = (anchor, positive) if rule.strategy == "all" else (anchor, positive, negative)
    assert len(set(zip(*(column.tolist() for column in columns), strict=True))) == len(anchor)
    exist = capped(slow_triplets(person, rule, reference), rule)
    assert len(anchor) == (exist if count is None else min(count, exist))
    assert np.bincount(person[anchor]).max(initial=0) <= (rule.max_per_person or len(anchor))
    drawing = triplet_drawing(person, count, np.random.default_rng(seed), rule, reference)
    assert drawing.rows == len(anchor)


@given(photos(), counts, rules, st.integers(0, 99))
def test_pairs_are_right_distinct_capped_and_balanced(
    given_photos: tuple[Int64Array, BoolArray], count: int | None, rule: Rule, seed: int
) -> None:
    person, reference = given_photos
    left, right, same = sample_pairs(person, count, seed, rule, reference)
    assert ((person[left] == person[right]) == same).all()
    assert len({frozenset(pair) for pair in zip(left.tolist(), right.tolist(), strict=True)}) == len(left)
    assert (left != right).all()
    pairs = [
        (i, j)
        for i, j in combinations(range(len(person)), 2)
        if rule.strategy != "reference" or reference[i] != reference[j]
    ]
    positives = capped(Counter(int(person[i]) for i, j in pairs if person[i] == person[j]), rule)
    negatives = sum(person[i] != person[j] for i, j in pairs)
    wanted = positives if rule.strategy == "all" else min(positives, negatives)
    if count is not None:
        wanted = min(positives if rule.strategy == "all" else wanted, (count + 1) // 2)
    assert wanted <= same.sum() <= wanted + (count is not None and wanted == count // 2)
    assert (~same).sum() == min(same.sum(), negatives, len(left) if count is None else count // 2)
    assert np.bincount(person[left[same]]).max(initial=0) <= (rule.max_per_person or len(left))
    assert pair_drawing(person, count, np.random.default_rng(seed), rule, reference).rows == len(left)


@given(st.lists(st.integers(0, 4), max_size=10), rules, st.integers(0, 99))
def test_whatever_the_photos_it_draws_or_says_why_not(codes: list[int], rule: Rule, seed: int) -> None:
    person = np.unique(np.array(codes, np.int64), return_inverse=True)[1]
    sizes = np.bincount(person)
    marked = np.arange(len(person)) % 2 == 0
    own = (np.bincount(person[marked], minlength=len(sizes)) > 0) & (
        np.bincount(person[~marked], minlength=len(sizes)) > 0
    )
    possible = len(sizes) > 1 and (own.any() if rule.strategy == "reference" else sizes.max() > 1)
    try:
        rows = sample_triplets(person, 10, seed, rule, marked)
    except SampleError:
        assert not possible
    else:
        assert possible
        assert len(rows.anchor) > 0
