"""Pairs and triplets against the classes: ids, paths, whether they show one person, and their split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...tables.schema import KINDS
from ...tables.text_hash import hash_texts
from ...types import BoolArray, Int64Array
from ..findings import Kind
from .crop_rows import CropRows
from .damage_list import DamageList
from .table_files import TableFile

SIDES = {"pairs": ("left", "right"), "triplets": ("anchor", "positive", "negative")}
"""The columns with ids of crops."""


@dataclass(eq=False)
class PairCounts:
    """What a table of pairs or triplets says, counted.

    Attributes:
        rows: how many rows each split has.
        same: how many of them show one person; of triplets none.
    """

    rows: Counter[str] = field(default_factory=Counter)
    same: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, eq=False)
class _Side:
    """One column of ids, and the crops that they mean.

    Attributes:
        name: of the column.
        ids: ``(n,)`` int64.
        given: ``(n,)`` bool, which are not null.
        rows: ``(n,)`` int64, the crops' rows in the classes; -1 where no crop has the id.
    """

    name: str
    ids: Int64Array
    given: BoolArray
    rows: Int64Array

    @property
    def known(self) -> BoolArray:
        """``(n,)`` bool, which ids are a crop's."""
        return self.rows >= 0


def check_pairs(
    table: TableFile, crops: CropRows | None, training: str | None, damage: DamageList
) -> PairCounts:
    """Read a table of pairs or triplets; what is wrong with it, or contradicts the classes, is added.

    Args:
        table: the table.
        crops: the set's crops; None if they cannot be read.
        training: the training split's name, if it is known.
        damage: gets the findings.
    """
    counts = PairCounts()
    for block in table.read(KINDS[table.kind].names):
        every = _flags(pc.is_valid(block.column("split")))
        _count(block, every, counts.rows)
        if table.kind == "pairs":
            _count(block, every & _flags(block.column("same")), counts.same)
        if crops is not None:
            rows = _Rows(table, block, crops, damage)
            rows.check_ids()
            if len(crops):
                rows.check_people()
                rows.check_splits(training)
    return counts


def _count(block: pa.RecordBatch, which: BoolArray, counts: Counter[str]) -> None:
    """Count some rows by their split."""
    split = block.column("split").filter(pa.array(which))
    names = split.dictionary.to_pylist()
    every = np.bincount(split.indices.to_numpy(), minlength=len(names))
    counts.update({str(names[at]): int(every[at]) for at in np.flatnonzero(every).tolist()})


def _flags(values: pa.Array) -> BoolArray:
    """Return a column of bools, False for null."""
    return np.asarray(pc.fill_null(values, False).to_numpy(zero_copy_only=False), np.bool_)


