"""Tables written whole and read back with a check of kind, version and set."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import NotASetError, SchemaVersionError, writing
from ..files.atomic import file_sha256
from ..files.remote import Place
from .schema import ROW_GROUP_ROWS, SCHEMA_VERSION

_DICTIONARY_PAGE_BYTES = 1 << 28
"""Dictionary page limit: high enough that path columns never fall back to plain encoding."""


def write_table(
    path: Path, chunks: pa.Table | Iterable[pa.Table], *, kind: str, schema: pa.Schema, fingerprint: str
) -> tuple[str, int]:
    """Write a table whole or not at all: temporary name, flush, rename.

    Args:
        path: where the file shall be.
        chunks: one table, or several to be written one after the other (memory holds one at a time).
        kind: a key of :data:`KINDS`, or another word for tables of one's own.
        schema: the Arrow schema every chunk is cast to.
        fingerprint: of the set the table belongs to.

    Returns:
        The file's SHA-256 (lower-case hex) and its number of rows.

    Raises:
        StoreError: the file cannot be written; nothing half-written stays.
    """
    staged = stage_table(path, chunks, kind=kind, schema=schema, fingerprint=fingerprint)
    staged.settle()
    return staged.sha256, staged.rows


class StagedTable(NamedTuple):
    """A table written whole under its temporary name, to be renamed to ``path``."""

    temporary: Path
    path: Path
    sha256: str
    rows: int

    def settle(self) -> None:
        """Give the table its name.

        Raises:
            StoreError: that is refused.
        """
        with writing(self.path):
            self.temporary.replace(self.path)


def stage_table(
    path: Path, chunks: pa.Table | Iterable[pa.Table], *, kind: str, schema: pa.Schema, fingerprint: str
) -> StagedTable:
    """Do all of :func:`write_table` but the rename, so that several tables can be renamed together."""
    metadata = {
        "facedata.kind": kind,
        "facedata.schema_version": str(SCHEMA_VERSION),
        "facedata.fingerprint": fingerprint,
    }
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with writing(path), temporary.open("wb") as file:
            tables = [chunks] if isinstance(chunks, pa.Table) else chunks
            rows = _write_chunks(file, tables, schema.with_metadata(metadata))
            file.flush()
            os.fsync(file.fileno())
        return StagedTable(temporary, path, file_sha256(temporary), rows)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _write_chunks(file: IO[bytes], chunks: Iterable[pa.Table], schema: pa.Schema) -> int:
    rows = 0
    with pq.ParquetWriter(
        file,
        schema,
        compression="zstd",
        dictionary_pagesize_limit=_DICTIONARY_PAGE_BYTES,
        write_statistics=True,
    ) as writer:
        for chunk in chunks:
            rows += chunk.num_rows
            # cast() refuses what does not fit instead of changing it
            writer.write_table(chunk.select(schema.names).cast(schema), row_group_size=ROW_GROUP_ROWS)
    return rows


class Footer(NamedTuple):
    """What a table says of itself; ``kind`` and ``fingerprint`` are empty when it is not one of ours."""

    kind: str
    fingerprint: str
    rows: int


def read_footer(path: Place) -> Footer:
    """Read a table's own metadata.

    Raises:
        NotASetError: there is no such file, or it is not Parquet.
        SchemaVersionError: it was written under another schema version.
    """
    try:
        with path.open("rb") as file:  # pyarrow takes no path that is not UTF-8
            footer = pq.read_metadata(file)
    except FileNotFoundError as error:
        raise NotASetError(f"there is no file {path}") from error
    except (OSError, pa.ArrowInvalid) as error:
        raise NotASetError(f"{path} is not a readable Parquet file: {error}") from error
    raw = footer.metadata or {}
    version = raw.get(b"facedata.schema_version", b"%d" % SCHEMA_VERSION).decode()
    if version != str(SCHEMA_VERSION):
        raise SchemaVersionError(
            f"{path} has schema version {version}; this facedata reads version {SCHEMA_VERSION}: "
            "prepare the set again, or use the facedata it was made with"
        )
    kind, fingerprint = (
        raw.get(f"facedata.{name}".encode(), b"").decode() for name in ("kind", "fingerprint")
    )
    return Footer(kind, fingerprint, footer.num_rows)


def read_table(
    path: Place, kind: str, columns: list[str] | None = None, encoded: Sequence[str] = ()
) -> pa.Table:
    """Read a table after checking that it is of this kind and schema version.

    Args:
        path: the file.
        kind: what it must be a table of.
        columns: which to read; None for all.
        encoded: text columns that repeat few values, to be dictionary-encoded in memory.

    Raises:
        NotASetError: no such file, not Parquet, or of another kind.
        SchemaVersionError: it was written under another schema version.
    """
    found = read_footer(path).kind
    if found not in ("", kind):
        raise NotASetError(f"{path} is a table of {found}, not of {kind}")
    with path.open("rb") as file:
        table = pq.read_table(file, columns=columns, read_dictionary=list(encoded))
        # one dictionary a column; other dictionary columns (pairs' paths) keep a small one per row group
        return table.unify_dictionaries() if encoded else table


def read_blocks(path: Place, columns: list[str] | None = None) -> Iterator[pa.Table]:
    """Yield a table of ours a row group at a time."""
    with path.open("rb") as file:
        parquet = pq.ParquetFile(file)
        for number in range(parquet.num_row_groups):
            yield parquet.read_row_group(number, columns=columns)


def read_schema(path: Place) -> pa.Schema:
    """Return a table's columns and their types."""
    with path.open("rb") as file:
        return pq.read_schema(file)
