"""Hard negatives: of n random crops of other people, the one nearest to the anchor.

Embeddings of all training crops are in one float32 array, made in eval mode and without augmentation. Each
anchor draws its candidates from it; the nearest that is not taken too often is its negative, so two runs with
the same seed choose the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from facedata.types import BoolArray, Float32Array, Int64Array

from ..batches.reader import CropReader, OnProgress, UInt8Batch, read_batches
from ..errors import DataError, TrainingError
from .capped import capped_negatives, default_cap
from .nearest import draw_candidates, other_people
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


@dataclass(frozen=True, eq=False)
class MiningRule:
    """How negatives are chosen.

    Attributes:
        candidates: random crops of other people for each anchor, of which the nearest is taken.
        most: how many triplets may share a negative; None for :func:`~facemodel.epochs.capped.default_cap`.
        by_cosine: compare directions; else by Euclidean distance.
        passed_over: ``(photos,)`` bool, crops that are no candidates; None for none.
    """

    candidates: int
    most: int | None = None
    by_cosine: bool = False
    passed_over: BoolArray | None = None


@dataclass(frozen=True)
class NegativeUse:
    """How evenly negatives are used.

    Attributes:
        most: how often the most used one is.
        top_share: the share of all negatives that the most used 1% of the crops (at least one) make.
        passed_over: how many crops were no candidates.
    """

    most: int
    top_share: float
    passed_over: int

    @classmethod
    def of(cls, negatives: Int64Array, passed_over: BoolArray) -> NegativeUse:
        """Count negatives, ``(m,)`` rows, of the crops that ``passed_over``, ``(photos,)``, is about."""
        counts = np.sort(np.bincount(negatives, minlength=len(passed_over)))[::-1]
        top = counts[: -(-len(counts) // 100)].sum() / max(len(negatives), 1)
        return cls(int(counts[0]), float(top), int(np.count_nonzero(passed_over)))

    @property
    def line(self) -> str:
        """The figures as text."""
        left_out = f"; {self.passed_over:,} outliers passed over" if self.passed_over else ""
        return f"the most used one {self.most:,} times, the top 1% {self.top_share:.1%} of all{left_out}"


def hard_epoch(
    plan: EpochRows, cache: FeatureCache, person: Int64Array, rule: MiningRule, key: tuple[int, ...]
) -> EpochRows:
    """Return the triplets of an epoch with hard negatives.

    Args:
        plan: its triplets.
        cache: features of all crops.
        person: ``(photos,)`` int64.
        rule: how negatives are chosen; if all but one person's crops are passed over, none is.
        key: seeds the candidates: (seed, epoch).

    Raises:
        DataError: crops are missing from the cache, or there is one person only.
    """
    if not cache.known.all():
        raise DataError(
            f"{np.count_nonzero(~cache.known):,} crops have no features yet: embed all of them first"
        )
    rng, anchors, features = np.random.default_rng([CANDIDATES_SEED, *key]), plan.rows[:, 0], cache.features
    if rule.by_cosine:
        lengths = np.linalg.norm(features, axis=1, keepdims=True)
        features = features / np.maximum(lengths, np.finfo(np.float32).tiny)
    pool = other_people(person, rule.passed_over)
    most = rule.most or default_cap(len(anchors), len(pool.rows))
    negatives, used = [np.empty(0, np.int64)], np.zeros(len(person), np.int64)
    step = max(1, _DRAWN_AT_ONCE // rule.candidates)
    for start in range(0, len(anchors), step):
        part = anchors[start : start + step]
        candidates = draw_candidates(person, part, rule.candidates, rng, pool)
        negatives.append(capped_negatives(features, person, part, candidates, used, most))
    return plan.with_negatives(np.concatenate(negatives))
