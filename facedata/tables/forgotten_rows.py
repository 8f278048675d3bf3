"""Rows of people who were forgotten, in a plan's records or a ledger: found by their hashes, and emptied.

Pure functions. What is left of a row is a record that is the hash of its record, and its status; so it stands
elsewhere in the byte order of the records, and all other rows keep theirs.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..photos.picture_hash import PICTURE_HASH
from ..types import BoolArray, Status
from .blocks import BLOCK_ROWS, iter_texts
from .tombstones import FORGOTTEN_REASON, Tombstones

_ZEROS = ("size", "mtime_ns", *PICTURE_HASH)
"""Columns that cannot be null."""


def find_forgotten(records: pa.Table, tombstones: Tombstones, merge: bool) -> BoolArray:
    """Return which records are forgotten ones, or of forgotten people, ``(n,)`` bool.

    A forgotten record that the source gives to somebody else now is not found here, but by its bytes.

    Args:
        records: with the columns record, identity and source_identity.
        tombstones: who was forgotten.
        merge: whether names that look the same are one person's.
    """
    found = np.zeros(records.num_rows, np.bool_)
    if not tombstones:
        return found
    for column in ("identity", "source_identity"):
        names = pc.unique(records.column(column)).drop_null().to_pylist()
        gone = [name for name in names if tombstones.has_person(name, merge)]
        if gone:
            is_theirs = pc.is_in(records.column(column), value_set=pa.array(gone, pa.string()))
            found |= is_theirs.to_numpy()
    if tombstones.records:
        keys = record_keys(records)
        found |= np.fromiter((tombstones.has("records", key) for key in keys), np.bool_, len(found))
    return found


def record_keys(records: pa.Table) -> Iterator[str]:
    """Yield what a forgotten record is known by: the record with the person that the source names.

    The record alone may be another photo's by now, where a source numbers its photos.

    Args:
        records: with the columns record and source_identity.
    """
    columns = (iter_texts(records.column(name)) for name in ("record", "source_identity"))
    return (f"{record}\0{person or ''}" for record, person in zip(*columns, strict=True))


def bury_records(records: pa.Table, gone: BoolArray, tombstones: Tombstones) -> pa.Table:
    """Return a plan's records, in byte order, with some of them emptied.

    Args:
        records: in byte order of ``record``.
        gone: ``(n,)`` bool, the records to empty.
        tombstones: with these records' hashes, which they are called by.
    """
    if not gone.any():
        return records
    names = iter_texts(records.column("record").filter(pa.array(gone)))
    buried = empty_rows(records.schema, map(tombstones.record_name, names))
    starts = range(0, records.num_rows, BLOCK_ROWS)
    blocks = (
        records.slice(start, BLOCK_ROWS).filter(pa.array(~gone[start : start + BLOCK_ROWS]))
        for start in starts
    )
    merged = pa.concat_tables(merge_rows(blocks, buried))
    if merged.column("photo").equals(merged.column("record")):  # one copy of the longest texts
        at = merged.schema.get_field_index("photo")
        merged = merged.set_column(at, merged.schema.field(at), merged.column("record"))
    return merged


def drop_forgotten(rows: pa.Table) -> pa.Table:
    """Return rows of a ledger, status among them, without those of forgotten photos, which say nothing."""
    status = rows.column("status")
    gone = pc.equal(status, Status.FORGOTTEN.value)
    return rows.filter(pc.invert(gone)) if pc.any(gone, min_count=0).as_py() else rows


def empty_rows(schema: pa.Schema, names: Iterable[str]) -> pa.Table:
    """Return rows of forgotten records, in byte order, with no more than their names, status and reason.

    Args:
        schema: of the rows; columns of sizes, times and picture hashes get 0, all others null.
        names: what the records are called (:meth:`~.tombstones.Tombstones.record_name`).
    """
    records = pa.array(sorted(names), pa.string())
    count = len(records)
    texts = {"status": Status.FORGOTTEN.value, "reason": FORGOTTEN_REASON}
    columns = []
    for field in schema:
        if field.name in ("record", "photo"):
            columns.append(records.cast(field.type))
        elif field.name in texts:
            columns.append(pa.array([texts[field.name]] * count, field.type))
        elif field.name in _ZEROS:
            columns.append(pa.array(np.zeros(count, field.type.to_pandas_dtype()), field.type))
        else:
            columns.append(pa.nulls(count, field.type))
    return pa.table(columns, schema=schema)


def merge_rows(blocks: Iterable[pa.Table], more: pa.Table) -> Iterator[pa.Table]:
    """Yield blocks of rows in byte order of ``record``, with more such rows in their places."""
    waiting = [name.encode() for name in more.column("record").to_pylist()]
    done = 0
    for block in blocks:
        if not block.num_rows:
            continue
        last = block.column("record")[block.num_rows - 1].as_py().encode()
        count = bisect_left(waiting, last, done) - done
        if count:
            both = pa.concat_tables([block, more.slice(done, count)])
            yield both.take(pc.sort_indices(both.column("record")))
            done += count
        else:
            yield block
    if done < len(waiting):
        yield more.slice(done)


def leave_out_corrections(corrections: pa.Table, tombstones: Tombstones, merge: bool) -> pa.Table:
    """Return a table of corrections without the rows of forgotten people, and notes that name any of them."""
    if not corrections.num_rows:
        return corrections
    rows = corrections.to_pylist()
    keep = [
        not any(row[name] and tombstones.has_person(row[name], merge) for name in ("identity", "to_identity"))
        and not (row["record"] and tombstones.has("records", row["record"]))
        for row in rows
    ]
    notes = [row["note"] and (None if tombstones.mentions(row["note"]) else row["note"]) for row in rows]
    at = corrections.schema.get_field_index("note")
    field = corrections.schema.field(at)
    return corrections.set_column(at, field, pa.array(notes, field.type)).filter(pa.array(keep, pa.bool_()))


def leave_out_pairs(protocol: pa.Table, tombstones: Tombstones) -> pa.Table:
    """Return a protocol's pairs without those of forgotten photos and people."""
    keep = np.ones(protocol.num_rows, np.bool_)
    for side in ("left", "right"):
        paths = iter_texts(protocol.column(side))
        keep &= ~np.fromiter(map(tombstones.has_path, paths), np.bool_, protocol.num_rows)
    return protocol.filter(pa.array(keep))
