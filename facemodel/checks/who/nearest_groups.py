"""The groups of other people that are nearest to each group, in blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from facedata.types import Float32Array, Float64Array, Int64Array

from ...machine.memory import catch_out_of_memory
from ...mining.matches import to_device
from ...mining.tiles import best_of_tile, multiply
from .groups import Groups
from .likelihood import normalise

_BLOCK_FLOATS = {"cpu": 1 << 22, "cuda": 1 << 27}
"""Similarities held at a time: 16 MB; on a GPU half a gigabyte."""

_SPARE = 4
"""Candidates beyond those asked for: float32 may put these in another order."""


class Nearest(NamedTuple):
    """The nearest groups of other people, the nearest first.

    Attributes:
        groups: ``(k, count)`` int64; -1 where there are not so many.
        similarity: ``(k, count)`` float64; -inf where there are not so many.
        normal: ``(k, count)`` float64, normalised similarities; -inf where there are not so many.
    """

    groups: Int64Array
    similarity: Float64Array
    normal: Float64Array


def find_nearest(
    groups: Groups, usual: float, count: int = 8, device: str = "cpu", block_floats: int | None = None
) -> Nearest:
    """Find the groups of other people with the highest normalised similarity to each group.

    Products of blocks in float32 find candidates; these are measured again in float64. Of groups that are
    equally near, the one with the lower number comes first.

    Args:
        groups: the groups.
        usual: the cosine of the usual pair of photos of different people.
        count: how many to find.
        device: where to multiply, as torch names it.
        block_floats: similarities to hold at a time; None for what suits the device.

    Raises:
        DeviceError: the device's memory is too small.
    """
    total = len(groups)
    count = min(count, max(total - 1, 0))
    shape = (total, count)
    nearest = Nearest(np.full(shape, -1), np.full(shape, -np.inf), np.full(shape, -np.inf))
    floats = block_floats or _BLOCK_FLOATS[torch.device(device).type]
    tall = max(1, min(total, round((floats / 4) ** 0.5)))
    search = _Search(groups, usual, device, max(1, floats // tall))
    with catch_out_of_memory("name --device cpu, or end what else uses the memory"), torch.no_grad():
        for start in range(0, total if count else 0, tall):
            rows = np.arange(start, min(start + tall, total))
            found = search.candidates(rows, min(count + _SPARE, total - 1))
            similar, normal = np.full(found.shape, -np.inf), np.full(found.shape, -np.inf)
            row, column = np.nonzero(found >= 0)
            mine, theirs = rows[row], found[row, column]
            similar[row, column] = groups.similarity(mine, theirs, usual)
            sides = groups.near.take(mine), groups.near.take(theirs)
            normal[row, column] = normalise(similar[row, column], *sides)
            order = np.lexsort((found, -normal), axis=1)[:, :count]
            for values, measured in zip(nearest, (found, similar, normal), strict=True):
                values[rows] = np.take_along_axis(measured, order, 1)
    return nearest


@dataclass(frozen=True, eq=False)
class _Search:
    """Where to look for candidates, and how."""

    groups: Groups
    usual: float
    device: str
    wide: int

    def candidates(self, rows: Int64Array, count: int) -> Int64Array:
        """Return the best groups for some rows, all others looked at in blocks; -1 where there are none."""
        groups, device = self.groups, self.device
        left = torch.from_numpy(self._scale(rows, 1.0)).to(device)
        own = (1 / torch.from_numpy(groups.near.deviation[rows, None])).float().to(device)
        best = torch.empty(len(rows), 0, device=device)
        at = torch.empty(len(rows), 0, dtype=torch.int64, device=device)
        for start in range(0, len(groups), self.wide):
            some = np.arange(start, min(start + self.wide, len(groups)))
            theirs = 1 / groups.near.deviation[some]
            both = torch.from_numpy(np.stack([theirs, groups.near.mean[some] * theirs])).float().to(device)
            # twice the normalised similarity, but for what depends on the left alone and ranks nothing
            right = to_device(self._scale(some, -self.usual), device)
            tile = multiply(left, right).mul_(own + both[0]).sub_(both[1])
            row, column = _same_person(groups.person[rows], groups.person[some])
            tile[torch.from_numpy(row).to(device), torch.from_numpy(column).to(device)] = -torch.inf
            values, columns = best_of_tile(tile, count)
            best, at = torch.cat([best, values], 1), torch.cat([at, columns + start], 1)
            best, order = best.topk(min(count, best.shape[1]), 1)
            at = at.gather(1, order)
        at[torch.isneginf(best)] = -1
        return np.asarray(at.cpu().numpy(), np.int64)

    def _scale(self, rows: Int64Array, common: float) -> Float32Array:
        """Return vectors whose dot product, with ``common`` 1 and ``-usual``, is the similarity."""
        inverse = 1 / np.sqrt(self.groups.length[rows])[:, None]
        return np.concatenate([self.groups.mean(rows) * inverse, common * inverse], 1, dtype=np.float32)


def _same_person(left: Int64Array, right: Int64Array) -> tuple[Int64Array, Int64Array]:
    """Return the rows and columns at which two ascending lists have the same person."""
    first, last = np.searchsorted(right, left, "left"), np.searchsorted(right, left, "right")
    count = last - first
    row = np.repeat(np.arange(len(left)), count)
    return row, np.arange(len(row)) - np.repeat(np.cumsum(count) - count - first, count)
