"""The best similarities of each row so far, kept up to date tile by tile; most of a tile is never sorted.

A tile is a block of rows times a block of columns. Its largest value in each group of 64 columns is compared
with the row's worst kept value; only groups that beat it are looked at. After the first tiles few do.
"""

from __future__ import annotations

import torch

GROUP = 64
"""Similarities of which only the largest is looked at, until it is among the best of its row."""

_MANY = 0.25
"""From this share of groups with something better, all rows are sorted anew, which is then quicker."""


def multiply(rows: torch.Tensor, others: torch.Tensor, out: torch.Tensor | None = None) -> torch.Tensor:
    """Return the dot product of each row with each other one, in whole float32: TF32 has ten bits.

    Args:
        rows: ``(n, d)`` float32.
        others: ``(k, d)`` float32, on the same device.
        out: memory for the result, at least ``n * k`` float32 in one dimension; None for fresh memory.
    """
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = False
    try:
        if out is None:
            return rows @ others.T
        return torch.mm(rows, others.T, out=out[: len(rows) * len(others)].view(len(rows), len(others)))
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before


def best_of_tile(tile: torch.Tensor, kept: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return each row's best values and their columns: the best few lie in the groups of the best maxima.

    Where a row has fewer, there may be columns beyond the tile's, with -inf.

    Args:
        tile: ``(n, k)`` float32.
        kept: how many to return.
    """
    tile = _fill_groups(tile)
    chosen = _group_maxima(tile).topk(min(kept, tile.shape[1] // GROUP), 1).indices
    columns = (chosen[:, :, None] * GROUP + torch.arange(GROUP, device=tile.device)).flatten(1)
    values = tile.gather(1, columns)
    best, order = values.topk(min(kept, values.shape[1]), 1)
    return best, columns.gather(1, order)


class Tops:
    """The best similarities of each of many rows so far.

    Args:
        rows: how many.
        kept: how many values of each.
        device: where they are, as torch names it.

    Attributes:
        values: ``(rows, kept)`` float32, in descending order; -inf where there are none yet.
        at: ``(rows, kept)`` int32, their columns; meaningless beside -inf.
        kept: how many values of each.
    """

    def __init__(self, rows: int, kept: int, device: str = "cpu") -> None:
        self.values = torch.full((rows, kept), -torch.inf, device=device)
        self.at = torch.full((rows, kept), -1, dtype=torch.int32, device=device)
        self.kept = kept

    def update(self, tile: torch.Tensor, first_row: int, first_column: int) -> None:
        """Take the better values of a tile.

        Args:
            tile: ``(h, w)`` float32 without NaN; the transpose of a contiguous one is not copied.
            first_row: the row of these that the tile's first row is.
            first_column: the number of its first column.
        """
        rows = slice(first_row, first_row + len(tile))
        worst = self.values[rows, -1]
        tile = _fill_groups(tile)
        maxima = _group_maxima(tile)
        row, group = (maxima > worst[:, None]).nonzero(as_tuple=True)
        if len(row) > _MANY * maxima.numel():
            self._sort_all(tile, rows, first_column)
        elif len(row):
            if tile.is_contiguous():
                values = tile.view(len(tile), -1, GROUP)[row, group]
            else:
                values = tile.T.view(-1, GROUP, len(tile))[group, :, row]
            hit, place = (values > worst[row, None]).nonzero(as_tuple=True)
            columns = group[hit] * GROUP + place + first_column
            self._merge(row[hit] + first_row, values[hit, place], columns.int(), tile.numel() // 4)

    def _sort_all(self, tile: torch.Tensor, rows: slice, first_column: int) -> None:
        """Take the best of every row of a tile, some rows at a time, so that memory stays near the tile's."""
        step = max(1, tile.numel() // (3 * GROUP * self.kept))
        for start in range(0, len(tile), step):
            best, at = best_of_tile(tile[start : start + step], self.kept)
            some = slice(rows.start + start, rows.start + start + len(best))
            self._keep(some, best, (at + first_column).int())

    def _merge(self, row: torch.Tensor, values: torch.Tensor, at: torch.Tensor, room: int) -> None:
        """Take single values.

        Args:
            row: ``(m,)`` int64, each value's row, in ascending order.
            values: ``(m,)`` float32.
            at: ``(m,)`` int32, each value's column.
            room: how many numbers a table of rows by values may have.
        """
        rows, which, count = torch.unique_consecutive(row, return_inverse=True, return_counts=True)
        first = count.cumsum(0) - count
        place = torch.arange(len(row), device=row.device) - first[which]
        step = max(1, room // int(count.max()))
        for start in range(0, len(rows), step):
            end = min(start + step, len(rows))
            some = slice(int(first[start]), int(first[end - 1] + count[end - 1]))
            line, column = which[some] - start, place[some]
            table = torch.full((end - start, int(count[start:end].max())), -torch.inf, device=row.device)
            numbers = torch.full(table.shape, -1, dtype=torch.int32, device=row.device)
            table[line, column], numbers[line, column] = values[some], at[some]
            self._keep(rows[start:end], table, numbers)

    def _keep(self, rows: slice | torch.Tensor, values: torch.Tensor, at: torch.Tensor) -> None:
        best, order = torch.cat([self.values[rows], values], 1).topk(self.kept, 1)
        self.at[rows] = torch.cat([self.at[rows], at], 1).gather(1, order)
        self.values[rows] = best


def _fill_groups(tile: torch.Tensor) -> torch.Tensor:
    """Return a tile with -inf beyond its last column, so that all its groups are whole."""
    missing = -tile.shape[1] % GROUP
    return torch.nn.functional.pad(tile, (0, missing), value=-torch.inf) if missing else tile


def _group_maxima(tile: torch.Tensor) -> torch.Tensor:
    """Return the largest value of each group of columns, ``(n, groups)``, whichever way the tile lies."""
    if tile.is_contiguous():
        return tile.view(len(tile), -1, GROUP).amax(2)
    return tile.T.view(-1, GROUP, len(tile)).amax(1).T
