"""How often pairs and triplets use each crop, and some of them for the page, in one pass over each table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import NotASetError
from ..sets.pairs_triplets import PairManifest, TripletManifest
from ..sets.prepared import PreparedSet
from ..tables.parquet import read_blocks
from ..tables.text_hash import mix_bits
from ..types import Int32Array, Int64Array, UInt64Array
from .crop_columns import CropColumns

MOST_PAIRS, MOST_TRIPLETS = 240, 120
"""The most of a split that are on the page."""

_SIDES = {one.kind: one.sides for one in (PairManifest, TripletManifest)}


@dataclass(frozen=True)
class DrawnRows:
    """What the page shows of the pairs, or of the triplets.

    Attributes:
        uses: ``(n,)`` uint32, how often each crop of the set occurs in them.
        samples: by split, rows of places on the page; of pairs with 1 for the same person, else 0.
    """

    uses: npt.NDArray[np.uint32]
    samples: dict[str, list[list[int]]]


def read_drawn_rows(prepared: PreparedSet, kind: str, crops: CropColumns, place: Int32Array) -> DrawnRows:
    """Read a set's pairs or triplets.

    Args:
        prepared: the set.
        kind: ``pairs`` or ``triplets``. A set without the table has none.
        crops: all its crops.
        place: as :class:`.choice.Choice` has it.

    Raises:
        SetError: the table is missing, belongs to another set, or has an id that no crop has.
    """
    uses = np.zeros(len(crops), np.uint32)
    most = MOST_PAIRS if kind == "pairs" else MOST_TRIPLETS
    lots = {(split, same): _Lot(most) for split in range(len(crops.splits)) for same in (1, 0)}
    if prepared.has(kind):
        prepared.table(kind, [])  # checks whose it is
        for rows, split, same in _read_rows(prepared, kind, crops):
            for side in rows:
                np.add.at(uses, side, 1)
            on_page = place[rows]
            keys = np.zeros(rows.shape[1], np.uint64)
            for side in rows:
                keys = mix_bits(keys ^ side.astype(np.uint64))
            is_shown = (on_page >= 0).all(axis=0)
            for (number, is_same), lot in lots.items():
                mine = is_shown & (split == number) & (same == is_same)
                lot.add(keys[mine], on_page[:, mine].T)
    samples = {}
    for number, name in enumerate(crops.splits):
        alike, others = lots[number, 1], lots[number, 0]
        if kind == "triplets":
            some = others.rows.tolist()
        else:
            half = max(most // 2, most - len(others.keys))
            some = [[*row, 1] for row in alike.rows[:half].tolist()]
            some += [[*row, 0] for row in others.rows[: most - len(some)].tolist()]
        if some:
            samples[name] = some
    return DrawnRows(uses, samples)


def _read_rows(
    prepared: PreparedSet, kind: str, crops: CropColumns
) -> Iterator[tuple[Int64Array, npt.NDArray[np.int32], npt.NDArray[np.bool_]]]:
    """Yield blocks: the sides' row numbers ``(sides, n)``, the splits' numbers, and whether they are same."""
    file, sides = prepared.path / f"{kind}.parquet", _SIDES[kind]
    names = pa.array(crops.splits, pa.string())
    more = ["same"] if kind == "pairs" else []
    for block in read_blocks(file, [*sides, "split", *more]):
        rows = np.stack([crops.rows_of(block.column(side).to_numpy()) for side in sides])
        if (rows < 0).any():
            raise NotASetError(f"{file} has ids that no crop has: `facedata check {prepared}` says more")
        splits = pc.fill_null(pc.index_in(block.column("split").cast(pa.string()), value_set=names), -1)
        same = block.column("same").to_numpy() if more else np.zeros(len(block), np.bool_)
        yield rows, splits.to_numpy(), same


@dataclass
class _Lot:
    """The rows with the smallest keys so far: as if drawn by chance, the same each time."""

    most: int
    keys: UInt64Array = field(default_factory=lambda: np.empty(0, np.uint64))
    rows: npt.NDArray[np.int32] = field(default_factory=lambda: np.empty((0, 0), np.int32))

    def add(self, keys: UInt64Array, rows: npt.NDArray[np.int32]) -> None:
        """Take those of further rows that have smaller keys, ascending."""
        if len(self.keys):
            keys = np.concatenate([self.keys, keys])
            rows = np.concatenate([self.rows, rows])
        order = np.argsort(keys, kind="stable")[: self.most]
        self.keys, self.rows = keys[order], rows[order]
