"""The pairs that all runs have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facedata import ClassManifest, PairManifest
from facemodel.errors import ScoreError
from facemodel.scoring.compared.common_pairs import find_common_pairs
from facemodel.scoring.compared.scored_run import ScoredRun
from tests.support.scored_runs import pairs_of, scored_run
from tests.support.small_set import make_set

LEFT, RIGHT, SAME = pairs_of(15, 60)
IDS = np.arange(60) * 3, np.arange(60) * 3 + 1


def run(name: str, rows: Any = slice(None), turned: bool = False, **about: Any) -> ScoredRun:
    """Return a run that scored some of the pairs; each one's value is its number."""
    sides, ids = [LEFT[rows], RIGHT[rows]], [one[rows] for one in IDS]
    if turned:
        sides, ids = sides[::-1], ids[::-1]
    return scored_run(name, np.arange(60.0)[rows], *sides, ids=(ids[0], ids[1]), **about)


def values(runs: list[ScoredRun]) -> list[list[float]]:
    """Return the numbers of the common pairs, as each run has them."""
    found = find_common_pairs(runs)
    return [one.table["cosine"].to_numpy()[rows].tolist() for one, rows in zip(runs, found.rows, strict=True)]


def test_the_same_pairs_are_all_of_them() -> None:
    found = find_common_pairs([run("a"), run("b"), run("c")])
    assert len(found) == 60
    assert found.left_out == (0, 0, 0)
    assert np.array_equal(found.same, SAME)
    assert np.array_equal(found.ids, IDS)
    assert [found.names[code] for code in found.people[0]] == [f"p{code:02d}" for code in LEFT]
    assert [found.names[code] for code in found.people[1]] == [f"p{code:02d}" for code in RIGHT]
    assert found.counts() == {
        "genuine": SAME.sum(),
        "impostors": 60 - SAME.sum(),
        "people": len({*LEFT, *RIGHT}),
        "largest_share": np.bincount(LEFT[SAME]).max() / SAME.sum(),
    }


def test_a_pair_listed_again_counts_again_where_all_runs_list_it_so() -> None:
    rows = np.array([*range(60), 3, 4])
    assert values([run("a", rows), run("b", rows)]) == [rows.tolist()] * 2


def test_of_others_those_that_all_have_are_kept_in_the_order_of_the_first() -> None:
    order = np.random.default_rng(0).permutation(60)
    first, second, third = order[:50], np.arange(10, 60), np.arange(59, 4, -1)
    runs = [run("a", first), run("b", second, turned=True), run("c", third)]
    wanted = [at for at in first.tolist() if at >= 10]
    assert values(runs) == [wanted] * 3
    assert find_common_pairs(runs).left_out == tuple(len(one.table) - len(wanted) for one in runs)
    found = find_common_pairs(runs)
    assert found.ids[0].tolist() == IDS[0][wanted].tolist()  # the left photo is the first run's
    assert [found.names[code] for code in found.people[0]] == [f"p{LEFT[at]:02d}" for at in wanted]


def test_with_other_lists_a_repeated_pair_counts_once() -> None:
    first = np.array([*range(40), 3, 4])
    assert values([run("a", first), run("b")]) == [list(range(40))] * 2


def test_people_are_in_byte_order_as_evaluate_has_them() -> None:
    names = [f"{letter}{number}" for number in range(5) for letter in ("a", "é", "Z")]
    found = find_common_pairs([run("a", names=names), run("b", names=names)])
    assert list(found.names) == sorted({names[code] for code in [*LEFT, *RIGHT]}, key=str.encode)


def test_folds_go_along() -> None:
    folds = np.arange(60) % 10
    order = np.arange(59, -1, -1)
    found = find_common_pairs([run("a", order, folds=folds[order]), run("b", folds=folds)])
    assert found.folds is not None
    assert found.folds.tolist() == folds[order].tolist()
    assert find_common_pairs([run("a"), run("b")]).folds is None


@pytest.mark.parametrize(
    ("about", "message"),
    [
        (
            {"set": "0ther" * 12},
            "a was scored on the set 5e75e75e75e7 and b on 0ther0ther0t: compare runs on the",
        ),
        (
            {"split": "val"},
            "a was scored on the split test and b on val: evaluate both with the same --split",
        ),
    ],
)
def test_other_sets_and_splits_are_refused_in_a_line(about: dict[str, Any], message: str) -> None:
    with pytest.raises(ScoreError) as caught:
        find_common_pairs([run("a"), run("b", **about)])
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ((np.arange(30), np.arange(30, 60)), "no pair in common"),
        ((np.flatnonzero(SAME), np.arange(60)), f"{SAME.sum()} pairs of one kind only in common"),
    ],
)
def test_nothing_to_compare_is_refused(rows: tuple[Any, Any], words: str) -> None:
    with pytest.raises(ScoreError, match=f"^a, b have {words}: evaluate them on the same pairs$"):
        find_common_pairs([run("a", rows[0]), run("b", rows[1])])


def test_scores_without_people_ask_for_the_set() -> None:
    old = [run("a", knows_people=False), run("b", knows_people=False)]
    with pytest.raises(ScoreError, match="do not say who is on the pairs: name the set with --set"):
        find_common_pairs(old)
    assert find_common_pairs([old[0], run("b")]).names == find_common_pairs([run("a"), run("b")]).names


def test_the_set_says_who_is_on_the_pairs(tmp_path: Path) -> None:
    make_set(tmp_path / "faces", {f"p{number:02d}": 3 for number in range(20)}, skip_ids=2)
    classes, pairs = (
        ClassManifest.open(tmp_path / "faces"),
        PairManifest.open(tmp_path / "faces", split="test"),
    )
    codes = [
        np.array([int(row.identity[1:]) for row in classes.take(classes.find(ids))])
        for ids in (pairs.left, pairs.right)
    ]
    old = [
        scored_run(name, pairs.same, *codes, ids=(pairs.left, pairs.right), knows_people=False)
        for name in "ab"
    ]
    found = find_common_pairs(old, classes)
    for side, wanted in zip(found.people, codes, strict=True):
        assert [found.names[code] for code in side] == [f"p{code:02d}" for code in wanted]
