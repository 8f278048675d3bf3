"""The rows of a matrix, of which each process holds a part: brought together in the first process."""

from __future__ import annotations

import torch
from torch import Tensor

from .ranks import Ranks, gather_tensors

_BLOCK_ROWS = 65_536
"""Rows that are gathered at a time: a GPU has no room for the parts of all."""


def gather_rows(mine: Tensor, ranks: Ranks) -> Tensor | None:
    """Return the parts of all processes, one after the other, on the CPU; None in all but the first process.

    Args:
        mine: this process's rows, ``(n, …)``; the same type and shape of a row everywhere.
        ranks: the processes, which all call this together.
    """
    if not ranks.is_grouped:
        return mine.cpu()
    counts = [int(one) for one in gather_tensors(torch.tensor([len(mine)], device=mine.device), ranks.world)]
    whole = mine.new_empty(sum(counts), *mine.shape[1:], device="cpu") if ranks.is_first else None
    starts = [sum(counts[:rank]) for rank in range(ranks.world)]
    for done in range(0, max(counts), _BLOCK_ROWS):
        block = mine.new_zeros(min(_BLOCK_ROWS, max(counts)), *mine.shape[1:])
        part = mine[done : done + _BLOCK_ROWS]
        block[: len(part)] = part
        for start, count, found in zip(starts, counts, gather_tensors(block, ranks.world), strict=True):
            if whole is not None and done < count:
                rows = min(count - done, _BLOCK_ROWS)
                whole[start + done : start + done + rows] = found[:rows]
    return whole
