"""Settling: find duplicates, and people with too few photos. Pure functions."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..tables.schema import PHOTOS
from ..tables.text_hash import find_repeated, mix_bits
from ..types import BoolArray, Int32Array, Int64Array


def join_rows(records: pa.Table, rows: pa.Table) -> pa.Table:
    """Join a block of a plan's records with their rows.

    Args:
        records: a plan's records.
        rows: their rows (``parts.ROWS``), in the same order; all null for records that were not processed.

    Returns:
        The ledger's columns and meta_*, in the records' order.
    """
    columns = {
        name: (records if name in records.column_names else rows).column(name)
        for name in PHOTOS.names
        if name not in ("source", "licence")
    }
    for name in ("source", "licence"):
        columns[name] = pa.nulls(records.num_rows, PHOTOS.field(name).type)
    planned = pc.is_valid(records.column("status"))
    for name in ("status", "reason"):
        columns[name] = pc.if_else(planned, records.column(name), rows.column(name))
    meta = {name: records.column(name) for name in records.column_names if name.startswith("meta_")}
    return pa.table({**columns, **meta})


def find_duplicates(
    kept: BoolArray, person: Int32Array, digests: NDArray[np.uint64], boxes: pa.ChunkedArray
) -> BoolArray:
    """Return which kept records have the same bytes and given box as an earlier one of the same person.

    Args:
        kept: ``(n,)`` bool.
        person: ``(n,)`` int32.
        digests: ``(n, k)`` uint64, of the photos' bytes.
        boxes: ``(n,)`` given boxes, or nulls.
    """
    at = np.flatnonzero(kept)
    numbers = digests[at, 0] ^ mix_bits(person[at].astype(np.uint64))
    at = at[find_repeated(numbers)]  # only these can be duplicates; few, so the exact test is cheap
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


def find_too_few(kept: BoolArray, person: Int32Array, min_photos: int) -> BoolArray:
    """Return which kept records belong to people with fewer than ``min_photos`` of them, ``(n,)`` bool."""
    counts = np.bincount(person[kept], minlength=int(person.max(initial=0)) + 1)
    few: BoolArray = kept.copy()
    few[kept] = counts[person[kept]] < min_photos
    return few
