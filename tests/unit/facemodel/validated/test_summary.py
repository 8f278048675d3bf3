"""What validation showed, in a spec's JSON: it comes back, and what nobody wrote is refused."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from facemodel.errors import SpecError
from facemodel.spec import InputSpec, read_spec
from facemodel.validated.summary import (
    AcceptRate,
    ValidationSummary,
    far_per_comparison,
    make_summary,
    share_interval,
)

SUMMARY = ValidationSummary(
    12, 40, 700, True, 0.9, (AcceptRate(0.1, 0.5, 0.8, True), AcceptRate(0.001, 0.7, 0.4, False)), 5, 3
)


def test_a_spec_brings_it_back(tmp_path: Path) -> None:
    spec = InputSpec(112, "square", 4, threshold=0.5, metric="cosine", validation=SUMMARY)
    spec.write(tmp_path / "spec.json")
    assert read_spec(tmp_path / "spec.json") == spec


def test_a_spec_of_an_earlier_version_has_none(tmp_path: Path) -> None:
    values = json.loads(InputSpec(112, "square", 4).to_json())
    del values["validation"]
    (tmp_path / "spec.json").write_text(json.dumps(values))
    assert read_spec(tmp_path / "spec.json").validation is None


@pytest.mark.parametrize(
    "change",
    [
        {"people": "12"}, {"auc": None}, {"rates": None}, {"rates": [{}]}, {"unseen": 1},
        {"photos": float("nan")},
        {"rates": [{"far": 0.1, "threshold": "x", "tar": 1.0, "counted": True}]},
        {"rates": [{"far": far, "threshold": 1.0, "tar": 1.0, "counted": True} for far in (0.1, 0.2)]},
        {"rates": [{"far": 0.0, "threshold": 1.0, "tar": 1.0, "counted": True}]},
    ],
)  # fmt: skip
def test_what_nobody_wrote_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(SpecError, match="the values under validation"):
        make_summary({**dataclasses.asdict(SUMMARY), **change}, "net.json")
    with pytest.raises(SpecError, match="the values under validation"):
        make_summary([1], "net.json")  # type: ignore[arg-type]


def test_between_two_rates_the_logarithm_counts_and_beyond_the_last_one_the_last() -> None:
    middle = SUMMARY.at_far(0.01)
    assert middle.threshold == pytest.approx(0.6)
    assert middle.tar == pytest.approx(0.6)
    assert not middle.counted
    assert SUMMARY.at_far(1e-9).threshold == 0.7
    assert SUMMARY.at_far(0.5).counted


def test_a_stranger_is_compared_with_everybody() -> None:
    for people in (1, 7, 5000):
        far = far_per_comparison(0.01, people)
        assert 1 - (1 - far) ** people == pytest.approx(0.01)


def test_an_interval_never_has_zero_width() -> None:
    for count in (1, 10, 1000):
        for share in (0.0, 0.3, 1.0):
            low, high = share_interval(share, count)
            assert low < high
            assert low <= share + 1e-12
            assert high >= share - 1e-12
    hits = np.random.default_rng(0).binomial(30, 0.8, 4000) / 30
    ends = np.array([share_interval(share, 30) for share in hits])
    assert 0.93 < ((ends[:, 0] <= 0.8) & (ends[:, 1] >= 0.8)).mean() < 0.98
