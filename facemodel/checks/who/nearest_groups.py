"""The groups of other people that are nearest to each group, in blocks."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from facedata.types import Float64Array, Int64Array

from ...machine.memory import catch_out_of_memory
from .groups import Groups
from .likelihood import normalise

_BLOCK_FLOATS = {"cpu": 1 << 23, "cuda": 1 << 27}
"""Similarities held at a time: 32 MB; on a GPU half a gigabyte."""


class Nearest(NamedTuple):
    """The nearest groups of other people, the nearest first.

    Attributes:
        groups: ``(k, count)`` int64; -1 where there are not so many.
        similarity: ``(k, count)`` float64.
        normal: ``(k, count)`` float64, normalised similarities; -inf where there are not so many.
    """

    groups: Int64Array
    similarity: Float64Array
    normal: Float64Array


def find_nearest(groups: Groups, usual: float, count: int = 8, device: str = "cpu") -> Nearest:
    """Find the groups of other people with the highest normalised similarity to each group.

    The normalised similarity is a dot product of two longer vectors, so one product of blocks ranks them.
    Products are in float32; what is found is measured again in float64.

    Args:
        groups: the groups.
        usual: the cosine of the usual pair of photos of different people.
        count: how many to find.
        device: where to multiply, as torch names it.

    Raises:
        DeviceError: the device's memory is too small.
    """
    total = len(groups.size)
    count = min(count, max(total - 1, 0))
    found, similar = np.full((total, count), -1, np.int64), np.full((total, count), -np.inf)
    if count:
        wide, tall = _shape_blocks(total, device)
        with catch_out_of_memory("name --device cpu, or end what else uses the memory"), torch.no_grad():
            for start in range(0, total, tall):
                rows = np.arange(start, min(start + tall, total))
                found[rows] = _best_of_rows(groups, usual, rows, count, wide, device)
    rows = np.broadcast_to(np.arange(total)[:, None], found.shape)
    there = found >= 0
    similar[there] = groups.similarity(rows[there], found[there], usual)
    normal = np.full(found.shape, -np.inf)
    normal[there] = normalise(similar[there], groups.near.take(rows[there]), groups.near.take(found[there]))
    order = np.lexsort((found, -normal), axis=1)
    return Nearest(*(np.take_along_axis(values, order, 1) for values in (found, similar, normal)))


def _shape_blocks(total: int, device: str) -> tuple[int, int]:
    floats = _BLOCK_FLOATS.get(device.partition(":")[0], 1 << 23)
    wide = min(total, 1 << 16)
    return wide, max(1, min(total, floats // wide))


def _best_of_rows(
    groups: Groups, usual: float, rows: Int64Array, count: int, wide: int, device: str
) -> Int64Array:
    """Return the best groups for some rows, going through all others in blocks."""
    left = torch.from_numpy(_left_side(groups, rows)).to(device)
    own = torch.from_numpy(groups.person[rows]).to(device)
    best = torch.full((len(rows), count), -torch.inf, device=device)
    at = torch.full((len(rows), count), -1, dtype=torch.int64, device=device)
    for start in range(0, len(groups.size), wide):
        some = np.arange(start, min(start + wide, len(groups.size)))
        normal = left @ torch.from_numpy(_right_side(groups, some, usual)).to(device).T
        person = torch.from_numpy(groups.person[some]).to(device)
        low, high = (int(side) for side in (groups.person[some[0]], groups.person[some[-1]]))
        mine = torch.nonzero((own >= low) & (own <= high))[:, 0]  # people are in order
        if len(mine):
            normal[mine] = normal[mine].masked_fill(own[mine, None] == person, -torch.inf)
        values, columns = torch.topk(normal, min(count, len(some)), dim=1)
        both, places = torch.cat([best, values], 1), torch.cat([at, columns + start], 1)
        best, chosen = torch.topk(both, count, dim=1)
        at = places.gather(1, chosen)
    at[torch.isneginf(best)] = -1
    return np.asarray(at.cpu().numpy(), np.int64)


def _left_side(groups: Groups, rows: Int64Array) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Return vectors whose product with the right side's ranks as the normalised similarity does.

    The similarity is ``(l @ r - usual) / (|l| |r|)``; what depends on the left alone ranks nothing.
    """
    inverse = 1 / np.sqrt(groups.length[rows])
    scaled = groups.means[rows] * inverse[:, None]
    own = 1 / groups.near.deviation[rows]
    columns = [scaled * own[:, None], scaled, (inverse * own)[:, None], inverse[:, None]]
    return np.concatenate([*columns, np.ones((len(rows), 1))], 1).astype(np.float32)


def _right_side(
    groups: Groups, rows: Int64Array, usual: float
) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    inverse = 1 / np.sqrt(groups.length[rows])
    scaled = groups.means[rows] * inverse[:, None]
    own = 1 / groups.near.deviation[rows]
    columns = [scaled, scaled * own[:, None], (-usual * inverse)[:, None], (-usual * inverse * own)[:, None]]
    return np.concatenate([*columns, (-groups.near.mean[rows] * own)[:, None]], 1).astype(np.float32)
