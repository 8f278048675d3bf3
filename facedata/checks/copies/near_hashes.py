"""Which crops' hashes are near each other, without comparing each with each.

Three ways to a candidate, each bounded for each crop, so that the work hardly grows faster than their number,
also where 100,000 of them show one picture:

1. Crops whose hashes are all the same are chained: each with the first of them and with the one before.
2. DCT hashes within :data:`DCT_BITS` bits have one of four bands of 16 bits in common; within a band's
   buckets all are compared (multi-index hashing: Norouzi and others, Fast Search in Hamming Space, 2012).
   Nothing is missed, but for what lies beyond the nearest few.
3. Spectrum hashes are put into about as many buckets as there are crops, by some of their bits that are drawn
   from the lowest frequencies, again and again (locality-sensitive hashing: Indyk and Motwani, 1998). Each
   view of a crop is compared with what is in its bucket, and each crop keeps its nearest few. Of pairs within
   :data:`SPECTRUM_LIMIT` bits that show one picture, this finds more than 99 in 100.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ...types import BoolArray, Int64Array, UInt64Array
from .picture_hash import VIEWS, dct_hashes, spectra

DCT_BITS = 3
"""DCT hashes that differ by so many bits are near: the same picture, cut in the same place."""

SPECTRUM_LIMIT = 80
"""Spectrum hashes that differ by so many of the 250 bits are near; of two pictures, about 110 differ."""

_BANDS = 4
_MOST_IN_BAND = 1024
_NEAREST = 8
"""How many near crops a crop keeps, of each of the last two ways."""
_TABLES = 72
_KEY_BITS = 120
"""Keys are drawn from so many of the lowest frequencies: the higher ones change most from save to save."""
_MOST_IN_BUCKET = 64
_SURE_BITS = 40
"""A crop that has its nearest few within so many bits looks no further."""
_BLOCK = 1 << 19
_SEED = 11


class Candidates(NamedTuple):
    """Pairs of crops to compare, each once for each way round: rows, ascending.

    Attributes:
        left: ``(m,)`` int64, row of the first crop.
        right: ``(m,)`` int64, row of the other, larger than the first.
        is_mirrored: ``(m,)`` bool, whether the mirror image of one is to be compared with the other.
        bits: ``(m,)`` int64, how many bits of the spectrum hashes differ, 0 where they were not compared.
    """

    left: Int64Array
    right: Int64Array
    is_mirrored: BoolArray
    bits: Int64Array

    def take(self, rows: Int64Array | BoolArray) -> Candidates:
        """Return some of the pairs."""
        return Candidates(self.left[rows], self.right[rows], self.is_mirrored[rows], self.bits[rows])


def find_near(hashes: UInt64Array) -> Candidates:
    """Return the pairs of crops that may show the same picture.

    Args:
        hashes: ``(n, HASH_WORDS)`` uint64, of :func:`facedata.checks.copies.picture_hash.hash_crop`.
    """
    rows = np.ascontiguousarray(hashes).view(np.dtype((np.void, hashes.shape[1] * 8))).ravel()
    _, first, group = np.unique(rows, return_index=True, return_inverse=True)
    shown = first[hashes[first, 2:].any(axis=1)]  # a crop of one brightness shows nothing
    found = [*_chain(group.ravel(), first)]
    near = _join([*_near_dct(hashes[shown]), _near_spectra(hashes[shown])])
    return _settle([*found, near._replace(left=shown[near.left], right=shown[near.right])])


def _chain(group: Int64Array, first: Int64Array) -> Iterator[Candidates]:
    order = np.argsort(group, kind="stable")
    is_next = group[order][1:] == group[order][:-1]
    later, before = order[1:][is_next], order[:-1][is_next]
    none = np.zeros(len(later), np.int64)
    for other in (before, first[group[later]]):
        yield Candidates(other, later, none.astype(np.bool_), none)


def _near_dct(hashes: UInt64Array) -> Iterator[Candidates]:
    """Yield the near ones by each band: the plain and the mirrored hashes in one list, sorted by the band."""
    values, count = dct_hashes(hashes).T.ravel(), len(hashes)
    for band in range(_BANDS):
        # every fourth bit, since neighbouring frequencies go together
        keys = _keys([values], np.arange(band, 64, _BANDS))
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


def _near_spectra(hashes: UInt64Array) -> Candidates:
    """Return each crop's nearest few, from buckets that are made again and again."""
    nearest, waiting, count = _none(), [_none()], len(hashes)
    views = [_pack(spectra(hashes, *view)) for view in VIEWS]
    is_open, draws = np.ones(count, np.bool_), np.random.default_rng(_SEED)
    key_bits = min(max(8, int(np.ceil(np.log2(max(count, 2))))), _KEY_BITS)
    for _ in range(_TABLES):
        bits = np.sort(draws.permutation(_KEY_BITS)[:key_bits])
        keys = _keys(views[0], bits)
        order = np.argsort(keys, kind="stable")
        asked = np.flatnonzero(is_open)
        for view, (_, is_mirrored) in zip(views, VIEWS, strict=True):
            wanted = keys[asked] if view is views[0] else _keys([word[asked] for word in view], bits)
            starts, ends = (np.searchsorted(keys, wanted, side, sorter=order) for side in ("left", "right"))
            for at, there in _meet(starts, ends):
                queries, others = asked[at], order[there]
                differ = sum(
                    np.bitwise_count(mine[queries] ^ plain[others]).astype(np.int64)
                    for mine, plain in zip(view, views[0], strict=True)
                )
                hit = (differ <= SPECTRUM_LIMIT) & (queries != others)
                mirrored = np.full(int(hit.sum()), is_mirrored)
                waiting.append(Candidates(queries[hit], others[hit], mirrored, differ[hit]))
        nearest = _keep_nearest([nearest, *waiting])
        waiting = []
        sure = np.bincount(nearest.left[nearest.bits <= _SURE_BITS], minlength=count)
        is_open = sure < _NEAREST
    return nearest


