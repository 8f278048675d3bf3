"""The files of a set's tables: whether they are there, of this set, and have the right columns.

Rows come a block at a time, whatever the file's row groups are, and each block is validated, so that what
follows can rely on its texts and dictionaries. A column that is not there, or of a type that does not fit, is
all null.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...errors import NotASetError, SchemaVersionError, StoreError
from ...files.atomic import file_sha256
from ...files.remote import Location, Remote
from ...sets.prepared import short
from ...tables.parquet import Footer, read_footer
from ...tables.schema import DATASET, KINDS, ROW_GROUP_ROWS
from ...tables.versions import ADDED, open_parquet
from ..findings import Kind
from .damage_list import DamageList
from .dataset_file import TABLES, Recorded

_UNREADABLE = (
    OSError,
    pa.ArrowException,
    ValueError,
    KeyError,
    TypeError,
    MemoryError,
    OverflowError,
    NotImplementedError,
)
"""What pyarrow raises at files that are damaged."""

_MEND = "run the command that made the set again"

_MOST_LETTERS = 200
_MOST_ROWS = 1 << 62


class TableFile:
    """A table's file, in whatever state.

    Args:
        kind: a key of :data:`facedata.tables.schema.KINDS`.
        path: the set's folder or URL.
        damage: gets what is wrong with it.

    Attributes:
        name: of its file, for messages.
        unusable: its columns that are not there, or of another type.
        is_whole: whether all its rows have been read.
        rows: how many have been read.
    """

    def __init__(self, kind: str, path: Location, damage: DamageList) -> None:
        self.kind, self.name, self.file = kind, f"{kind}.parquet", path / f"{kind}.parquet"
        self.unusable: set[str] = set()
        self.is_whole, self.rows = False, 0
        self._damage = damage

    def look(self, recorded: Recorded) -> Footer | None:
        """Look at the file, and at its columns.

        Returns:
            Its footer; None if the file is not there, cannot be read, or is a table of another kind.

        Raises:
            StoreError: a remote store does not answer.
        """
        try:
            if not self.file.is_file():
                self._tear("is not there")
                return None
            self._compare_digest(recorded.of_table(self.kind, "sha256"))
            footer = read_footer(self.file)
            self._compare_footer(footer, recorded.of_table(self.kind, "rows"))
            if footer.kind in ("", self.kind):
                self._check_columns(is_old=self.kind == "photos" and footer.version == 1)
                return footer
        except SchemaVersionError as error:
            self._damage.add(Kind.TABLE_TORN, str(error).replace(str(self.file), self.name))
        except NotASetError as error:
            self._tear(f"cannot be read ({self._reason(error.__cause__ or error)})")
        except _UNREADABLE as error:
            self._tear(f"cannot be read ({self._reason(error)})")
        return None

    def read(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield rows, a block at a time, up to the first that cannot be read.

        Args:
            columns: their names; each has its type of :data:`facedata.tables.schema.KINDS`.

        Raises:
            StoreError: a remote store does not answer.
        """
        wanted = pa.schema([KINDS[self.kind].field(name).with_nullable(True) for name in columns])
        self.rows, self.is_whole = 0, False
        try:
            with self.file.open("rb") as stream:
                parquet = open_parquet(stream)
                names, expected = parquet.schema_arrow.names, parquet.metadata.num_rows
                present = [name for name in columns if names.count(name) == 1]
                for group in range(parquet.num_row_groups):
                    for batch in parquet.iter_batches(ROW_GROUP_ROWS, row_groups=[group], columns=present):
                        batch.validate(full=True)
                        block = _with_types(batch, wanted)
                        self._find_nulls(block)
                        yield block
                        self.rows += len(block)
            self.is_whole = self.rows == expected
            why = f"it says that it has {expected:,} rows"
        except _UNREADABLE as error:
            why = self._reason(error)
        if not self.is_whole:
            self._tear(f"cannot be read beyond its row {self.rows:,} ({why})")

    def can_be_counted(self, *columns: str) -> bool:
        """Return whether all rows were read, and these columns are as they should be."""
        return self.is_whole and self.unusable.isdisjoint(columns)

    def _tear(self, what: str) -> None:
        self._damage.add(Kind.TABLE_TORN, f"{self.name} {what}: {_MEND}")

    def _compare_digest(self, recorded: Any) -> None:
        if isinstance(recorded, str) and (found := file_sha256(self.file)) != recorded:
            digests = f"SHA-256 {short(found)}…, not {short(recorded)}… as in {DATASET}"
            self._tear(f"is not the file that was written ({digests})")

    def _compare_footer(self, footer: Footer, rows: Any) -> None:
        if footer.kind != self.kind:
            self._tear(f"is a table of {footer.kind!r}" if footer.kind else "is not written by facedata")
        if type(rows) is int and footer.rows != rows:
            self._damage.add(
                Kind.COUNTS_DIFFER,
                f"{self.name} has {footer.rows:,} rows, not {rows:,} as in {DATASET}: {_MEND}",
                value=float(footer.rows),
                threshold=float(rows) if abs(rows) < _MOST_ROWS else None,
            )

    def _check_columns(self, is_old: bool) -> None:
        """Find columns that are not there, or of another type; a ledger of version 1 lacks some."""
        with self.file.open("rb") as stream:
            found = open_parquet(stream).schema_arrow
        count = Counter(found.names)
        for column in KINDS[self.kind]:
            name, is_missed = column.name, not (is_old and column.name in ADDED)
            if count[name] == 1 and _is_like(found.field(name).type, column.type, is_old):
                continue
            self.unusable.add(name)
            if count[name] == 1:
                self._tear(f"has a column {name} of {found.field(name).type}, not {column.type}")
            elif is_missed:
                self._tear(f"has {count[name]} columns {name}" if count[name] else f"has no column {name}")

    def _find_nulls(self, block: pa.RecordBatch) -> None:
        """Find nulls where there must be none."""
        for column in KINDS[self.kind]:
            name = column.name
            if column.nullable or name in self.unusable or name not in block.schema.names:
                continue
            if block.column(name).null_count:
                null = pc.is_null(block.column(name)).to_numpy(zero_copy_only=False)
                why = f"row {{:,}} of {self.name} lacks its {name}"
                self._damage.add_rows(
                    Kind.TABLE_TORN,
                    f"rows of {self.name} that lack {name}",
                    np.flatnonzero(null) + self.rows,
                    lambda row, why=why: {"why": why.format(row)},  # type: ignore[misc]
                )

    def _reason(self, error: BaseException) -> str:
        """Return an error's text in one line, not too long.

        Raises:
            StoreError: a remote store did not answer, which says nothing about the set.
        """
        # pyarrow, too, raises OSErrors at files that are damaged, but without a number
        is_silence = isinstance(error, OSError) and error.errno is not None
        is_answer = isinstance(error, (FileNotFoundError, PermissionError))
        if isinstance(self.file, Remote) and is_silence and not is_answer:
            raise StoreError(f"cannot read {self.file}: {error}") from error
        text = " ".join(str(getattr(error, "strerror", None) or error).split()) or type(error).__name__
        return text.rstrip(".") if len(text) <= _MOST_LETTERS else f"{text[:_MOST_LETTERS]}…"


