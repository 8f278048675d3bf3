"""The nearest of many vectors, exactly, in blocks: never a table of all by all, on the CPU or a GPU.

A product of blocks in float32 (no TF32) only finds candidates: whatever it could confuse with the best is
measured again in float64, row by row, so results do not depend on the blocks, the threads or the device.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from facedata.types import Float32Array, Int64Array

from ..errors import ScoreError
from ..machine.memory import catch_out_of_memory

_BLOCK_FLOATS = {"cpu": 1 << 21, "cuda": 1 << 28}
"""Similarities held at a time: 8 MB, near the processor's cache; on a GPU 1 GB, so that it is kept busy."""

_GROUP = 64
"""Similarities of which only the largest is looked at, until its group is among the best."""

_SPARE = 4
"""Candidates beyond those asked for: more than these within rounding of the last one are rare."""

_MEASURED = 16_384
"""Pairs measured in float64 at a time: 128 MB at 512 numbers each."""

_SCANNED = 1024
"""Rows, and centres, that are all measured in float64 at a time, where too many are equally near."""

_ADVICE = "name --device cpu, or end what else uses the memory"


@dataclass(frozen=True, eq=False)
class Matches:
    """The best matches of each row, the best first.

    Attributes:
        columns: ``(n, count)`` int64, the centres' row numbers; -1 where there is no further centre.
        similarities: ``(n, count)`` float32 cosines; -inf where there is none.
    """

    columns: Int64Array
    similarities: Float32Array


