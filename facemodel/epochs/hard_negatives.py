"""Hard negatives: of n random crops of other people, the one nearest to the anchor.

Embeddings of all training crops are in one float32 array, made in eval mode and without augmentation. Each
anchor draws its candidates from it; the nearest by Euclidean distance is its negative, so two runs with the
same seed choose the same.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from facedata.types import BoolArray, Float32Array, Int64Array

from ..batches.reader import CropReader, OnProgress, UInt8Batch, read_batches
from ..errors import DataError, TrainingError
from .nearest import draw_candidates, hard_negatives, other_people
from .plan import EpochRows

_DRAWN_AT_ONCE = 1 << 20
"""Candidates drawn at a time in an epoch."""

CANDIDATES_SEED = 0x6D696E65
"""First seed of candidates, so that no other draw shares its random numbers."""


class FeatureCache:
    """Embeddings of all training crops.

    Args:
        photos: how many crops there are.
        dim: length of an embedding.

    Attributes:
        features: ``(photos, dim)`` float32.
        known: ``(photos,)`` bool, which crops have features so far.
    """

    def __init__(self, photos: int, dim: int) -> None:
        self.features: Float32Array = np.zeros((photos, dim), np.float32)
        self.known: BoolArray = np.zeros(photos, np.bool_)

    def update(self, rows: Int64Array, features: Float32Array) -> None:
        """Store the features ``(n, dim)`` of some rows ``(n,)``.

        Raises:
            TrainingError: some are NaN or infinite, so distances to them mean nothing.
        """
        if not np.isfinite(features).all():
            raise TrainingError(
                "embeddings of training crops are NaN or infinite: lower --lr, or set --clip 1 or "
                "--precision fp32"
            )
        self.features[rows] = features
        self.known[rows] = True


def fill_cache(
    cache: FeatureCache,
    rows: Int64Array,
    embed: Callable[[UInt8Batch], Float32Array],
    reader: CropReader,
    batch: int,
    on_progress: OnProgress | None = None,
) -> None:
    """Embed some crops and store them, each at its own row.

    Args:
        cache: stores them.
        rows: which, ``(n,)`` int64; repeats are embedded once.
        embed: ``(N, size, size, 3)`` uint8 RGB to ``(N, dim)`` float32, in eval mode.
        reader: reads the crops.
        batch: crops in a batch.
        on_progress: called after each batch.

    Raises:
        DataError: a crop cannot be read; the message names it, and no other crop's feature takes its row.
    """
    once = np.unique(rows)
    pieces = [once[start : start + batch] for start in range(0, len(once), batch)]
    done = 0
    for piece, crops in read_batches(reader, pieces):
        cache.update(piece, embed(crops))
        done += len(piece)
        if on_progress is not None:
            on_progress(done, len(once))


def hard_epoch(
    plan: EpochRows, cache: FeatureCache, person: Int64Array, n: int, key: tuple[int, ...]
) -> EpochRows:
    """Return the triplets of an epoch with hard negatives.

    Args:
        plan: its triplets.
        cache: features of all crops.
        person: ``(photos,)`` int64.
        n: candidates for each anchor.
        key: seeds the candidates: (seed, epoch).

    Raises:
        DataError: crops are missing from the cache, or there is one person only.
    """
    if not cache.known.all():
        raise DataError(
            f"{np.count_nonzero(~cache.known):,} crops have no features yet: embed all of them first"
        )
    rng, anchors, pool = np.random.default_rng([CANDIDATES_SEED, *key]), plan.rows[:, 0], other_people(person)
    negatives = [np.empty(0, np.int64)]
    step = max(1, _DRAWN_AT_ONCE // n)
    for start in range(0, len(anchors), step):
        part = anchors[start : start + step]
        candidates = draw_candidates(person, part, n, rng, pool)
        negatives.append(hard_negatives(cache.features, person, part, candidates))
    return plan.with_negatives(np.concatenate(negatives))
