"""The counting of ``make bench-check``: on reports that are perfect, empty, or wrong in one known place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from facedata.checks.findings import Finding, Kind, Proposal, Severity
from facedata.types import Float32Array, Int64Array
from tests.benchmark.check_rows import copies, doubles, known, plain, planted, sets, shared, swaps
from tests.benchmark.check_rows.planted import Counts
from tests.benchmark.check_rows.sets import Crops


@pytest.fixture(autouse=True)
def published(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the shared folder there is no list of errors; here it is a short one."""
    errors = [{"kind": "same_photo_two_names", "left": "A_1", "right": "B_1"}]
    for module in (sets, copies):
        monkeypatch.setattr(module, "known_errors", lambda: errors)


def some_people(sizes: list[int], seed: int = 0) -> tuple[Float32Array, Int64Array]:
    """Return photos that lie close to their person, and the people."""
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(len(sizes)), sizes)
    vectors = rng.normal(size=(len(sizes), 128))[person] + 0.2 * rng.normal(size=(len(person), 128))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32), person


def some_crops(sizes: list[int]) -> Crops:
    vectors, person = some_people(sizes)
    called = [f"Person_{code:02d}" for code in range(len(sizes))]
    photos = [f"photo_{row}" for row in range(len(person))]
    return Crops(vectors, person, called, photos, np.zeros(len(person), np.bool_))


def finding(kind: Kind, left: int | None = None, right: int | None = None, **about: Any) -> Finding:
    return Finding(kind, Severity.SUSPECT, 1.0, "", left=left, right=right, **about)


def test_swaps_exchange_whole_pairs_of_different_people_once_each() -> None:
    _, person = some_people([3] * 40)
    swapped = planted.plant_swaps(person, 0.2, seed=3)
    assert swapped.pairs.shape == (12, 2)
    assert len(np.unique(swapped.pairs)) == 24
    assert swapped.moved.sum() == 24
    assert ((swapped.person != person) == swapped.moved).all()
    assert (np.bincount(swapped.person) == 3).all()
    assert (planted.plant_swaps(person, 0.2, seed=4).pairs != swapped.pairs).any()


def test_swaps_with_the_most_similar_stay_among_these_and_leave_out_what_is_named() -> None:
    vectors, person = some_people([4] * 30)
    near = planted.most_similar(vectors, person)
    assert (near != np.arange(30)).all()
    but = person < 10
    swapped = planted.plant_swaps(person, 0.1, 0, near, but)
    assert len(swapped.pairs) == 6
    assert not swapped.moved[but].any()
    assert (person[swapped.pairs[:, 1]] == near[person[swapped.pairs[:, 0]]]).all()


def test_a_perfect_report_scores_one_and_an_empty_one_nothing() -> None:
    _, person = some_people([3] * 40)
    swapped = planted.plant_swaps(person, 0.2, seed=3)
    perfect = [finding(Kind.SWAPPED, int(one), int(two)) for one, two in swapped.pairs]
    counts = Counts.of(planted.reported_photos(perfect, 120), swapped.moved)
    assert counts == Counts(24, 24, 0, 96)
    assert (counts.recall, counts.false_share, counts.mistakes) == (1, 0, 0)
    empty = Counts.of(planted.reported_photos([], 120), swapped.moved)
    assert (empty.recall, empty.false_share, empty.mistakes) == (0, 0, 24)
    everything = [finding(Kind.STRANGER, row) for row in range(120)]
    counts = Counts.of(planted.reported_photos(everything, 120), swapped.moved)
    assert (counts.recall, counts.false_share, counts.mistakes) == (1, 1, 96)
    assert Counts.of(planted.reported_photos(everything, 120, strangers=False), swapped.moved) == empty


def test_what_does_not_count_counts_neither_way() -> None:
    reported, moved = np.array([1, 1, 0, 0], bool), np.array([1, 0, 1, 0], bool)
    assert Counts.of(reported, moved) == Counts(1, 2, 1, 2)
    assert Counts.of(reported, moved, np.array([0, 1, 1, 0], bool)) == Counts(1, 1, 0, 1)


def test_only_findings_about_names_report_photos() -> None:
    others = [finding(kind, 0, 1) for kind in Kind if kind not in planted.NAMED]
    assert not planted.reported_photos(others, 2).any()
    # the photo that a wrong one looks like is not reported
    assert planted.reported_photos([finding(Kind.WRONG_PERSON, 0, 1)], 2).tolist() == [True, False]


def test_of_two_people_with_two_photos_each_either_exchange_is_right() -> None:
    crops = some_crops([2, 2, 3, 3])
    swapped = planted.Swaps(crops.person[[2, 1, 0, 3, 7, 5, 6, 4, 8, 9]], np.array([[0, 2], [4, 7]]))
    assert swaps.without_majority(swapped, crops).tolist() == [True] * 4 + [False] * 6
    for rows, found in (((0, 2), 2), ((1, 3), 2), ((0, 3), 0), ((0,), 0), ((), 0), ((4, 7), 0)):
        reported = np.zeros(10, np.bool_)
        reported[list(rows)] = True
        assert swaps.count_tied(swapped, crops, reported) == Counts(found, 2), rows


