"""Which crops are copies: of one another's bytes, or of one picture, confirmed by their pixels."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ...types import BoolArray, Float32Array, Int64Array, UInt8Image, UInt64Array
from .candidates import Candidates
from .near_hashes import find_near
from .same_picture import LIKENESS, compare_pictures, shrink_crop

ReadCrop = Callable[[int], UInt8Image | None]
"""Returns a row's crop, ``(h, w, 3)`` uint8 RGB; None if it cannot be read. Called by several threads."""

_BATCH = 2048
_KEPT_CROPS = 8192
"""Shrunk crops that are kept for the next comparison: 9 kB each."""
_LEAST_FAILURES = 10_000
"""So many comparisons may come to nothing, and one more for every two crops; the nearest come first."""


class CopyPairs(NamedTuple):
    """Pairs of crops that are copies, in ascending order; of n copies of one picture there are n - 1.

    Each is paired with the first of them, unless only a third is like both.

    Attributes:
        left: ``(m,)`` int64, row of the first crop.
        right: ``(m,)`` int64, row of its copy, larger than the first.
        is_same_bytes: ``(m,)`` bool, whether their bytes are the same.
        likeness: ``(m,)`` float32, 0 to 1, of :func:`facedata.checks.copies.same_picture.compare_pictures`.
        is_mirrored: ``(m,)`` bool, whether one is like the other's mirror image.
        left_out: how many candidates were not compared, since too many others came to nothing.
    """

    left: Int64Array
    right: Int64Array
    is_same_bytes: BoolArray
    likeness: Float32Array
    is_mirrored: BoolArray
    left_out: int = 0


