"""Which candidates may be negatives, and why others may not. Pure functions on arrays.

They are those of ``sentence_transformers.util.mine_hard_negatives`` where it has them (``absolute_margin``,
``relative_margin``, ``max_score``, ``range_min``), with distances for embeddings that are compared by these;
and three of faces: pairs that may well be one person, copies of one picture among these, and people that a
check suspects to be one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facedata.errors import UsageError
from facedata.types import BoolArray, Float32Array, Int64Array

from .matches import COSINE, EUCLIDEAN

Int8Array = NDArray[np.int8]

REASONS = ("", "own_person", "copy", "one_person", "range_min", "max_score", "margin")
"""Why a pair is refused, by code; 0 is allowed. The first three say that it may show one person."""

ALLOWED, OWN_PERSON, COPY, ONE_PERSON, RANGE_MIN, MAX_SCORE, MARGIN = range(len(REASONS))

SUSPECT = (OWN_PERSON, COPY, ONE_PERSON)
"""The reasons that are doubts about a name, not the user's wish."""

_COPY_COSINE = 0.98
"""From this cosine two crops are one picture: photos of one person, taken one after the other, stay below."""


@dataclass(frozen=True, eq=False)
class NegativeRules:
    """What a negative must keep to. A *similarity* is a cosine, or minus a Euclidean distance.

    Attributes:
        metric: ``cosine`` or ``euclidean``.
        margin: by so much a negative must be less similar to the anchor than the positive is: a difference of
            cosines, or of distances. None for no rule.
        relative_margin: its cosine is at most (1 - this) times the positive's; its distance at least
            (1 + this) times.
        max_score: a negative's highest cosine; for distances, the lowest distance.
        range_min: so many nearest candidates of each anchor are skipped.
        limit: the similarity from which a pair may well be one person
            (:attr:`~facemodel.mining.evidence.Evidence.limit`); inf for no rule.
        one_person: ``(p, 2)`` int64, pairs of people that a check suspects to be one; None for none.
    """

    metric: str = COSINE
    margin: float | None = None
    relative_margin: float | None = None
    max_score: float | None = None
    range_min: int = 0
    limit: float = float("inf")
    one_person: Int64Array | None = None

    def __post_init__(self) -> None:
        """Refuse a limit that no cosine reaches.

        Raises:
            UsageError: there is one.
        """
        if self.metric == COSINE and self.max_score is not None and self.max_score > 1:
            raise UsageError(
                f"--max-score {self.max_score:g}: the model compares by cosine, which is never above 1"
            )


ANY_NEGATIVE = NegativeRules(EUCLIDEAN)
"""Distances, and no rule."""


def refuse(similar: Float32Array, positive: Float32Array, rules: NegativeRules) -> Int8Array:
    """Return why each candidate may not be its anchor's negative, by similarity; the first reason counts.

    Args:
        similar: ``(m, n)`` similarities of candidates to their anchors; -inf for what is none.
        positive: ``(m,)`` similarity of each anchor's positive.
        rules: what to keep to.

    Returns:
        ``(m, n)`` int8, places in :data:`REASONS`.

    >>> near = np.array([[0.9, 0.6, 0.5, 0.1]], np.float32)
    >>> codes = refuse(near, np.array([0.7], np.float32), NegativeRules(margin=0.15, limit=0.8))
    >>> [REASONS[code] for code in codes[0]]
    ['own_person', 'margin', '', '']
    """
    codes = np.zeros(similar.shape, np.int8)
    cosine, own = rules.metric == COSINE, positive[:, None]
    if rules.margin is not None:
        codes[similar > own - np.float32(rules.margin)] = MARGIN
    if rules.relative_margin is not None:
        factor = 1 - rules.relative_margin if cosine else 1 + rules.relative_margin
        codes[similar > own * np.float32(factor)] = MARGIN
    if rules.max_score is not None:
        codes[similar > (rules.max_score if cosine else -rules.max_score)] = MAX_SCORE
    if rules.range_min:
        order = np.argsort(-similar, axis=1, kind="stable")[:, : rules.range_min]
        np.put_along_axis(codes, order, RANGE_MIN, axis=1)
    codes[similar >= rules.limit] = OWN_PERSON
    if cosine:
        codes[similar >= max(rules.limit, _COPY_COSINE)] = COPY
    codes[np.isneginf(similar)] = ALLOWED
    return codes


def are_listed(one: Int64Array, other: Int64Array, pairs: Int64Array | None) -> BoolArray:
    """Return which pairs are among some, in either order.

    Args:
        one: int64 of any shape, numbers from 0.
        other: the same shape, or one that fits it.
        pairs: ``(p, 2)`` int64; None for none.

    >>> are_listed(np.array([1, 1]), np.array([2, 3]), np.array([[2, 1]])).tolist()
    [True, False]
    """
    if pairs is None or not len(pairs):
        return np.zeros(np.broadcast_shapes(one.shape, other.shape), np.bool_)
    count = int(max(one.max(initial=0), other.max(initial=0), pairs.max())) + 1
    keys = pairs.min(axis=1) * count + pairs.max(axis=1)
    return np.isin(np.minimum(one, other) * count + np.maximum(one, other), keys)
