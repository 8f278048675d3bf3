"""Shares and distinct numbers."""

from __future__ import annotations

import numpy as np
import pytest

from facedata.sampling import quota as quota_module
from facedata.sampling.quota import (
    SPAN_ROWS,
    clipped_product,
    cut_spans,
    draw_below,
    draw_distinct,
    fill,
    spread,
)
from facedata.types import Int64Array


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_fill_is_equal_so_far_as_capacities_allow() -> None:
    quota = fill(100, np.array([0, 3, 50, 60, 7]), np.ones(5), rng())
    assert quota.tolist() == [0, 3, 45, 45, 7]


def test_fill_gives_everything_when_more_is_asked() -> None:
    assert fill(100, np.array([1, 2]), np.ones(2), rng()).tolist() == [1, 2]


def test_fill_rounds_shares_at_random_around_their_exact_values() -> None:
    weight = np.array([1.0, 2.0, 5.0])
    draws = np.array([fill(5, np.full(3, 100), weight, rng(seed)) for seed in range(2000)])
    exact = 5 * weight / 8
    assert (draws.sum(axis=1) == 5).all()
    assert (np.abs(draws - exact) < 1).all()
    assert draws.mean(axis=0) == pytest.approx(exact, abs=0.05)  # over four standard errors


def test_spread_is_equal_within_a_group_and_its_rest_falls_anywhere() -> None:
    draws = np.array([spread(np.array([7, 0, 2]), np.array([3, 0, 2]), rng(seed)) for seed in range(300)])
    assert (draws[:, :3].sum(axis=1) == 7).all()
    assert set(np.unique(draws[:, :3])) == {2, 3}
    assert set(draws[:, :3].argmax(axis=1)) == {0, 1, 2}
    assert (draws[:, 3:] == 1).all()


def test_below_is_uniform_and_never_reaches_its_limit() -> None:
    drawn = draw_below(np.full(60_000, 6), rng())
    assert np.bincount(drawn).tolist() == pytest.approx([10_000] * 6, rel=0.05)
    assert draw_below(np.array([1, 0]), rng()).tolist() == [0, 0]


def test_spans_hold_every_group_once_and_little_at_a_time() -> None:
    quota = rng().integers(0, SPAN_ROWS // 3, 100)
    quota[5] = 3 * SPAN_ROWS
    found = list(cut_spans(quota, quota + 1))
    assert np.concatenate(found).tolist() == np.flatnonzero(quota).tolist()
    assert all(quota[span].sum() < 2 * SPAN_ROWS or len(span) == 1 or 5 in span for span in found)
    assert len(found) > 10


def test_spans_are_cut_before_their_numbers_overflow() -> None:
    space = np.full(64, 1 << 60)
    assert max(int(space[span].sum()) for span in cut_spans(np.ones(64, np.int64), space)) < 1 << 62


def test_distinct_takes_all_numbers_when_asked_for_all() -> None:
    size = np.array([3, 1, 1000])
    group, number = draw_distinct(size, size, lambda group: draw_below(size[group], rng()), rng())
    assert group.tolist() == [0] * 3 + [1] + [2] * 1000
    assert number.tolist() == [0, 1, 2, 0, *range(1000)]


@pytest.mark.parametrize("quota", [1, 4, 5, 6, 9])
def test_distinct_draws_each_number_as_often_as_any_other(quota: int) -> None:
    quotas, space, random = np.full(4000, quota), np.full(4000, 10), rng(quota)
    _, number = draw_distinct(quotas, space, lambda group: draw_below(space[group], random), random)
    assert np.bincount(number, minlength=10).tolist() == pytest.approx([400 * quota] * 10, rel=0.2)


def test_distinct_ends_though_proposals_never_vary() -> None:
    def stubborn(group: Int64Array) -> Int64Array:
        return np.zeros(len(group), np.int64)

    group, number = draw_distinct(np.array([400, 2]), np.array([1000, 90]), stubborn, rng())
    assert len(set(zip(group.tolist(), number.tolist(), strict=True))) == 402
    assert number.max() < 1000


def test_products_beyond_int64_are_clipped() -> None:
    large = np.array([1 << 20, 1 << 40])
    assert clipped_product(large, large, most=1 << 45).tolist() == [1 << 40, 1 << 45]


def test_shares_computed_piece_by_piece_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    size = rng.integers(0, 9, 200)
    quota = np.where(size > 0, rng.integers(0, 50, 200), 0)
    whole = spread(quota, size, np.random.default_rng(1))
    monkeypatch.setattr(quota_module, "_PIECE_MEMBERS", 16)
    assert spread(quota, size, np.random.default_rng(1)).tolist() == whole.tolist()
    member = np.repeat(np.arange(200), size)
    assert np.bincount(member, whole, 200).tolist() == quota.tolist()