class _Rows:
    """A block of rows, and the crops that its ids mean.

    Args:
        table: the table; how many of its rows have been read is where the block begins.
        block: the rows.
        crops: the set's crops.
        damage: gets what is wrong with them.
    """

    def __init__(self, table: TableFile, block: pa.RecordBatch, crops: CropRows, damage: DamageList) -> None:
        self.table, self.block, self.crops, self.damage = table, block, crops, damage
        self.sides = []
        for name in SIDES[table.kind]:
            given = _flags(pc.is_valid(block.column(name)))
            ids = pc.fill_null(block.column(name), 0).to_numpy()
            rows = np.where(given, self.crops.find(ids), -1)
            self.sides.append(_Side(name, ids, given, rows))

    def check_ids(self) -> None:
        """Find ids that no crop has, and paths that are not those of their ids."""
        for side in self.sides:
            column = f"{side.name}_path"
            paths = self.block.column(column)

            def unknown(row: int, side: _Side = side) -> str:
                return f"no crop has the id {side.ids[row]}, its {side.name}"

            def differs(row: int, side: _Side = side, paths: pa.Array = paths) -> str:
                known = f"its {side.name}, {side.ids[row]}, is {self._path(side, row)}"
                return f"{known}, and its path here is {paths[row].as_py()}"

            wrong = side.given & ~side.known
            self._add(Kind.UNKNOWN_ID, "with an id that no crop has", wrong, unknown, side)
            if column in self.table.unusable or not len(paths.dictionary) or not len(self.crops):
                continue
            hashes = hash_texts(pc.fill_null(paths.dictionary, ""))[pc.fill_null(paths.indices, 0).to_numpy()]
            wrong = side.known & _flags(pc.is_valid(paths)) & (hashes != self.crops.path_hashes[side.rows])
            self._add(Kind.UNKNOWN_ID, f"whose {column} is another crop's", wrong, differs, side)

    def check_people(self) -> None:
        """Find rows that name one crop twice, or contradict the crops' people."""
        one, other = self.sides[:2]
        twice = one.known & other.known & (one.rows == other.rows)
        self._add(
            Kind.LABELS_WRONG,
            "that name one crop twice",
            twice,
            lambda row: f"its {one.name} and its {other.name} are one crop, {self._path(one, row)}",
            one,
            other,
        )
        if self.table.kind == "triplets":
            negative = self.sides[2]
            known, alike = self._compare_people(one, other)
            self._add_contradiction(
                known & ~alike & ~twice, one, other, lambda _: "both are to be one person"
            )
            known, alike = self._compare_people(one, negative)
            self._add_contradiction(known & alike, one, negative, lambda _: "they are to be two people")
            return
        known, alike = self._compare_people(one, other)
        same = self.block.column("same")
        says = _flags(same)
        wrong = known & _flags(pc.is_valid(same)) & (says != alike) & ~twice
        self._add_contradiction(wrong, one, other, lambda row: f"same is {str(says[row]).lower()}")

    def check_splits(self, training: str | None) -> None:
        """Find rows with a crop that is not in the row's split; worst is one between training and others."""
        split = self.block.column("split")
        if "split" in self.table.unusable or not len(split.dictionary):
            return
        number = {name: at for at, name in enumerate(self.crops.splits)}
        of_name = np.array([number.get(name, -2) for name in split.dictionary.to_pylist()], np.int64)
        wanted = of_name[pc.fill_null(split.indices, 0).to_numpy()]
        given = _flags(pc.is_valid(split))
        home = number.get(training or "", -3)
        for side in self.sides:
            found = self.crops.split[side.rows]
            wrong = given & side.known & (found != wanted)
            leaks = wrong & (found >= 0) & ((found == home) != (wanted == home))

            def why(row: int, side: _Side = side) -> str:
                its = self.crops.table.column("split")[int(side.rows[row])].as_py()
                where = f"in the split {its}" if its else "in no split"
                path = self._path(side, row)
                return f"it is of the split {split[row].as_py()}, and its {side.name} {path} {where}"

            sort = "whose crop is on the other side of training"
            self._add(Kind.TRAIN_IN_TEST, sort, leaks, why, side)
            self._add(Kind.TRAIN_IN_TEST, "whose crop is in another split", wrong & ~leaks, why, side)

    def _compare_people(self, one: _Side, other: _Side) -> tuple[BoolArray, BoolArray]:
        """Return for which rows both people are known, and whether they are one."""
        people = [self.crops.person[side.rows] for side in (one, other)]
        known = one.known & other.known & (people[0] >= 0) & (people[1] >= 0)
        return known, people[0] == people[1]

    def _add_contradiction(
        self, wrong: BoolArray, one: _Side, other: _Side, says: Callable[[int], str]
    ) -> None:
        def why(row: int) -> str:
            each = [
                f"{self._path(side, row)} ({self.crops.text('identity', int(side.rows[row]))})"
                for side in (one, other)
            ]
            return f"{says(row)}: its {one.name} is {each[0]}, its {other.name} {each[1]}"

        self._add(Kind.LABELS_WRONG, "that contradict the crops' people", wrong, why, one, other)

    def _path(self, side: _Side, row: int) -> str:
        return self.crops.path(int(side.rows[row]))

    def _add(
        self,
        kind: Kind,
        sort: str,
        wrong: BoolArray,
        why: Callable[[int], str],
        one: _Side,
        other: _Side | None = None,
    ) -> None:
        """Add a finding for each wrong row."""
        name, start = self.table.name, self.table.rows

        def describe(row: int) -> dict[str, Any]:
            left, right = (
                int(side.ids[row]) if side is not None and side.given[row] else None for side in (one, other)
            )
            return {"why": f"row {start + row:,} of {name}: {why(row)}", "left": left, "right": right}

        self.damage.add_rows(kind, f"rows of {name} {sort}", np.flatnonzero(wrong), describe)
