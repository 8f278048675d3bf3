"""The nearest of some random crops of other people; pure, vectorised, the same whatever the threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from facedata.sampling.pool import Pool
from facedata.sampling.quota import distinct
from facedata.types import BoolArray, Float32Array, Int64Array

from ..errors import DataError
from ..machine.cores import own_cores

_BLOCK_FLOATS = 1 << 19
"""Numbers a thread compares at a time, about: candidates' features stay in the processor's cache."""

_THREADED_FLOATS = 1 << 22
"""Numbers from which on threads are worth their start."""

_EXACT_ROWS = 4096
"""Candidates measured exactly at a time."""


def draw_candidates(
    person: Int64Array,
    anchors: Int64Array,
    n: int,
    rng: np.random.Generator,
    pool: Pool | None = None,
) -> Int64Array:
    """Draw for each anchor n crops of other people, uniformly, none twice where there are so many.

    Where there are fewer, all of them come, and again from the first on.

    Args:
        person: ``(photos,)`` int64, each crop's person; every code from 0 to the largest must occur.
        anchors: ``(m,)`` int64 rows.
        n: candidates for each.
        rng: decides.
        pool: :func:`other_people` of ``person``, when it is made already.

    Returns:
        ``(m, n)`` int64 rows.

    Raises:
        DataError: one person only.
    """
    pool = pool or other_people(person)
    whose = person[anchors]
    others = pool.others(whose)
    quota = np.minimum(others, n)
    group, number = distinct(quota, others, lambda group: pool.draw_other(whose[group], "photos", rng), rng)
    drawn = pool.other(whose[group], number)
    first = np.cumsum(quota) - quota
    return np.asarray(drawn[first[:, None] + np.arange(n) % quota[:, None]])


def hard_negatives(
    features: Float32Array, person: Int64Array, anchors: Int64Array, candidates: Int64Array
) -> Int64Array:
    """Return each anchor's nearest candidate by Euclidean distance; of equally near ones the first.

    Args:
        features: ``(photos, dim)`` float32.
        person: ``(photos,)`` int64; candidates of the anchor's own person are passed over.
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
        raise IndexError(f"candidates reach beyond the {len(features)} crops")

    def choose(mine: list[slice]) -> None:
        # one piece of memory for all blocks of a thread: fresh pages would take longer than the sums
        scratch = np.empty((step, *candidates.shape[1:], features.shape[1]), np.float32)
        for block in mine:
            some = candidates[block]
            theirs = np.take(features, some, axis=0, out=scratch[: len(some)], mode="clip")
            chosen[block] = _nearest(features, theirs, square, person, anchors[block], some)

    threads = own_cores() if len(anchors) * width >= _THREADED_FLOATS else 1
    with ThreadPoolExecutor(threads) as pool:  # each block writes its own part: threads change no result
        for _ in pool.map(choose, [blocks[first::threads] for first in range(threads)]):
            pass
    return chosen


def other_people(person: Int64Array) -> Pool:
    """Sort crops by person, to draw others' from.

    Raises:
        DataError: one person only.
    """
    people = int(person.max(initial=-1)) + 1
    if people < 2:
        raise DataError("only one person has photos here, and a negative is another one's: add people")
    return Pool(person, people)


def _nearest(
    features: Float32Array,
    theirs: Float32Array,
    square: Float32Array,
    person: Int64Array,
    anchors: Int64Array,
    candidates: Int64Array,
) -> Int64Array:
    """Return each anchor's nearest candidate: by the fast formula, and exactly where that cannot tell.

    |a - c|² = |a|² + |c|² - 2 a·c; the anchor's own square is the same for all its candidates. In float32 it
    is wrong by less than ``slack``, so only candidates within that of the best are measured again.
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
    slack = _slack(square[anchors], squares.max(axis=1), features.shape[1])
    close = distance <= (least + slack)[:, None]
    unsure = np.flatnonzero(np.count_nonzero(close, axis=1) > 1)
    if len(unsure):
        best[unsure] = _exactly(features, mine[unsure], candidates[unsure], close[unsure])
    return np.asarray(candidates[np.arange(len(anchors)), best])


def _slack(mine: Float32Array, theirs: Float32Array, dim: int) -> Float32Array:
    """Return twice the largest error of the fast formula's distances, ``(m,)``.

    A float32 sum of dim products is wrong by dim units of the last place of its largest size at most; that
    size is at most |a||c| for the product, |c|² for the square.
    """
    return np.asarray(2 * (dim + 4) * np.finfo(np.float32).eps * (2 * np.sqrt(mine * theirs) + theirs))


def _exactly(
    features: Float32Array, mine: Float32Array, candidates: Int64Array, close: BoolArray
) -> Int64Array:
    """Return the place of each row's nearest candidate among the close ones, in float64."""
    row, place = np.nonzero(close)
    distance = np.full(close.shape, np.inf)
    for start in range(0, len(row), _EXACT_ROWS):
        part = slice(start, start + _EXACT_ROWS)
        theirs = features[candidates[row[part], place[part]]].astype(np.float64)
        theirs -= mine[row[part]]
        distance[row[part], place[part]] = np.einsum("md,md->m", theirs, theirs)
    return np.asarray(np.argmin(distance, axis=1))