def _meet(starts: Int64Array, ends: Int64Array) -> Iterator[tuple[Int64Array, Int64Array]]:
    """Yield, in blocks, each query's number with each place of its bucket, some of a large one's."""
    sizes = np.minimum(ends - starts, _MOST_IN_BUCKET)
    # not the same ones for all: else the rest of a large bucket would meet nobody
    starts = starts + (np.arange(len(starts)) * 7919) % np.maximum(ends - starts - sizes, 1)
    before = np.cumsum(sizes) - sizes
    for first in range(0, len(sizes), _BLOCK // _MOST_IN_BUCKET * 8):
        part = slice(first, first + _BLOCK // _MOST_IN_BUCKET * 8)
        at = np.repeat(np.arange(len(sizes))[part], sizes[part])
        yield at, starts[at] + np.arange(len(at)) + before[first] - before[at]


def _keep_nearest(found: list[Candidates]) -> Candidates:
    """Return the nearest few of each crop, no pair twice, in order of the crops."""
    near = _join(found)
    order = np.lexsort((near.bits, near.is_mirrored, near.right, near.left))
    near = near.take(order)
    near = near.take(_is_new(near))
    near = near.take(np.lexsort((near.bits, near.left)))
    rank = np.arange(len(near.left)) - np.searchsorted(near.left, near.left)
    return near.take(rank < _NEAREST)


def _settle(found: list[Candidates]) -> Candidates:
    near = _join(found)
    near = near._replace(left=np.minimum(near.left, near.right), right=np.maximum(near.left, near.right))
    near = near.take(np.lexsort((near.bits, near.is_mirrored, near.right, near.left)))
    return near.take(_is_new(near) & (near.left != near.right))


def _is_new(near: Candidates) -> BoolArray:
    is_new = np.ones(len(near.left), np.bool_)
    is_new[1:] = np.any([column[1:] != column[:-1] for column in near[:3]], axis=0)
    return is_new


def _join(found: list[Candidates]) -> Candidates:
    return Candidates(*(np.concatenate(column) for column in zip(*found, strict=True)))


def _none() -> Candidates:
    none = np.zeros(0, np.int64)
    return Candidates(none, none, none.astype(np.bool_), none)


def _pack(bits: BoolArray) -> list[UInt64Array]:
    """Return bits as words of 64: a list of ``(n,)`` uint64, the first bit the highest of the first word."""
    padded = np.zeros((len(bits), -(-bits.shape[1] // 64) * 64), np.bool_)
    padded[:, : bits.shape[1]] = bits
    words = np.packbits(padded, axis=1).view(">u8").astype(np.uint64)
    return [np.ascontiguousarray(word) for word in words.T]


def _keys(words: list[UInt64Array], bits: Int64Array) -> Int64Array:
    """Return some bits of each row as one number, ``(n,)`` int64."""
    keys = np.zeros(len(words[0]), np.uint64)
    for bit in bits.tolist():
        keys = (keys << np.uint64(1)) | (words[bit // 64] >> np.uint64(63 - bit % 64)) & np.uint64(1)
    return keys.astype(np.int64)
