"""The protocol of a source, which lists its records and reads a photo's bytes, and the table it fills."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import ForgottenImageError
from ..tables.tombstones import FORGOTTEN_REASON, Tombstones
from ..types import BoolArray, Status

PLAN = pa.schema(
    [
        pa.field("record", pa.string(), nullable=False),
        pa.field("photo", pa.string(), nullable=False),
        pa.field("identity", pa.string()),
        pa.field("role", pa.string()),
        pa.field("official_split", pa.string()),
        pa.field("status", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("given_box", pa.list_(pa.float32())),
        pa.field("size", pa.int64(), nullable=False),
        pa.field("mtime_ns", pa.int64(), nullable=False),
    ]
)
"""Columns of a scan, one row per record; meta_* columns (any type) may follow.

``status`` is null for records that need detection; a source sets ``unsupported`` (video) or ``no_identity``.
``size`` (bytes) and ``mtime_ns`` tell a rerun whether the photo may have changed.
"""


class PhotoReader(Protocol):
    """Reads a photo's bytes in a worker; must be picklable and hold no open file when pickled."""

    def __call__(self, photo: str) -> bytes:
        """Return the bytes of the photo at this path below the source root.

        Raises:
            OSError: it cannot be read; the photo becomes an ``unreadable`` row.
        """
        ...


@dataclass(frozen=True)
class UnforgottenPhotos:
    """Reads photos, but none with the bytes of a photo that was forgotten, whatever its name is now."""

    reader: PhotoReader
    tombstones: Tombstones

    def __call__(self, photo: str) -> bytes:
        """Read a photo; see :class:`PhotoReader`.

        Raises:
            OSError: it cannot be read.
            ForgottenImageError: it is one that was forgotten.
        """
        data = self.reader(photo)
        if self.tombstones.has("photos", hashlib.sha256(data).hexdigest()):
            raise ForgottenImageError(FORGOTTEN_REASON)
        return data


@dataclass(frozen=True)
class Scan:
    """The records and the reader of a source.

    Attributes:
        photos: a table with the columns of :data:`PLAN` (and meta_*), in any order, records unique.
        reader: reads a photo's bytes.
        other_files: how many files are not photos.
        missing: photos the source lists but does not have, sorted (no rows are made for them).
        protocol: the official pairs (:data:`facedata.tables.schema.PROTOCOL`), or None.
        notes: what the user should know, one line each, such as that a person is in two roots.
        box_format: how a table writes its boxes, a value of ``--box-format``; None for other sources.
    """

    photos: pa.Table
    reader: PhotoReader
    other_files: int = 0
    missing: Sequence[str] = ()
    protocol: pa.Table | None = None
    notes: Sequence[str] = ()
    box_format: str | None = None


class Source(Protocol):
    """Where photographs come from."""

    @property
    def kind(self) -> str:
        """Its name in :data:`facedata.config.SOURCES`, such as ``folder``."""
        ...

    @property
    def root(self) -> str:
        """The source as dataset.json names it: a path, or several as ``name=path``."""
        ...

    @property
    def face(self) -> str:
        """The face rule used when the user gives none, such as ``largest``."""
        ...

    @property
    def search(self) -> str:
        """``photo``: search everywhere, a given box chooses the face; ``given_box``: search only there."""
        ...

    def scan(self) -> Scan:
        """List every record.

        Raises:
            SourceError: the source is missing, empty or malformed (with the line number).
        """
        ...


_BLOCK_ROWS = 65_536
"""Records kept as Python objects at a time; they take ten times the memory of Arrow's."""

_nulls = lru_cache(partial(pa.nulls, _BLOCK_ROWS))
"""Nulls take memory like any value; full blocks share them."""


def early_status(kind: str, identity: str | None, no_identity: str) -> dict[str, Any]:
    """Return the ``status`` and ``reason`` of a photo that is not searched for faces; None and None if it is.

    Args:
        kind: ``photo`` or ``video``.
        identity: the person in the photo.
        no_identity: the reason when there is no identity.
    """
    if kind == "video":
        return {"status": str(Status.UNSUPPORTED), "reason": "a video"}
    if not identity:
        return {"status": str(Status.NO_IDENTITY), "reason": no_identity}
    return {"status": None, "reason": None}


def early_statuses(is_video: BoolArray, identity: pa.Array, no_identity: str) -> dict[str, pa.Array]:
    """Return the columns ``status`` and ``reason`` of photos, as :func:`early_status` does of one."""
    nobody = pc.fill_null(pc.equal(identity, ""), True)
    video, unnamed = (early_status(kind, None, no_identity) for kind in ("video", "photo"))
    return {
        name: pc.if_else(
            pa.array(is_video), video[name], pc.if_else(nobody, unnamed[name], pa.scalar(None, pa.string()))
        )
        for name in ("status", "reason")
    }


def plan_table(columns: Mapping[str, pa.Array | None], count: int) -> pa.Table:
    """Return a scan's table from columns, of which those that are missing or None are all null."""
    arrays = []
    for field_of in PLAN:
        column = columns.get(field_of.name)
        arrays.append(pa.nulls(count, field_of.type) if column is None else column.cast(field_of.type))
    return pa.table(arrays, schema=PLAN)


@dataclass
class PlanBuilder:
    """Collects records row by row into the scan's table.

    >>> plan = PlanBuilder()
    >>> plan.add("anna/1.jpg", identity="anna", size=10, mtime_ns=5)
    >>> plan.table().column("record").to_pylist()
    ['anna/1.jpg']
    """

    columns: dict[str, list[Any]] = field(default_factory=lambda: {name: [] for name in PLAN.names})
    blocks: list[pa.RecordBatch] = field(default_factory=list)

    def add(self, photo: str, *, size: int, mtime_ns: int, record: str | None = None, **values: Any) -> None:
        """Add one record; ``values`` are identity, role, official_split, status, reason, given_box."""
        row = {"record": record or photo, "photo": photo, "size": size, "mtime_ns": mtime_ns, **values}
        for name, column in self.columns.items():
            column.append(row.get(name))
        if len(self.columns["record"]) == _BLOCK_ROWS:
            self.blocks.append(self._block())
            for column in self.columns.values():
                column.clear()

    def __len__(self) -> int:
        return len(self.blocks) * _BLOCK_ROWS + len(self.columns["record"])

    def table(self, meta: Mapping[str, pa.Array] | None = None) -> pa.Table:
        """Return the table; ``meta`` holds further columns (named ``meta_…``), one value per record."""
        table = pa.Table.from_batches([*self.blocks, self._block()], schema=PLAN)
        for name, values in (meta or {}).items():
            table = table.append_column(name, values)
        return table

    def _block(self) -> pa.RecordBatch:
        arrays = {field.name: pa.array(self.columns[field.name], field.type) for field in PLAN}
        for name, array in arrays.items():
            if array.null_count == _BLOCK_ROWS:
                arrays[name] = _nulls(array.type)
        if arrays["photo"].equals(arrays["record"]):
            arrays["photo"] = arrays["record"]  # one copy of the longest texts
        return pa.record_batch(list(arrays.values()), schema=PLAN)
