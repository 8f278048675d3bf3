"""Parquet tables: written atomically, checked for kind and version when read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import NotASetError, SchemaVersionError
from ..files.remote import Location
from ..files.staged import StagedFiles
from .schema import KINDS, ROW_GROUP_ROWS, SCHEMA_VERSION
from .versions import ADDED, open_parquet, upgrade_ledger

_DICTIONARY_PAGE_BYTES = 1 << 28
"""Dictionary page limit: high enough that path columns never fall back to plain encoding."""

_DIFFERENT = {"record", "photo", "path", "file", "sha256", "crop_sha256"}
"""Text columns of photos and classes whose values all differ."""

_PACKED = {
    "id", "label", "width", "height", "turned_deg", "faces", "left", "right", "fold", "anchor", "positive",
    "negative",
}  # fmt: skip
"""Integer columns whose neighbours are close: fastparquet misreads packed differences of 28 bits and more."""

_FEW_ROWS = 1 << 16
"""Up to so many rows a table is read in this thread alone.

Arrow's threads may hold the file's bytes for a moment after the rows are there, and one that gives them back
while Python exits aborts the process: ``terminate called without an active exception``. The tables that are
printed just before the exit are small.
"""


def write_table(
    path: Path,
    chunks: pa.Table | Iterable[pa.Table],
    *,
    kind: str,
    schema: pa.Schema,
    fingerprint: str,
    photos: str = "",
) -> None:
    """Write a table atomically: temporary name, flush, rename.

    Args:
        path: the file.
        chunks: one table, or several written one after the other (memory holds one at a time).
        kind: a key of :data:`KINDS`, or your own word for a table of another kind.
        schema: the Arrow schema every chunk is cast to.
        fingerprint: of the set the table belongs to.
        photos: what the rows' ids mean, as :func:`facedata.sets.same_photos.digest_photos` returns it.

    Raises:
        StoreError: the file cannot be written; no partial file stays behind.
    """
    schema = schema.with_metadata({"facedata.photos": photos} if photos else None)
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
    schema = schema.with_metadata({**(schema.metadata or {}), **metadata})
    rows = 0
    with staged.open(path) as file:
        hashed = _HashedFile(file)
        with pq.ParquetWriter(hashed, schema, **_layout(kind, schema)) as writer:
            for chunk in [chunks] if isinstance(chunks, pa.Table) else chunks:
                rows += chunk.num_rows
                # cast() refuses what does not fit instead of changing it
                writer.write_table(chunk.select(schema.names).cast(schema), row_group_size=ROW_GROUP_ROWS)
    return {"rows": rows, "sha256": hashed.digest.hexdigest()}


class _HashedFile:
    """A file to write, and the SHA-256 of what was written, so that the file is not read again for it."""

    closed = False

    def __init__(self, file: IO[bytes]) -> None:
        self.digest = hashlib.sha256()
        self.tell, self.flush, self._write = file.tell, file.flush, file.write

    def write(self, data: bytes) -> int:
        """Write some bytes."""
        self.digest.update(data)
        return self._write(data)


def _layout(kind: str, schema: pa.Schema) -> dict[str, Any]:
    """Return how a table's columns are encoded: in a set's, with its millions of rows, each in its own way.

    A dictionary of values that all differ takes five times as long as the values. Differences of integers are
    packed bit by bit, and most bits of floats are random: neither gets much smaller by compression. To find
    the smallest and the largest path of a row group of pairs or triplets takes as long as to write all of
    their columns.
    """
    layout: dict[str, Any] = {
        "compression": "zstd", "dictionary_pagesize_limit": _DICTIONARY_PAGE_BYTES, "write_statistics": True
    }  # fmt: skip
    if kind not in KINDS:
        return layout
    encodings, dictionaries, compression = {}, [], {}
    for field in schema:
        name, values = field.name, field.type
        while pa.types.is_list(values):
            name, values = f"{name}.list.element", values.value_type
        is_float = pa.types.is_floating(values)
        compression[name] = "none" if is_float or name in _PACKED else "zstd"
        if name in _PACKED and pa.types.is_integer(values):
            encodings[name] = "DELTA_BINARY_PACKED"
        elif not (is_float or name in _DIFFERENT or pa.types.is_boolean(values)):
            dictionaries.append(name)
    return layout | {
        "use_dictionary": dictionaries,
        "column_encoding": encodings,
        "compression": compression,
        "write_statistics": [name for name in compression if not name.endswith("_path")],
    }


class Footer(NamedTuple):
    """A table's metadata; ``kind``, ``fingerprint`` and ``photos`` are empty if facedata did not write it."""

    kind: str
    fingerprint: str
    rows: int
    version: int = SCHEMA_VERSION
    photos: str = ""


