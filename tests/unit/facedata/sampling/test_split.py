"""Splits of people and of photos."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from facedata.sampling.split import (
    labels_of,
    share_out,
    split_identities,
    split_photos,
    split_stable,
    training_split,
)
from facedata.tables.people import person_codes

QUARTER = {"train": 0.75, "test": 0.25}
THREE = {"train": 0.8, "val": 0.1, "test": 0.1}


def people(count: int) -> list[str]:
    return [f"person {i}" for i in range(count)]


@pytest.mark.parametrize(
    ("count", "counts"),
    [(0, {}), (1, {"train": 1}), (5, {"train": 4, "test": 1}), (8, {"train": 6, "test": 2})],
)
def test_counts_are_the_rounded_ratios(count: int, counts: dict[str, int]) -> None:
    assert Counter(split_identities(people(count), QUARTER, seed=0).values()) == counts


def test_input_order_and_repeats_change_nothing() -> None:
    names = people(200)
    shuffled = random.Random(1).sample(names * 2, 400)
    assert split_identities(names, THREE, seed=4) == split_identities(shuffled, THREE, seed=4)


def test_another_seed_divides_otherwise() -> None:
    first, second = (split_identities(people(200), QUARTER, seed) for seed in (0, 1))
    assert 0.5 < sum(first[name] == second[name] for name in first) / 200 < 0.75  # 0.625 by chance


def test_the_ranking_is_a_promise_to_sets_already_made() -> None:
    found = split_identities(["anna", "Björn", "chris", "dora"], {"train": 0.5, "test": 0.5}, seed=7)
    assert found == {"chris": "train", "dora": "train", "anna": "test", "Björn": "test"}


def test_people_keep_their_split_when_the_set_grows() -> None:
    before = split_identities(people(40), QUARTER, seed=0)
    after = split_identities(people(80), QUARTER, seed=0, previous=before)
    assert before.items() <= after.items()
    assert Counter(after.values()) == {"train": 60, "test": 20}


def test_a_split_that_is_too_full_gets_nobody_new() -> None:
    before = dict.fromkeys(people(9), "test")
    after = split_identities(people(12), THREE, seed=0, previous=before)
    assert before.items() <= after.items()
    assert Counter(after.values()) == {"test": 9, "train": 3}


def test_splits_that_are_no_more_are_forgotten() -> None:
    after = split_identities(people(4), QUARTER, seed=0, previous=dict.fromkeys(people(4), "val"))
    assert Counter(after.values()) == {"train": 3, "test": 1}


def test_stable_splits_never_move_anyone_and_keep_the_ratios_on_average() -> None:
    few, many = (split_stable(people(n), THREE, seed=0) for n in (500, 5000))
    assert few.items() <= many.items()
    shares = {name: count / 5000 for name, count in Counter(many.values()).items()}
    assert shares == pytest.approx(THREE, abs=0.02)  # more than four standard deviations


def test_photos_are_divided_within_each_person() -> None:
    person = np.repeat(np.arange(4), [20, 4, 2, 1])
    splits, few = split_photos(person, [f"{i}.jpg" for i in range(27)], QUARTER, seed=0)
    counts = [Counter(splits[person == p].tolist()) for p in range(4)]
    assert list(QUARTER) == ["train", "test"]
    assert counts == [{0: 15, 1: 5}, {0: 3, 1: 1}, {0: 1, 1: 1}, {0: 1}]
    assert few == 1


def test_a_photos_split_depends_on_its_key_not_on_its_place() -> None:
    person = np.array([0, 1] * 50)
    keys = [f"{i}.jpg" for i in range(100)]
    order = np.random.default_rng(0).permutation(100)
    straight = split_photos(person, keys, THREE, seed=3).splits
    mixed = split_photos(person[order], [keys[i] for i in order], THREE, seed=3).splits
    assert straight[order].tolist() == mixed.tolist()


def test_people_with_few_photos_go_to_train_wherever_it_stands() -> None:
    splits, few = split_photos(np.array([0]), ["a"], {"test": 0.5, "train": 0.5}, seed=0)
    assert (splits.tolist(), few) == ([1], 1)


def test_no_photos_have_no_splits() -> None:
    splits, few = split_photos(np.empty(0, np.int64), [], QUARTER, seed=0)
    assert (splits.tolist(), few) == ([], 0)


def test_the_training_split_is_train_or_the_first() -> None:
    assert training_split(["test", "train"]) == "train"
    assert training_split(["fit", "hold"]) == "fit"


def test_labels_are_dense_in_byte_order_over_training_people() -> None:
    person, people = person_codes(pa.chunked_array([["ä", "z", "B"], ["a", "z"]]))
    assert people == ["B", "a", "z", "ä"]  # the order of their UTF-8
    # only people with a training crop count, with all their crops
    labels = labels_of(person, np.array([True, True, False, True, False]))
    assert labels.tolist() == [2, 1, -1, 0, 1]


@pytest.mark.parametrize("total", range(30))
def test_cut_stays_within_one_of_exact(total: int) -> None:
    shares = [0.55, 0.15, 0.0, 0.3]
    counts = share_out(total, shares)
    assert sum(counts) == total
    assert all(abs(count - total * share) < 1 for count, share in zip(counts, shares, strict=True))
