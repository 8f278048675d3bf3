"""The photos that a set's crops are of: their names, people, bytes and faces, in the order of the crops."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...crops.cut import usual_points
from ...errors import SetError
from ...sets.prepared import PreparedSet
from ...tables.digests import digest_bytes
from ...tables.schema import CLASSES, PHOTOS
from ...types import Float32Array, Int64Array, UInt8Image

_COLUMNS = ("record", "path", "sha256", "box", "landmarks", "matrix")
_LEDGER = pa.schema([PHOTOS.field(name).with_nullable(True) for name in _COLUMNS])
"""What is needed of the ledger; a damaged one may lack some."""


@dataclass(frozen=True, eq=False)
class KeptPhotos:
    """The photos of a set's crops; all of the same length, in ascending id.

    Attributes:
        ids: ``(n,)`` int64, the crops'.
        record: the ledger's records, ``(n,)`` text; the photo where the ledger has no row.
        identity: ``(n,)`` text.
        person: ``(n,)`` int64, each crop's number in ``people``.
        people: names, in byte order.
        digest: ``(n, 32)`` uint8, SHA-256 of the photos; zeros where unknown.
        box: ``(n, 4)`` float32, of the face, in photo pixels; NaN where unknown.
        landmarks: ``(n, 5, 2)`` float32, in pixels of the crop; NaN where unknown.
        in_photo: the same in photo pixels.

    The points of finished crops, which the ledger does not know, are those that their template means.
    """

    ids: Int64Array
    record: pa.Array
    identity: pa.Array
    person: Int64Array
    people: list[str]
    digest: UInt8Image
    box: Float32Array
    landmarks: Float32Array
    in_photo: Float32Array

    def __len__(self) -> int:
        return len(self.ids)


def read_kept_photos(prepared: PreparedSet, classes: pa.Table) -> KeptPhotos:
    """Read what the ledger says of a set's crops, as far as it can be read.

    Args:
        prepared: the set.
        classes: its crops, as ``schema.CLASSES``.
    """
    count = classes.num_rows
    path = classes.column("path").combine_chunks()
    rows, parts = [np.empty(0, np.int64)], [_LEDGER.empty_table()]
    for block in read_ledger(prepared):
        kept = block.filter(pc.is_valid(block.column("path")))
        at = pc.fill_null(pc.index_in(kept.column("path"), value_set=path), -1).to_numpy().astype(np.int64)
        known = np.flatnonzero(at >= 0)
        rows.append(at[known])
        parts.append(kept.take(pa.array(known)))
    at, ledger = np.concatenate(rows), pa.concat_tables(parts).combine_chunks()
    at, first = np.unique(at, return_index=True)
    ledger = ledger.take(pa.array(first))
    place = np.full(count, -1, np.int64)
    place[at] = np.arange(len(at))
    ledger = ledger.take(pa.array(place, mask=place < 0))
    try:
        digest = digest_bytes(ledger.column("sha256"))
    except ValueError:  # damaged, which is a finding of its own
        digest = np.zeros((count, 32), np.uint8)
    identity = classes.column("identity").combine_chunks()
    points = _numbers(ledger.column("landmarks"), 10)
    if (usual := usual_points(prepared.info["settings"])) is not None:
        points[:] = usual.ravel()
    people = sorted(pc.unique(identity).to_pylist(), key=str.encode)
    person = pc.index_in(identity, value_set=pa.array(people, pa.string())).to_numpy().astype(np.int64)
    return KeptPhotos(
        classes.column("id").to_numpy().astype(np.int64),
        pc.coalesce(ledger.column("record"), classes.column("photo")).combine_chunks(),
        identity,
        person,
        people,
        digest,
        _numbers(ledger.column("box"), 4),
        move_points(points, _numbers(ledger.column("matrix"), 6)),
        points.reshape(-1, 5, 2),
    )


def read_classes(prepared: PreparedSet) -> pa.Table:
    """Read a set's crops, as ``schema.CLASSES``.

    Raises:
        NotASetError: the table is gone or damaged.
        OtherSetError: it belongs to another set.
    """
    return prepared.table("classes", CLASSES.names).cast(CLASSES)


def read_ledger(prepared: PreparedSet) -> Iterator[pa.Table]:
    """Yield what is needed of the ledger, as far as it can be read: damage is told elsewhere."""
    with contextlib.suppress(SetError, OSError, KeyError, pa.ArrowException):
        for block in prepared.blocks("photos"):
            columns = [
                block.column(field.name).cast(field.type)
                if field.name in block.column_names
                else pa.nulls(len(block), field.type)
                for field in _LEDGER
            ]
            yield pa.table(columns, schema=_LEDGER)


def _numbers(column: pa.ChunkedArray, width: int) -> Float32Array:
    """Return lists of numbers as ``(n, width)`` float32; NaN where there is no list of that length."""
    values = np.full((len(column), width), np.nan, np.float32)
    fits = pc.fill_null(pc.equal(pc.list_value_length(column), width), False).to_numpy()
    flat = pc.list_flatten(column.filter(pa.array(fits))).to_numpy()
    values[fits] = flat.reshape(-1, width)
    return values


def move_points(landmarks: Float32Array, matrix: Float32Array) -> Float32Array:
    """Return landmarks in pixels of the crop, ``(n, 5, 2)``, from the photo's, ``(n, 10)``."""
    points = landmarks.reshape(-1, 5, 2)
    affine = matrix.reshape(-1, 2, 3)
    moved = np.einsum("nij,npj->npi", affine[:, :, :2], points) + affine[:, None, :, 2]
    return np.asarray(moved, np.float32)
