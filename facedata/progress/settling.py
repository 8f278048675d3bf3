"""What settling needs of a row, as numbers of fixed width: a part ends with those of its rows."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..errors import NotASetError
from ..photos.picture_hash import PICTURE_HASH
from ..tables.digests import digest_bytes
from ..types import Int64Array, Status

STATUSES = [status.value for status in Status]
"""The number of a status is its index in this list."""
_STATUSES = pa.array(STATUSES)

SETTLING = np.dtype(
    [
        ("digest", "<u8", 2), ("picture", "<u8", 2), ("crop", "u1", 32), ("box", "<f4", 4),
        ("box_iou", "<f4"), ("length", "<i4"), ("status", "i1"),
    ],
    align=True,
)  # fmt: skip
"""A row's numbers, which :class:`.row_index.RowIndex` explains; box_iou is its ``iou``."""


def settling_numbers(rows: pa.Table) -> NDArray[np.void]:
    """Return what settling needs of some rows, ``(n,)`` :data:`SETTLING`.

    Args:
        rows: with the columns :data:`.parts.NARROW`.

    Raises:
        NotASetError: a digest is not a SHA-256.
    """
    found = np.zeros(rows.num_rows, SETTLING)
    found["status"] = status_numbers(rows.column("status"))
    try:
        found["digest"] = digest_bytes(rows.column("sha256"))[:, :16].copy().view(np.uint64)
        found["crop"] = digest_bytes(rows.column("crop_sha256"))
    except ValueError as error:
        raise NotASetError(f"a part is damaged ({error}): start over with --overwrite") from error
    has_crop = pc.and_(pc.is_valid(rows.column("path")), pc.is_valid(rows.column("crop_length")))
    found["length"] = pc.if_else(has_crop, rows.column("crop_length"), -1).to_numpy()
    for word, name in enumerate(PICTURE_HASH):
        found["picture"][:, word] = pc.fill_null(rows.column(name), 0).to_numpy()
    found["box_iou"] = pc.fill_null(rows.column("box_iou"), np.nan).to_numpy()
    has_face = pc.is_valid(rows.column("box")).to_numpy()
    found["box"][has_face] = pc.list_flatten(pc.drop_null(rows.column("box"))).to_numpy().reshape(-1, 4)
    return found


def status_numbers(column: pa.ChunkedArray) -> Int64Array:
    """Return each status as its index in :data:`STATUSES`, -1 for null; ``(n,)`` int64."""
    numbers = pc.index_in(column, value_set=_STATUSES)
    return np.asarray(pc.fill_null(numbers, -1).to_numpy(), np.int64)
