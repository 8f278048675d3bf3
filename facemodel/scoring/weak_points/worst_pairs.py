"""The pairs that a model gets most wrong."""

from __future__ import annotations

import numpy as np

from facedata.types import Int64Array

from ..distances import is_same
from ..pair_figures import ScoredPairs


def find_worst(
    pairs: ScoredPairs, ends: tuple[Int64Array, Int64Array], threshold: float | None, of_same: bool, most: int
) -> Int64Array:
    """Return the pairs of one kind that are decided most wrongly, the worst first.

    Without a threshold: those that are least alike of one person, or most alike of two.

    Args:
        pairs: the pairs.
        ends: their crops, ``(n,)`` int64 both; a pair that is listed again, in either direction, counts once.
        threshold: what is accepted; None if nothing decides.
        of_same: find pairs of one person that are rejected; else pairs of two that are accepted.
        most: how many.

    Returns:
        ``(m,)`` int64 numbers of pairs; equal ones in their order in ``pairs``.
    """
    wrong = pairs.same == of_same
    if threshold is not None:
        wrong &= is_same(pairs.values, threshold, pairs.metric) != pairs.same
    numbers = np.flatnonzero(wrong)
    alike = pairs.likeness[numbers]
    ordered = numbers[np.argsort(alike if of_same else -alike, kind="stable")]
    both = np.sort(np.column_stack([side[ordered] for side in ends]), axis=1)
    _, first = np.unique(both[:, 0] * (both.max(initial=0) + 1) + both[:, 1], return_index=True)
    return np.asarray(ordered[np.sort(first)][:most], np.int64)
