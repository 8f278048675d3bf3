"""The comparison as lines to read."""

from __future__ import annotations

from typing import Any

import pytest

from facemodel.scoring.compared.table import (
    compare_table,
    difference_text,
    figure_text,
    signed_text,
    threshold_text,
)


def compared(**changes: Any) -> dict[str, Any]:
    """Return a comparison of two runs, as `compare` returns it."""
    first = {
        "accuracy": {"value": 0.9, "interval": [0.85, 0.95]},
        "auc": {"value": 0.95, "interval": [0.9, 0.99]},
    }
    second = {
        "accuracy": {"value": 0.95, "interval": [0.91, 0.98]},
        "auc": {"value": 0.94, "interval": [0.89, 0.98]},
    }
    about = {
        "metric": "cosine",
        "threshold": {"value": 0.5, "sentence": "the model's own"},
        "pairs_left_out": 0,
    }
    return {
        "split": "test",
        "pairs": {"genuine": 1200, "impostors": 1300, "people": 40, "largest_share": 0.125},
        "runs": [
            {"name": "old", "figures": first, "notes": ["it knows 3 people"], "decided_by": "", **about},
            {"name": "new", "figures": second, "notes": [], "decided_by": "", **about},
        ],
        "differences": [
            {
                "figures": {
                    "accuracy": {"value": 0.05, "interval": [0.01, 0.09], "verdict": "better"},
                    "auc": {"value": -0.01, "interval": [-0.03, 0.01], "verdict": "not significant"},
                },
                "disagreements": {"pairs": 150, "first": 12, "this": 138},
            }
        ],
        "draws": 1000, "level": 0.95, "no_interval": None, "fars_left_out": [0.001],
        **changes,
    }  # fmt: skip


def test_the_table_says_what_was_compared() -> None:
    assert compare_table(compared())[:11] == [
        "| split test | old | new |",
        "|---|---|---|",
        "| threshold | 0.5000 (cosine) | 0.5000 (cosine) |",
        "| accuracy | 90.00% (85.00% to 95.00%) | 95.00% (91.00% to 98.00%) |",
        "| AUC | 0.9500 (0.9000 to 0.9900) | 0.9400 (0.8900 to 0.9800) |",
        "",
        "| difference to old | new |",
        "|---|---|",
        "| accuracy, percentage points | +5.00 (+1.00 to +9.00), significantly better |",
        "| AUC | -0.0100 (-0.0300 to +0.0100), not significant |",
        "",
    ]


def test_notes_follow() -> None:
    lines = compare_table(compared())[11:]
    assert lines[0] == (
        "pairs: 1,200 of one person, 1,300 of two; 40 people; the person with the most has 12.50% of the "
        "pairs of one person"
    )
    assert "no TAR at FAR 0.001: that takes 10,000 pairs of two people" in lines
    assert "new and old decide 150 pairs differently: new is right on 138, old on 12" in lines
    assert "old: it knows 3 people" in lines
    assert lines.count("threshold, new: the model's own") == 1
    assert any("1,000 draws of people with replacement" in line for line in lines)


def test_without_intervals_it_says_why_and_calls_nothing_significant() -> None:
    values = compared(no_interval="too few people", draws=0)
    for one in [*values["runs"], *values["differences"]]:
        for figure in one["figures"].values():
            figure["interval"] = None
            figure["verdict"] = None
    lines = compare_table(values)
    assert "| accuracy, percentage points | +5.00 |" in lines
    assert "no intervals, so no difference is said to be significant: too few people" in lines
    assert not any("significantly" in line or "not significant" in line for line in lines)


def test_pairs_left_out_and_what_decides_are_said() -> None:
    values = compared()
    values["runs"][1] |= {
        "pairs_left_out": 1234, "threshold": {"value": None, "sentence": "none"}, "decided_by": "each fold",
    }  # fmt: skip
    values["differences"][0]["disagreements"] = None
    lines = compare_table(values)
    assert "new: 1,234 of its pairs are left out, because another run lacks them" in lines
    assert "new is decided by each fold" in lines
    assert "| threshold | 0.5000 (cosine) | – (cosine) |" in lines
    assert not any("differently" in line for line in lines)


def test_a_name_cannot_add_a_column() -> None:
    values = compared()
    values["runs"][0]["name"] = "a|b"
    assert compare_table(values)[0] == "| split test | a\\|b | new |"


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("accuracy", 0.0125, "+1.25"), ("eer", -0.0125, "-1.25"), ("auc", 0.01234, "+0.0123"),
        ("auc", -0.0, "0.0000"), ("accuracy", 0.0, "0.00"), ("accuracy", -1e-9, "0.00"),
    ],
)  # fmt: skip
def test_a_difference_has_its_sign_and_nothing_has_none(name: str, value: float, text: str) -> None:
    assert signed_text(name, value) == text


def test_what_is_missing_is_a_dash() -> None:
    nothing = {"value": None, "interval": None, "verdict": None}
    assert figure_text("accuracy", nothing) == difference_text("accuracy", nothing) == "–"
    assert threshold_text({"threshold": {"value": None}, "metric": "head"}) == "– (pair head)"
