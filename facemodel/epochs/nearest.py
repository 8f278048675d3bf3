"""The nearest of some random crops of other people; pure, vectorised, the same for any number of threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from facedata.sampling.pool import Pool
from facedata.sampling.quota import draw_distinct
from facedata.types import BoolArray, Float32Array, Int64Array

from ..errors import DataError
from ..machine.cores import own_cores

_BLOCK_FLOATS = 1 << 19
"""About how many numbers a thread compares at a time: candidates' features stay in the processor's cache."""

_THREADED_FLOATS = 1 << 22
"""With more numbers than this, threads are worth starting."""

_EXACT_ROWS = 4096
"""Candidates measured exactly at a time."""


def draw_candidates(
    person: Int64Array,
    anchors: Int64Array,
    n: int,
    rng: np.random.Generator,
    pool: Pool | None = None,
) -> Int64Array:
    """Draw n distinct crops of other people for each anchor, uniformly.

    If there are fewer than n, all are taken, then repeated from the first.

    Args:
        person: ``(photos,)`` int64, each crop's person; every code from 0 to the largest must occur.
        anchors: ``(m,)`` int64 rows.
        n: candidates for each.
        rng: draws them.
        pool: :func:`other_people` of ``person``, if already made.

    Returns:
        ``(m, n)`` int64 rows.

    Raises:
        DataError: there is one person only.
    """
    pool = pool or other_people(person)
    whose = person[anchors]
    others = pool.count_others(whose)
    quota = np.minimum(others, n)
    group, number = draw_distinct(
        quota, others, lambda group: pool.draw_other(whose[group], "photos", rng), rng
    )
    drawn = pool.other_row(whose[group], number)
    first = np.cumsum(quota) - quota
    return np.asarray(drawn[first[:, None] + np.arange(n) % quota[:, None]])


def hard_negatives(
    features: Float32Array, person: Int64Array, anchors: Int64Array, candidates: Int64Array
) -> Int64Array:
    """Return each anchor's nearest candidate by Euclidean distance; the first of equally near ones.

    Args:
        features: ``(photos, dim)`` float32.
        person: ``(photos,)`` int64; candidates of the anchor's own person are skipped.
        anchors: ``(m,)`` int64 rows.
        candidates: ``(m, n)`` int64 rows.

    Returns:
        ``(m,)`` int64 rows.

    Raises:
        DataError: an anchor has no candidate of another person.
    """
    chosen = np.empty(len(anchors), np.int64)
    width = max(1, candidates.shape[1] * features.shape[1])
    step = max(1, _BLOCK_FLOATS // width)
    blocks = [slice(start, start + step) for start in range(0, len(anchors), step)]
    square = np.einsum("nd,nd->n", features, features)
    if candidates.size and not (candidates.min() >= 0 and candidates.max() < len(features)):
        raise IndexError(f"candidates must be rows of the {len(features)} crops")

    def choose(mine: list[slice]) -> None:
        # one piece of memory for all blocks of a thread: fresh pages would take longer than the sums
        scratch = np.empty((step, *candidates.shape[1:], features.shape[1]), np.float32)
        for block in mine:
            some = candidates[block]
            theirs = np.take(features, some, axis=0, out=scratch[: len(some)], mode="clip")
            chosen[block] = _pick_nearest(features, theirs, square, person, anchors[block], some)

    threads = own_cores() if len(anchors) * width >= _THREADED_FLOATS else 1
    with ThreadPoolExecutor(threads) as pool:  # each block writes its own part of the result
        for _ in pool.map(choose, [blocks[first::threads] for first in range(threads)]):
            pass
    return chosen


def other_people(person: Int64Array, passed_over: BoolArray | None = None) -> Pool:
    """Sort crops by person, so that crops of other people can be drawn.

    Args:
        person: ``(photos,)`` int64.
        passed_over: ``(photos,)`` bool, crops that are not to be drawn, unless nobody or one person is left.

    Raises:
        DataError: there is one person only.
    """
    people = int(person.max(initial=-1)) + 1
    if people < 2:
        raise DataError("only one person has photos here, and a negative is another person's: add people")
    if passed_over is not None and passed_over.any():
        pool = Pool(person, people, ~passed_over)
        if np.count_nonzero(pool.size) > 1:
            return pool
    return Pool(person, people)


def _pick_nearest(
    features: Float32Array,
    theirs: Float32Array,
    square: Float32Array,
    person: Int64Array,
    anchors: Int64Array,
    candidates: Int64Array,
) -> Int64Array:
    """Return each anchor's nearest candidate: by the fast formula, and exactly where that cannot decide.

    |a - c|² = |a|² + |c|² - 2 a·c; the anchor's own square is the same for all its candidates. In float32 the
    rest is wrong by less than half of ``slack``, so only candidates within ``slack`` of the best are measured
    again: a float32 sum of dim products is wrong by at most dim units in the last place of its largest size,
    which is at most |a||c| for the product and |c|² for the square.
    """
    mine = features[anchors]
    squares = square[candidates]
    distance = squares - 2 * np.matmul(theirs, mine[:, :, None])[:, :, 0]
    own = person[candidates] == person[anchors][:, None]
    distance[own] = np.inf
    best = np.argmin(distance, axis=1)
    least = distance[np.arange(len(anchors)), best]
    if not np.isfinite(least).all():
        raise DataError("an anchor has no candidate of another person")
    largest = squares.max(axis=1)
    size = 2 * np.sqrt(square[anchors] * largest) + largest
    slack = 2 * (features.shape[1] + 4) * np.finfo(np.float32).eps * size
    close = distance <= (least + slack)[:, None]
    unsure = np.flatnonzero(np.count_nonzero(close, axis=1) > 1)
    if len(unsure):
        best[unsure] = _nearest_exactly(features, mine[unsure], candidates[unsure], close[unsure])
    return np.asarray(candidates[np.arange(len(anchors)), best])


def _nearest_exactly(
    features: Float32Array, mine: Float32Array, candidates: Int64Array, close: BoolArray
) -> Int64Array:
    """Return the column of each row's nearest candidate among the close ones, in float64."""
    row, column = np.nonzero(close)
    distance = np.full(close.shape, np.inf)
    for start in range(0, len(row), _EXACT_ROWS):
        part = slice(start, start + _EXACT_ROWS)
        theirs = features[candidates[row[part], column[part]]].astype(np.float64)
        theirs -= mine[row[part]]
        distance[row[part], column[part]] = np.einsum("md,md->m", theirs, theirs)
    return np.asarray(np.argmin(distance, axis=1))
