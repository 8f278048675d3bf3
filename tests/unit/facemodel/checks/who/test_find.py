"""Who is who as a whole: people made of directions and noise, and what is planted among them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facedata.checks.findings import Finding, Kind, Proposal, Severity
from facedata.types import BoolArray, Float32Array, Int64Array
from facemodel.checks.official_pairs import OfficialPairs
from facemodel.checks.who.find import find_people_findings
from facemodel.config import CheckConfig
from tests.support.synthetic_people import crops_of, directions, exchange, many_people, photos_of

NO_PAIRS = OfficialPairs(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.bool_))
NETWORKS = [(64, 0.7, 0.0), (128, 0.8, 0.0), (512, 1.0, 0.0), (128, 0.7, 2.0)]
"""Numbers of an embedding, noise, and what all embeddings have in common."""

each_network = pytest.mark.parametrize(("dim", "noise", "offset"), NETWORKS)
_PHOTO = {Kind.WRONG_PERSON, Kind.STRANGER, Kind.SWAPPED}
Name = Sequence[str] | Int64Array


def find(
    vectors: Float32Array,
    names: Name,
    splits: Sequence[str | None] | str = "train",
    pairs: OfficialPairs = NO_PAIRS,
    **changes: Any,
) -> tuple[list[Finding], dict[str, Any]]:
    texts = [name if isinstance(name, str) else f"P{name:04}" for name in names]
    return find_people_findings(
        vectors, crops_of(texts, splits), replace(CheckConfig(), **changes), pairs=pairs
    )


def reported(found: list[Finding], count: int) -> BoolArray:
    """Return which photos the findings say have a wrong name."""
    ids = [one.left for one in found if one.kind in _PHOTO]
    ids += [one.right for one in found if one.kind is Kind.SWAPPED]
    return np.isin(np.arange(count) + 100, [one for one in ids if one is not None])


def of(found: list[Finding], *kinds: Kind) -> list[Finding]:
    return [one for one in found if one.kind in kinds]


def both(one: Finding) -> set[str | None]:
    return {one.identity, one.to_identity}


@each_network
def test_nothing_is_found_where_nothing_is_wrong(dim: int, noise: float, offset: float) -> None:
    vectors, person = many_people(120, [1, 2, 4, 7], dim, noise, offset)
    found, summary = find(vectors, person)
    assert [one for one in found if one.severity is not Severity.NOTE] == []
    assert not summary["strength"]["is_weak"]
    assert summary["strength"]["found_share"] > 0.95


@each_network
@pytest.mark.parametrize(("share", "recall", "false"), [(0.05, 0.99, 0.001), (0.2, 0.98, 0.003)])
def test_exchanged_photos_are_found(
    dim: int, noise: float, offset: float, share: float, recall: float, false: float
) -> None:
    vectors, person = many_people(200, [3, 5, 8], dim, noise, offset)
    given, wrong = exchange(person, share)
    found, _ = find(vectors, given)
    seen = reported(found, len(person))
    assert seen[wrong].mean() >= recall
    assert seen[~wrong].mean() <= false
    rows = [one.left - 100 for one in of(found, Kind.WRONG_PERSON, Kind.SWAPPED) if one.left is not None]
    right = [f"P{person[row]:04}" for row in rows]
    told = [one.to_identity for one in of(found, Kind.WRONG_PERSON, Kind.SWAPPED)]
    assert np.mean([one == other for one, other in zip(told, right, strict=True)]) > 0.97
    assert all(one.proposal in (Proposal.MOVE, None) for one in of(found, Kind.WRONG_PERSON, Kind.SWAPPED))


@each_network
def test_with_two_photos_a_person_it_is_said_that_there_is_no_majority(
    dim: int, noise: float, offset: float
) -> None:
    vectors, person = many_people(200, 2, dim, noise, offset)
    given, wrong = exchange(person, 0.05)
    found, _ = find(vectors, given)
    seen = reported(found, len(person))
    # which of a name's two photos is the wrong one cannot be known, but that one of them is
    names = set(given[wrong].tolist())
    assert np.mean([seen[given == one].any() for one in names]) >= 0.95
    assert np.mean([seen[given == one].any() for one in set(person.tolist()) - names]) <= 0.003
    photos = of(found, *_PHOTO)
    assert all("nothing says" in one.why and one.proposal is None for one in photos)


def test_two_photos_that_were_exchanged_are_one_finding() -> None:
    vectors, person = many_people(60, 5, 128, 0.8)
    names = person.copy()
    names[[7, 42]] = person[[42, 7]]
    (one,) = of(find(vectors, names)[0], *_PHOTO)
    assert one.kind is Kind.SWAPPED
    assert (one.left, one.right) == (107, 142)
    assert (one.identity, one.to_identity) == (f"P{names[7]:04}", f"P{person[7]:04}")
    assert one.proposal is Proposal.MOVE
    assert one.score > 0.9
    assert one.value is not None
    assert one.threshold is not None
    assert one.value > one.threshold


@each_network
def test_strangers_are_found(dim: int, noise: float, offset: float) -> None:
    people = directions(150, dim)
    whose = np.r_[np.repeat(np.arange(140), 6), np.arange(140, 150)]
    names = np.r_[np.repeat(np.arange(140), 6), np.arange(10) * 5]
    found, _ = find(photos_of(people, whose, noise, offset), names)
    strangers = of(found, Kind.STRANGER)
    assert {one.left for one in strangers} == set(range(940, 950))
    assert all(one.proposal is Proposal.DROP and one.to_identity is None for one in strangers)
    assert all(one.value < one.threshold for one in strangers if one.value is not None and one.threshold)
    assert of(found, Kind.WRONG_PERSON, Kind.SWAPPED) == []


@each_network
@pytest.mark.parametrize("crossing", [False, True])
def test_double_names_are_found(dim: int, noise: float, offset: float, crossing: bool) -> None:
    vectors, person = many_people(150, [4, 6, 9], dim, noise, offset)
    names = person.copy()
    for one in range(0, 150, 5):
        rows = np.flatnonzero(person == one)
        names[rows[: len(rows) // 2]] = 1000 + one
    splits = np.where(names >= 1000, "test", "train").tolist() if crossing else "train"
    found, _ = find(vectors, names, splits)
    doubles = of(found, Kind.DOUBLE_NAME)
    assert {frozenset(both(one)) for one in doubles} == {
        frozenset({f"P{one:04}", f"P{1000 + one:04}"}) for one in range(0, 150, 5)
    }
    assert {one.proposal for one in doubles} == {Proposal.MERGE}
    assert {one.severity for one in doubles} == {Severity.ERROR if crossing else Severity.SUSPECT}
    across = of(found, Kind.PERSON_IN_TWO_SPLITS)
    assert len(across) == (30 if crossing else 0)
    assert all("in test" in one.why and "in train" in one.why for one in across)
    assert of(found, *_PHOTO) == []


@pytest.mark.parametrize("alike", [0.4, 0.6])
@each_network
def test_siblings_are_never_merged(dim: int, noise: float, offset: float, alike: float) -> None:
    people = directions(120, dim)
    siblings = people[:10] * np.sqrt(alike / 1) + people[10:20] * np.sqrt(1 - alike)
    people[10:20] = siblings / np.linalg.norm(siblings, axis=1, keepdims=True)
    found, _ = find(
        photos_of(people, np.repeat(np.arange(120), 6), noise, offset), np.repeat(np.arange(120), 6)
    )
    pairs = {frozenset({f"P{one:04}", f"P{one + 10:04}"}) for one in range(10)}
    assert of(found, Kind.DOUBLE_NAME) == []
    assert {one.proposal for one in of(found, Kind.LOOK_ALIKES)} <= {None}
    if alike == 0.6:
        assert pairs <= {frozenset(both(one)) for one in of(found, Kind.LOOK_ALIKES)}


def test_one_picture_under_two_names_is_no_merge() -> None:
    """It proves that one of the names is wrong, not that they are one person."""
    people = directions(80, 128)
    whose = np.r_[np.repeat(np.arange(78), 4), 78, 78]
    vectors = photos_of(people, whose, 0.8)
    vectors[-1] = vectors[-2]
    (double,) = of(find(vectors, np.r_[whose[:-1], 79])[0], Kind.DOUBLE_NAME)
    assert both(double) == {"P0078", "P0079"}
    assert double.proposal is None
    assert "one picture" in double.why


def test_names_that_share_a_word_are_a_hint_in_the_text_only() -> None:
    vectors, person = many_people(60, 6, 128, 0.8)
    names = [f"Anna_{'abcdefgh'[at % 8]}{at}" for at in person.tolist()]
    names[:3] = ["Anna_Other"] * 3
    (double,) = of(find(vectors, names)[0], Kind.DOUBLE_NAME)
    assert "both names have Anna" in double.why


def test_official_pairs_are_compared() -> None:
    vectors, person = many_people(60, 4, 128, 0.8)
    left, right = np.array([0, 0, 8, 20]), np.array([1, 40, 9, 60])
    said = OfficialPairs(left, right, np.array([False, True, True, False]))
    found = of(find(vectors, person, pairs=said)[0], Kind.OFFICIAL_PAIR)
    assert {(one.left, one.right) for one in found} == {(100, 101), (100, 140)}


@pytest.mark.parametrize(
    ("people", "photos", "why"),
    [(1, 50, "one person"), (300, 1, "nobody here has several photos"), (4, 2, "only 8 of the photos")],
)
def test_too_few_are_said(people: int, photos: int, why: str) -> None:
    found, summary = find(*many_people(people, photos))
    assert found == []
    assert summary["strength"]["is_weak"]
    assert why in summary["strength"]["lines"][0]


@pytest.mark.parametrize("photos", [6, 40])
def test_two_people(photos: int) -> None:
    """Nobody else shows how near strangers are, and yet an exchanged photo is seen, or nothing is said."""
    vectors, person = many_people(2, photos, 128, 0.7)
    clean, _ = find(vectors, person)
    assert [one for one in clean if one.severity is not Severity.NOTE] == []
    names = person.copy()
    names[[0, photos]] = names[[photos, 0]]
    found, _ = find(vectors, names)
    seen = reported(found, len(person))
    assert not seen[np.setdiff1d(np.arange(len(person)), [0, photos])].any()


def test_all_embeddings_are_the_same() -> None:
    vectors = np.repeat(directions(1, 64), 200, axis=0).astype(np.float32)
    found, summary = find(vectors, np.arange(200) // 4)
    assert found == []
    assert summary["strength"]["is_weak"]


@pytest.mark.parametrize("photos", [2, 6])
@pytest.mark.parametrize("offset", [0.0, 2.0])
def test_a_useless_model_is_said_to_be_one(photos: int, offset: float) -> None:
    vectors = photos_of(directions(300, 128), np.arange(300), 0.0, offset)
    found, summary = find(vectors, np.arange(300) // photos)
    assert found == []
    assert summary["strength"]["is_weak"]
    assert any("too weak" in line for line in summary["strength"]["lines"])


def test_a_person_whose_every_photo_is_somebody_else_s() -> None:
    """Four photos of four others; all go to them."""
    people = directions(81, 128)
    whose = np.r_[np.repeat(np.arange(80), 5), [3, 17, 30, 44]]
    found, _ = find(photos_of(people, whose, 0.8), np.r_[np.repeat(np.arange(80), 5), [80] * 4])
    told = {one.left: one.to_identity for one in of(found, Kind.WRONG_PERSON)}
    doubles = {one.to_identity for one in of(found, Kind.DOUBLE_NAME)} | {
        one.identity for one in of(found, Kind.DOUBLE_NAME)
    }
    for row, one in enumerate([3, 17, 30, 44], 500 - 0):
        assert told.get(row) == f"P{one:04}" or f"P{one:04}" in doubles
    assert not reported(found, 404)[:400].any()


def test_the_order_of_rows_does_not_matter() -> None:
    vectors, person = many_people(120, [3, 4, 7], 128, 0.9)
    names, _ = exchange(person, 0.1)
    names[person == 5] = np.where(np.arange((person == 5).sum()) < 2, 500, 5)
    texts = [f"P{name:04}" for name in names.tolist()]
    crops = crops_of(texts)
    order = np.random.default_rng(3).permutation(len(texts))
    ours, _ = find_people_findings(vectors, crops, CheckConfig(), pairs=NO_PAIRS)
    theirs, _ = find_people_findings(vectors[order], crops.take(order), CheckConfig(), pairs=NO_PAIRS)

    def about(found: list[Finding]) -> set[tuple[Any, ...]]:
        return {
            (one.kind, *sorted([one.left or 0, one.right or 0]), *sorted(map(str, both(one))), one.proposal)
            for one in found
            if one.severity is not Severity.NOTE
        }

    assert about(ours) == about(theirs)
    assert len(about(ours)) > 20


def test_the_same_again_is_the_same() -> None:
    vectors, person = many_people(80, [2, 6], 64, 0.9)
    names, _ = exchange(person, 0.1)
    assert find(vectors, names) == find(vectors, names)


def test_embeddings_in_a_file(tmp_path: Path) -> None:
    vectors, person = many_people(80, [2, 6], 64, 0.9)
    names, _ = exchange(person, 0.1)
    vectors.tofile(tmp_path / "vectors")
    there = np.memmap(tmp_path / "vectors", np.float32, "r", shape=vectors.shape)
    assert find(there, names) == find(vectors, names)


def test_names_of_all_kinds() -> None:
    odd = [
        "",
        " ",
        "José",
        "Jose\u0301",
        "李小龙",
        "a/b",
        "=A1",
        "[x](y)",
        "\U0001f600",
        "nul\0",
        "A" * 300,
        "_",
    ]
    vectors, person = many_people(60, 5, 128, 0.8)
    names = [odd[at] if at < len(odd) else f"P{at}" for at in person.tolist()]
    names[0], names[20] = names[20], names[0]
    (one,) = of(find(vectors, names)[0], *_PHOTO)
    assert both(one) == {odd[0], odd[4]}


def test_fewer_are_reported_where_more_is_asked_for() -> None:
    vectors, person = many_people(150, [2, 3], 64, 1.3)
    names, _ = exchange(person, 0.1)
    some, _ = find(vectors, names)
    sure, _ = find(vectors, names, doubt=0.99, odds=1e6)
    seen, surely = reported(some, len(person)), reported(sure, len(person))
    assert (seen | ~surely).all()
    assert 0 < surely.sum() < seen.sum()
    assert all(one.score >= 0.99 for one in of(sure, *_PHOTO))
    assert len(of(sure, Kind.DOUBLE_NAME)) <= len(of(some, Kind.DOUBLE_NAME))


@pytest.mark.parametrize("noise", [0.8, 3.0])
def test_very_many_photos_of_one_person(noise: float) -> None:
    """Time and memory grow with them, not with their square; whether they agree or not."""
    each = [5000, *[4] * 40]
    vectors = photos_of(directions(41, 64), np.repeat(np.arange(41), each), noise)
    start = time.process_time()
    found, _ = find(vectors, np.repeat(np.arange(41), each))
    assert time.process_time() - start < 60
    assert noise > 1 or not of(found, *_PHOTO, Kind.DOUBLE_NAME)
