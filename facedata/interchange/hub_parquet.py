"""Parquet as the Hugging Face hub and its package ``datasets`` have it: typed features, numbered shards."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import writing
from ..files.hashes import BackgroundHashes

IMAGE = pa.struct([pa.field("bytes", pa.binary()), pa.field("path", pa.string())])
"""The Arrow type of a picture: its file's bytes, and its path, which is free."""

FEATURES = b"huggingface"
"""The key of a schema's metadata under which ``datasets`` keeps the features."""

GROUP_ROWS = 256
"""Rows in a row group with pictures: the hub's viewer reads a whole one to show a row of it."""

_IMAGE_BYTES = "image.bytes"
_MAGIC = b"PAR1"
"""What a Parquet file begins with."""


def hub_schema(columns: pa.Schema, names: Mapping[str, Sequence[str]] | None = None) -> pa.Schema:
    """Return a schema whose metadata say the features of its columns.

    Args:
        columns: the columns; nulls may be anywhere, since ``datasets`` knows no other columns.
        names: of columns that number things (class labels), what they number.

    >>> schema = hub_schema(pa.schema([("image", IMAGE), ("label", pa.int64())]), {"label": ["Anna"]})
    >>> json.loads(schema.metadata[FEATURES])["info"]["features"]["label"]
    {'names': ['Anna'], '_type': 'ClassLabel'}
    """
    named = names or {}
    features = {
        field.name: {"names": list(named[field.name]), "_type": "ClassLabel"}
        if field.name in named
        else _feature(field.type)
        for field in columns
    }
    text = json.dumps({"info": {"features": features}}, ensure_ascii=False)
    return pa.schema([pa.field(each.name, each.type) for each in columns], {FEATURES: text.encode()})


def plain_type(kind: pa.DataType) -> pa.DataType:
    """Return the type that a column has on the hub, which knows no dictionaries and no columns of nulls."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return pa.list_(plain_type(kind.value_type))
    is_text = pa.types.is_large_string(kind) or str(kind) == "string_view"
    return pa.string() if pa.types.is_null(kind) or is_text else kind


def _feature(kind: pa.DataType) -> dict[str, Any]:
    if kind == IMAGE:
        return {"_type": "Image"}
    if pa.types.is_list(kind):
        return {"feature": _feature(kind.value_type), "_type": "Sequence"}
    names = {"float": "float32", "double": "float64", "halffloat": "float16", "date32[day]": "date32"}
    return {"dtype": names.get(str(kind), str(kind)), "_type": "Value"}


class HubShards:
    """Writes one table as ``<name>-00000-of-00002.parquet`` and so on.

    How many there are is known at the end only: until :meth:`close` they are called ``<name>-00000.parquet``.

    Args:
        folder: where they go.
        name: what their names begin with: the split.
        schema: the columns, as of :func:`hub_schema`.
        most_bytes: a shard ends before it has more than this, as far as whole row groups allow.
        group_rows: rows in a row group.

    Attributes:
        rows: how many rows there are so far.
        sha256: each file's, by its path, once all are closed.
    """

    def __init__(
        self, folder: Path, name: str, schema: pa.Schema, most_bytes: int, group_rows: int = GROUP_ROWS
    ) -> None:
        self.rows = 0
        self.sha256: dict[Path, str] = {}
        self._folder, self._name, self._schema = folder, name, schema
        self._most_bytes, self._group_rows = most_bytes, group_rows
        self._files: list[Path] = []
        self._shard: tuple[pq.ParquetWriter, IO[bytes]] | None = None
        self._open, self._hashes = ExitStack(), BackgroundHashes()
        self._digests: list[Future[str]] = []

    def __enter__(self) -> HubShards:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()
        self._hashes.__exit__()

    def write(self, rows: pa.Table) -> None:
        """Write rows, at best as many as a row group has.

        Raises:
            StoreError: a file cannot be written.
        """
        rows = rows.cast(self._schema)
        with writing(self._folder):
            writer, stream = self._shard or self._start_shard()
            if stream.tell() > len(_MAGIC) and stream.tell() + rows.nbytes > self._most_bytes:
                self._end_shard()
                writer, _ = self._start_shard()
            writer.write_table(rows, row_group_size=self._group_rows)
        self.rows += rows.num_rows

    def close(self) -> list[Path]:
        """End the last shard and return the files, under their names: one of no rows where none was written.

        Raises:
            StoreError: a file cannot be written.
        """
        with writing(self._folder):
            if not self._files:
                self._start_shard()
            self._end_shard()
            total = len(self._files)
            files = [
                file.rename(file.with_name(f"{file.stem}-of-{total:05d}.parquet")) for file in self._files
            ]
            self.sha256 = {file: digest.result() for file, digest in zip(files, self._digests, strict=True)}
        return files

    def _start_shard(self) -> tuple[pq.ParquetWriter, IO[bytes]]:
        self._folder.mkdir(exist_ok=True)
        file = self._folder / f"{self._name}-{len(self._files):05d}.parquet"
        self._files.append(file)
        stream = self._open.enter_context(file.open("xb"))
        others = [path for path in self._leaves() if path != _IMAGE_BYTES]
        writer = self._open.enter_context(
            pq.ParquetWriter(
                stream, self._schema,
                # a JPEG grows when it is compressed again; nothing is looked up by a picture's bytes
                compression={**dict.fromkeys(others, "zstd"), _IMAGE_BYTES: "none"},
                use_dictionary=others, write_statistics=others,
                # so that the viewer finds a row without reading the whole file
                write_page_index=True,
            )
        )  # fmt: skip
        self._shard = writer, stream
        return self._shard

    def _end_shard(self) -> None:
        if self._shard is not None:
            self._open.close()
            self._shard = None
            self._digests.append(self._hashes.add(self._files[-1]))

    def _leaves(self) -> list[str]:
        """Return the paths of the columns as Parquet names them."""
        found = []
        for field in self._schema:
            if field.type == IMAGE:
                found += [f"{field.name}.bytes", f"{field.name}.path"]
            else:
                found.append(f"{field.name}.list.element" if pa.types.is_list(field.type) else field.name)
        return found
