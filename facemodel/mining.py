"""Hard negatives as system A meant them: of n random crops of other people, the one nearest to the anchor.

Embeddings of all training crops lie in one float32 array, made in eval mode and without augmentation. Each
anchor draws its candidates from that; the nearest by Euclidean distance is its negative, so that no two runs
with one seed choose otherwise.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from facedata.pool import Pool
from facedata.quota import distinct
from facedata.types import BoolArray, Float32Array, Int64Array

from .dataset import CropReader, UInt8Batch, batches
from .errors import DataError
from .sampler import EpochRows

_BLOCK_FLOATS = 1 << 18
"""Candidates' features compared at a time, about: they stay in the processor's cache."""

_DRAWN_AT_ONCE = 1 << 20
"""Candidates drawn at a time in an epoch."""

_MINE = 0x6D696E65
"""Stands before the seeds of candidates, so that no other draw shares their random numbers."""


class FeatureCache:
    """Embeddings of all training crops.

    Args:
        photos: how many crops there are.
        dim: length of an embedding.

    Attributes:
        features: ``(photos, dim)`` float32.
        known: ``(photos,)`` bool, which of them were ever given.
    """

    def __init__(self, photos: int, dim: int) -> None:
        self.features: Float32Array = np.zeros((photos, dim), np.float32)
        self.known: BoolArray = np.zeros(photos, np.bool_)

    def update(self, rows: Int64Array, features: Float32Array) -> None:
        """Take the features ``(n, dim)`` of some rows ``(n,)``."""
        self.features[rows] = features
        self.known[rows] = True


def fill(
    cache: FeatureCache,
    rows: Int64Array,
    embed: Callable[[UInt8Batch], Float32Array],
    reader: CropReader,
    batch: int,
) -> None:
    """Embed some crops and put them into the cache, each at its own row.

    Args:
        cache: takes them.
        rows: which, ``(n,)`` int64; repeats are embedded once.
        embed: ``(N, size, size, 3)`` uint8 RGB to ``(N, dim)`` float32, in eval mode.
        reader: reads the crops.
        batch: crops in a batch.

    Raises:
        DataError: a crop cannot be read; it names it, and no other crop's feature takes its place.
    """
    once = np.unique(rows)
    pieces = [once[start : start + batch] for start in range(0, len(once), batch)]
    for piece, crops in batches(reader, pieces):
        cache.update(piece, embed(crops))


def draw_candidates(person: Int64Array, anchors: Int64Array, n: int, rng: np.random.Generator) -> Int64Array:
    """Draw for each anchor n crops of other people, uniformly, none twice where there are so many.

    Where there are fewer, all of them come, and again from the first on.

    Args:
        person: ``(photos,)`` int64, each crop's person; every code from 0 to the largest must occur.
        anchors: ``(m,)`` int64 rows.
        n: candidates for each.
        rng: decides.

    Returns:
        ``(m, n)`` int64 rows.

    Raises:
        DataError: one person only.
    """
    pool = _pool(person)
    return _drawn(pool, person, anchors, n, rng)


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
    step = max(1, _BLOCK_FLOATS // max(1, candidates.shape[1] * features.shape[1]))
    for start in range(0, len(anchors), step):
        part = slice(start, start + step)
        chosen[part] = _nearest(features, person, anchors[part], candidates[part])
    return chosen


def hard_epoch(
    plan: EpochRows, cache: FeatureCache, person: Int64Array, n: int, key: tuple[int, ...]
) -> EpochRows:
    """Return the triplets of an epoch with hard negatives.

    Args:
        plan: its triplets, as drawn.
        cache: features of all crops.
        person: ``(photos,)`` int64.
        n: candidates for each anchor.
        key: seeds the candidates: (seed, epoch).

    Raises:
        DataError: the cache lacks crops, or there is one person only.
    """
    if not cache.known.all():
        raise DataError(
            f"the features of {np.count_nonzero(~cache.known):,} crops are not known: embed all of them first"
        )
    pool, rng, anchors = _pool(person), np.random.default_rng([_MINE, *key]), plan.rows[:, 0]
    negatives = [np.empty(0, np.int64)]
    step = max(1, _DRAWN_AT_ONCE // n)
    for start in range(0, len(anchors), step):
        part = anchors[start : start + step]
        negatives.append(hard_negatives(cache.features, person, part, _drawn(pool, person, part, n, rng)))
    return plan.with_negatives(np.concatenate(negatives))


def _pool(person: Int64Array) -> Pool:
    people = int(person.max(initial=-1)) + 1
    if people < 2:
        raise DataError("only one person has photos here, and a negative is another one's: add people")
    return Pool(person, people)


def _drawn(
    pool: Pool, person: Int64Array, anchors: Int64Array, n: int, rng: np.random.Generator
) -> Int64Array:
    whose = person[anchors]
    others = pool.others(whose)
    quota = np.minimum(others, n)
    group, number = distinct(quota, others, lambda group: pool.draw_other(whose[group], "photos", rng), rng)
    drawn = pool.other(whose[group], number)
    first = np.cumsum(quota) - quota
    place = np.arange(n) % quota[:, None]
    return np.asarray(drawn[first[:, None] + place])


def _nearest(
    features: Float32Array, person: Int64Array, anchors: Int64Array, candidates: Int64Array
) -> Int64Array:
    theirs = features[candidates] - features[anchors][:, None]
    distance = np.einsum("mnd,mnd->mn", theirs, theirs)
    distance[person[candidates] == person[anchors][:, None]] = np.inf
    best = np.argmin(distance, axis=1)
    return np.asarray(candidates[np.arange(len(anchors)), best])