def read_footer(path: Location) -> Footer:
    """Read a table's own metadata.

    Raises:
        NotASetError: the file does not exist, or is not Parquet.
        SchemaVersionError: it was written under a later schema version.
    """
    try:
        with path.open("rb") as file:  # pyarrow takes no path that is not UTF-8
            return _check_footer(path, pq.read_metadata(file))
    except FileNotFoundError as error:
        raise NotASetError(f"there is no file {path}") from error
    except (OSError, pa.ArrowInvalid) as error:
        raise NotASetError(f"{path} is not a readable Parquet file: {error}") from error


def _check_footer(path: Location, footer: pq.FileMetaData) -> Footer:
    raw = footer.metadata or {}
    kind, fingerprint, version, photos = (
        raw.get(f"facedata.{name}".encode(), default).decode(errors="replace")
        for name, default in (
            ("kind", b""), ("fingerprint", b""), ("schema_version", b"%d" % SCHEMA_VERSION), ("photos", b"")
        )
    )  # fmt: skip
    if version not in map(str, range(1, SCHEMA_VERSION + 1)):
        raise SchemaVersionError(
            f"{path} has schema version {version}; this facedata reads versions 1 to {SCHEMA_VERSION}: "
            "install a newer facedata, or make the file again"
        )
    return Footer(kind, fingerprint, footer.num_rows, int(version), photos)


def read_table(
    path: Location, kind: str, columns: list[str] | None = None, encoded: Sequence[str] = ()
) -> pa.Table:
    """Read a table after checking that it is of this kind, and of a schema version that is known.

    Args:
        path: the file.
        kind: the expected kind.
        columns: which to read; None for all. A ledger of version 1 gets those it lacks.
        encoded: text columns with few different values, to be dictionary-encoded in memory.

    Raises:
        NotASetError: no such file, not Parquet, or of another kind.
        SchemaVersionError: it was written under a later schema version.
    """
    footer = read_footer(path)
    if footer.kind not in ("", kind):
        raise NotASetError(f"{path} is a table of {footer.kind}, not of {kind}")
    if _is_old_ledger(footer):
        return pa.concat_tables(read_blocks(path, columns))
    with path.open("rb") as file:
        # pq.read_table would import pandas
        table = pq.ParquetFile(file, read_dictionary=list(encoded), pre_buffer=False).read(
            columns, use_threads=footer.rows > _FEW_ROWS
        )
        table = table if columns is None else table.select(columns)
        # one dictionary a column; other dictionary columns (pairs' paths) keep a small one per row group
        return table.unify_dictionaries() if encoded else table


def read_blocks(
    path: Location, columns: list[str] | None = None, groups: Iterable[int] | None = None
) -> Iterator[pa.Table]:
    """Yield a table, one row group at a time; a ledger of version 1 with the columns of today.

    Args:
        path: the file.
        columns: which to read; None for all.
        groups: the numbers of the row groups to read; None for all.
    """
    with path.open("rb") as file:
        metadata = pq.read_metadata(file)
        parquet = open_parquet(file, metadata)
        is_old = _is_old_ledger(_check_footer(path, metadata))
        present = columns
        if is_old and columns is not None:
            present = list(dict.fromkeys(ADDED.get(name, name) for name in columns))
        for number in range(parquet.num_row_groups) if groups is None else groups:
            rows = parquet.read_row_group(number, columns=present, use_threads=metadata.num_rows > _FEW_ROWS)
            if is_old:
                rows = upgrade_ledger(rows)
            yield rows if columns is None or not is_old else rows.select(columns)


def read_group_count(path: Location) -> int:
    """Return how many row groups a table has."""
    with path.open("rb") as file:
        return int(pq.read_metadata(file).num_row_groups)


def _is_old_ledger(footer: Footer) -> bool:
    return footer.kind == "photos" and footer.version < SCHEMA_VERSION


def read_schema(path: Location) -> pa.Schema:
    """Return a table's columns and their types."""
    with path.open("rb") as file:
        return pq.read_schema(file)
