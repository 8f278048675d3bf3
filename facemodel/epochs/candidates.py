"""Which crops may become an anchor's hard negative: random ones of other people, or the nearest of all."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from facedata.sampling.pool import Pool
from facedata.types import BoolArray, Float32Array, Int64Array

from ..mining.evidence import Evidence, weigh_set
from ..mining.matches import Matches, SamePerson, Search
from ..mining.rules import ANY_NEGATIVE, NegativeRules
from ..mining.whole_set import Comparison, nearest_others
from .nearest import draw_candidates

LISTED = 32
"""Of all others, the nearest that may become an anchor's negative: the next ones where the first are refused,
or taken too often."""


@dataclass(frozen=True, eq=False)
class MiningRule:
    """How negatives are chosen.

    Attributes:
        candidates: random crops of other people for each anchor, of which the nearest is taken; 0 for all.
        most: how many triplets may share a negative; None for :func:`~facemodel.epochs.capped.default_cap`.
        by_cosine: compare directions, since embeddings may have any length; else distances.
        passed_over: ``(photos,)`` bool, crops that are no candidates; None for none.
        rules: what a negative must keep to; its ``limit`` is estimated from the features.
        allow_suspects: take those too that may be the anchor's own person.
        per_anchor: how many negatives to find for each triplet that is planned.
        device: where to compare all with all, as torch names it.
        memory_mb: how much memory that may use; None for the default.
    """

    candidates: int
    most: int | None = None
    by_cosine: bool = False
    passed_over: BoolArray | None = None
    rules: NegativeRules = ANY_NEGATIVE
    allow_suspects: bool = True
    per_anchor: int = 1
    device: str = "cpu"
    memory_mb: int | None = None


@dataclass(frozen=True, eq=False)
class Candidates:
    """Draws candidates.

    Attributes:
        features: ``(photos, dim)`` float32, of length one where they are compared by cosine.
        person: ``(photos,)`` int64.
        pool: the crops that may be candidates.
        rule: how many of them, and how they are compared.
        rng: draws random ones.
    """

    features: Float32Array
    person: Int64Array
    pool: Pool
    rule: MiningRule
    rng: np.random.Generator

    @property
    def each(self) -> int:
        """How many an anchor has."""
        listed = LISTED + self.rule.rules.range_min + self.rule.per_anchor
        return self.rule.candidates or min(listed, len(self.person))

    @cached_property
    def _nearest(self) -> Matches:
        """The nearest others of all crops."""
        but = np.ones(len(self.person), np.bool_)
        but[self.pool.rows] = False
        how = Comparison(self.rule.rules.metric, self.rule.device, self.rule.memory_mb)
        return nearest_others(self.features, self.person, self.each, how, but=but)

    def weigh(self) -> Evidence:
        """Return what the crops that may be candidates say of one person's photos."""
        rows, nearest = np.sort(self.pool.rows), None
        person = np.unique(self.person[rows], return_inverse=True)[1]
        if self.rule.candidates == 0:
            nearest = Matches(self._nearest.columns[rows], self._nearest.similarities[rows])
        return weigh_set(self.features[rows], person, self.rule.rules.metric, nearest)

    def draw(self, anchors: Int64Array) -> tuple[Int64Array, Float32Array]:
        """Return candidates, ``(m, n)`` rows, and their similarities; the anchor, and -inf, for none."""
        if self.rule.candidates == 0:
            rows, similar = self._nearest.columns[anchors], self._nearest.similarities[anchors]
            return np.where(rows < 0, anchors[:, None], rows), similar
        rows = draw_candidates(self.person, anchors, self.each, self.rng, self.pool)
        return rows, self.measure(np.repeat(anchors, self.each), rows.ravel()).reshape(rows.shape)

    def measure(self, one: Int64Array, other: Int64Array) -> Float32Array:
        """Return the similarities of pairs of crops, ``(m,)``."""
        same = SamePerson(self.person, self.person)
        return Search(self.features, self.features, same, 1, self.rule.rules.metric).measure(one, other)
