"""People of two sets: found with other photos, and nobody else, whatever the network; no setting differs."""

from __future__ import annotations

import numpy as np
import pytest

from facedata.checks.overlap.shared import SharedPeople
from facemodel.checks.overlap import known_pairs, same_people
from facemodel.checks.overlap.crowd import crowd_level, gather_crowd
from facemodel.checks.overlap.known_pairs import measure_others
from facemodel.checks.overlap.people_vectors import gather_people
from facemodel.checks.overlap.same_people import SetDirections, find_shared_people
from facemodel.errors import ScoreError
from tests.support.two_sets import TwoSets, two_sets

NETWORKS = {"centred": {"noise": 0.7}, "to one side": {"noise": 0.6, "offset": 1.5, "dim": 128}}
each_network = pytest.mark.parametrize("network", NETWORKS)


def compare(sets: TwoSets, threshold: float | None = None) -> tuple[SharedPeople, list[str]]:
    mine = SetDirections(sets.mine, sets.my_people)
    return find_shared_people(mine, SetDirections(sets.theirs, sets.their_people), threshold=threshold)


def pairs(found: SharedPeople) -> list[tuple[int, int]]:
    return list(zip(found.mine.tolist(), found.theirs.tolist(), strict=True))


@each_network
def test_fifty_shared_people_are_found_and_nobody_else(network: str) -> None:
    found, notes = compare(two_sets((400, 300), 50, photos=3, **NETWORKS[network]))  # type: ignore[arg-type]
    assert pairs(found) == [(one, one) for one in range(50)]
    assert notes == []
    assert found.figures["expected_false"] <= 300 / 8000
    assert found.figures["missed"] < 0.01
    assert (found.log_odds > 0).all()


@each_network
def test_no_shared_person_is_no_finding_and_says_what_would_be_missed(network: str) -> None:
    found, _ = compare(two_sets((300, 300), 0, photos=4, **NETWORKS[network]))  # type: ignore[arg-type]
    assert pairs(found) == []
    assert found.figures["compared"] == [300, 300]
    assert 0 <= found.figures["missed"] < 0.05


def test_expected_errors_are_those_that_happen() -> None:
    """A poor network, so that there are errors to count; averaged over sets of other people."""
    false, missed, expected_false, expected_missed = 0, 0, 0.0, 0.0
    for seed in range(12):
        sets = two_sets((250, 250), 100, photos=2, noise=1.05, seed=seed)
        found, _ = compare(sets)
        right = sum(one == two for one, two in pairs(found))
        false += len(pairs(found)) - right
        missed += 100 - right
        expected_false += found.figures["expected_false"]
        expected_missed += 100 * found.figures["missed"]
    assert expected_false < 12 * 250 / 8000 * 1.01
    assert false <= 4  # of 0.4 expected: more would be chance in one of ten thousand
    assert missed > 100
    # halves have one photo each, and shared people two: the estimate is on the safe side
    assert missed < expected_missed < 1200


def test_a_person_under_two_names_there_is_found_under_both() -> None:
    sets = two_sets((200, 200), 20, photos=4)
    person = sets.their_people.copy()
    person[np.flatnonzero(person == 3)[2:]] = 200  # two of the four photos under another name
    found, _ = compare(sets._replace(their_people=person))
    assert [pair for pair in pairs(found) if pair[0] == 3] == [(3, 3), (3, 200)]


def test_order_and_blocks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    sets = two_sets((150, 120), 30, photos=3)
    found, _ = compare(sets)
    for module in (known_pairs, same_people):
        monkeypatch.setattr(module, "_BLOCK", {"cpu": 4096 * 7})
    again, _ = compare(sets)
    assert pairs(again) == pairs(found)
    assert again.figures == found.figures


def test_siblings_with_many_photos_each_are_not_one_person() -> None:
    """Ten photos that agree within and differ across: far above the threshold, and still two people."""
    sets = two_sets((300, 300), 30, photos=10, noise=0.7)
    rng = np.random.default_rng(5)
    centres = [rng.normal(size=64)]
    centres.append(0.7 * centres[0] + 0.7 * rng.normal(size=64))
    sides = []
    for values, person, centre in (
        (sets.mine, sets.my_people, centres[0]),
        (sets.theirs, sets.their_people, centres[1]),
    ):
        rows = np.flatnonzero(person == 200)
        one = centre + 0.7 * rng.normal(size=(len(rows), 64))
        values[rows] = one / np.linalg.norm(one, axis=1, keepdims=True)
        sides.append(gather_people(values, person).vectors[200])
    found, _ = compare(sets)
    assert float(sides[0] @ sides[1]) > 0.6
    assert pairs(found) == [(one, one) for one in range(30)]


def test_a_weak_network_says_so() -> None:
    found, notes = compare(two_sets((300, 300), 20, photos=2, noise=2.5))
    assert found.figures["missed"] > 0.5
    assert any("too weak" in note for note in notes)


def test_one_photo_each_leaves_the_misses_unknown() -> None:
    found, notes = compare(two_sets((200, 200), 10, photos=1, noise=0.3))
    assert found.figures["missed"] is None
    assert any("too few people have two photos" in note for note in notes)
    assert len(pairs(found)) == 10


def test_too_few_people_are_not_compared() -> None:
    with pytest.raises(ScoreError, match="too few to tell"):
        compare(two_sets((5, 6), 2))


def test_one_person_against_many() -> None:
    sets = two_sets((1, 200), 1, photos=4)
    assert pairs(compare(sets)[0]) == [(0, 0)]


def test_a_network_that_finds_all_alike_is_refused() -> None:
    sets = two_sets((60, 60), 5)
    same = np.full_like(sets.mine, 1 / 8)
    with pytest.raises(ScoreError, match="equally similar"):
        compare(sets._replace(mine=same, theirs=same))


def test_a_given_threshold_counts() -> None:
    sets = two_sets((200, 200), 20, photos=3)
    found, _ = compare(sets, threshold=1.9)
    assert pairs(found) == []
    assert found.figures["threshold"] == 1.9
    assert found.figures["threshold_from"] == "given"


def test_pairs_of_different_people_are_counted_as_one_by_one() -> None:
    sets = two_sets((90, 70), 0)
    people = [gather_people(sets.mine, sets.my_people), gather_people(sets.theirs, sets.their_people)]
    crowd = gather_crowd(*people)
    levels = [
        crowd_level(side.vectors, crowd, place, "cpu")
        for side, place in zip(people, (crowd.mine, crowd.theirs), strict=True)
    ]
    others = measure_others(list(zip(people, levels, strict=True)), "cpu")
    slow = sorted(
        float(side.vectors[one] @ side.vectors[two]) - (level[one] + level[two]) / 2
        for side, level in zip(people, levels, strict=True)
        for one in range(len(side))
        for two in range(one)
    )[::-1]
    assert others.pairs == len(slow) == others.above[-1]
    for rank in (1, 10, 100, 1000):
        level = float(others.levels[np.searchsorted(others.above, rank)])
        assert level == pytest.approx(slow[rank - 1], abs=6e-4)
