"""Splits of few people: testable where that is possible, else with the command that makes them so."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest

from facedata.config import SplitConfig
from facedata.sampling.split import give_pairs, split_identities
from tests.support.small_set import class_table, divide_classes, ledger_of

DEFAULT = {"train": 0.75, "test": 0.25}


def divide(sizes: list[int], **options: Any) -> tuple[dict[str, list[int]], list[str]]:
    """Return the photos of each person of each split, and the notes."""
    bare = class_table({f"p{number:02d}": size for number, size in enumerate(sizes)})
    classes, section = divide_classes(bare, ledger_of(bare), SplitConfig(**options))
    photos: dict[str, dict[str, int]] = {name: {} for name in section["splits"]}
    for row in classes.to_pylist():
        photos[row["split"]][row["identity"]] = photos[row["split"]].get(row["identity"], 0) + 1
    return {name: sorted(people.values()) for name, people in photos.items()}, section["notes"]


def has_pairs(photos: list[int]) -> bool:
    return len(photos) >= 2 and max(photos) >= 2


@pytest.mark.parametrize("people", [4, 5, 6])
@pytest.mark.parametrize("seed", range(6))
def test_few_people_are_divided_so_that_both_splits_have_pairs(people: int, seed: int) -> None:
    splits, notes = divide([3] * people, seed=seed)
    assert (len(splits["train"]), len(splits["test"])) == (people - 2, 2)
    assert notes == [f"test has 2 of {people} people, more than its ratio, so that it has pairs"]


@pytest.mark.parametrize("seed", range(12))
def test_somebody_with_two_photos_is_tested(seed: int) -> None:
    splits, _ = divide([5, 5, 1, 1, 1, 1, 1, 1], seed=seed)
    assert has_pairs(splits["train"])
    assert has_pairs(splits["test"])


@pytest.mark.parametrize("seed", range(4))
def test_more_people_are_divided_as_ever(seed: int) -> None:
    for people in (7, 8, 20, 101):
        names = [f"p{number:02d}" for number in range(people)]
        bare = class_table(dict.fromkeys(names, 2))
        classes, section = divide_classes(bare, ledger_of(bare), SplitConfig(seed=seed))
        split_of = split_identities(names, DEFAULT, seed)
        assert all(row["split"] == split_of[row["identity"]] for row in classes.to_pylist())
        assert not section["notes"]


@pytest.mark.parametrize(
    ("sizes", "options"),
    [
        ([8] * 2, {}),
        ([8] * 3, {}),
        ([4, 4], {}),
        ([9, 2, 1], {}),
        ([8] * 3, {"seed": 5}),
        ([8] * 5, {"splits": "train=0.9,test=0.1"}),
        ([8] * 5, {"stable": True, "seed": 6}),
        ([12] * 4, {"splits": "train=0.6,val=0.2,test=0.2"}),
    ],
)
def test_the_command_that_is_named_gives_pairs(sizes: list[int], options: dict[str, Any]) -> None:
    _, notes = divide(sizes, **options)
    (flags,) = {found[1] for note in notes if (found := re.search("`facedata split SET(.*?)`", note))}
    words = shlex.split(flags)
    typed = {name[2:].replace("-", "_"): value for name, value in zip(words[::2], words[1::2], strict=True)}
    splits, notes = divide(sizes, **{**typed, "seed": int(typed.get("seed", 0))})
    assert all(has_pairs(photos) for photos in splits.values()), (typed, splits)
    assert not [note for note in notes if "facedata split" in note]


@pytest.mark.parametrize("sizes", [[8], [1] * 5, [2, 2], [1, 1]])
def test_no_command_is_named_where_none_helps(sizes: list[int]) -> None:
    _, notes = divide(sizes)
    assert not [note for note in notes if "facedata" in note]


def test_explicit_ratios_are_kept() -> None:
    splits, notes = divide([8] * 5, splits="train=0.8,test=0.2")
    assert splits == {"train": [8] * 4, "test": [8]}
    assert "test has too few people and photos for pairs: `facedata split SET`" in notes[0]


def test_people_keep_the_split_they_had() -> None:
    photos = dict.fromkeys("abcde", 3)
    before = {"a": "train", "b": "train", "c": "train", "d": "train"}
    split_of = {**before, "e": "test"}
    assert give_pairs(split_of, photos, DEFAULT, 0, before) == split_of
    moved = give_pairs(split_of, photos, DEFAULT, 0, {"a": "train", "b": "train"})
    assert sorted(moved.values()) == ["test", "test", "train", "train", "train"]
    assert moved["a"] == moved["b"] == "train"
