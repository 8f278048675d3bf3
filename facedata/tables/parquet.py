"""Parquet tables: written atomically, checked for kind and version when read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import NotASetError, SchemaVersionError
from ..files.atomic import file_sha256
from ..files.remote import Location
from ..files.staged import StagedFiles
from .schema import ROW_GROUP_ROWS, SCHEMA_VERSION

_DICTIONARY_PAGE_BYTES = 1 << 28
"""Dictionary page limit: high enough that path columns never fall back to plain encoding."""


def write_table(
    path: Path, chunks: pa.Table | Iterable[pa.Table], *, kind: str, schema: pa.Schema, fingerprint: str
) -> None:
    """Write a table atomically: temporary name, flush, rename.

    Args:
        path: the file.
        chunks: one table, or several written one after the other (memory holds one at a time).
        kind: a key of :data:`KINDS`, or your own word for a table of another kind.
        schema: the Arrow schema every chunk is cast to.
        fingerprint: of the set the table belongs to.

    Raises:
        StoreError: the file cannot be written; no partial file stays behind.
    """
    with StagedFiles() as staged:
        stage_table(staged, path, chunks, kind=kind, schema=schema, fingerprint=fingerprint)
        staged.commit()


def stage_table(
    staged: StagedFiles,
    path: Path,
    chunks: pa.Table | Iterable[pa.Table],
    *,
    kind: str,
    schema: pa.Schema,
    fingerprint: str,
) -> dict[str, Any]:
    """Write a table as :func:`write_table` does, but leave the rename to ``staged.commit()``.

    Returns:
        What dataset.json records of the table: its ``rows``, and the ``sha256`` of its file.
    """
    metadata = {
        "facedata.kind": kind,
        "facedata.schema_version": str(SCHEMA_VERSION),
        "facedata.fingerprint": fingerprint,
    }
    schema = schema.with_metadata(metadata)
    layout = {"compression": "zstd", "dictionary_pagesize_limit": _DICTIONARY_PAGE_BYTES}
    rows = 0
    with staged.open(path) as file, pq.ParquetWriter(file, schema, write_statistics=True, **layout) as writer:
        for chunk in [chunks] if isinstance(chunks, pa.Table) else chunks:
            rows += chunk.num_rows
            # cast() refuses what does not fit instead of changing it
            writer.write_table(chunk.select(schema.names).cast(schema), row_group_size=ROW_GROUP_ROWS)
    return {"rows": rows, "sha256": file_sha256(staged.path(path))}


class Footer(NamedTuple):
    """A table's metadata; ``kind`` and ``fingerprint`` are empty if facedata did not write it."""

    kind: str
    fingerprint: str
    rows: int


def read_footer(path: Location) -> Footer:
    """Read a table's own metadata.

    Raises:
        NotASetError: the file does not exist, or is not Parquet.
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
    path: Location, kind: str, columns: list[str] | None = None, encoded: Sequence[str] = ()
) -> pa.Table:
    """Read a table after checking that it is of this kind and schema version.

    Args:
        path: the file.
        kind: the expected kind.
        columns: which to read; None for all.
        encoded: text columns with few different values, to be dictionary-encoded in memory.

    Raises:
        NotASetError: no such file, not Parquet, or of another kind.
        SchemaVersionError: it was written under another schema version.
    """
    actual = read_footer(path).kind
    if actual not in ("", kind):
        raise NotASetError(f"{path} is a table of {actual}, not of {kind}")
    with path.open("rb") as file:
        table = pq.read_table(file, columns=columns, read_dictionary=list(encoded))
        # one dictionary a column; other dictionary columns (pairs' paths) keep a small one per row group
        return table.unify_dictionaries() if encoded else table


def read_blocks(path: Location, columns: list[str] | None = None) -> Iterator[pa.Table]:
    """Yield a table, one row group at a time."""
    with path.open("rb") as file:
        parquet = pq.ParquetFile(file)
        for number in range(parquet.num_row_groups):
            yield parquet.read_row_group(number, columns=columns)


def read_schema(path: Location) -> pa.Schema:
    """Return a table's columns and their types."""
    with path.open("rb") as file:
        return pq.read_schema(file)
