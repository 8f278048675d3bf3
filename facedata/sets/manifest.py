"""The crops of a set as typed rows, and the base class of all manifests."""

from __future__ import annotations

import operator
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar, overload

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ..crops.codec import decode_crop
from ..errors import NotASetError, OtherSetError, UsageError
from ..files.remote import Location, Remote, is_url, parse_location
from ..sampling.tables import split_names
from ..store.read import read_crop
from ..tables import schema
from ..tables.parquet import read_footer, read_table, write_table
from ..tables.schema import DATASET
from ..types import Int64Array, UInt8Image
from .prepared import PreparedSet, open_set, short

_BLOCK_ROWS = 1024
"""Rows turned into Python objects at a time when a manifest is iterated over."""


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


RowT = TypeVar("RowT")
ManifestT = TypeVar("ManifestT", bound="Manifest[Any]")


class Manifest(ABC, Generic[RowT]):
    """One table of a set, or part of one; rows become Python objects only when needed.

    Attributes:
        prepared: the set.
        table: the columns, as Arrow.
        split: the split it was opened for; None for all.
    """

    kind: ClassVar[str]

    def __init__(self, prepared: PreparedSet, table: pa.Table, split: str | None = None) -> None:
        self.prepared, self.table, self.split = prepared, table, split

    @classmethod
    def open(
        cls: type[ManifestT],
        path: str | os.PathLike[str] | Remote,
        split: str | None = None,
        of: str | os.PathLike[str] | Remote | None = None,
    ) -> ManifestT:
        """Open a set's own table, or a file written by :meth:`write`.

        Args:
            path: the set's folder or URL, or a ``.parquet`` file.
            split: only rows of this split.
            of: the set's folder or URL, for a file outside it.

        Raises:
            UsageError: there is no such split, or the file is outside any set and ``of`` is None.
            OtherSetError: the file belongs to another set.
            SetError: there is no such set, or the file is not of this kind.
        """
        prepared, table = _open_table(
            parse_location(path), cls.kind, None if of is None else parse_location(of)
        )
        crops = table if cls.kind == "classes" else prepared.table("classes", ["split"])
        if split is not None and split not in (names := split_names(crops)):
            raise UsageError(
                f"there is no split {split!r} in {prepared.path}; its splits are: {', '.join(names)}"
            )
        if split is not None:
            table = table.filter(pc.equal(table.column("split"), split))
        return cls(prepared, table, split)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @overload
    def __getitem__(self, index: int) -> RowT: ...

    @overload
    def __getitem__(self: ManifestT, index: slice) -> ManifestT: ...

    def __getitem__(self: Any, index: int | slice) -> Any:
        """Return one row (negative indices count from the end), or a manifest of some rows."""
        if isinstance(index, slice):
            return self._part(range(len(self))[index])
        row = range(len(self))[operator.index(index)]  # raises IndexError
        return self._rows(self.table.slice(row, 1))[0]

    def __iter__(self) -> Iterator[RowT]:
        for start in range(0, len(self), _BLOCK_ROWS):
            yield from self._rows(self.table.slice(start, _BLOCK_ROWS))

    def batches(self: ManifestT, size: int) -> Iterator[ManifestT]:
        """Yield manifests of ``size`` rows each, in order; the last may be shorter.

        Iterate over a batch for its rows, or use its columns as arrays.
        """
        if size < 1:
            raise UsageError(f"a batch cannot have {size} rows; take at least 1")
        for start in range(0, len(self), size):
            yield self._part(range(start, min(start + size, len(self))))

    def to_pandas(self) -> pd.DataFrame:
        """Return the table as a pandas data frame."""
        frame: pd.DataFrame = self.table.to_pandas()
        return frame

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the rows to a Parquet file that carries the set's fingerprint.

        Raises:
            UsageError: the file is one of the set's own tables, which only the ``facedata`` commands write.
            StoreError: it cannot be written.
        """
        if is_url(path):
            raise UsageError(f"{path} is a URL: write to a local file, and upload it")
        path, home = Path(path), self.prepared.path
        own = [home / f"{kind}.parquet" for kind in schema.KINDS] if isinstance(home, Path) else []
        if path.resolve() in {file.resolve() for file in own}:
            raise UsageError(
                f"{path} is the set's own table: draw it again with `facedata`, or write to another file"
            )
        write_table(
            path,
            self.table,
            kind=self.kind,
            schema=schema.KINDS[self.kind],
            fingerprint=self.prepared.fingerprint,
        )

    def _part(self: ManifestT, rows: range) -> ManifestT:
        if rows.step == 1:
            table = self.table.slice(rows.start, len(rows))
        else:
            table = self.table.take(pa.array(rows, pa.int64()))
        return self._like(table)

    def _like(self: ManifestT, table: pa.Table) -> ManifestT:
        return type(self)(self.prepared, table, self.split)

    @abstractmethod
    def _rows(self, table: pa.Table) -> list[RowT]:
        """Return a table's rows as objects."""

    def _ids(self, column: str) -> Int64Array:
        return np.asarray(self.table.column(column).to_numpy())


