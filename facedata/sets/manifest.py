"""The base class of all manifests: a table of a set as typed rows."""

from __future__ import annotations

import operator
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import NotASetError, OtherSetError, UsageError
from ..files.remote import Location, Remote, is_url, parse_location
from ..sampling.tables import split_names
from ..tables import schema
from ..tables.parquet import read_footer, read_table, write_table
from ..tables.schema import DATASET
from ..types import Int64Array
from .prepared import PreparedSet, open_set, short
from .same_photos import digest_photos, find_contradiction

if TYPE_CHECKING:
    import pandas as pd

_BLOCK_ROWS = 1024
"""Rows turned into Python objects at a time when a manifest is iterated over."""


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
    sides: ClassVar[tuple[str, ...]] = ()
    """The columns with ids of crops; none in a table of crops."""

    def __init__(self, prepared: PreparedSet, table: pa.Table, split: str | None = None) -> None:
        self.prepared, self.table, self.split = prepared, table, split

    @classmethod
    def open(
        cls: type[ManifestT],
        path: str | os.PathLike[str] | Remote | PreparedSet,
        split: str | None = None,
        of: str | os.PathLike[str] | Remote | PreparedSet | None = None,
    ) -> ManifestT:
        """Open a set's own table, or a file written by :meth:`write`.

        Pairs and triplets of another set are taken if their ids mean the same photos, people and splits here:
        those of a set's ``crop``, for instance.

        Args:
            path: the set, its folder or URL, or a ``.parquet`` file.
            split: only rows of this split.
            of: the set, its folder or URL, for a file outside it.

        Raises:
            UsageError: there is no such split, or the file is outside any set and ``of`` is None.
            OtherSetError: the file belongs to another set, and does not fit this one.
            SetError: there is no such set, or the file is not of this kind.
        """
        prepared, table = cls._open_table(path, of)
        crops = table if cls.kind == "classes" else prepared.table("classes", ["split"])
        if split is not None and split not in (names := split_names(crops)):
            raise UsageError(f"there is no split {split!r} in {prepared}; its splits are: {', '.join(names)}")
        if split is not None:
            table = table.filter(pc.equal(table.column("split"), split))
        return cls(prepared, table, split)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def __repr__(self) -> str:
        unit = {"classes": "crops"}.get(self.kind, self.kind)
        rows = f"{len(self):,} {unit if len(self) != 1 else unit[:-1]}"
        split = f", {self.split}" if self.split else ""
        return f"{type(self).__name__}({str(self.prepared)!r}{split}: {rows})"

    def _repr_html_(self) -> str:
        from ..pages.notebook import render_object  # with jinja2, which only those who look at it need
        from .notebook import show_rows

        return render_object(repr(self), lambda: show_rows(self))

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
            photos=digest_photos(self.prepared, np.concatenate([self._ids(side) for side in self.sides]))
            if self.sides
            else "",
        )

    @classmethod
    def _open_table(
        cls,
        path: str | os.PathLike[str] | Remote | PreparedSet,
        of: str | os.PathLike[str] | Remote | PreparedSet | None,
    ) -> tuple[PreparedSet, pa.Table]:
        file = path if isinstance(path, PreparedSet) else parse_location(path)
        if isinstance(file, PreparedSet) or file.suffix != ".parquet" or file.is_dir():
            prepared = open_set(file)
            return prepared, prepared.table(cls.kind)
        footer = read_footer(file)
        if of is None:
            folders = file.absolute().parents if isinstance(file, Path) else [file.parent]
            of = next((folder for folder in folders if (folder / DATASET).is_file()), None)
        if of is None:
            raise UsageError(f"{file} is not in a set's folder: name the set it belongs to with of=")
        prepared = open_set(of)
        of_this = footer.fingerprint == prepared.fingerprint
        why = "" if of_this or (cls.sides and footer.fingerprint) else "its ids may mean other crops"
        if not why:
            table = _cast_columns(file, read_table(file, cls.kind), cls.kind)
            if of_this or not (why := find_contradiction(prepared, table, cls.sides, footer.photos)):
                return prepared, table
        raise OtherSetError(
            f"{file} belongs to the set {short(footer.fingerprint)}, not to {prepared} "
            f"({short(prepared.fingerprint)}), and {why}: draw it again from this set"
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
