"""A few numbers of every crop of a set: whose it is, its split, what the ledger measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import NotASetError
from ..sets.prepared import PreparedSet
from ..tables.blocks import TableStream, as_array
from ..tables.parquet import read_blocks, read_table
from ..tables.people import person_codes
from ..types import BoolArray, Int32Array, Int64Array

NO_SPLIT = 255
"""The split's number of a crop that is in none."""

UNKNOWN_SCORE = 65_535
UNKNOWN_TILT = -32_768
_TRAIN = "train"


@dataclass(frozen=True)
class CropColumns:
    """A row per crop, in ascending id.

    Attributes:
        ids: ``(n,)`` int64.
        people: the people's names, in byte order.
        person: ``(n,)`` int32, each crop's person.
        splits: the splits' names, train first.
        split: ``(n,)`` uint8, each crop's split; :data:`NO_SPLIT` for none.
        score: ``(n,)`` uint16, of the face, in 1/10,000; :data:`UNKNOWN_SCORE` if the ledger has none.
        tilt: ``(n,)`` int16, in 1/100 degree; :data:`UNKNOWN_TILT` if the ledger has none.
        face_px: ``(n,)`` uint16, the longer side of the face's box in photo pixels; 0 if there is none.

    The last three are rounded down, so that what is counted in bins stays on its side of their edges.
    """

    ids: Int64Array
    people: list[str]
    person: Int32Array
    splits: list[str]
    split: npt.NDArray[np.uint8]
    score: npt.NDArray[np.uint16]
    tilt: npt.NDArray[np.int16]
    face_px: npt.NDArray[np.uint16]

    def __len__(self) -> int:
        return len(self.ids)

    def rows_of(self, ids: Int64Array) -> Int64Array:
        """Return the row of each id, ``(n,)``; -1 for one that no crop has."""
        if not len(self.ids):
            return np.full(len(ids), -1, np.int64)
        rows = np.minimum(np.searchsorted(self.ids, ids), len(self.ids) - 1)
        return np.where(self.ids[rows] == ids, rows, -1)


def read_crop_columns(prepared: PreparedSet) -> CropColumns:
    """Read the columns of all crops.

    Raises:
        SetError: a table is missing or belongs to another set, or the ledger has other crops.
    """
    ids = prepared.table("classes", ["id"]).column("id").to_numpy()
    file = prepared.path / "classes.parquet"
    names = read_table(file, "classes", ["identity", "split"], encoded=["identity", "split"])
    person, people = person_codes(names.column("identity"))
    split, splits = person_codes(names.column("split"))
    order = sorted(range(len(splits)), key=lambda number: (splits[number] != _TRAIN, number))[:NO_SPLIT]
    number_of = np.full(len(splits) + 1, NO_SPLIT, np.uint8)  # the last is for none
    number_of[order] = np.arange(len(order))
    score, tilt = np.empty(len(ids), np.uint16), np.empty(len(ids), np.int16)
    face_px, start = np.empty(len(ids), np.uint16), 0
    for kept in read_kept_rows(prepared, ["score", "tilt_deg", "box"]):
        rows = slice(start, start + len(kept))
        score[rows] = _scaled(kept.column("score"), 10_000, (0, 10_000), UNKNOWN_SCORE)
        tilt[rows] = _scaled(kept.column("tilt_deg"), 100, (-18_000, 18_000), UNKNOWN_TILT)
        face_px[rows] = longer_sides(as_array(kept.column("box")))
        start += len(kept)
    split_names = [splits[number] for number in order]
    return CropColumns(ids, people, person, split_names, number_of[split], score, tilt, face_px)


def read_kept_rows(prepared: PreparedSet, columns: list[str]) -> Iterator[pa.Table]:
    """Yield the ledger's rows that have a crop, in the crops' order.

    Raises:
        SetError: the ledger is missing or belongs to another set, or has other crops.
    """
    prepared.table("photos", [])  # checks whose it is
    paths = TableStream(read_blocks(prepared.path / "classes.parquet", ["path"]))
    has_all = True
    for block in read_blocks(prepared.path / "photos.parquet", ["path", *columns]):
        kept = block.filter(pc.is_valid(block.column("path")))
        if len(kept):
            mine = paths.take(len(kept))
            has_all = has_all and mine is not None and mine.column("path").equals(kept.column("path"))
            if has_all:
                yield kept
    if not has_all or paths.take(1) is not None:
        raise NotASetError(
            f"photos.parquet and classes.parquet of {prepared} have other crops: `facedata check {prepared}` "
            "says more; `facedata prepare` repairs the set"
        )


def _scaled(
    column: pa.ChunkedArray, scale: float, span: tuple[int, int], unknown: int
) -> npt.NDArray[np.int64]:
    values = column.to_numpy().astype(np.float64) * scale
    is_known: BoolArray = np.isfinite(values)
    return np.where(is_known, np.clip(np.floor(np.where(is_known, values, 0)), *span), unknown).astype(
        np.int64
    )


def longer_sides(boxes: pa.Array) -> npt.NDArray[np.int64]:
    """Return the longer side of each box in whole pixels, rounded down, ``(n,)``; 0 for null."""
    has_box = pc.fill_null(pc.equal(pc.list_value_length(boxes), 4), False)
    corners = boxes.filter(has_box).flatten().to_numpy(zero_copy_only=False).reshape(-1, 4)
    sides = np.zeros(len(boxes))
    sides[has_box.to_numpy(zero_copy_only=False)] = (corners[:, 2:] - corners[:, :2]).max(axis=1, initial=0)
    return np.clip(np.floor(np.nan_to_num(sides, nan=0, posinf=0, neginf=0)), 0, 65_535).astype(np.int64)