class ClassManifest(Manifest[ClassRow]):
    """The crops of a set, in ascending id."""

    kind = "classes"

    @property
    def ids(self) -> Int64Array:
        """The crops' ids, ``(n,)`` int64, ascending."""
        return self._ids("id")

    def find(self, ids: Int64Array) -> Int64Array:
        """Return the row number of each id.

        Raises:
            OtherSetError: an id is not in this manifest.
        """
        mine = self.ids
        rows = np.searchsorted(mine, ids)
        known = mine[np.minimum(rows, len(mine) - 1)] == ids if len(mine) else np.zeros(len(ids), np.bool_)
        if not known.all():
            raise OtherSetError(
                f"id {ids[~known][0]} is not a crop of {self.prepared.path}: the rows belong to another set, "
                "or the crop was removed; draw them again"
            )
        return rows

    def take(self, rows: Sequence[int] | Int64Array) -> list[ClassRow]:
        """Return the rows with these numbers (not ids)."""
        return self._rows(self.table.take(pa.array(rows, pa.int64())))

    def _rows(self, table: pa.Table) -> list[ClassRow]:
        rows = table.select(schema.CLASSES.names).to_pylist()
        return [ClassRow(root=self.prepared.path, **row) for row in rows]


def _open_table(path: Location, kind: str, of: Location | None) -> tuple[PreparedSet, pa.Table]:
    if path.suffix != ".parquet" or path.is_dir():
        prepared = open_set(path)
        return prepared, prepared.table(kind)
    fingerprint = read_footer(path).fingerprint
    if of is None:
        folders = path.absolute().parents if isinstance(path, Path) else [path.parent]
        of = next((folder for folder in folders if (folder / DATASET).is_file()), None)
    if of is None:
        raise UsageError(f"{path} is not in a set's folder: name the set it belongs to with of=")
    prepared = open_set(of)
    if fingerprint != prepared.fingerprint:
        raise OtherSetError(
            f"{path} belongs to the set {short(fingerprint)}, not to {prepared.path} "
            f"({short(prepared.fingerprint)}): draw it again from this set"
        )
    return prepared, _cast_columns(path, read_table(path, kind), kind)


def _cast_columns(path: Location, table: pa.Table, kind: str) -> pa.Table:
    """Return a table, which another program may have written, with its columns cast to their types.

    Raises:
        NotASetError: a column is missing, has nulls, or cannot be cast.
    """
    columns = schema.KINDS[kind]
    if missing := [name for name in columns.names if name not in table.column_names]:
        raise NotASetError(f"{path} is not a file of {kind}: it lacks {', '.join(missing)}")
    for name in columns.names:
        field, index = columns.field(name), table.column_names.index(name)
        try:
            if table.column(name).type != field.type and not pa.types.is_dictionary(field.type):
                table = table.set_column(index, field, table.column(name).cast(field.type))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise NotASetError(
                f"{path} is not a file of {kind}: its column {name} is not {field.type}"
            ) from error
        if not field.nullable and table.column(name).null_count:
            raise NotASetError(f"{path} is not a file of {kind}: its column {name} has nulls")
    return table