def best_matches(
    vectors: Float32Array,
    centres: Float32Array,
    own: Int64Array | None = None,
    count: int = 1,
    device: str = "cpu",
    block_floats: int | None = None,
) -> Matches:
    """Find the centres that each vector is most similar to.

    A similarity is the dot product in float64, rounded to float32. Of equal ones the centre with the lower
    number comes first. Only where the float64 sums of two centres differ in the last bit, and a rounding
    boundary of float32 lies between them, may another machine's library order them the other way.

    Args:
        vectors: ``(n, d)`` float32 of length one; may be memory-mapped.
        centres: ``(k, d)`` float32 of length one; may be memory-mapped, and ``vectors`` itself.
        own: ``(n,)`` or ``(n, e)`` int64, centres that are not to be found for a row; -1 for none.
        count: how many to find, at least 1.
        device: where to multiply, as torch names it.
        block_floats: similarities to hold at a time; None for what suits the device.

    Raises:
        ScoreError: there is a NaN.
        DeviceError: the device's memory is too small.
    """
    left_out = np.full((len(vectors), 1), -1) if own is None else own
    left_out = left_out if left_out.ndim == 2 else left_out[:, None]
    columns = np.full((len(vectors), count), -1, np.int64)
    similarities = np.full((len(vectors), count), -np.inf, np.float32)
    floats = block_floats or _BLOCK_FLOATS[torch.device(device).type]
    width = max(_GROUP, min(round(floats**0.5 * 2), len(centres) + _GROUP - 1) // _GROUP * _GROUP)
    height = max(1, min(floats // width, len(vectors)))
    kept = count + _SPARE
    # by so much two products in float32 of vectors of length one may be wrong, together
    slack = 2 * (vectors.shape[1] + 4) * float(np.finfo(np.float32).eps)
    for start in range(0, len(vectors) if len(centres) else 0, height):
        rows = slice(start, start + height)
        some = np.asarray(vectors[rows])
        best, at = _best_of_blocks(some, centres, left_out[rows], kept, width, device)
        if np.isnan(best).any():
            raise ScoreError("an embedding holds NaN: leave its row out")
        row, place = np.nonzero(~np.isneginf(best))
        values = np.full(best.shape, -np.inf, np.float32)
        values[row, place] = _dots(some, centres, row, at[row, place])
        order = np.lexsort((at, -values))[:, :count]
        similarities[rows, : order.shape[1]] = np.take_along_axis(values, order, 1)
        columns[rows, : order.shape[1]] = np.take_along_axis(at, order, 1)
        # where all that were kept may be equal to the last one asked for, others may be as well
        if best.shape[1] == kept:
            close = np.isfinite(best[:, -1]) & (best[:, -1] >= best[:, count - 1] - slack)
            unsure = np.flatnonzero(close)
            for part in (unsure[first : first + _SCANNED] for first in range(0, len(unsure), _SCANNED)):
                found = _scan(some[part], centres, left_out[start + part], count)
                similarities[start + part], columns[start + part] = found
    columns[np.isneginf(similarities)] = -1
    return Matches(columns, similarities)


def _to_device(rows: Float32Array, device: str) -> torch.Tensor:
    # torch wants memory that it may write, though it does not; a read-only file's is copied
    return torch.from_numpy(np.require(rows, np.float32, ["C", "W"])).to(device)


def multiply(rows: torch.Tensor, others: Float32Array, device: str) -> torch.Tensor:
    """Return the dot product of each row with each other one, in whole float32: TF32 has ten bits.

    Args:
        rows: ``(n, d)`` float32, on the device.
        others: ``(k, d)`` float32.
        device: as torch names it.
    """
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = False
    try:
        return rows @ _to_device(others, device).T
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before


def _best_of_blocks(
    rows: Float32Array,
    centres: Float32Array,
    left_out: Int64Array,
    kept: int,
    width: int,
    device: str,
) -> tuple[Float32Array, Int64Array]:
    """Return the best similarities in float32 and their centres, ``(n, at most kept)``, the best first."""
    best = torch.empty(len(rows), 0, device=device)
    at = torch.empty(len(rows), 0, dtype=torch.int64, device=device)
    with catch_out_of_memory(_ADVICE):
        some = _to_device(rows, device)
        for first in range(0, len(centres), width):
            part = centres[first : first + width]
            tile = multiply(some, part, device)
            row, which = np.nonzero((left_out >= first) & (left_out < first + len(part)))
            tile[row, left_out[row, which] - first] = -torch.inf
            values, columns = best_of_tile(tile, kept)
            best, at = torch.cat([best, values], 1), torch.cat([at, columns + first], 1)
            best, order = best.topk(min(kept, best.shape[1]), 1)
            at = at.gather(1, order)
        return best.cpu().numpy(), at.cpu().numpy()


def best_of_tile(tile: torch.Tensor, kept: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return each row's best values and their columns: the best few lie in the groups of the best maxima.

    Where a row has fewer, there may be columns beyond the tile's, with -inf.

    Args:
        tile: ``(n, k)`` float32.
        kept: how many to return.
    """
    if missing := -tile.shape[1] % _GROUP:
        tile = torch.nn.functional.pad(tile, (0, missing), value=-torch.inf)
    groups = tile.view(len(tile), -1, _GROUP)
    chosen = groups.amax(2).topk(min(kept, groups.shape[1]), 1).indices
    columns = (chosen[:, :, None] * _GROUP + torch.arange(_GROUP, device=tile.device)).flatten(1)
    values = tile.gather(1, columns)
    best, order = values.topk(min(kept, values.shape[1]), 1)
    return best, columns.gather(1, order)


def _dots(left: Float32Array, right: Float32Array, one: Int64Array, other: Int64Array) -> Float32Array:
    """Return the dot products of pairs of rows: in float64, rounded to float32."""
    values = np.empty(len(one), np.float32)
    for start in range(0, len(one), _MEASURED):
        some = slice(start, start + _MEASURED)
        pair = (np.asarray(left[one[some]], np.float64), np.asarray(right[other[some]], np.float64))
        values[some] = np.einsum("pd,pd->p", *pair)
    return values


def _scan(
    rows: Float32Array, centres: Float32Array, left_out: Int64Array, count: int
) -> tuple[Float32Array, Int64Array]:
    """Return rows' best similarities and centres, ``(n, count)``, all of them measured in float64."""
    here = np.arange(len(rows))[:, None]
    values, at = np.full((len(rows), count), -np.inf, np.float32), np.full((len(rows), count), -1)
    wide = rows.astype(np.float64)
    for first in range(0, len(centres), _SCANNED):
        part = np.asarray(centres[first : first + _SCANNED], np.float64)
        tile = (wide @ part.T).astype(np.float32)
        row, which = np.nonzero((left_out >= first) & (left_out < first + len(part)))
        tile[row, left_out[row, which] - first] = -np.inf
        columns = np.arange(first, first + len(part))
        tile = np.concatenate([values, tile], axis=1)
        named = np.concatenate([at, np.broadcast_to(columns, (len(rows), len(part)))], axis=1)
        for place in range(count):
            best = tile.argmax(axis=1)[:, None]  # the first of equal ones, which is the lowest centre
            values[:, [place]], at[:, [place]] = tile[here, best], named[here, best]
            tile[here, best] = -np.inf
    return values, at
