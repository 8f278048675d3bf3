"""For every photo of a set the nearest of all other people's, exactly, within a memory budget.

Rows are sorted by person, so that a person's photos are one block beside the diagonal. Each tile of
similarities is used twice, for its rows and, turned, for its columns: half the products are never made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from facedata.types import BoolArray, Float32Array, Float64Array, Int64Array

from ..machine.memory import catch_out_of_memory
from .matches import (
    ADVICE,
    COSINE,
    SPARE,
    Matches,
    SamePerson,
    Search,
    best_matches,
    leave_out,
    lengthen,
    refuse_nan,
    to_device,
)
from .tiles import GROUP, Tops, multiply

_MEGABYTE = 1 << 20
_MEMORY_MB = {"cpu": 1024, "cuda": 8192}
_SIDE = {"cpu": 1024, "cuda": 16_384}
"""The side of a tile, at most: on the CPU it stays in the cache, a GPU has to be kept busy."""

_PEAK = 24
"""Bytes that a similarity takes for a moment: its own four, and up to five times that while it is sorted."""


@dataclass(frozen=True)
class Comparison:
    """How photos are compared.

    Attributes:
        metric: ``cosine``, for embeddings of length one, or ``euclidean``.
        device: where to multiply, as torch names it.
        memory_mb: how much memory to use beside the embeddings and the result; None for 1 GB, on a GPU 8 GB.
    """

    metric: str = COSINE
    device: str = "cpu"
    memory_mb: int | None = None

    @property
    def kind(self) -> str:
        """The kind of device."""
        return torch.device(self.device).type

    def tile_side(self) -> int:
        """Return the side of a tile: half of the memory is for it."""
        most = self.memory_bytes // 2 // _PEAK
        return max(GROUP, min(_SIDE[self.kind], int(most**0.5)) // GROUP * GROUP)

    def stripe_rows(self, kept: int) -> int:
        """Return of how many rows, in whole tiles, the best are kept at once: half the memory is theirs."""
        side = self.tile_side()
        return max(side, self.memory_bytes // 2 // (8 * kept) // side * side)

    @property
    def memory_bytes(self) -> int:
        """The memory to use."""
        return (self.memory_mb or _MEMORY_MB[self.kind]) * _MEGABYTE


def nearest_others(
    vectors: Float32Array,
    person: Int64Array,
    count: int,
    how: Comparison | None = None,
    *,
    but: BoolArray | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Matches:
    """Find for each photo the most similar photos of all other people.

    The result is that of a plain search which sorts all photos of other people by similarity (measured in
    float64, rounded to float32) and then by row number: it does not depend on the memory, the tiles, the
    threads or the device.

    Args:
        vectors: ``(n, d)`` float32, of length one for cosines; may be memory-mapped.
        person: ``(n,)`` int64.
        count: how many to find of each, at least 1.
        how: the metric, the device and the memory.
        but: ``(n,)`` bool, photos that are not to be found; the nearest to them are found all the same.
        on_progress: called now and then with the number of rows compared, and all.

    Raises:
        ScoreError: an embedding holds NaN.
        DeviceError: the device's memory is too small.
    """
    how = how or Comparison()
    if but is None or not but.any():
        return _compare_all(np.asarray(vectors), person, count, how, on_progress)
    kept, rest = np.flatnonzero(~but), np.flatnonzero(but)
    some, found = np.asarray(vectors[kept]), Matches.empty(len(vectors), count)
    other = SamePerson(person[rest], person[kept])
    parts = (
        (kept, _compare_all(some, person[kept], count, how, on_progress)),
        (rest, best_matches(np.asarray(vectors[rest]), some, other, count, how.device, metric=how.metric)),
    )
    for rows, part in parts:
        here = part.columns >= 0
        found.columns[rows] = np.where(here, np.append(kept, -1)[part.columns], -1)
        found.similarities[rows] = part.similarities
    return found


def _compare_all(
    vectors: Float32Array,
    person: Int64Array,
    count: int,
    how: Comparison,
    on_progress: Callable[[int, int], None] | None,
) -> Matches:
    """Find the nearest others of every row, some rows at a time: as many as the memory holds the best of."""
    refuse_nan(vectors)
    search = Search(vectors, vectors, SamePerson(person, person), count, how.metric)
    found, kept = Matches.empty(len(vectors), count), min(count + SPARE, len(vectors))
    if not len(vectors):
        return found
    order = np.argsort(person, kind="stable")
    tiles = _Tiles(how, person[order], search.middle)
    with catch_out_of_memory(ADVICE), torch.no_grad():
        everybody = tiles.load(vectors[order] if (np.diff(order) != 1).any() else vectors)
        stripe = how.stripe_rows(kept)
        for first in range(0, len(vectors), stripe):
            last = min(first + stripe, len(vectors))
            tops = Tops(last - first, kept, how.device)
            for row in range(first, last, tiles.side):
                tiles.compare(everybody, row, (first, last), tops)
                if on_progress is not None:
                    on_progress(min(row + tiles.side, last), len(vectors))
            for start in range(0, last - first, tiles.side):
                best = tops.values[start : start + tiles.side].cpu().numpy()
                at = order[np.minimum(tops.at[start : start + tiles.side].cpu().numpy(), len(vectors) - 1)]
                search.settle(found, order[first + start : first + start + len(best)], best, at)
    return found


class _Tiles:
    """Makes tiles of similarities of rows that are sorted by person.

    Args:
        how: the device and the memory.
        person: ``(n,)`` int64, ascending.
        middle: ``(d,)`` float64, where Euclidean vectors are measured from.
    """

    def __init__(self, how: Comparison, person: Int64Array, middle: Float64Array) -> None:
        self.how, self.person, self.middle, self.side = how, person, middle, how.tile_side()
        self.same = SamePerson(person, person)
        self.room = torch.empty(min(self.side, len(person)) ** 2, device=how.device)

    def load(self, vectors: Float32Array) -> torch.Tensor:
        """Return the right side of the products, on the device."""
        return to_device(lengthen(vectors, self.middle, self.how.metric, is_left=False), self.how.device)

    def compare(self, everybody: torch.Tensor, row: int, stripe: tuple[int, int], tops: Tops) -> None:
        """Compare a block of rows with all others; within the stripe, each pair of blocks once.

        Args:
            everybody: what :meth:`load` returned.
            row: where the block begins.
            stripe: the rows whose best are kept: the first, and the one after the last.
            tops: the best of these.
        """
        first, last = stripe
        end = min(row + self.side, last)
        left = everybody[row:end]
        if self.how.metric != COSINE:  # the two columns that were added change places
            left = torch.cat([left[:, :-2], left[:, -1:], left[:, -2:-1]], 1)
        for column in (*range(0, first, self.side), *range(row, len(self.person), self.side)):
            right = everybody[column : column + self.side]
            tile = multiply(left, right, self.room)
            low, high = sorted((row, column))
            if self.person[high] <= self.person[min(low + self.side, len(self.person)) - 1]:
                leave_out(tile, self.same.places(np.arange(row, end), column, len(right)))
            tops.update(tile, row - first, column)
            if row < column < last:
                tops.update(tile.T, column - first, row)
