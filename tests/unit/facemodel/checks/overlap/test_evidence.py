"""The threshold, the odds and the misses, from distributions that are known."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest

from facedata.types import Float64Array
from facemodel.checks.overlap.evidence import fit_tail, weigh
from facemodel.checks.overlap.known_pairs import OtherPeople, OwnHalves
from facemodel.errors import ScoreError

SPREAD, PEOPLE, PAIRS = 0.08, 2_000, 1_999_000


def others(extra: int = 0, middle: float = -0.2) -> OtherPeople:
    """Different people whose similarities are normal; ``extra`` of them are one person under two names."""
    levels = np.linspace(2, -2, 8000)
    above = np.array([PAIRS * (1 - NormalDist(middle, SPREAD).cdf(float(one))) for one in levels])
    above += extra * (levels <= 0.6)
    return OtherPeople(PAIRS, levels, np.ceil(above).astype(np.int64), PEOPLE)


def halves(middle: float = 0.4, count: int = 500, photos: tuple[int, int] = (1, 1)) -> OwnHalves:
    spots = (np.arange(count) + 0.5) / count
    values: Float64Array = np.array([NormalDist(middle, 0.05).inv_cdf(float(one)) for one in spots])
    return OwnHalves(photos, values)


def test_the_line_is_that_of_the_distribution() -> None:
    offset, slope = fit_tail(others())
    assert slope == pytest.approx(1 / SPREAD, rel=0.02)
    assert -offset / slope == pytest.approx(-0.2, abs=0.01)


def test_double_names_do_not_move_the_threshold() -> None:
    clean, noisy = (weigh(others(extra), [halves()], (1000, 1000)) for extra in (0, 20))
    assert noisy.threshold == pytest.approx(clean.threshold, abs=0.03)


@pytest.mark.parametrize("sizes", [(50, 50), (1000, 1000), (100_000, 40)])
def test_so_many_false_matches_are_expected_as_allowed(sizes: tuple[int, int]) -> None:
    evidence = weigh(others(), [halves()], sizes)
    allowed = max(0.03, min(sizes) / 8000)
    truly = sizes[0] * sizes[1] * (1 - NormalDist(-0.2, SPREAD).cdf(evidence.threshold))
    assert evidence.expected_false <= allowed
    assert truly == pytest.approx(allowed, rel=0.5)


def test_misses_are_the_share_of_halves_below_and_more_photos_help() -> None:
    own = [halves(0.25), halves(0.4, 50, (2, 2))]
    evidence = weigh(others(), own, (1000, 1000))
    expected = float((own[0].values < evidence.threshold).mean())
    ones, twos = np.ones(10, np.int64), np.full(10, 2)
    assert expected > 0.05
    assert evidence.missed(ones, ones) == pytest.approx(expected)
    assert evidence.missed(twos, twos) == 0
    assert evidence.missed(ones, twos) == pytest.approx(expected)  # no halves of (2, 1): those of (1, 1)
    assert evidence.missed(np.array([1, 2]), twos) == pytest.approx(expected / 2)
    assert [row["photos"] for row in evidence.missed_by_photos()] == [[1, 1], [2, 2]]


def test_odds_rise_with_the_similarity_and_fall_with_the_size() -> None:
    similarity, ones = np.linspace(0, 0.5, 60), np.ones(60, np.int64)
    small, large = (weigh(others(), [halves()], (size, size)) for size in (100, 10_000))
    odds = small.log_odds(similarity, ones, ones)
    assert (np.diff(odds) > 0).all()
    assert odds - large.log_odds(similarity, ones, ones) == pytest.approx(np.log(100))


def test_too_few_halves_are_not_believed() -> None:
    evidence = weigh(others(), [halves(count=9)], (100, 100))
    ones = np.ones(3, np.int64)
    assert evidence.missed(ones, ones) is None
    assert evidence.accepts(np.array([0.0, 0.9]), ones[:2], ones[:2]).tolist() == [False, True]


def test_too_few_pairs_are_refused() -> None:
    few = OtherPeople(99, np.linspace(2, -2, 10), np.arange(10) * 11, 14)
    with pytest.raises(ScoreError, match="99 pairs of different people, too few"):
        weigh(few, [], (7, 7))
