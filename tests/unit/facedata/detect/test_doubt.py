"""The doubt about a face: it grows with whatever speaks against an upright face."""

from __future__ import annotations

import numpy as np
import pytest

from facedata.detect.doubt import DOUBTFUL, add_second_look, measure_doubt


def doubt(score: float = 0.999, mirrored: float = 0.999, apart: float = 0.014, width: float = 74) -> float:
    """Of a face like the median of LFW's, but for what is given."""
    scores, mirrored_scores, differences = np.array([[score], [mirrored], [apart]], np.float32)
    boxes = np.array([[10, 10, 10 + width, 110]], np.float32)
    return float(measure_doubt(scores, mirrored_scores, differences, boxes)[0])


def test_an_ordinary_upright_face_is_in_no_doubt() -> None:
    assert doubt() < DOUBTFUL - 3


@pytest.mark.parametrize("change", [{"score": 0.95}, {"mirrored": 0.9}, {"apart": 0.05}, {"width": 100}])
def test_each_sign_adds_to_it(change: dict[str, float]) -> None:
    assert doubt(**change) > doubt() + 1


def test_an_upside_down_face_with_a_high_score_is_in_doubt() -> None:
    """The medians of those found in upside-down photos of LFW."""
    assert doubt(0.955, 0.927, 0.0755, 82) > DOUBTFUL


def test_scores_of_one_and_points_that_agree_are_no_infinity() -> None:
    assert np.isfinite(doubt(1.0, 1.0, 0.0))
    assert np.isfinite(add_second_look(0.0, 1.0, 0.0, 0.0))
    assert np.isfinite(add_second_look(0.0, 0.0, 1.0, 0.0))


def test_a_second_look_clears_or_confirms() -> None:
    assert add_second_look(-3.0, 0.999, 0.1, 0.0) < -3
    assert add_second_look(-3.0, 0.6, 0.9999, 0.0) > 2
    assert add_second_look(-3.0, 0.6, 0.9999, -45.0) == add_second_look(-3.0, 0.6, 0.9999, 0.0) - 1