def find_copies(hashes: UInt64Array, digests: UInt8Image, read_crop: ReadCrop, workers: int = 1) -> CopyPairs:
    """Find the crops that are copies of one another.

    Args:
        hashes: ``(n, HASH_WORDS)`` uint64, of :func:`facedata.checks.copies.picture_hash.hash_crop`.
        digests: ``(n, 32)`` uint8, SHA-256 of each crop's bytes.
        read_crop: reads the crop of a row.
        workers: threads that compare crops; the result does not depend on it.

    Returns:
        The pairs; none for n = 0.
    """
    if not len(hashes):
        return _as_pairs([], 0)
    rows = np.ascontiguousarray(digests).view(np.dtype((np.void, 32))).ravel()
    _, first, group = np.unique(rows, return_index=True, return_inverse=True)
    own, leader = np.sort(first), first[group.ravel()]
    same = np.flatnonzero(leader != np.arange(len(rows)))
    found = [_Pair(int(leader[row]), int(row), True, 1.0, False) for row in same]

    @lru_cache(maxsize=_KEPT_CROPS)
    def read(row: int) -> UInt8Image | None:
        crop = read_crop(row)
        return None if crop is None else shrink_crop(crop)

    def compare(left: int, right: int, is_mirrored: bool) -> float:
        first, second = read(left), read(right)
        if first is None or second is None:
            return 0.0
        return compare_pictures(np.ascontiguousarray(first[:, ::-1]) if is_mirrored else first, second)

    near = find_near(hashes[own])
    with ThreadPoolExecutor(max(workers, 1)) as pool:
        joined = _Joined(own, lambda pairs: list(pool.map(lambda pair: compare(*pair), pairs)))
        left_out = joined.confirm(near, _LEAST_FAILURES + len(own) // 2)
        found += joined.pairs()
    return _as_pairs(found, left_out)


_Candidate = tuple[int, int, bool]
"""Two crops, and whether one is mirrored."""


class _Pair(NamedTuple):
    left: int
    right: int
    is_same_bytes: bool
    likeness: float
    is_mirrored: bool


class _Coming:
    """Candidates that are still to be compared, the nearest first."""

    def __init__(self, near: Candidates) -> None:
        self._near = near
        self._order = np.lexsort((near.right, near.left, near.bits))
        self._at = 0
        self._ready: deque[_Candidate] = deque()

    def __len__(self) -> int:
        return len(self._order) - self._at + len(self._ready)

    def take(self) -> _Candidate:
        if not self._ready:
            rows = self._order[self._at : self._at + _BATCH]
            self._at += len(rows)
            columns = (column[rows].tolist() for column in self._near[:3])
            self._ready.extend(zip(*columns, strict=True))
        return self._ready.popleft()

    def put_back(self, candidates: list[_Candidate]) -> None:
        self._ready.extendleft(reversed(candidates))


class _Joined:
    """Groups of crops that are copies, grown by one confirmed pair after another.

    Args:
        rows: the crops' rows.
        compare: returns the likenesses of many pairs of rows.
    """

    def __init__(self, rows: Int64Array, compare: Callable[[list[_Candidate]], list[float]]) -> None:
        self._rows = rows.tolist()
        self._compare = compare
        self._parent = list(range(len(rows)))
        self._links: dict[int, list[_Pair]] = {}

    def confirm(self, near: Candidates, most_failures: int) -> int:
        """Compare candidates, the nearest first, but none of two crops that are in one group already.

        Returns:
            How many were left out, since as many as allowed came to nothing.
        """
        coming, failures = _Coming(near), 0
        while failures < most_failures and (asked := self._choose(coming)):
            for (left, right, mirrored), likeness in zip(asked, self._likenesses(asked), strict=True):
                if likeness >= LIKENESS:
                    self._join(left, right, likeness, mirrored)
                else:
                    failures += 1
        return len(coming)

    def _choose(self, coming: _Coming) -> list[_Candidate]:
        """Return the next candidates to compare, none of which may be known already once the others are."""
        asked: list[_Candidate] = []
        later: list[_Candidate] = []
        taken: set[int] = set()
        while len(asked) < _BATCH and len(later) < 4 * _BATCH and coming:
            candidate = coming.take()
            groups = {self._top(row) for row in candidate[:2]}
            if len(groups) == 1:
                continue
            if taken.isdisjoint(groups):
                asked.append(candidate)
                taken |= groups
            else:
                later.append(candidate)
        coming.put_back(later)
        return asked

    def _likenesses(self, asked: list[_Candidate]) -> list[float]:
        return self._compare([(self._rows[one], self._rows[two], mirrored) for one, two, mirrored in asked])

    def _top(self, row: int) -> int:
        while self._parent[row] != row:
            self._parent[row] = self._parent[self._parent[row]]
            row = self._parent[row]
        return row

    def _join(self, left: int, right: int, likeness: float, mirrored: bool) -> None:
        low, high = sorted((self._top(left), self._top(right)))
        self._parent[high] = low
        self._links.setdefault(left, []).append(_Pair(left, right, False, likeness, mirrored))
        self._links.setdefault(right, []).append(_Pair(right, left, False, likeness, mirrored))

    def pairs(self) -> list[_Pair]:
        """Return each copy with the first of its group; with the one that it was like, if not with that."""
        reached = [step for top in sorted(self._links) if self._top(top) == top for step in self._walk(top)]
        direct = {(top, pair.right) for top, pair, _ in reached if pair.left == top}
        asked = [
            (top, pair.right, mirrored) for top, pair, mirrored in reached if (top, pair.right) not in direct
        ]
        likenesses = dict(zip(asked, self._likenesses(asked), strict=True))
        found = []
        for top, pair, mirrored in reached:
            likeness = likenesses.get((top, pair.right, mirrored), 0.0)
            if likeness >= LIKENESS:
                pair = _Pair(top, pair.right, False, likeness, mirrored)
            left, right = sorted((self._rows[pair.left], self._rows[pair.right]))
            found.append(_Pair(left, right, False, pair.likeness, pair.is_mirrored))
        return found

    def _walk(self, top: int) -> Iterator[tuple[int, _Pair, bool]]:
        """Yield each copy of a group's first crop: the pair that leads to it, and whether it is mirrored."""
        mirrored = {top: False}
        queue = [top]
        for row in queue:
            for pair in self._links[row]:
                if pair.right not in mirrored:
                    mirrored[pair.right] = mirrored[row] != pair.is_mirrored
                    queue.append(pair.right)
                    yield top, pair, mirrored[pair.right]


def _as_pairs(found: list[_Pair], left_out: int) -> CopyPairs:
    left, right, same, likeness, mirrored = zip(*sorted(found), strict=True) if found else ((),) * 5
    return CopyPairs(
        np.array(left, np.int64), np.array(right, np.int64), np.array(same, np.bool_),
        np.array(likeness, np.float32), np.array(mirrored, np.bool_), left_out,
    )  # fmt: skip
