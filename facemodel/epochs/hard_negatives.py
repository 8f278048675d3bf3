"""Hard negatives: of n random crops of other people, or of all, the one nearest to the anchor.

Embeddings of all training crops are in one float32 array, made in eval mode and without augmentation. Each
anchor draws its candidates from it; the nearest that the rules allow, and that is not taken too often, is its
negative. Two runs with the same seed choose the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from facedata.types import BoolArray, Float32Array, Int64Array

from ..batches.reader import CropReader, OnProgress, UInt8Batch, read_batches
from ..errors import DataError, TrainingError
from ..mining.evidence import Evidence
from ..mining.rules import ALLOWED, ONE_PERSON, are_listed, refuse
from ..mining.suspects import Suspects
from .candidates import Candidates, MiningRule
from .capped import capped_negatives, default_cap
from .nearest import other_people
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
        advice: what to do where embeddings are NaN.

    Attributes:
        features: ``(photos, dim)`` float32.
        known: ``(photos,)`` bool, which crops have features so far.
    """

    def __init__(
        self,
        photos: int,
        dim: int,
        advice: str = "lower --lr, or set --clip 1 or --precision fp32",
    ) -> None:
        self._advice = advice
        self.features: Float32Array = np.zeros((photos, dim), np.float32)
        self.known: BoolArray = np.zeros(photos, np.bool_)

    def update(self, rows: Int64Array, features: Float32Array) -> None:
        """Store the features ``(n, dim)`` of some rows ``(n,)``.

        Raises:
            TrainingError: some are NaN or infinite, so distances to them mean nothing.
        """
        if not np.isfinite(features).all():
            raise TrainingError(f"embeddings of training crops are NaN or infinite: {self._advice}")
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


@dataclass(frozen=True, eq=False)
class Mined:
    """The negatives of an epoch's triplets.

    Attributes:
        negatives: ``(m, per_anchor)`` int64 rows; -1 where no candidate may be one.
        evidence: what the set says of one person's photos.
        suspects: pairs that may be one person, and so were refused, each once.
    """

    negatives: Int64Array
    evidence: Evidence
    suspects: Suspects

    def put_into(self, plan: EpochRows) -> EpochRows:
        """Return the triplets with their first negatives; one that has none keeps the drawn negative."""
        chosen = self.negatives[:, 0]
        return plan.with_negatives(np.where(chosen < 0, plan.rows[:, 2], chosen))

    @property
    def line(self) -> str:
        """What was refused, as an end of a line; empty if nothing was."""
        none, pairs = np.count_nonzero(self.negatives[:, 0] < 0), len(self.suspects)
        text = f"; {pairs:,} pairs refused that may be one person" if pairs else ""
        return text + (f"; {none:,} triplets keep a random one" if none else "")


def hard_epoch(
    plan: EpochRows, cache: FeatureCache, person: Int64Array, rule: MiningRule, key: tuple[int, ...]
) -> EpochRows:
    """Return the triplets of an epoch with hard negatives; one without a candidate keeps the drawn negative.

    See :func:`find_negatives`, which takes the plan's rows.
    """
    return find_negatives(plan.rows, cache, person, rule, key).put_into(plan)


def find_negatives(
    rows: Int64Array, cache: FeatureCache, person: Int64Array, rule: MiningRule, key: tuple[int, ...]
) -> Mined:
    """Find the negatives of triplets.

    Args:
        rows: ``(m, 3)`` int64; the anchors and positives count.
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
    features = cache.features
    if rule.by_cosine:
        lengths = np.linalg.norm(features, axis=1, keepdims=True)
        features = features / np.maximum(lengths, np.finfo(np.float32).tiny)
    pool = other_people(person, rule.passed_over)
    search = Candidates(features, person, pool, rule, np.random.default_rng([CANDIDATES_SEED, *key]))
    evidence = Evidence() if rule.allow_suspects else search.weigh()
    rules = replace(rule.rules, limit=evidence.limit)
    most = rule.most or default_cap(len(rows) * rule.per_anchor, len(pool.rows))
    negatives, used = np.full((len(rows), rule.per_anchor), -1), np.zeros(len(person), np.int64)
    suspects, step = list[Suspects](), max(1, _DRAWN_AT_ONCE // search.each)
    for start in range(0, len(rows), step):
        anchors, positives = rows[start : start + step, 0], rows[start : start + step, 1]
        candidates, similar = search.draw(anchors)
        own, whose = search.measure(anchors, positives), person[anchors][:, None]
        codes = refuse(similar, own, rules)
        if not rule.allow_suspects:
            codes[are_listed(whose, person[candidates], rules.one_person)] = ONE_PERSON
            suspects.append(Suspects.of((anchors, candidates), similar, own, codes))
        # the anchor itself takes the refused candidate's place: crops of its own person are skipped
        left = np.where(codes == ALLOWED, candidates, anchors[:, None])
        for turn in range(rule.per_anchor):
            some = np.flatnonzero((person[left] != whose).any(axis=1))
            chosen = capped_negatives(features, person, anchors[some], left[some], used, most)
            negatives[start + some, turn] = chosen
            left[some] = np.where(left[some] == chosen[:, None], anchors[some, None], left[some])
    return Mined(negatives, evidence, Suspects.join(suspects))
