"""The ledger against the classes: each kept photo has its crop, in the same order, and they say the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...tables.blocks import as_array
from ...tables.text_hash import find_repeated, hash_texts
from ...types import BoolArray, Status, UInt64Array
from ..findings import Kind
from .crop_rows import CropRows
from .damage_list import DamageList
from .dataset_file import Recorded
from .table_files import TableFile

_TEXTS = ("record", "photo", "identity", "role", "official_split", "status", "path")
_LISTS = {"box": 4, "landmarks": 10, "given_box": 4, "matrix": 6}
"""The columns of numbers, with how many there must be."""

_NUMBERS = ("score", "tilt_deg", "box_iou")


@dataclass(eq=False)
class LedgerCounts:
    """What the ledger says, counted.

    Attributes:
        rows: how many there are.
        status: how many rows have each status.
    """

    rows: int = 0
    status: Counter[str] = field(default_factory=Counter)


def check_ledger(
    table: TableFile, rows: CropRows | None, recorded: Recorded, damage: DamageList
) -> LedgerCounts:
    """Read the ledger; what is wrong with it, or contradicts the classes, goes to ``damage``.

    Args:
        table: the ledger.
        rows: the crops; None if they cannot be read.
        recorded: says whether the source's own split is the set's.
        damage: gets the findings.
    """
    counts = LedgerCounts()
    empty = np.empty(0, np.uint64)
    records, kept_paths = [empty], [empty]
    names = {"photo": "photo", "identity": "identity", "role": "role"}
    if recorded.split_by == "official":
        names["official_split"] = "split"
    for batch in table.read([*_TEXTS, *_LISTS, *_NUMBERS]):
        for pair in pc.value_counts(batch.column("status")).to_pylist():
            counts.status[str(pair["values"])] += pair["counts"]
        block = _Block(table, batch, damage)
        block.check_status()
        block.check_numbers()
        records.append(hash_texts(pc.fill_null(batch.column("record"), "")))
        kept_paths.append(block.kept_paths)
        if rows is not None:
            block.compare(rows, names)
    counts.rows = table.rows
    if table.can_be_counted("record"):
        damage.add_rows(
            Kind.TABLE_TORN,
            "rows of photos.parquet with a record that another row has",
            find_repeated(np.concatenate(records)),
            lambda row: {"why": f"row {row:,} of photos.parquet has a record that another row has"},
        )
    if table.can_be_counted("path", "status") and rows is not None:
        check_order(np.concatenate(kept_paths), rows, damage)
    return counts


class _Block:
    """A block of the ledger's rows.

    Args:
        table: the ledger.
        rows: the rows.
        damage: gets what is wrong with them.
    """

    def __init__(self, table: TableFile, rows: pa.RecordBatch, damage: DamageList) -> None:
        self.table, self.rows, self.damage = table, rows, damage
        self.is_kept = pc.fill_null(pc.equal(rows.column("status"), Status.KEPT.value), False)
        self.kept = rows.filter(self.is_kept)
        self.kept_paths = hash_texts(pc.fill_null(self.kept.column("path"), ""))

    def check_status(self) -> None:
        """Check that each status is known, and that kept rows, and no others, have a path and a person."""
        status, path, identity = (self.rows.column(name) for name in ("status", "path", "identity"))
        known = pc.is_in(status, value_set=pa.array([one.value for one in Status]))
        sort = "rows of photos.parquet that contradict themselves"
        for names, wrong, why in (
            (["status"], pc.and_not(pc.is_valid(status), known), "has a status that there is not"),
            (["status", "path"], pc.and_(self.is_kept, pc.is_null(path)), "is kept, and has no path"),
            (["status", "path"], pc.and_not(pc.is_valid(path), self.is_kept), "is not kept, and has a path"),
            (["identity"], pc.and_(self.is_kept, pc.is_null(identity)), "is kept, and has no identity"),
        ):
            if self.table.unusable.isdisjoint(names):
                self._add(sort, wrong.to_numpy(zero_copy_only=False), why)

    def check_numbers(self) -> None:
        """Check that numbers are finite, and that lists of them have as many as they should."""
        sort = "rows of photos.parquet with numbers that cannot be"
        for name in (*_NUMBERS, *_LISTS):
            if name in self.table.unusable:
                continue
            column = self.rows.column(name)
            if name in _LISTS:
                wrong = pc.fill_null(pc.not_equal(pc.list_value_length(column), _LISTS[name]), False)
                bad = np.array(wrong.to_numpy(zero_copy_only=False))
                of_row = pc.list_parent_indices(column).to_numpy()
                bad[of_row[_not_finite(pc.list_flatten(column))]] = True
            else:
                bad = _not_finite(column) & pc.is_valid(column).to_numpy(zero_copy_only=False)
            self._add(sort, bad, f"has a {name} that cannot be: a number is missing, or is not finite")

    def compare(self, rows: CropRows, names: Mapping[str, str]) -> None:
        """Compare what kept rows say with the crops' rows; ``names`` are columns here, and those there."""
        places = rows.find_paths(self.kept_paths)
        kept, places = self.kept.filter(pa.array(places >= 0)), places[places >= 0]
        in_a_row = len(places) > 0 and bool((np.diff(places) == 1).all())  # as ever, if nothing is wrong
        for name, other in names.items():
            column = rows.table.column(other)
            some = column.slice(int(places[0]), len(places)) if in_a_row else column.take(pa.array(places))
            theirs = as_array(some)
            # that a kept photo has an identity is checked elsewhere
            mine = pc.coalesce(kept.column(name), theirs) if name == "identity" else kept.column(name)
            differ = pc.not_equal(pc.fill_null(mine, ""), pc.fill_null(theirs, ""))

            def describe(
                row: int, other: str = other, mine: pa.Array = mine, theirs: pa.Array = theirs
            ) -> dict[str, Any]:
                here, there = mine[row].as_py(), theirs[row].as_py()
                why = f"its {other} is {there!r} in classes.parquet, and {here!r} in photos.parquet"
                place = int(places[row])
                return {"why": f"{rows.path(place)}: {why}", "left": int(rows.ids[place])}

            self.damage.add_rows(
                Kind.TABLE_TORN,
                f"crops whose {other} is another in classes.parquet than in photos.parquet",
                np.flatnonzero(differ.to_numpy(zero_copy_only=False)),
                describe,
            )

    def _add(self, sort: str, wrong: BoolArray, why: str) -> None:
        def describe(row: int) -> dict[str, Any]:
            record = self.rows.column("record")[row].as_py()
            return {"why": f"{record} {why}", "left_photo": record}

        self.damage.add_rows(Kind.TABLE_TORN, sort, np.flatnonzero(wrong), describe)


