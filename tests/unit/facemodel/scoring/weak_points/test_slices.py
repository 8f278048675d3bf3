"""Slices: their figures are those of their pairs alone, and a difference is no chance."""

from __future__ import annotations

import json

import numpy as np
import pytest

from facedata.types import Int64Array
from facemodel.errors import ScoreError
from facemodel.scoring.metrics import roc
from facemodel.scoring.pair_figures import ScoredPairs
from facemodel.scoring.weak_points.photo_groups import PhotoGroups
from facemodel.scoring.weak_points.slice_table import HEAD, slice_lines, slice_notes, slice_rows
from facemodel.scoring.weak_points.slices import eer_of, slice_figures

PEOPLE, PHOTOS = 60, 4
Made = tuple[ScoredPairs, tuple[Int64Array, Int64Array], PhotoGroups]


def make(hard: float, metric: str = "cosine", seed: int = 0, people: int = PEOPLE) -> Made:
    """Pairs of people of two sexes, those of the second one harder by so much; some pairs of both."""
    rng = np.random.default_rng(seed)
    left = rng.integers(people * PHOTOS, size=3000)
    near = left // PHOTOS * PHOTOS + rng.integers(PHOTOS, size=3000)
    right = np.where(rng.random(3000) < 0.5, near, rng.integers(people * PHOTOS, size=3000))
    same = left // PHOTOS == right // PHOTOS
    sex = np.arange(people * PHOTOS) // PHOTOS % 2
    alike = rng.normal(size=3000) + same * np.where(sex[left] == 1, 3 - hard, 3)
    values = -alike if metric == "euclidean" else alike
    pairs = ScoredPairs(values, metric, same, left // PHOTOS, right // PHOTOS)
    return pairs, (left, right), PhotoGroups("sex", ("m", "f"), sex)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_a_slice_has_the_figures_of_its_pairs_alone(metric: str) -> None:
    pairs, ends, groups = make(1.0, metric)
    threshold = -1.5 if metric == "euclidean" else 1.5
    sliced = slice_figures(pairs, ends, groups, threshold)
    for code, one in enumerate(sliced["groups"]):
        mine = pairs.take((groups.codes[ends[0]] == code) & (groups.codes[ends[1]] == code))
        curve = roc(mine.likeness, mine.same)
        assert one["figures"]["auc"] == pytest.approx(curve.auc())
        assert one["figures"]["eer"] == pytest.approx(curve.eer())
        accepted = mine.likeness >= 1.5
        assert one["figures"]["accuracy"] == pytest.approx((accepted == mine.same).mean())
        assert (one["genuine"], one["impostors"]) == (mine.same.sum(), (~mine.same).sum())
        assert one["people"] == PEOPLE // 2
        for name, value in one["figures"].items():
            low, high = one["intervals"][name]
            assert low < value < high
    assert sum(one["genuine"] + one["impostors"] for one in sliced["groups"]) + sliced["mixed"] == 3000
    assert json.loads(json.dumps(sliced)) == sliced


def test_a_harder_group_is_significantly_worse_and_the_other_better() -> None:
    easy, hard = slice_figures(*make(1.5), 1.5)["groups"]
    for name, sign in (("accuracy", -1), ("auc", -1), ("eer", 1)):
        difference = hard["differences"][name]
        assert difference["significant"]
        assert difference["value"] == pytest.approx(hard["figures"][name] - easy["figures"][name])
        assert np.sign(difference["value"]) == sign
        assert easy["differences"][name]["value"] == pytest.approx(-difference["value"])
        assert easy["differences"][name]["interval"] == pytest.approx(
            [-end for end in difference["interval"][::-1]]
        )


def test_equal_groups_are_seldom_called_different() -> None:
    called = [
        one["differences"]["auc"]["significant"]
        for seed in range(40) for one in slice_figures(*make(0.0, seed=seed), None, seed)["groups"][:1]
    ]  # fmt: skip
    assert sum(called) <= 6  # one in twenty is expected


def test_a_difference_is_said_only_where_its_interval_excludes_0() -> None:
    same, other = (slice_rows(slice_figures(*make(hard), 1.5)) for hard in (0.0, 1.5))
    assert [row[-1] for row in same] == ["no significant difference"] * 2
    assert other[0][-1].startswith("accuracy higher by ")
    assert "AUC lower by 0." in other[1][-1]


def test_without_a_threshold_there_is_no_accuracy() -> None:
    sliced = slice_figures(*make(1.0), None)
    assert all(set(one["figures"]) == {"auc", "eer"} for one in sliced["groups"])
    assert [row[1 + HEAD.index("accuracy")] for row in slice_rows(sliced)] == ["–", "–"]


def test_a_small_group_is_refused_with_its_reason_and_the_other_has_nothing_to_compare_with() -> None:
    pairs, ends, _ = make(0.0)
    few = PhotoGroups("site", ("a", "b"), (np.arange(PEOPLE * PHOTOS) >= 9 * PHOTOS).astype(np.int64))
    small, large = slice_figures(pairs, ends, few, 1.5)["groups"]
    assert small["figures"] is small["differences"] is None
    assert small["refused"] == "too few people with two photos here (9; 10 are needed)"
    assert large["figures"] is not None
    assert large["differences"] is None
    rows = slice_rows(slice_figures(pairs, ends, few, 1.5))
    assert rows[0][-1] == "refused: too few people with two photos here (9; 10 are needed)"
    assert rows[1][-1] == "no other group to compare with"
    assert len({len(row) for row in rows} | {1 + len(HEAD)}) == 1


def test_pairs_of_two_groups_or_none_are_only_counted() -> None:
    pairs, ends, groups = make(0.0)
    codes = np.where(np.arange(len(groups.codes)) % 7 == 0, -1, groups.codes)
    sliced = slice_figures(pairs, ends, PhotoGroups("sex", groups.names, codes, 3), 1.5)
    sides = codes[ends[0]], codes[ends[1]]
    unknown = (sides[0] < 0) | (sides[1] < 0)
    assert sliced["unknown"] == unknown.sum()
    assert sliced["mixed"] == (~unknown & (sides[0] != sides[1])).sum()
    notes = " ".join(slice_notes(sliced))
    assert f"{sliced['mixed']:,} pairs are of two groups, {sliced['unknown']:,} of a photo in none" in notes
    assert "3 further values of sex have fewer photos" in notes
    assert "6 differences were looked at" in notes


def test_its_lines_are_a_table_whatever_the_names_are() -> None:
    pairs, ends, groups = make(0.0)
    lines = slice_lines(slice_figures(pairs, ends, PhotoGroups("a|b", ("x\ny", "m|n"), groups.codes), 1.5))
    table = [line.replace("\\|", "") for line in lines if line.startswith("|")]
    assert len(table) == 4
    assert {line.count("|") for line in table} == {2 + len(HEAD)}
    assert table[2].startswith("| x y |")


@pytest.mark.parametrize("seed", range(5))
def test_the_eer_is_that_of_the_curve_with_these_weights(seed: int) -> None:
    rng = np.random.default_rng(seed)
    likeness, same = rng.integers(12, size=80) / 4.0, rng.random(80) < 0.4
    weights = rng.integers(0, 4, 80).astype(np.float64)
    rate = eer_of(likeness, same)
    assert rate(weights) == pytest.approx(roc(likeness, same, weights).eer())
    assert rate(np.ones(80)) == pytest.approx(roc(likeness, same).eer())
    with pytest.raises(ScoreError, match="one kind"):
        rate(np.where(same, weights, 0.0))
