"""What must hold of every split, whoever the people are."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from facedata.sampling.split import split_identities, split_photos, split_stable

names = st.text(min_size=1, max_size=6)
seeds = st.integers(0, 2**32)


@st.composite
def ratios(draw: st.DrawFn) -> dict[str, float]:
    parts = draw(st.lists(st.integers(1, 20), min_size=1, max_size=4))
    return {f"s{i}": part / sum(parts) for i, part in enumerate(parts)}


@given(st.lists(names), ratios(), seeds)
def test_everyone_has_a_split_and_counts_are_within_one(
    people: list[str], shares: dict[str, float], seed: int
) -> None:
    found = split_identities(people, shares, seed)
    assert found.keys() == set(people)
    counts = Counter(found.values())
    assert counts.keys() <= shares.keys()
    assert all(abs(counts[name] - share * len(found)) < 1 for name, share in shares.items())


@given(st.sets(names), st.sets(names), ratios(), seeds)
def test_growing_moves_nobody_and_overfills_nothing(
    old: set[str], new: set[str], shares: dict[str, float], seed: int
) -> None:
    before = split_identities(old, shares, seed)
    after = split_identities(old | new, shares, seed, before)
    assert before.items() <= after.items()
    assert after.keys() == old | new
    had, has = Counter(before.values()), Counter(after.values())
    for name, share in shares.items():
        assert has[name] == had[name] or has[name] < share * len(after) + 1


@given(st.sets(names), ratios(), seeds)
def test_a_set_that_did_not_grow_stays_as_it_is(
    people: set[str], shares: dict[str, float], seed: int
) -> None:
    before = split_identities(people, shares, seed)
    assert split_identities(people, shares, seed, before) == before
    assert split_identities(people, shares, seed, {}) == before


@given(st.sets(names), st.sets(names), ratios(), seeds)
def test_stable_splits_depend_on_nobody_else(
    some: set[str], others: set[str], shares: dict[str, float], seed: int
) -> None:
    alone, together = split_stable(some, shares, seed), split_stable(some | others, shares, seed)
    assert alone.items() <= together.items()


@given(st.lists(st.integers(0, 5), max_size=60), ratios(), seeds)
def test_each_persons_photos_are_cut_at_the_ratios(
    person: list[int], shares: dict[str, float], seed: int
) -> None:
    keys = [f"{i}.jpg" for i in range(len(person))]
    splits, few = split_photos(np.array(person, np.int64), keys, shares, seed)
    sizes = Counter(person)
    assert few == sum(size < len(shares) for size in sizes.values())
    for p, size in sizes.items():
        names = list(shares)
        counts = Counter(names[split] for split, q in zip(splits, person, strict=True) if q == p)
        if size < len(shares):
            assert counts == {"s0": size}
            continue
        assert all(counts[name] >= 1 for name in shares)
        spared = sum(size * share < 1 for share in shares.values())  # splits that got one at others' cost
        assert all(counts[name] > share * size - 1 - spared for name, share in shares.items())
