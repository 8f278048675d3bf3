"""The nearest of many vectors, exactly, in blocks: never a table of all by all, on the CPU or a GPU.

A product of blocks in float32 (no TF32) only finds candidates: whatever it could confuse with the best is
measured again in float64, row by row, so results do not depend on the blocks, the threads or the device.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from facedata.types import Float32Array, Float64Array, Int64Array

from ..errors import ScoreError
from ..machine.memory import catch_out_of_memory
from .tiles import GROUP, Tops, multiply

COSINE, EUCLIDEAN = "cosine", "euclidean"

SPARE = 4
"""Candidates beyond those asked for: more than these within rounding of the last one are rare."""

ADVICE = "name --device cpu, or end what else uses the memory"

_BLOCK_FLOATS = {"cpu": 1 << 21, "cuda": 1 << 28}
"""Similarities held at a time: 8 MB, near the processor's cache; on a GPU 1 GB, so that it is kept busy."""

_MEASURED = 16_384
"""Pairs measured in float64 at a time: 128 MB at 512 numbers each."""

_SCANNED = 1024
"""Rows, and centres, that are all measured in float64 at a time, where too many are equally near."""


@dataclass(frozen=True, eq=False)
class Matches:
    """The best matches of each row, the best first.

    Attributes:
        columns: ``(n, count)`` int64, the centres' row numbers; -1 where there is no further centre.
        similarities: ``(n, count)`` float32, cosines or minus the Euclidean distances; -inf where there
            is none.
    """

    columns: Int64Array
    similarities: Float32Array

    @classmethod
    def empty(cls, rows: int, count: int) -> Matches:
        """Return matches of so many rows, none of them found yet."""
        return cls(np.full((rows, count), -1, np.int64), np.full((rows, count), -np.inf, np.float32))


class LeftOut(Protocol):
    """Which centres are not to be found for which rows."""

    def places(self, rows: Int64Array, first: int, width: int) -> tuple[Int64Array, Int64Array]:
        """Return their places in a tile: among ``rows``, and among the ``width`` centres from ``first``."""
        ...


@dataclass(frozen=True, eq=False)
class OwnCentres:
    """Some centres of each row, by number.

    Attributes:
        own: ``(n, e)`` int64; -1 for none.
    """

    own: Int64Array

    def places(self, rows: Int64Array, first: int, width: int) -> tuple[Int64Array, Int64Array]:
        """Return where they are in a tile."""
        own = self.own[rows]
        row, which = np.nonzero((own >= first) & (own < first + width))
        return row, own[row, which] - first


@dataclass(frozen=True, eq=False)
class SamePerson:
    """All centres of a row's own person.

    Attributes:
        rows: ``(n,)`` int64, the rows' people.
        centres: ``(k,)`` int64, the centres' people.
    """

    rows: Int64Array
    centres: Int64Array

    def places(self, rows: Int64Array, first: int, width: int) -> tuple[Int64Array, Int64Array]:
        """Return where they are in a tile."""
        row, column = np.nonzero(self.rows[rows, None] == self.centres[first : first + width])
        return row, column


