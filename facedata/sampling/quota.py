"""The arithmetic of sampling: how many rows to draw from each group, and distinct numbers; pure functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np

from ..types import BoolArray, Float64Array, Int64Array

SPAN_ROWS = 1 << 18
"""About how many rows are drawn at a time; a constant, since the rows drawn depend on it."""

_SPAN_NUMBERS = 1 << 61
"""The most numbers that a span's groups may have together, so that int64 can tell them all apart."""

_PIECE_MEMBERS = 1 << 20
"""About how many members' shares are computed at a time; the result does not depend on it."""

_PROPOSED_ROUNDS = 8
"""Rounds that use the caller's distribution before the missing numbers are drawn uniformly."""

Propose = Callable[[Int64Array], Int64Array]
"""Takes ``(m,)`` groups and returns for each a number below the group's space."""


def fill(count: int, capacity: Int64Array, weight: Float64Array, rng: np.random.Generator) -> Int64Array:
    """Share ``count`` rows among groups in proportion to their weights, up to each group's capacity.

    Rows beyond a group's capacity go to the others, again by weight (water-filling). Fractional shares are
    rounded up or down at random (systematic sampling), so that they are exact on average.

    Args:
        count: rows to share out; with ``count >= sum(capacity)`` every group is filled.
        capacity: ``(g,)`` int64, the most each group can give.
        weight: ``(g,)`` float64, above 0 where the capacity is above 0.
        rng: decides the rounding.

    Returns:
        ``(g,)`` int64 that adds up to ``min(count, sum(capacity))``.

    >>> sorted(fill(10, np.array([1, 100, 100]), np.ones(3), np.random.default_rng(0)).tolist())
    [1, 4, 5]
    """
    quota: Int64Array = capacity.copy()
    if count >= int(capacity.sum()):
        return quota
    groups = np.flatnonzero(capacity)
    groups = groups[
        np.argsort(capacity[groups] / weight[groups], kind="stable")
    ]  # those that fill up first come first
    most = capacity[groups]
    before = np.cumsum(most) - most
    weight_left = np.cumsum(weight[groups][::-1])[::-1]
    full = int(np.count_nonzero(before + most / weight[groups] * weight_left <= count))
    rest = count - int(before[full])
    open_groups = rng.permutation(groups[full:])  # neighbours in a systematic sample exclude each other
    quota[open_groups] = 0
    if rest:
        exact = np.cumsum(float(rest / weight_left[full]) * weight[open_groups])
        ends = np.floor(exact * (rest / exact[-1]) + rng.random()).astype(np.int64)
        ends[-1] = rest
        quota[open_groups] = np.diff(ends, prepend=0)
    # rounding may exceed a capacity by one row: that row goes to a group that has room
    quota = np.minimum(quota, capacity)
    room = np.flatnonzero(quota < capacity)
    quota[room[: count - int(quota.sum())]] += 1
    return quota


