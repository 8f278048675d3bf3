"""Which crops' hashes are near each other, without comparing each with each.

The work hardly grows faster than the number of crops, also where 100,000 of them show one picture: those
whose hashes are all the same are chained, and only one of them is looked up; and each crop keeps its nearest
few.
"""

from __future__ import annotations

import numpy as np

from ...types import UInt64Array
from .candidates import Candidates, join_candidates
from .near_dct import near_dct
from .near_spectra import near_spectra


def find_near(hashes: UInt64Array) -> Candidates:
    """Return the pairs of crops that may show the same picture, ascending, each once for each way round.

    Args:
        hashes: ``(n, HASH_WORDS)`` uint64, of :func:`facedata.checks.copies.picture_hash.hash_crop`.
    """
    rows = np.ascontiguousarray(hashes).view(np.dtype((np.void, hashes.shape[1] * 8))).ravel()
    _, first, group = np.unique(rows, return_index=True, return_inverse=True)
    # those that are all the same: each with the first of them, and with the one before
    order = np.argsort(group.ravel(), kind="stable")
    is_next = np.diff(group.ravel()[order]) == 0
    later, before = order[1:][is_next], order[:-1][is_next]
    none = np.zeros(len(later), np.int64)
    chained = [
        Candidates(other, later, none.astype(np.bool_), none)
        for other in (before, first[group.ravel()[later]])
    ]
    shown = first[hashes[first, 2:].any(axis=1)]  # a crop of one brightness shows nothing
    near = join_candidates([*near_dct(hashes[shown, :2]), near_spectra(hashes[shown, 2:])])
    near = join_candidates([*chained, near._replace(left=shown[near.left], right=shown[near.right])])
    near = near.take(near.left != near.right)
    left, right = np.minimum(near.left, near.right), np.maximum(near.left, near.right)
    return near._replace(left=left, right=right).sort()
