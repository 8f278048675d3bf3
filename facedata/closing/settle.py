"""The ledger's arithmetic: rows merged into the plan, duplicates, people with too few photos; pure.

Tables are blocks of the whole, whose wide columns are never in memory together.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..tables.schema import PHOTOS
from ..tables.text_hash import mixed, repeated
from ..types import BoolArray, Int32Array, Int64Array, Status


def merged(records: pa.Table, rows: pa.Table) -> pa.Table:
    """Join a block of a plan's records with its rows.

    Args:
        records: a plan's records.
        rows: their rows by :data:`ROWS`, in the same order; all null for records that were not detected.

    Returns:
        The ledger's columns and meta_*, in the records' order.
    """
    columns = {}
    for field in PHOTOS:
        if field.name in records.column_names and field.name not in ("status", "reason"):
            columns[field.name] = records.column(field.name)
        else:
            columns[field.name] = rows.column(field.name)
    planned = pc.is_valid(records.column("status"))
    for name in ("status", "reason"):
        columns[name] = pc.if_else(planned, records.column(name), rows.column(name))
    for name in records.column_names:
        if name.startswith("meta_"):
            columns[name] = records.column(name)
    return pa.table(columns)


def duplicates(
    kept: BoolArray, person: Int32Array, digests: NDArray[np.uint64], boxes: pa.ChunkedArray
) -> BoolArray:
    """Tell which kept records have the same bytes and given box as an earlier kept one of their person.

    Args:
        kept: ``(n,)`` bool.
        person: ``(n,)`` int32.
        digests: ``(n, k)`` uint64, of the photos' bytes.
        boxes: ``(n,)`` given boxes, or nulls.
    """
    at = np.flatnonzero(kept)
    numbers = digests[at, 0] ^ mixed(person[at].astype(np.uint64))
    at = at[repeated(numbers)]  # only these can be: few, so that certainty is cheap
    keys = [person[at], *digests[at].T, *_box_keys(boxes, at)]
    order = np.lexsort(keys[::-1])
    same = np.ones(max(len(at) - 1, 0), np.bool_)
    for key in keys:
        same &= key[order][1:] == key[order][:-1]
    twin = np.zeros(len(kept), np.bool_)
    twin[at[order][1:][same]] = True
    return twin


def _box_keys(boxes: pa.ChunkedArray, at: Int64Array) -> list[NDArray[np.uint64]]:
    """Return the boxes' bits as two columns, and whether there is one as a third."""
    if boxes.null_count == len(boxes):
        return []
    mine = boxes.take(pa.array(at))
    given = pc.is_valid(mine).to_numpy()
    bits = np.zeros((len(at), 2), np.uint64)
    values = pc.list_flatten(pc.drop_null(mine)).to_numpy().astype(np.float32)
    bits[given] = values.reshape(-1, 4).view(np.uint64)
    return [bits[:, 0], bits[:, 1], given.astype(np.uint64)]


def too_few(kept: BoolArray, person: Int32Array, min_photos: int) -> BoolArray:
    """Tell which kept records' people have fewer kept ones than that."""
    counts = np.bincount(person[kept], minlength=int(person.max(initial=0)) + 1)
    few: BoolArray = kept.copy()
    few[kept] = counts[person[kept]] < min_photos
    return few


def rejected(ledger: pa.Table, which: BoolArray, status: Status, reason: str) -> pa.Table:
    """Return a block in which some rows have lost their crop's path, and nothing else."""
    if not which.any():
        return ledger
    mask = pa.array(which)
    for name, value in (("status", status.value), ("reason", reason), ("path", None)):
        index = ledger.schema.get_field_index(name)
        column = pc.if_else(mask, pa.scalar(value, pa.string()), ledger.column(name))
        ledger = ledger.set_column(index, PHOTOS.field(name), column)
    return ledger