def spread(quota: Int64Array, size: Int64Array, rng: np.random.Generator) -> Int64Array:
    """Divide each group's quota among its members as equally as possible; who gets one more is random.

    Args:
        quota: ``(g,)`` int64, 0 where the size is 0.
        size: ``(g,)`` int64, members of each group; members are listed group by group.
        rng: decides who gets one more.

    Returns:
        ``(sum(size),)`` int64, each member's share.
    """
    each, over = np.divmod(quota, np.maximum(size, 1))
    turn = draw_below(size, rng)
    ends = np.cumsum(size)
    shares = np.empty(int(size.sum()), np.int64)
    cuts = np.flatnonzero(np.diff(ends // _PIECE_MEMBERS)) + 1
    for start, stop in pairwise([0, *cuts.tolist(), len(ends)] if len(ends) else []):
        # a run of groups at a time: seven columns of millions of members would take gigabytes
        group = np.repeat(np.arange(start, stop), size[start:stop])
        first = int(ends[start] - size[start])
        rank = np.arange(first, first + len(group)) + (turn + size - ends)[group]
        rank -= np.where(rank >= size[group], size[group], 0)  # both were below the size
        shares[first : first + len(group)] = each[group] + (rank < over[group])
    return shares


def draw_below(limit: Int64Array, rng: np.random.Generator) -> Int64Array:
    """Draw for each limit an integer from 0 up to and excluding it (0 for limit 0), uniformly.

    One multiplication, several times faster than ``rng.integers`` on arrays; exact up to limits of 2**53.
    """
    drawn = rng.random(len(limit))
    drawn *= limit
    return drawn.astype(np.int64)


def cut_spans(quota: Int64Array, space: Int64Array) -> Iterator[Int64Array]:
    """Cut the groups into spans whose rows can be drawn in memory.

    Yields:
        ``(m,)`` int64, the numbers of groups whose quota is above 0, in order; each group once.
    """
    groups = np.flatnonzero(quota)
    load = quota[groups] / SPAN_ROWS
    load += space[groups] / _SPAN_NUMBERS
    np.floor(np.cumsum(load, out=load), out=load)
    starts = np.flatnonzero(load[1:] != load[:-1]) + 1
    del load
    for span in np.split(groups, starts):
        if len(span):
            yield span


def draw_distinct(
    quota: Int64Array, space: Int64Array, propose: Propose, rng: np.random.Generator
) -> tuple[Int64Array, Int64Array]:
    """Draw for every group ``quota`` distinct numbers below ``space``.

    A group that needs more than half of its numbers shuffles all of them and takes the first ones. The
    others draw, and draw again for each repeat: first with ``propose``, then uniformly, which gives a new
    number at least every second time on average. So it ends, however uneven ``propose`` is.

    Args:
        quota: ``(g,)`` int64, from 1 to the group's space.
        space: ``(g,)`` int64; their sum must be below 2**63.
        propose: draws candidates, with the same ``rng``.
        rng: draws everything else.

    Returns:
        Group and number, ``(sum(quota),)`` int64 each, ascending by both.
    """
    first = np.cumsum(space) - space  # where each group's own range of keys begins
    crowded = 2 * quota > space
    size = np.where(crowded, space, 0)
    group = np.repeat(np.arange(len(size)), size)
    rank = np.arange(len(group)) - np.repeat(np.cumsum(size) - size, size)
    shuffled = np.lexsort((rng.random(len(group)), group))  # group by group, random within
    chosen = (first[group] + rank)[shuffled[rank < quota[group]]]

    keys = np.empty(0, np.int64)
    missing, rounds = np.where(crowded, 0, quota), 0
    while missing.any():
        group = np.repeat(np.arange(len(quota)), missing)
        number = propose(group) if rounds < _PROPOSED_ROUNDS else draw_below(space[group], rng)
        fresh = np.sort(first[group] + number)  # np.unique hashes, and is several times slower here
        is_new = np.append(True, fresh[1:] != fresh[:-1])
        if len(keys):
            is_new &= np.append(keys, -1)[np.searchsorted(keys, fresh)] != fresh
        fresh = fresh[is_new]
        missing = missing - np.diff(np.searchsorted(fresh, first), append=len(fresh))
        keys = _merge(keys, fresh)
        rounds += 1
    group = np.repeat(np.arange(len(quota)), quota)
    return group, _merge(np.sort(chosen), keys) - first[group]


def _merge(one: Int64Array, other: Int64Array) -> Int64Array:
    """Return two ascending arrays as one; a stable sort merges two runs in linear time."""
    if not len(one) or not len(other):
        return other if len(other) else one
    return np.sort(np.concatenate([one, other]), kind="stable")


def clipped_product(*factors: Int64Array, most: int) -> Int64Array:
    """Multiply integers element by element; results above ``most`` (below 2**62) become ``most``."""
    exact = np.multiply.reduce(factors)
    roughly: Float64Array = np.multiply.reduce([factor.astype(np.float64) for factor in factors])
    over: BoolArray = roughly > most  # a product this large may have overflowed
    return np.where(over, most, exact)
