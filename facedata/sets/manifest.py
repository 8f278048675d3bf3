"""The crops of a set as typed rows, and what all manifests share."""

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
from ..files.remote import Place, Remote, is_url, place_of
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
        offset: first byte there.
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
    root: Place = field(repr=False)

    def bytes(self) -> bytes:
        """Read the crop's JPEG bytes.

        Raises:
            StoreError: they are gone or cut short.
        """
        return read_crop(self.root, self.file, self.offset, self.length)

    def image(self) -> UInt8Image:
        """Read and decode the crop: ``(size, size, 3)`` uint8 RGB.

        Raises:
            StoreError: the bytes are gone, cut short or damaged.
        """
        return decode_crop(self.bytes())


RowT = TypeVar("RowT")
ManifestT = TypeVar("ManifestT", bound="Manifest[Any]")


class Manifest(ABC, Generic[RowT]):
    """What the manifests share: a set, one of its tables (or part of it), rows made when asked for.

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
            of: the set's folder or URL, for a file that does not lie in it.

        Raises:
            UsageError: no such split, or a file outside any set and no ``of``.
            OtherSetError: the file belongs to another set.
            SetError: no set there, or the file is none of this kind.
        """
        prepared, table = _open_table(place_of(path), cls.kind, None if of is None else place_of(of))
        crops = table if cls.kind == "classes" else prepared.table("classes", ["split"])
        if split is not None and split not in (names := split_names(crops)):
            raise UsageError(f"there is no split {split!r} in {prepared.path}; there are: {', '.join(names)}")
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
        place = range(len(self))[operator.index(index)]  # raises IndexError
        return self._rows(self.table.slice(place, 1))[0]

    def __iter__(self) -> Iterator[RowT]:
        for start in range(0, len(self), _BLOCK_ROWS):
            yield from self._rows(self.table.slice(start, _BLOCK_ROWS))

    def batches(self: ManifestT, size: int) -> Iterator[ManifestT]:
        """Yield manifests of ``size`` rows each, in order; the last may be shorter.

        A batch can be iterated over for rows, or asked for its columns as arrays.
        """
        if size < 1:
            raise UsageError(f"batches of {size} rows cannot be; take at least 1")
        for start in range(0, len(self), size):
            yield self._part(range(start, min(start + size, len(self))))

    def to_pandas(self) -> pd.DataFrame:
        """Return the table as pandas has it."""
        frame: pd.DataFrame = self.table.to_pandas()
        return frame

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the rows to a Parquet file that carries the set's fingerprint.

        Raises:
            UsageError: the file is one of the set's own tables; the ``facedata`` commands redo those.
            StoreError: it cannot be written.
        """
        if is_url(path):
            raise UsageError(f"{path} is a URL: write to a file here, and copy it there")
        path, home = Path(path), self.prepared.path
        own = [home / f"{kind}.parquet" for kind in schema.KINDS] if isinstance(home, Path) else []
        if path.resolve() in {file.resolve() for file in own}:
            raise UsageError(f"{path} is the set's own table: redo it with `facedata`, or write elsewhere")
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
        """Return the rows that hold these ids.

        Raises:
            OtherSetError: an id is none of this manifest's.
        """
        mine = self.ids
        rows = np.searchsorted(mine, ids)
        known = mine[np.minimum(rows, len(mine) - 1)] == ids if len(mine) else np.zeros(len(ids), np.bool_)
        if not known.all():
            raise OtherSetError(
                f"id {ids[~known][0]} is no crop of {self.prepared.path}: the rows belong to another set, "
                "or the crop was removed; draw them anew"
            )
        return rows

    def take(self, rows: Sequence[int] | Int64Array) -> list[ClassRow]:
        """Return the rows with these numbers (not ids)."""
        return self._rows(self.table.take(pa.array(rows, pa.int64())))

    def _rows(self, table: pa.Table) -> list[ClassRow]:
        rows = table.select(schema.CLASSES.names).to_pylist()
        return [ClassRow(root=self.prepared.path, **row) for row in rows]


def _open_table(path: Place, kind: str, of: Place | None) -> tuple[PreparedSet, pa.Table]:
    if path.suffix != ".parquet" or path.is_dir():
        prepared = open_set(path)
        return prepared, prepared.table(kind)
    found = read_footer(path).fingerprint
    prepared = open_set(of or _set_around(path))
    if found != prepared.fingerprint:
        raise OtherSetError(
            f"{path} belongs to the set {short(found)}, not to {prepared.path} "
            f"({short(prepared.fingerprint)}): draw it anew from this set"
        )
    return prepared, _checked(path, read_table(path, kind), kind)


def _checked(path: Place, table: pa.Table, kind: str) -> pa.Table:
    """Return a table, maybe somebody's own, with its columns of the types they are of.

    Raises:
        NotASetError: a column is missing, or of another type.
    """
    wanted = schema.KINDS[kind]
    if missing := [name for name in wanted.names if name not in table.column_names]:
        raise NotASetError(f"{path} is no file of {kind}: it lacks {', '.join(missing)}")
    for name in wanted.names:
        field, place = wanted.field(name), table.column_names.index(name)
        try:
            if table.column(name).type != field.type and not pa.types.is_dictionary(field.type):
                table = table.set_column(place, field, table.column(name).cast(field.type))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            said = f"its column {name} is no {field.type}"
            raise NotASetError(f"{path} is no file of {kind}: {said}") from error
        if not field.nullable and table.column(name).null_count:
            raise NotASetError(f"{path} is no file of {kind}: some of its {name} are null")
    return table


def _set_around(path: Place) -> Place:
    for folder in path.absolute().parents if isinstance(path, Path) else [path.parent]:
        if (folder / DATASET).is_file():
            return folder
    raise UsageError(f"{path} does not lie in a set's folder: say which set it is of with of=")
