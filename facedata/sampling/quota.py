"""The arithmetic under sampling: how many rows each group gives, and numbers drawn without repeats; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np

from ..types import BoolArray, Float64Array, Int64Array

SPAN_ROWS = 1 << 18
"""About how many rows are drawn at a time; a constant, since it shows in what is drawn."""

_SPAN_NUMBERS = 1 << 61
"""Most numbers a span's groups may have together, so that each number of each has its own int64."""

_PIECE_MEMBERS = 1 << 20
"""Members whose shares are computed at a time; shows nowhere."""

_PROPOSED_ROUNDS = 8
"""Rounds in which the caller's own distribution is tried before missing numbers are drawn uniformly."""

Propose = Callable[[Int64Array], Int64Array]
"""Takes ``(m,)`` group numbers and returns for each a number below its group's space."""


def fill(count: int, capacity: Int64Array, weight: Float64Array, rng: np.random.Generator) -> Int64Array:
    """Share ``count`` rows out over groups in proportion to their weights, none beyond its capacity.

    What a full group cannot take goes to the others, again by weight (water-filling). Shares that are no
    whole numbers are rounded up or down at random (systematic sampling), so that they hold on average.

    Args:
        count: rows to share out; with ``count >= sum(capacity)`` every group is filled.
        capacity: ``(g,)`` int64, the most each group can give.
        weight: ``(g,)`` float64, above 0 wherever the capacity is.
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
    groups = groups[np.argsort(capacity[groups] / weight[groups], kind="stable")]
    level, full = _water_level(count, capacity[groups], weight[groups])
    open_groups = rng.permutation(groups[full:])  # neighbours in a systematic sample exclude each other
    rest = count - int(capacity[groups[:full]].sum())
    quota[open_groups] = _round_shares(level * weight[open_groups], rest, rng) if rest else 0
    return _settle(quota, capacity, count)


def _water_level(count: int, capacity: Int64Array, weight: Float64Array) -> tuple[float, int]:
    """Return what a unit of weight gets, and how many groups (in order of fullness) are filled by it."""
    before = np.cumsum(capacity) - capacity
    weight_left = np.cumsum(weight[::-1])[::-1]
    full = int(np.count_nonzero(before + capacity / weight * weight_left <= count))
    return float((count - before[full]) / weight_left[full]), full


def _round_shares(shares: Float64Array, total: int, rng: np.random.Generator) -> Int64Array:
    exact = np.cumsum(shares)
    ends = np.floor(exact * (total / exact[-1]) + rng.random()).astype(np.int64)
    ends[-1] = total
    return np.asarray(np.diff(ends, prepend=0))


def _settle(quota: Int64Array, capacity: Int64Array, count: int) -> Int64Array:
    """Give what a rounded-off float put beyond a capacity to groups that have room."""
    quota = np.minimum(quota, capacity)
    room = np.flatnonzero(quota < capacity)
    quota[room[: count - int(quota.sum())]] += 1
    return quota


def spread(quota: Int64Array, size: Int64Array, rng: np.random.Generator) -> Int64Array:
    """Divide each group's quota over its members as equally as can be; who gets one more is random.

    Args:
        quota: ``(g,)`` int64, 0 where the size is 0.
        size: ``(g,)`` int64, members of each group; members stand group by group.
        rng: decides who gets one more.

    Returns:
        ``(sum(size),)`` int64, each member's share.
    """
    each, over = np.divmod(quota, np.maximum(size, 1))
    turn = below(size, rng)
    ends = np.cumsum(size)
    shares = np.empty(int(size.sum()), np.int64)
    for mine in _pieces(ends):  # seven columns of millions of members would take gigabytes
        group = np.repeat(np.arange(mine.start, mine.stop), size[mine])
        first = int(ends[mine.start] - size[mine.start])
        place = np.arange(first, first + len(group)) - (ends - size)[group]
        shares[first : first + len(group)] = each[group] + ((place + turn[group]) % size[group] < over[group])
    return shares


def _pieces(ends: Int64Array) -> Iterator[slice]:
    """Cut groups into runs of about a million members; ``ends`` says where each group's members end."""
    cuts = np.flatnonzero(np.diff(ends // _PIECE_MEMBERS)) + 1
    for start, stop in pairwise([0, *cuts.tolist(), len(ends)]):
        if start < stop:
            yield slice(start, stop)


def below(limit: Int64Array, rng: np.random.Generator) -> Int64Array:
    """Draw for each limit a whole number from 0 to just below it (0 for limit 0), uniformly.

    One multiplication, several times faster than ``rng.integers`` on arrays; exact up to limits of 2**53.
    """
    return (rng.random(len(limit)) * limit).astype(np.int64)


def spans(quota: Int64Array, space: Int64Array) -> Iterator[Int64Array]:
    """Cut the groups that give rows into spans small enough to be drawn in memory.

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


def distinct(
    quota: Int64Array, space: Int64Array, propose: Propose, rng: np.random.Generator
) -> tuple[Int64Array, Int64Array]:
    """Draw for every group as many distinct numbers below its space as its quota says.

    Groups that want more than half of their numbers choose among all of them. The others draw and draw
    again what came twice: first as ``propose`` does, and what is then still missing uniformly, which finds
    a new number at every second try at least. So it ends, however lopsided ``propose`` is.

    Args:
        quota: ``(g,)`` int64, from 1 to the group's space.
        space: ``(g,)`` int64; their sum must be below 2**63.
        propose: draws candidates.
        rng: what ``propose`` draws with, too.

    Returns:
        Group and number, ``(sum(quota),)`` int64 each, ascending by both.
    """
    first = np.cumsum(space) - space  # each group's numbers are shifted to a range of their own
    crowded = 2 * quota > space
    keys = [_choose(np.where(crowded, quota, 0), space, first, rng)]
    wanted = np.where(crowded, 0, quota)
    keys.append(_draw(wanted, space, first, propose, rng))
    group = np.repeat(np.arange(len(quota)), quota)
    return group, np.sort(np.concatenate(keys)) - first[group]


def _choose(quota: Int64Array, space: Int64Array, first: Int64Array, rng: np.random.Generator) -> Int64Array:
    """List all numbers of the groups with a quota, shuffle within each, and take the first ones."""
    size = np.where(quota > 0, space, 0)
    group = np.repeat(np.arange(len(size)), size)
    place = np.arange(len(group)) - np.repeat(np.cumsum(size) - size, size)
    shuffled = np.lexsort((rng.random(len(group)), group))  # group by group, random within
    return np.asarray((first[group] + place)[shuffled[place < quota[group]]])


def _draw(
    quota: Int64Array, space: Int64Array, first: Int64Array, propose: Propose, rng: np.random.Generator
) -> Int64Array:
    keys = np.empty(0, np.int64)
    missing, rounds = quota, 0
    while missing.any():
        group = np.repeat(np.arange(len(quota)), missing)
        code = propose(group) if rounds < _PROPOSED_ROUNDS else below(space[group], rng)
        fresh = np.sort(first[group] + code)  # np.unique hashes, which is several times slower here
        fresh = fresh[~_among(fresh, keys) & (np.diff(fresh, prepend=-1) > 0)]
        found = np.searchsorted(first, fresh, side="right") - 1
        missing = missing - np.bincount(found, minlength=len(quota))
        keys = np.sort(np.concatenate([keys, fresh]), kind="stable")  # two runs: merged in linear time
        rounds += 1
    return keys


def _among(values: Int64Array, known: Int64Array) -> BoolArray:
    """Tell which values are among the known ones; both ascend."""
    if not len(known):
        return np.zeros(len(values), np.bool_)
    place = np.minimum(np.searchsorted(known, values), len(known) - 1)
    return np.asarray(known[place] == values)


def clipped_product(*factors: Int64Array, most: int) -> Int64Array:
    """Multiply whole numbers element by element; what exceeds ``most`` (below 2**62) becomes ``most``."""
    exact = np.multiply.reduce(factors)
    roughly: Float64Array = np.multiply.reduce([factor.astype(np.float64) for factor in factors])
    over: BoolArray = roughly > most  # a product this large may have overflowed
    return np.where(over, most, exact)
