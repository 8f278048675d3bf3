"""The ledger: rows of shards merged into the plan, what only the whole can tell settled, counts.

Everything here is a pure function on Arrow tables.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .schema import CLASSES, PHOTOS
from .types import BoolArray, Int64Array, Status

_FILLED = [
    "status", "reason", "width", "height", "faces", "all_boxes", "all_scores", "score", "box", "landmarks",
    "tilt_deg", "box_iou", "matrix", "sha256", "path",
]  # fmt: skip
"""The ledger's columns that a shard fills."""

ROWS = pa.schema(
    [
        PHOTOS.field("record"),
        *(PHOTOS.field(name) for name in _FILLED),
        pa.field("crop_sha256", pa.string()),
        pa.field("crop_length", pa.int64()),
        pa.field("given_box", pa.list_(pa.float32(), 4)),
        pa.field("size", pa.int64(), nullable=False),
        pa.field("mtime_ns", pa.int64(), nullable=False),
    ]
)
"""What a shard leaves behind: the columns it filled, its crops' hashes, and what the photo looked like."""


def merge(records: pa.Table, rows: pa.Table) -> pa.Table:
    """Join a plan's records with the rows of shards.

    Args:
        records: a plan's records in their order.
        rows: rows by :data:`ROWS`, in any order, one for every record whose plan status is null.

    Returns:
        The ledger's columns, ``crop_sha256``, ``crop_length`` and meta_*, in the records' order.
    """
    at = pc.index_in(records.column("record"), value_set=rows.column("record").combine_chunks())
    found = rows.take(at)
    planned = records.column("status").combine_chunks()
    columns = {}
    for field in PHOTOS:
        if field.name in records.column_names and field.name not in ("status", "reason"):
            columns[field.name] = records.column(field.name)
        else:
            columns[field.name] = found.column(field.name)
    for name in ("status", "reason"):
        columns[name] = pc.if_else(pc.is_valid(planned), records.column(name), found.column(name))
    for name in ("crop_sha256", "crop_length"):
        columns[name] = found.column(name)
    for name in records.column_names:
        if name.startswith("meta_"):
            columns[name] = records.column(name)
    return pa.table(columns)


def settle(ledger: pa.Table, min_photos: int) -> pa.Table:
    """Mark duplicates, then people with too few photos; their rows lose their crop's path, nothing else.

    Of one person's records with the same bytes (and given box) the first is kept.
    """
    kept = pc.equal(ledger.column("status"), Status.KEPT.value).to_numpy(zero_copy_only=False)
    twin = _repeated(ledger, kept)
    ledger = _reject(ledger, twin, Status.DUPLICATE, "the same bytes as an earlier photo of this person")
    kept = kept & ~twin
    people = _codes(ledger.column("identity"))
    counts = np.bincount(people[kept], minlength=int(people.max(initial=0)) + 1)
    few: BoolArray = kept & (counts[people] < min_photos)
    return _reject(ledger, few, Status.TOO_FEW, f"its person has fewer than {min_photos} photos")


def _repeated(ledger: pa.Table, kept: BoolArray) -> BoolArray:
    boxes = [str(box) if box else "" for box in ledger.column("given_box").to_pylist()]
    keys = np.column_stack(
        [_codes(ledger.column(name)) for name in ("identity", "sha256")] + [_codes(pa.array(boxes))]
    )
    at = np.flatnonzero(kept)
    _, first = np.unique(keys[at], axis=0, return_index=True)
    repeated: BoolArray = kept.copy()
    repeated[at[first]] = False
    return repeated


def _codes(column: pa.ChunkedArray | pa.Array) -> Int64Array:
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    codes = pc.fill_null(pc.dictionary_encode(array).indices, -1)
    shifted: Int64Array = codes.to_numpy(zero_copy_only=False).astype(np.int64) + 1
    return shifted


def _reject(ledger: pa.Table, which: BoolArray, status: Status, reason: str) -> pa.Table:
    mask = pa.array(which)
    for name, value in (("status", status.value), ("reason", reason), ("path", None)):
        index = ledger.schema.get_field_index(name)
        column = pc.if_else(mask, pa.scalar(value, pa.string()), ledger.column(name))
        ledger = ledger.set_column(index, PHOTOS.field(name), column)
    return ledger


def unsettled(ledger: pa.Table) -> pa.Table:
    """Return a settled ledger's rows as their shards left them, but for the crops that were removed."""
    settled = pc.is_in(ledger.column("status"), pa.array([Status.DUPLICATE.value, Status.TOO_FEW.value]))
    for name, value in (("status", Status.KEPT.value), ("reason", None)):
        index = ledger.schema.get_field_index(name)
        column = pc.if_else(settled, pa.scalar(value, pa.string()), ledger.column(name))
        ledger = ledger.set_column(index, PHOTOS.field(name), column)
    return ledger


def lost_crops(ledger: pa.Table) -> pa.Table:
    """Return the kept rows that have no crop: duplicates, or too few, in an earlier run, but no longer."""
    kept = pc.equal(ledger.column("status"), Status.KEPT.value)
    return ledger.filter(pc.and_(kept, pc.is_null(ledger.column("path"))))


def classes_of(ledger: pa.Table) -> pa.Table:
    """Return the classes table of a settled ledger, its ``label`` and ``split`` still null."""
    kept = ledger.filter(pc.equal(ledger.column("status"), Status.KEPT.value))
    count = kept.num_rows
    columns = {
        "id": pa.array(np.arange(count, dtype=np.int64)),
        "path": kept.column("path"),
        "identity": kept.column("identity"),
        "label": pa.nulls(count, pa.int64()),
        "role": kept.column("role"),
        "split": pa.nulls(count, pa.string()),
        "file": pc.binary_join_element_wise("crops", kept.column("path"), "/"),
        "offset": pa.array(np.zeros(count, np.int64)),
        "length": kept.column("crop_length"),
        "crop_sha256": kept.column("crop_sha256"),
        "photo": kept.column("photo"),
    }
    return pa.table(columns).select(CLASSES.names).cast(CLASSES)


def count_statuses(ledger: pa.Table) -> dict[str, int]:
    """Return how many rows have each status that occurs; they add up to the number of records."""
    counts = pc.value_counts(ledger.column("status")).to_pylist()
    found = Counter({entry["values"]: entry["counts"] for entry in counts})
    return {status.value: found[status.value] for status in Status if found[status.value]}
