"""Which spectrum hashes are near each other: buckets that are made again and again.

Hashes are put into about as many buckets as there are crops, by some of their bits that are drawn from the
lowest frequencies (locality-sensitive hashing: Indyk and Motwani, 1998). Each view of a crop is compared with
what is in its bucket, and each crop keeps its nearest few. Of pairs within :data:`SPECTRUM_LIMIT` bits that
show one picture, this finds more than 99 in 100.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...types import Int64Array, UInt64Array
from .bit_keys import bit_keys, pack_bits
from .candidates import Candidates, join_candidates, no_candidates
from .spectrum_hash import VIEWS, spectra

SPECTRUM_LIMIT = 80
"""Spectrum hashes that differ by so many of the 250 bits are near; of two pictures, about 110 differ."""

_NEAREST = 8
_TABLES = 72
_KEY_BITS = 120
"""Keys are drawn from so many of the lowest frequencies: the higher ones change most from save to save."""
_MOST_IN_BUCKET = 64
_SURE_BITS = 40
"""A crop that has its nearest few within so many bits looks no further."""
_BLOCK_QUERIES = 1 << 16
_SEED = 11


def near_spectra(hashes: UInt64Array) -> Candidates:
    """Return each crop's nearest few, in any order.

    Args:
        hashes: ``(n, SPECTRUM_WORDS)`` uint64, of :func:`facedata.checks.copies.spectrum_hash.spectrum_hash`.
    """
    nearest, count = no_candidates(), len(hashes)
    views = [pack_bits(spectra(hashes, *view)) for view in VIEWS]
    is_open, draws = np.ones(count, np.bool_), np.random.default_rng(_SEED)
    key_bits = min(max(8, int(np.ceil(np.log2(max(count, 2))))), _KEY_BITS)
    for _ in range(_TABLES):
        bits, asked = np.sort(draws.permutation(_KEY_BITS)[:key_bits]), np.flatnonzero(is_open)
        found = [nearest, *_compare(views, bits, asked)]
        nearest = join_candidates(found).sort()
        nearest = nearest.take(np.lexsort((nearest.bits, nearest.left)))
        rank = np.arange(len(nearest.left)) - np.searchsorted(nearest.left, nearest.left)
        nearest = nearest.take(rank < _NEAREST)
        is_open = np.bincount(nearest.left[nearest.bits <= _SURE_BITS], minlength=count) < _NEAREST
    return nearest


def _compare(views: list[list[UInt64Array]], bits: Int64Array, asked: Int64Array) -> Iterator[Candidates]:
    """Yield the near ones of one table: of each view of the crops that are asked for with what it meets."""
    plain = views[0]
    keys = bit_keys(plain, bits)
    order = np.argsort(keys, kind="stable")
    for view, (_, is_mirrored) in zip(views, VIEWS, strict=True):
        for first in range(0, len(asked), _BLOCK_QUERIES):
            block = asked[first : first + _BLOCK_QUERIES]
            wanted = bit_keys([word[block] for word in view], bits)
            starts, ends = (np.searchsorted(keys, wanted, side, sorter=order) for side in ("left", "right"))
            sizes = np.minimum(ends - starts, _MOST_IN_BUCKET)
            # of a large bucket not the same ones for all: else the rest would meet nobody
            starts += (np.arange(len(starts)) * 7919) % np.maximum(ends - starts - sizes, 1)
            at = np.repeat(np.arange(len(block)), sizes)
            place = starts[at] + np.arange(len(at)) - (np.cumsum(sizes) - sizes)[at]
            queries, others = block[at], order[place]
            differ = np.zeros(len(at), np.int64)
            for mine, theirs in zip(view, plain, strict=True):
                differ += np.bitwise_count(mine[queries] ^ theirs[others])
            hit = (differ <= SPECTRUM_LIMIT) & (queries != others)
            mirrored = np.full(np.count_nonzero(hit), is_mirrored)
            yield Candidates(queries[hit], others[hit], mirrored, differ[hit])