def open_tables(path: Location, recorded: Recorded, damage: DamageList) -> dict[str, TableFile]:
    """Look at every table of a set; what is wrong goes to ``damage``.

    Returns:
        Those that can be opened, by kind.

    Raises:
        StoreError: a remote store does not answer.
    """
    footers: dict[str, Footer] = {}
    tables: dict[str, TableFile] = {}
    for kind in KINDS:
        if kind in TABLES or kind in recorded.info.get("tables", {}):
            table = TableFile(kind, path, damage)
            if (footer := table.look(recorded)) is not None:
                footers[kind], tables[kind] = footer, table
    ours, version = recorded.info.get("fingerprint"), recorded.info.get("schema_version")
    if ours is None and "classes" in footers:
        ours = footers["classes"].fingerprint
    for kind, footer in footers.items():
        if ours is not None and footer.fingerprint != ours and footer.kind:
            damage.add(
                Kind.TABLE_TORN,
                f"{kind}.parquet belongs to the set {short(footer.fingerprint)}, not to this one "
                f"({short(ours)}): an update was interrupted, or the file is another set's: {_MEND}",
            )
        if type(version) is int and footer.version != version and footer.kind:
            damage.add(
                Kind.TABLE_TORN,
                f"{kind}.parquet is of schema version {footer.version}, and {DATASET} of {version}: {_MEND}",
            )
    return tables


def _is_like(found: pa.DataType, wanted: pa.DataType, is_old: bool) -> bool:
    """Return whether a column's type is right; lists of schema version 1 may have a fixed size."""
    if is_old and (pa.types.is_list(found) or pa.types.is_fixed_size_list(found)):
        return pa.types.is_list(wanted) and _is_like(found.value_type, wanted.value_type, is_old)
    return bool(found.equals(wanted))


def _with_types(batch: pa.RecordBatch, wanted: pa.Schema) -> pa.RecordBatch:
    """Return a block with these columns; all null where one is not there, or cannot have its type."""
    arrays = []
    for column in wanted:
        array = pa.nulls(len(batch), column.type)
        if column.name in batch.schema.names:
            found = batch.column(column.name)
            with contextlib.suppress(pa.ArrowException, ValueError, TypeError, NotImplementedError):
                if pa.types.is_dictionary(column.type) and not found.type.equals(column.type):
                    array = found.cast(column.type.value_type).dictionary_encode()
                else:
                    array = found.cast(column.type)
        arrays.append(array)
    return pa.RecordBatch.from_arrays(arrays, schema=wanted)
