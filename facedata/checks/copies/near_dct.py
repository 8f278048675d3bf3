"""Which DCT hashes are near each other: multi-index hashing, in four bands of 16 bits.

Hashes within three bits have one of four bands in common, so that nothing is missed within a band's buckets,
where all are compared (Norouzi and others, Fast Search in Hamming Space, 2012); but for what lies beyond the
nearest few.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...types import UInt64Array
from .bit_keys import bit_keys
from .candidates import Candidates

DCT_BITS = 3
"""DCT hashes that differ by so many bits are near: the same picture, cut in the same place."""

_BANDS = 4
_MOST_IN_BAND = 1024
_NEAREST = 8


def near_dct(hashes: UInt64Array) -> Iterator[Candidates]:
    """Yield the pairs of crops whose DCT hashes are near, band by band, pairs more than once.

    Args:
        hashes: ``(n, 2)`` uint64, of crops and of their mirror images.
    """
    # the plain and the mirrored ones in one list
    values, count = hashes.T.ravel(), len(hashes)
    for band in range(_BANDS):
        # every fourth bit, since neighbouring frequencies go together
        keys = bit_keys([values], np.arange(band, 64, _BANDS))
        order = np.lexsort((values, keys))
        ranked, keys = values[order], keys[order]
        ends = np.searchsorted(keys, keys, side="right")
        at, near = np.arange(2 * count), np.zeros(2 * count, np.int64)
        for step in range(1, _MOST_IN_BAND):
            at = at[(at + step < ends[at]) & (near[at] < _NEAREST)]
            if not len(at):
                break
            hit = at[np.bitwise_count(ranked[at] ^ ranked[at + step]) <= DCT_BITS]
            near[hit] += 1
            left, right = order[hit], order[hit + step]
            use = (left < count) | (right < count)
            left, right = left[use], right[use]
            is_mirrored = (left >= count) | (right >= count)
            yield Candidates(left % count, right % count, is_mirrored, np.zeros(len(left), np.int64))