@dataclass(frozen=True, eq=False)
class Search:
    """What is looked for.

    Attributes:
        rows: ``(n, d)`` float32; may be memory-mapped.
        centres: ``(k, d)`` float32; may be memory-mapped, and ``rows`` itself.
        left_out: which centres are not to be found.
        count: how many to find of each row, at least 1.
        metric: ``cosine``, for rows of length one, or ``euclidean``.
    """

    rows: Float32Array
    centres: Float32Array
    left_out: LeftOut
    count: int
    metric: str = COSINE

    def measure(self, one: Int64Array, other: Int64Array) -> Float32Array:
        """Return the similarities of pairs of a row and a centre: in float64, rounded to float32."""
        values = np.empty(len(one), np.float32)
        for start in range(0, len(one), _MEASURED):
            some = slice(start, start + _MEASURED)
            left = np.asarray(self.rows[one[some]], np.float64)
            right = np.asarray(self.centres[other[some]], np.float64)
            if self.metric == EUCLIDEAN:
                left -= right
                right = left
            dots = np.einsum("pd,pd->p", left, right)
            values[some] = -np.sqrt(dots) if self.metric == EUCLIDEAN else dots
        return values

    def settle(self, found: Matches, rows: Int64Array, best: Float32Array, at: Int64Array) -> None:
        """Measure rows' candidates in float64, and write the best into ``found``.

        Args:
            found: of all rows.
            rows: ``(m,)`` int64, which these are.
            best: ``(m, at most count + SPARE)`` float32, what the products had: cosines, or minus half the
                squared distances; in descending order, -inf where there are no more.
            at: the same shape, int64, the centres.
        """
        row, place = np.nonzero(~np.isneginf(best))
        values = np.full(best.shape, -np.inf, np.float32)
        values[row, place] = self.measure(rows[row], at[row, place])
        order = np.lexsort((at, -values))[:, : self.count]
        found.similarities[rows, : order.shape[1]] = np.take_along_axis(values, order, 1)
        found.columns[rows, : order.shape[1]] = np.take_along_axis(at, order, 1)
        # where all that were kept may be equal to the last one asked for, others may be as well
        if best.shape[1] == self.count + SPARE:
            last = best[:, self.count - 1]
            with np.errstate(invalid="ignore"):
                close = np.isfinite(best[:, -1]) & (best[:, -1] >= last - self._slack(rows, last))
            unsure = rows[close]
            for part in (unsure[first : first + _SCANNED] for first in range(0, len(unsure), _SCANNED)):
                found.similarities[part], found.columns[part] = self._scan(part)
        nothing = np.isneginf(found.similarities[rows])
        found.columns[rows] = np.where(nothing, -1, found.columns[rows])

    def _slack(self, rows: Int64Array, last: Float32Array) -> Float64Array | float:
        """Return by how much two products may be wrong together, in float32.

        A float32 sum of d products is wrong by at most d half units in the last place of the sum of their
        sizes. Half a squared distance is a sum of a product and two halves of squares, together at most
        (|a| + |b|)² / 2; and a centre that is nearer than the last one has |b| ≤ |a| + distance.
        """
        epsilon, dim = float(np.finfo(np.float32).eps), int(self.rows.shape[1])
        if self.metric == COSINE:
            return 2 * (dim + 4) * epsilon
        middle = self.middle
        size = np.linalg.norm(np.asarray(self.rows[rows], np.float64) - middle, axis=1)
        farthest = np.sqrt(np.maximum(-2 * last.astype(np.float64), 0))
        slack: Float64Array = (dim + 8) * epsilon * (2 * size + 2 * farthest) ** 2 / 2
        return slack

    @property
    def middle(self) -> Float64Array:
        """Where vectors are measured from, ``(d,)``: near their mean, products lose fewer digits."""
        some = np.asarray(self.centres[:: max(1, len(self.centres) // _SCANNED)], np.float64)
        return np.asarray(some.mean(axis=0) if len(some) else np.zeros(self.rows.shape[1]))

    def _scan(self, rows: Int64Array) -> tuple[Float32Array, Int64Array]:
        """Return rows' best similarities and centres, ``(m, count)``, all of them measured in float64."""
        here = np.arange(len(rows))[:, None]
        values, at = Matches.empty(len(rows), self.count).similarities, np.full((len(rows), self.count), -1)
        wide = np.asarray(self.rows[rows], np.float64)
        for first in range(0, len(self.centres), _SCANNED):
            part = np.asarray(self.centres[first : first + _SCANNED], np.float64)
            tile = self._similarities(wide, part)
            row, column = self.left_out.places(rows, first, len(part))
            tile[row, column] = -np.inf
            tile = np.concatenate([values, tile], axis=1)
            named = np.concatenate([at, np.tile(np.arange(first, first + len(part)), (len(rows), 1))], axis=1)
            for place in range(self.count):
                best = tile.argmax(axis=1)[:, None]  # the first of equal ones, which is the lowest centre
                values[:, [place]], at[:, [place]] = tile[here, best], named[here, best]
                tile[here, best] = -np.inf
        return values, at

    def _similarities(self, wide: Float64Array, part: Float64Array) -> Float32Array:
        """Return the similarity of each with each, measured in float64, as :meth:`measure` has it."""
        if self.metric == COSINE:
            return np.asarray(wide @ part.T, np.float32)
        tile = np.empty((len(wide), len(part)), np.float32)
        for place, centre in enumerate(part):
            apart = wide - centre
            tile[:, place] = -np.sqrt(np.einsum("nd,nd->n", apart, apart))
        return tile


def lengthen(vectors: Float32Array, middle: Float64Array, metric: str, *, is_left: bool) -> Float32Array:
    """Return vectors whose dot product is minus half their squared distance; for cosines, the same vectors.

    -|a - b|² / 2 is the product of (a, -|a|²/2, 1) on the left and (b, 1, -|b|²/2) on the right.

    Args:
        vectors: ``(n, d)`` float32.
        middle: ``(d,)`` float64, what is subtracted first; distances stay as they are.
        metric: ``cosine`` changes nothing.
        is_left: whether for the left side of the product.
    """
    if metric == COSINE:
        return vectors
    wide = np.asarray(np.asarray(vectors, np.float64) - middle, np.float32)
    half = -np.einsum("nd,nd->n", wide, wide, dtype=np.float64) / 2
    extra = np.column_stack([half, np.ones(len(wide))] if is_left else [np.ones(len(wide)), half])
    return np.concatenate([wide, extra.astype(np.float32)], axis=1)


def to_device(rows: Float32Array, device: str) -> torch.Tensor:
    """Return rows as a tensor: torch wants memory that it may write, so a read-only file's is copied."""
    return torch.from_numpy(np.require(rows, np.float32, ["C", "W"])).to(device)


def leave_out(tile: torch.Tensor, places: tuple[Int64Array, Int64Array]) -> None:
    """Set places of a tile to -inf."""
    if len(places[0]):
        row, column = (torch.from_numpy(side).to(tile.device) for side in places)
        tile[row, column] = -torch.inf


def refuse_nan(*arrays: Float32Array) -> None:
    """Check that there is no NaN, and nothing infinite.

    Raises:
        ScoreError: there is.
    """
    for vectors in arrays:
        for start in range(0, len(vectors), _MEASURED):
            if not np.isfinite(vectors[start : start + _MEASURED]).all():
                raise ScoreError("an embedding holds NaN, or a number that is infinite: leave its row out")


def best_matches(
    vectors: Float32Array,
    centres: Float32Array,
    own: Int64Array | LeftOut | None = None,
    count: int = 1,
    device: str = "cpu",
    block_floats: int | None = None,
    metric: str = COSINE,
) -> Matches:
    """Find the centres that each vector is most similar to.

    A similarity is the dot product in float64, rounded to float32. Of equal ones the centre with the lower
    number comes first. Only where the float64 sums of two centres differ in the last bit, and a rounding
    boundary of float32 lies between them, may another machine's library order them the other way.

    Args:
        vectors: ``(n, d)`` float32 of length one; may be memory-mapped.
        centres: ``(k, d)`` float32 of length one; may be memory-mapped, and ``vectors`` itself.
        own: ``(n,)`` or ``(n, e)`` int64, centres that are not to be found for a row, -1 for none; or
            another rule for these.
        count: how many to find, at least 1.
        device: where to multiply, as torch names it.
        block_floats: similarities to hold at a time; None for what suits the device.
        metric: ``euclidean`` compares by distance, and vectors may have any length.

    Raises:
        ScoreError: there is a NaN.
        DeviceError: the device's memory is too small.
    """
    refuse_nan(vectors, centres)
    if own is None or isinstance(own, np.ndarray):
        columns = np.full((len(vectors), 1), -1) if own is None else own
        own = OwnCentres(columns if columns.ndim == 2 else columns[:, None])
    search, found = Search(vectors, centres, own, count, metric), Matches.empty(len(vectors), count)
    floats = block_floats or _BLOCK_FLOATS[torch.device(device).type]
    width = max(GROUP, min(round(floats**0.5 * 2), len(centres) + GROUP - 1) // GROUP * GROUP)
    height = max(1, min(floats // width, len(vectors)))
    middle = search.middle
    for start in range(0, len(vectors) if len(centres) else 0, height):
        rows = np.arange(start, min(start + height, len(vectors)))
        with catch_out_of_memory(ADVICE):
            tops = Tops(len(rows), min(count + SPARE, len(centres)), device)
            some = to_device(lengthen(vectors[rows], middle, metric, is_left=True), device)
            for first in range(0, len(centres), width):
                part = lengthen(centres[first : first + width], middle, metric, is_left=False)
                tile = multiply(some, to_device(part, device))
                leave_out(tile, own.places(rows, first, len(part)))
                tops.update(tile, 0, first)
            best, at = tops.values.cpu().numpy(), tops.at.cpu().numpy().astype(np.int64)
        search.settle(found, rows, best, at)
    return found
