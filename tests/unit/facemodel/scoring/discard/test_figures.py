"""Which quality helps: one that knows the errors, one that knows nothing, one that is upside down."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from facemodel.scoring.discard.columns import Quality
from facemodel.scoring.discard.figures import discard_figures
from facemodel.scoring.discard.lines import discard_lines
from facemodel.scoring.pair_figures import ScoredPairs

PAIRS = 600


def scored(people: int = 60) -> tuple[ScoredPairs, tuple[Any, Any], dict[str, Any]]:
    """Pairs of one person, whose score falls with the blur of the worse photo, and of two."""
    rng = np.random.default_rng(0)
    same = np.arange(PAIRS) < PAIRS // 2
    left = rng.integers(people, size=PAIRS)
    right = np.where(same, left, (left + 1) % people)
    ends = np.arange(PAIRS), np.arange(PAIRS, 2 * PAIRS)
    good = rng.uniform(size=2 * PAIRS)
    values = np.where(same, 0.35 + 0.4 * np.minimum(good[ends[0]], good[ends[1]]), 0.1)
    values += rng.normal(0, 0.05, PAIRS)
    return ScoredPairs(values, "cosine", same, left, right), ends, {"good": good, "rng": rng}


def by_name(found: dict[str, Any]) -> dict[str, Any]:
    return {one["column"]: one for one in found["columns"]}


def test_what_knows_the_errors_helps_most() -> None:
    pairs, ends, made = scored()
    none = np.full(2 * PAIRS, np.nan)
    qualities = [Quality("noise", made["rng"].uniform(size=2 * PAIRS)), Quality("sharpness", made["good"])]
    qualities += [Quality("upside_down", -made["good"]), Quality("unknown", none)]
    found = discard_figures(pairs, ends, tuple(qualities), 0.4)
    columns = by_name(found)
    assert list(columns) == ["sharpness", "noise", "upside_down", "unknown"]
    assert columns["sharpness"]["helps"]
    assert columns["sharpness"]["of_possible"] > 0.6
    assert not columns["noise"]["helps"]
    assert columns["upside_down"]["of_possible"] < 0
    assert not columns["upside_down"]["helps"]
    assert columns["unknown"]["refused"] == "no pair of one person has it"
    assert found["lead"]["significant"]
    assert found["lead"]["over"] == "noise"
    rejected = (pairs.values < 0.4) & pairs.same
    for one in (columns["sharpness"], columns["noise"]):
        assert one["random"] == pytest.approx(rejected.sum() / pairs.same.sum())
        assert one["left_out"]["0.0"] == pytest.approx(one["random"])
        assert one["curve"]["rejected"][10] == pytest.approx(one["left_out"]["0.1"])
    lines = discard_lines({"discard": found | {"decided_by": "as the test has it"}})
    assert any(line.startswith("| sharpness | 300 |") and line.endswith("helps |") for line in lines)
    columns["upside_down"]["interval"] = [-0.3, -0.1]
    lines = discard_lines({"discard": found | {"decided_by": "as the test has it"}})
    assert any(line.startswith("| upside_down") and "makes it worse" in line for line in lines)
    assert "sharpness helps most; its lead over noise is significant" in lines


def test_it_counts_pairs_by_the_worse_photo() -> None:
    pairs, ends, made = scored()
    worse = np.minimum(made["good"][:PAIRS], made["good"][PAIRS:])
    both = np.concatenate([worse, worse])
    one, other = (
        discard_figures(pairs, ends, (Quality("q", values),), 0.4)["columns"][0]
        for values in (made["good"], both)
    )
    assert one["curve"] == other["curve"]


@pytest.mark.parametrize(
    ("threshold", "why"), [(0.05, "too few pairs of one person"), (None, "no threshold")]
)
def test_too_few_errors_are_refused(threshold: float | None, why: str) -> None:
    pairs, ends, made = scored()
    found = discard_figures(pairs, ends, (Quality("sharpness", made["good"]),), threshold)
    assert why in found["columns"][0]["refused"]
    assert found["lead"] is None


def test_too_few_people_have_no_interval() -> None:
    pairs, ends, made = scored(people=8)
    found = discard_figures(pairs, ends, (Quality("sharpness", made["good"]),), 0.4)
    assert found["columns"][0]["interval"] is None
    assert not found["columns"][0]["helps"]
    assert "too few people" in found["no_interval"]
