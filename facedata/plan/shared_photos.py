"""Photos that a source lists several times: without boxes, nothing says which face is whose."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..tables.people import person_codes
from ..types import Int64Array, Status

_REASON = "its photo has several rows, and without a box nothing says which face this one means"


def reject_rows_without_box(records: pa.Table) -> tuple[pa.Table, list[str]]:
    """Make rows without a box ``unselected`` where their photo has a row with one, or of somebody else.

    Such rows would all get the same face. A photo listed twice for one person is left alone: its second row
    becomes a duplicate.

    Args:
        records: a scan's table, with people's names as they will be.

    Returns:
        The records, and a note if there are such rows.
    """
    if records.column("photo").equals(records.column("record")):
        return records, []
    photo = shared_photo_codes(records)
    person, _ = person_codes(records.column("identity"))
    has_box = pc.is_valid(records.column("given_box")).to_numpy()
    named = np.flatnonzero((photo >= 0) & (person >= 0))
    count = int(photo.max(initial=0)) + 1
    somebody = np.full(count, -1, np.int64)
    somebody[photo[named]] = person[named]
    unclear = np.zeros(count, np.bool_)
    unclear[photo[named][person[named] != somebody[photo[named]]]] = True
    unclear[photo[(photo >= 0) & has_box]] = True
    rejected = (photo >= 0) & unclear[photo] & ~has_box & pc.is_null(records.column("status")).to_numpy()
    at = np.flatnonzero(rejected)
    if not len(at):
        return records, []
    for name, value in (("status", Status.UNSELECTED.value), ("reason", _REASON)):
        values = pc.if_else(pa.array(rejected), pa.scalar(value), records.column(name))
        records = records.set_column(records.schema.get_field_index(name), name, values)
    photos = len(np.unique(photo[at]))
    example = records.column("photo")[int(at[0])].as_py()
    note = (
        f"{len(at):,} {'row is' if len(at) == 1 else 'rows are'} unselected: {photos:,} "
        f"{'photo has' if photos == 1 else 'photos have'} several rows, such as {example!r}, and without "
        "boxes nothing says which face is whose; give each of their rows the box of its face"
    )
    return records, [note]


def shared_photo_codes(records: pa.Table) -> Int64Array:
    """Return a number for the photo of each record whose photo has several records, else -1; ``(n,)`` int64.

    Args:
        records: with the columns record and photo.
    """
    photos = records.column("photo")
    listed = pc.not_equal(photos, records.column("record"))
    codes = pc.index_in(photos, value_set=pc.unique(photos.filter(listed)))
    return np.asarray(pc.fill_null(codes, -1).to_numpy(), np.int64)
