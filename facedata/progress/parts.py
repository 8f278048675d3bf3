"""A part: the rows of a finished shard, as an Arrow file, which opens forty times faster than Parquet.

Twenty million photos give three hundred thousand parts, all read when the set is closed.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import NotASetError
from ..files.atomic import atomic_file
from ..photos.picture_hash import PICTURE_HASH
from ..tables.schema import PHOTOS
from ..tables.versions import upgrade_ledger
from ..types import Status

PART_ENDING = ".arrow"

_FILLED = [
    "status", "reason", "width", "height", "turned_deg", "faces", "all_boxes", "all_scores", "score", "box",
    "landmarks", "tilt_deg", "box_iou", "matrix", "sha256", "path",
]  # fmt: skip
"""The ledger's columns that a shard fills."""


ROWS = pa.schema(
    [
        PHOTOS.field("record"),
        *(PHOTOS.field(name) for name in _FILLED),
        pa.field("crop_sha256", pa.string()),
        pa.field("crop_length", pa.int64()),
        pa.field("given_box", pa.list_(pa.float32())),
        pa.field("size", pa.int64(), nullable=False),
        pa.field("mtime_ns", pa.int64(), nullable=False),
        *(pa.field(name, pa.uint64()) for name in PICTURE_HASH),
    ]
)
"""A part's columns: what a shard fills in, its crops' digests, and the photo's given box, size, mtime and
picture hash."""


def write_rows(path: Path, rows: pa.Table) -> None:
    """Write a part atomically.

    Args:
        path: the file.
        rows: with the columns :data:`ROWS`.

    Raises:
        StoreError: it cannot be written; no partial file stays behind.
    """
    with atomic_file(path) as file, pa.ipc.new_file(file, ROWS) as writer:
        writer.write_table(rows.select(ROWS.names).cast(ROWS))


def read_rows(path: str | Path) -> pa.Table:
    """Read a part.

    Raises:
        NotASetError: it is missing, damaged, or from a later version of facedata.
    """
    try:
        with open(path, "rb") as file:  # noqa: PTH123  thousands per second; a Path would double the time
            rows = pa.ipc.open_file(pa.py_buffer(file.read())).read_all()
    except (OSError, pa.ArrowInvalid) as error:
        raise NotASetError(f"cannot read the part {path}: {error}; remove it and run again") from error
    if {*ROWS.names} - {*rows.column_names} == {"turned_deg", *PICTURE_HASH}:  # of schema version 1
        rows = upgrade_ledger(rows)
        for name in PICTURE_HASH:
            rows = rows.append_column(name, pa.nulls(rows.num_rows, pa.uint64()))
        rows = rows.select(ROWS.names).cast(ROWS)
    if rows.schema != ROWS:
        raise NotASetError(f"{path} is from another version of facedata; start over with --overwrite")
    return rows


def undo_settling(ledger: pa.Table) -> pa.Table:
    """Return a ledger's rows as their shards wrote them, except the paths of crops that were removed."""
    status, has_face = ledger.column("status"), pc.is_valid(ledger.column("box"))
    settled = pc.is_in(status, pa.array([Status.DUPLICATE.value, Status.TOO_FEW.value]))
    # a row for which no face could be chosen has none; one that lost it to another row of its photo has
    settled = pc.or_(settled, pc.and_(pc.equal(status, Status.UNSELECTED.value), has_face))
    return replace_cells(ledger, settled, status=Status.KEPT.value, reason=None)


def replace_cells(ledger: pa.Table, rows: pa.Array | pa.ChunkedArray, **values: str | None) -> pa.Table:
    """Return a ledger with these texts in its columns, in the rows where ``rows`` is true."""
    for name, value in values.items():
        column = pc.if_else(rows, pa.scalar(value, pa.string()), ledger.column(name))
        ledger = ledger.set_column(ledger.schema.get_field_index(name), PHOTOS.field(name), column)
    return ledger