def _not_finite(numbers: pa.Array) -> BoolArray:
    finite = pc.fill_null(pc.is_finite(numbers), False)
    return np.asarray(~finite.to_numpy(zero_copy_only=False))


def check_order(in_order: UInt64Array, rows: CropRows, damage: DamageList) -> None:
    """Compare the kept photos' paths with the crops': the same ones, in the same order.

    Args:
        in_order: ``(n,)`` uint64, hashes of the kept photos' paths.
        rows: the crops.
        damage: gets the findings.
    """
    if np.array_equal(in_order, rows.path_hashes):
        return
    lost = np.flatnonzero(~np.isin(rows.path_hashes, in_order))
    damage.add_rows(
        Kind.COUNTS_DIFFER,
        "crops of no kept photo",
        lost,
        lambda row: {
            "why": f"{rows.path(row)} is in classes.parquet, and no kept photo in photos.parquet has it",
            "left": int(rows.ids[row]),
        },
    )
    without = np.count_nonzero(rows.find_paths(in_order) < 0)
    if without:
        damage.add(
            Kind.COUNTS_DIFFER,
            f"{without:,} of {len(in_order):,} kept photos in photos.parquet have no crop in classes.parquet",
            value=float(without),
        )
    if not len(lost) and not without:
        damage.add(
            Kind.TABLE_TORN,
            "the crops in classes.parquet are not in the order of their photos in photos.parquet, or some "
            "are there twice",
        )
