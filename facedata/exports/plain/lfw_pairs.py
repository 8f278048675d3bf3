"""A split's pairs as LFW's lists hold them: in every fold as many of one person as of two."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc

from ...types import BoolArray, Int32Array, Int64Array
from ..base import Export
from .lfw_names import LfwNames


@dataclass(frozen=True)
class LfwPairs:
    """The pairs of one split, in the order of its file.

    Attributes:
        split: its name.
        folds: how many folds; 0 where the pairs have none.
        each: how many pairs of one person a fold has, and how many of two.
        left, right: ``(2 * each * max(folds, 1),)`` int64, crops as indices into the names: fold by fold,
            those of one person first.
        surplus: how many pairs there are besides, for which a fold has no room.
        contradicted: how many say something else than their people's names, or pair a crop with itself.
    """

    split: str
    folds: int
    each: int
    left: Int64Array
    right: Int64Array
    surplus: int
    contradicted: int

    def lines(self, names: LfwNames) -> Iterator[str]:
        """Yield the file's lines: the counts, then a line a pair."""
        yield f"{self.folds}\t{self.each}" if self.folds else f"{self.each}"
        columns = (names.person[self.left], names.number[self.left], names.person[self.right])
        for one, first, other, second in zip(
            *(column.tolist() for column in (*columns, names.number[self.right])), strict=True
        ):
            name = names.names[one]
            yield (
                f"{name}\t{first}\t{second}"
                if one == other
                else f"{name}\t{first}\t{names.names[other]}\t{second}"
            )


def arrange_pairs(export: Export, split: str, names: LfwNames) -> LfwPairs:
    """Read a split's pairs and bring them into the order of LFW's lists.

    A list has one number for all its folds: as many pairs of one person as of two. What goes beyond it is
    counted, as are pairs that the format cannot say, since it tells one person from two by their names.
    """
    columns: dict[str, list[Int64Array]] = {"left": [], "right": [], "fold": []}
    is_same: list[BoolArray] = [np.empty(0, np.bool_)]
    for rows in export.rows("pairs", split):
        columns["left"].append(rows.column("left").to_numpy())
        columns["right"].append(rows.column("right").to_numpy())
        columns["fold"].append(pc.fill_null(rows.column("fold"), -1).to_numpy().astype(np.int64))
        is_same.append(rows.column("same").to_numpy())
    left, right, fold = (
        np.concatenate([np.empty(0, np.int64), *columns[name]]) for name in ("left", "right", "fold")
    )
    same = np.concatenate(is_same)
    left, right = names.rows_of(left), names.rows_of(right)
    can_say = (left != right) & (same == (names.person[left] == names.person[right]))
    numbers = np.unique(fold[can_say])
    wanted = [
        np.flatnonzero(can_say & (fold == one) & (same == what)) for one in numbers for what in (True, False)
    ]
    each = min((len(rows) for rows in wanted), default=0)
    order = np.concatenate([np.empty(0, np.int64), *(rows[:each] for rows in wanted)])
    folds = len(numbers) if len(numbers) and numbers[0] >= 0 else 0
    surplus = int(can_say.sum()) - len(order)
    return LfwPairs(split, folds, each, left[order], right[order], surplus, int((~can_say).sum()))


def count_people(names: LfwNames, rows: Int64Array) -> list[tuple[str, int]]:
    """Return who is in some crops and in how many, in the order of the names."""
    counts: Int32Array = np.bincount(names.person[rows], minlength=len(names.names)).astype(np.int32)
    return sorted((names.names[person], int(counts[person])) for person in np.flatnonzero(counts).tolist())
