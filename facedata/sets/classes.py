"""The crops of a set as typed rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..crops.codec import decode_crop
from ..errors import OtherSetError, UsageError
from ..files.remote import Location
from ..store.read import read_crop
from ..tables import schema
from ..types import Int64Array, UInt8Image
from .manifest import Manifest


@dataclass(frozen=True)
class ClassRow:
    """One crop; the columns of classes.parquet.

    Attributes:
        id: the crop's number in its set.
        path: its stable key, ``<identity>/<name>.jpg``.
        identity: the person.
        label: the person's class, dense over people with training crops; None for others.
        role: ``reference`` or None.
        split: None for crops in no split.
        photo: the photo it was cut from, below the source root.
        file: the file below the set's folder that holds its bytes.
        offset: its first byte in that file.
        length: number of bytes.
        root: the set's folder, or its URL.
    """

    id: int
    path: str
    identity: str
    label: int | None
    role: str | None
    split: str | None
    photo: str
    file: str = field(repr=False)
    offset: int = field(repr=False)
    length: int = field(repr=False)
    crop_sha256: str = field(repr=False)
    root: Location = field(repr=False)

    def bytes(self) -> bytes:
        """Read the crop's JPEG bytes.

        Raises:
            StoreError: they are missing or incomplete.
        """
        return read_crop(self.root, self.file, self.offset, self.length)

    def image(self) -> UInt8Image:
        """Read and decode the crop: ``(size, size, 3)`` uint8 RGB.

        Raises:
            StoreError: the bytes are missing, incomplete or damaged.
        """
        return decode_crop(self.bytes())


class ClassManifest(Manifest[ClassRow]):
    """The crops of a set, in ascending id."""

    kind = "classes"

    @property
    def ids(self) -> Int64Array:
        """The crops' ids, ``(n,)`` int64, ascending."""
        return self._ids("id")

    @overload
    def find(self, ids: int | str) -> int: ...
    @overload
    def find(self, ids: Int64Array | Sequence[int]) -> Int64Array: ...
    def find(self, ids: Int64Array | Sequence[int] | int | str) -> Int64Array | int:
        """Return the row number of each id; of one id, crop's path or photo, its row number.

        Raises:
            OtherSetError: an id is not in this manifest.
            UsageError: a text names no crop, or a photo with several.
        """
        if isinstance(ids, str):
            return self._find_text(ids)
        if np.ndim(ids) == 0:
            return int(self.find(np.array([ids]))[0])
        mine, ids = self.ids, np.asarray(ids, np.int64)
        rows = np.searchsorted(mine, ids)
        known = mine[np.minimum(rows, len(mine) - 1)] == ids if len(mine) else np.zeros(len(ids), np.bool_)
        if not known.all():
            raise OtherSetError(
                f"id {ids[~known][0]} is not a crop of {self.prepared}: the rows belong to another set, "
                "or the crop was removed; draw them again"
            )
        return rows

    def _find_text(self, text: str) -> int:
        for column in ("path", "photo"):
            rows = np.flatnonzero(pc.equal(self.table.column(column), text).to_numpy())
            if len(rows) > 1:
                raise UsageError(f"{len(rows)} crops are of the photo {text!r}: name the path of one of them")
            if len(rows):
                return int(rows[0])
        raise UsageError(f"no crop in this manifest has the path {text!r}, or is of a photo of that name")

    def take(self, rows: Sequence[int] | Int64Array) -> list[ClassRow]:
        """Return the rows with these numbers (not ids)."""
        return self._rows(self.table.take(pa.array(rows, pa.int64())))

    def _rows(self, table: pa.Table) -> list[ClassRow]:
        rows = table.select(schema.CLASSES.names).to_pylist()
        return [ClassRow(root=self.prepared.path, **row) for row in rows]