def test_parts_of_the_tally_add_up() -> None:
    crops = some_crops([2, 2, 3, 3])
    swapped = planted.Swaps(crops.person[[2, 1, 0, 3, 7, 5, 6, 4, 8, 9]], np.array([[0, 2], [4, 7]]))
    tally = swaps.Tally(crops, np.arange(10) == 9)
    tally.add(swapped, [finding(Kind.SWAPPED, 1, 3), finding(Kind.STRANGER, 4), finding(Kind.STRANGER, 9)])
    assert tally.found == Counts(1, 4, 3, 6)
    assert tally.without_strangers == Counts(0, 4, 2, 6)
    assert tally.majority == Counts(1, 2, 1, 4)
    assert tally.tied == Counts(2, 2)
    assert tally.known == 1
    assert tally.plain.planted == 4


def test_double_names_halve_the_photos_and_merges_are_judged_by_them() -> None:
    crops = some_crops([4] * 5 + [1] * 5)
    labels, owner = planted.plant_double_names(crops.person, 4, seed=0)
    assert sorted(owner.values()) == [0, 1, 2, 3, 4]
    assert all((labels == new).sum() == (labels == old).sum() == 2 for new, old in owner.items())
    merges = [
        finding(Kind.DOUBLE_NAME, identity=f"p{new:06d}", to_identity=f"p{old:06d}", proposal=Proposal.MERGE)
        for new, old in owner.items()
    ]
    others: dict[str, int] = {}
    assert doubles.judge_pairs(doubles.double_names(merges), owner, crops, others) == Counts(5, 5, 0, 0)
    assert doubles.judge_pairs(set(), owner, crops, others) == Counts(0, 5, 0, 0)
    assert not others
    assert doubles.judge_pairs({(0, 9), (0, 10)}, owner, crops, others).false >= 1
    assert "Person_00 and Person_09" in others
    unproposed = [finding(Kind.LOOK_ALIKES, identity="p000000", to_identity="p000001")]
    assert doubles.double_names(unproposed) == set()


def test_the_plain_rule_finds_what_is_plain_and_nothing_else() -> None:
    vectors, person = some_people([5] * 20)
    assert not plain.plain_photos(vectors, person).any()
    swapped = planted.plant_swaps(person, 0.1, seed=0)
    assert (plain.plain_photos(vectors, swapped.person) == swapped.moved).all()
    labels, owner = planted.plant_double_names(person, 4, seed=0, most=3)
    assert plain.plain_people(vectors, labels) == {(old, new) for new, old in owner.items()}


def test_copies_are_found_with_their_original_only() -> None:
    def pair(left: str, right: str, kind: str = "same_picture") -> dict[str, Any]:
        return {"kind": kind, "left_photo": left, "right_photo": right, "severity": "error", "value": 0.9}

    found, false = copies.judge_copies(
        [pair("train/A/A_2.jpg", "test/B/A_2~7.jpg"), pair("train/C/C_1.jpg", "train/D/D_1~9.jpg"),
         pair("train/A/A_1.jpg", "test/B/B_1.jpg"), pair("x/E/E_1.jpg", "x/E/F_1~1.jpg", "look_alikes")]
    )  # fmt: skip
    assert found == {"test/B/A_2~7.jpg": "error"}
    assert [text.split(" (")[0] for text in false] == ["no copy: train/C/C_1.jpg, train/D/D_1~9.jpg"]


def test_a_published_error_is_found_by_what_says_it() -> None:
    def row(kind: str, left: str | None, right: str | None, one: str, two: str | None) -> dict[str, Any]:
        photos = [None if name is None else f"lfw/x/{name}.jpg" for name in (left, right)]
        return {
            "kind": kind,
            "left_photo": photos[0],
            "right_photo": photos[1],
            "identity": one,
            "to_identity": two,
        }

    double = {"kind": "double_name", "left": "A", "right": "B"}
    assert known.is_about(row("double_name", "A_1", "B_1", "B", "A"), double)
    assert not known.is_about(row("look_alikes", "A_1", "B_1", "B", "A"), double)
    assert not known.is_about(row("double_name", "A_1", "C_1", "A", "C"), double)
    wrong = {"kind": "wrong_name", "left": "A_4", "right": "B"}
    assert known.is_about(row("wrong_person", "A_4", None, "A", "B"), wrong)
    assert not known.is_about(row("wrong_person", "A_4", None, "A", "C"), wrong)
    assert not known.is_about(row("stranger", "A_4", None, "A", None), wrong)
    pair = {"kind": "wrong_same_pair", "left": "A_1", "right": "A_2"}
    assert known.is_about(row("official_pair", "A_2", "A_1", "A", "A"), pair)
    assert not known.is_about(row("official_pair", "A_1", "A_3", "A", "A"), pair)
    assert known.is_about(row("stranger", "A_1", None, "A", None), pair)


def test_people_in_two_sets_are_dealt_and_judged() -> None:
    crops = some_crops([4] * 60 + [1] * 100)
    halves = shared.deal(crops, 75, seed=0)
    people = [set(crops.person[rows].tolist()) for rows in halves]
    both = people[0] & people[1]
    assert (len(people[0]), len(people[1]), len(both)) == (75, 75, 50)
    assert not set(halves.mine.tolist()) & set(halves.theirs.tolist())
    false: dict[str, int] = {}
    assert shared.judge_pairs(iter([(one, one) for one in both]), crops, 75, false) == Counts(50, 50, 0, 75)
    assert shared.judge_pairs(iter([]), crops, 75, false) == Counts(0, 50, 0, 75)
    assert not false
    assert shared.judge_pairs(iter([(0, 1)]), crops, 75, false) == Counts(0, 50, 1, 75)
    assert false == {"Person_00 and Person_01": 1}
