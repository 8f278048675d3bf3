"""A calibration as a curve: what it gives between and beyond its knots, and what a spec may hold."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

import numpy as np
import pytest

from facemodel.errors import SpecError
from facemodel.spec import InputSpec, make_spec
from facemodel.validated.calibration import Calibration, make_calibration
from facemodel.validated.summary import ValidationSummary

CURVE = Calibration("isotonic", "cosine", (0.1, 0.3, 0.6), (-4.0, 0.0, 5.0), 10.0, 300, 9000, 60)


def by_hand(score: float) -> float:
    if score <= 0.1:
        return -4 - 10 * (0.1 - score)
    if score >= 0.6:
        return 5 + 10 * (score - 0.6)
    if score <= 0.3:
        return -4 + (score - 0.1) / 0.2 * 4
    return (score - 0.3) / 0.3 * 5


@pytest.mark.parametrize("score", [-0.5, 0.1, 0.2, 0.3, 0.45, 0.6, 0.9])
@pytest.mark.parametrize("prior", [0.5, 0.01])
def test_it_is_straight_between_the_knots_and_goes_on_beyond_them(score: float, prior: float) -> None:
    odds = math.exp(by_hand(score)) * prior / (1 - prior)
    assert CURVE.probability(np.array([score]), prior)[0] == pytest.approx(odds / (1 + odds))


def test_distances_and_similarities_mirror_each_other() -> None:
    scores = tuple(-one for one in CURVE.scores)
    mirrored = dataclasses.replace(CURVE, metric="euclidean", scores=scores)
    values = np.linspace(-1, 1, 21)
    np.testing.assert_allclose(mirrored.weigh(-values), CURVE.weigh(values))


def test_probabilities_are_never_0_or_1() -> None:
    steep = dataclasses.replace(CURVE, slope=1e9)
    assert (steep.probability(np.array([-1.0])) > 0).all()
    assert np.isfinite(steep.weigh(np.array([-1.0, 1.0]))).all()


def test_a_spec_keeps_it_and_reads_it_again() -> None:
    summary = ValidationSummary(60, 300, 9000, True, 0.98, calibration=CURVE)
    spec = InputSpec(112, "arcface112", 8, metric="cosine", validation=summary)
    again = make_spec(json.loads(spec.to_json()), "here")
    assert again.validation is not None
    assert again.validation.calibration == CURVE


def test_a_spec_of_an_earlier_version_has_none() -> None:
    summary = ValidationSummary(60, 300, 9000, True, 0.98)
    values = json.loads(InputSpec(112, "arcface112", 8, validation=summary).to_json())
    del values["validation"]["calibration"]
    read = make_spec(values, "here").validation
    assert read is not None
    assert read.calibration is None


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "spline"},
        {"metric": "head"},
        {"scores": []},
        {"scores": [0.1, 0.1, 0.6]},
        {"scores": "abc"},
        {"log_odds": [-4.0, 0.0]},
        {"log_odds": [0.0, -1.0, 5.0]},
        {"log_odds": [0.0, float("nan"), 5.0]},
        {"slope": -1.0},
        {"slope": None},
        {"people": "many"},
    ],
    ids=str,
)
def test_what_is_no_rising_curve_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match="calibration is not what facemodel writes"):
        make_calibration({**dataclasses.asdict(CURVE), **changes}, "the input spec here")
    with pytest.raises(SpecError, match="calibration"):
        make_calibration({"method": "platt"}, "here")
