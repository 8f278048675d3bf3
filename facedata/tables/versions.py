"""Tables of schema version 1, brought to today's columns and types as they are read; pure functions.

Version 1 had lists of a fixed size, which pyarrow below 26 cannot read or write where some are null, and
lacked the columns in :data:`ADDED`.
"""

from __future__ import annotations

from typing import IO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .schema import PHOTOS

ADDED = {"source_identity": "identity", "turned_deg": "faces", "source": "record", "licence": "record"}
"""The ledger's columns that version 1 lacked, each with the column that it is made from."""


def open_parquet(file: IO[bytes], footer: pq.FileMetaData | None = None) -> pq.ParquetFile:
    """Open a Parquet file so that every pyarrow can read it: lists of a fixed size as lists of any length.

    Such lists lie in the file as any others do; only the Arrow schema beside them says that they have one
    size, and makes pyarrow below 26 fail at a null. So that schema is replaced, where that is possible.

    The caller's thread reads. With ``pre_buffer`` a thread of pyarrow's would, and where Python ends before
    it has freed what it read, the process is aborted.

    Args:
        file: open for reading.
        footer: the file's metadata, where they have been read already.
    """
    footer = pq.read_metadata(file) if footer is None else footer
    parquet = pq.ParquetFile(file, metadata=footer, pre_buffer=False)
    schema = parquet.schema_arrow
    plain = pa.schema([field.with_type(_any_length(field.type)) for field in schema])
    if plain.types == schema.types:
        return parquet
    empty = pa.BufferOutputStream()
    pq.ParquetWriter(empty, plain).close()
    replaced = pq.read_metadata(pa.BufferReader(empty.getvalue()))
    if not replaced.schema.equals(footer.schema):  # another program wrote it, in a form of its own
        return parquet
    replaced.append_row_groups(footer)
    return pq.ParquetFile(file, metadata=replaced, pre_buffer=False)


def _any_length(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_fixed_size_list(kind) or pa.types.is_list(kind):
        return pa.list_(_any_length(kind.value_type))
    return kind


def upgrade_ledger(rows: pa.Table) -> pa.Table:
    """Return rows of version 1, of a ledger or a part, with the types and columns that they would have today.

    A photo was turned by its EXIF data alone, so ``turned_deg`` is 0 where a face was found. ``source`` and
    ``licence`` are null, since only dataset.json knows them. A column that cannot be made, because the one it
    is made from is not there, stays absent; meta_* columns follow the others.
    """
    columns = {name: rows.column(name) for name in rows.column_names}
    for name in rows.column_names:
        if name in PHOTOS.names and columns[name].type != PHOTOS.field(name).type:
            # taken, since a cast leaves numbers behind a null list, which pyarrow below 25 cannot write
            everything = pa.array(range(rows.num_rows), pa.int64())
            columns[name] = columns[name].cast(PHOTOS.field(name).type).take(everything)
    if "identity" in columns:
        columns["source_identity"] = columns["identity"]
    if "faces" in columns:
        zero, null = (pa.scalar(value, pa.int32()) for value in (0, None))
        columns["turned_deg"] = pc.if_else(pc.greater(columns["faces"], 0), zero, null)
    for name in ("source", "licence"):
        columns[name] = pa.chunked_array([pa.nulls(rows.num_rows, PHOTOS.field(name).type)])
    order = [name for name in PHOTOS.names if name in columns]
    order += [name for name in columns if name not in order]
    fields = [PHOTOS.field(name) if name in PHOTOS.names else rows.schema.field(name) for name in order]
    return pa.table([columns[name] for name in order], schema=pa.schema(fields))
