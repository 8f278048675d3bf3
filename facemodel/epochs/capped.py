"""Hard negatives of which none is taken too often: the nearest anchors keep it, others take their next."""

from __future__ import annotations

import numpy as np

from facedata.types import Float32Array, Int64Array

from .nearest import hard_negatives

TIMES_AVERAGE = 10
"""How many times the average use a negative may be taken, unless the user says how often."""

_BLOCK_ROWS = 4096


def default_cap(triplets: int, photos: int) -> int:
    """Return how many of so many triplets may share a negative: ten times the average, and at least ten.

    >>> default_cap(1000, 1000), default_cap(25_000, 1000)
    (10, 250)
    """
    return max(TIMES_AVERAGE, -(-TIMES_AVERAGE * triplets // max(photos, 1)))


def capped_negatives(
    features: Float32Array,
    person: Int64Array,
    anchors: Int64Array,
    candidates: Int64Array,
    used: Int64Array,
    most: int,
) -> Int64Array:
    """Return each anchor's nearest candidate that is still free.

    A negative that more anchors want than it has places left goes to the nearest of them (the first of
    equally near ones); each of the others takes its next candidate. So the result is the stable matching
    (Gale and Shapley 1962), and no order of work changes it. Anchors whose candidates are all taken choose
    again, with twice as many places.

    Args:
        features: ``(photos, dim)`` float32.
        person: ``(photos,)`` int64.
        anchors: ``(m,)`` int64 rows.
        candidates: ``(m, n)`` int64 rows.
        used: ``(photos,)`` int64, how often each was taken before; the new ones are added.
        most: how often each may be taken.

    Returns:
        ``(m,)`` int64 rows.

    Raises:
        DataError: an anchor has no candidate of another person.
    """
    chosen = hard_negatives(features, person, anchors, candidates)
    lost = np.empty(0, np.int64)
    if (used[chosen] + np.bincount(chosen, minlength=len(used))[chosen] > most).any():
        chosen, lost = _match(features, person, anchors, candidates, chosen, most - used)
    used += np.bincount(np.delete(chosen, lost), minlength=len(used))
    if len(lost):
        chosen[lost] = capped_negatives(features, person, anchors[lost], candidates[lost], used, 2 * most)
    return chosen


def _match(
    features: Float32Array,
    person: Int64Array,
    anchors: Int64Array,
    candidates: Int64Array,
    chosen: Int64Array,
    places: Int64Array,
) -> tuple[Int64Array, Int64Array]:
    """Return each anchor's negative, and the anchors (by position) that found no place."""
    left, distance = candidates.copy(), _distances(features, anchors, chosen)
    here = np.ones(len(anchors), np.bool_)  # has a negative, or will have
    while True:
        order = np.flatnonzero(here)
        order = order[np.lexsort((order, distance[order], chosen[order]))]
        wanted = chosen[order]
        rank = np.arange(len(order)) - np.searchsorted(wanted, wanted)
        refused = np.sort(order[rank >= places[wanted]])
        if not len(refused):
            return chosen, np.flatnonzero(~here)
        # the anchor itself takes the refused candidate's place: crops of its own person are skipped
        own = anchors[refused][:, None]
        left[refused] = np.where(left[refused] == chosen[refused][:, None], own, left[refused])
        here[refused] = (person[left[refused]] != person[own]).any(axis=1)
        again = refused[here[refused]]
        chosen[again] = hard_negatives(features, person, anchors[again], left[again])
        distance[again] = _distances(features, anchors[again], chosen[again])


def _distances(
    features: Float32Array, anchors: Int64Array, others: Int64Array
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the squared distances of pairs of rows, ``(m,)`` float64."""
    found = np.empty(len(anchors))
    for start in range(0, len(anchors), _BLOCK_ROWS):
        part = slice(start, start + _BLOCK_ROWS)
        apart = features[anchors[part]].astype(np.float64) - features[others[part]]
        found[part] = np.einsum("md,md->m", apart, apart)
    return found
