"""The file of embeddings, and its parts while it is being made.

A file is one Parquet table: ``id`` int64, ``path`` text, ``embedding`` float32[dim] (a list of fixed size).
Its key-value metadata holds ``facedata.kind``, ``facedata.schema_version``, ``facedata.fingerprint`` (of the
set), ``facemodel.model`` (the model's fingerprint) and ``facemodel.settings`` (JSON: what it depends on).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from facedata.errors import NotASetError
from facedata.files.atomic import atomic_file
from facedata.files.remote import parse_location
from facedata.progress.folder import PartsFolder
from facedata.tables.parquet import read_footer
from facedata.tables.schema import ROW_GROUP_ROWS, SCHEMA_VERSION
from facedata.types import Float32Array, Int64Array

KIND = "embeddings"

PART_ROWS = 512
"""Rows of a part: the most that a killed run loses. No batch crosses a part's end, so this is a constant."""


@dataclass(frozen=True, eq=False)
class Embeddings:
    """Embeddings as read from a file.

    Attributes:
        ids: ``(n,)`` int64, as in the set.
        paths: the crops' paths.
        values: ``(n, dim)`` float32.
        fingerprint: of the set.
        model: the model's fingerprint.
        settings: everything that the file depends on.
    """

    ids: Int64Array
    paths: list[str]
    values: Float32Array
    fingerprint: str
    model: str
    settings: Mapping[str, Any]


def read_embeddings(path: str | os.PathLike[str]) -> Embeddings:
    """Read a file of embeddings.

    Raises:
        NotASetError: it is missing, damaged, or holds something else.
        SchemaVersionError: it was written under a later schema version.
    """
    settings = read_settings(Path(path))
    if settings is None:
        raise NotASetError(f"{path} is not a file of embeddings: make one with `facemodel embed`")
    with parse_location(path).open("rb") as file:
        table = pq.read_table(file)
    column = table.column("embedding")
    if pc.count_distinct(pc.list_value_length(column)).as_py() > 1 or column.null_count:
        raise NotASetError(f"{path} is damaged: its embeddings are not all of one length")
    chunks = [chunk.flatten().to_numpy(zero_copy_only=False) for chunk in column.chunks]
    values = np.concatenate([np.empty(0, np.float32), *chunks]).reshape(len(table), -1)
    return Embeddings(
        table.column("id").to_numpy(),
        table.column("path").to_pylist(),
        values,
        settings["fingerprint"],
        settings["model"],
        settings,
    )


def read_settings(path: Path) -> dict[str, Any] | None:
    """Return the settings that a file of embeddings was made with; None if it holds something else.

    Raises:
        NotASetError: it is missing, or not Parquet.
    """
    if read_footer(path).kind != KIND:
        return None
    with path.open("rb") as file:
        text = (pq.read_metadata(file).metadata or {}).get(b"facemodel.settings")
    return None if text is None else dict(json.loads(text))


class EmbeddingParts(PartsFolder):
    """The parts of a file that is being made: one file each, in a hidden folder beside it.

    Args:
        out: the file.
        settings: everything that it depends on; parts made with other settings are refused.
        rows: how many rows it will have.
        dim: length of an embedding.
    """

    settings_name = "work.json"

    def __init__(self, out: Path, settings: Mapping[str, Any], rows: int, dim: int) -> None:
        super().__init__(out, out.with_name(f".{out.name}.parts"))
        self.settings, self.rows, self.dim = dict(settings), rows, dim

    def missing(self) -> list[int]:
        """Return the numbers of the parts still to be made."""
        count = -(-self.rows // PART_ROWS)
        return [number for number in range(count) if not self._is_complete(number)]

    def rows_of(self, number: int) -> range:
        """Return the rows of a part."""
        return range(number * PART_ROWS, min((number + 1) * PART_ROWS, self.rows))

    def write(self, number: int, values: Float32Array) -> None:
        """Write a part atomically."""
        with atomic_file(self._file(number)) as stream:
            stream.write(np.ascontiguousarray(values, "<f4").tobytes())

    def close(self, ids: Int64Array, paths: pa.ChunkedArray) -> None:
        """Write the file from all parts atomically; then remove the parts.

        Raises:
            StoreError: it cannot be written.
        """
        fields = [
            pa.field("id", pa.int64(), nullable=False),
            pa.field("path", pa.string(), nullable=False),
            pa.field("embedding", pa.list_(pa.float32()), nullable=False),
        ]
        metadata = {
            "facedata.kind": KIND,
            "facedata.schema_version": str(SCHEMA_VERSION),
            "facedata.fingerprint": self.settings["fingerprint"],
            "facemodel.model": self.settings["model"],
            "facemodel.settings": json.dumps(self.settings, sort_keys=True),
        }
        schema = pa.schema(fields, metadata)
        with (
            atomic_file(self.out) as stream,
            # floats hardly ever repeat, so a dictionary would only add to them
            pq.ParquetWriter(stream, schema, compression="zstd", use_dictionary=False) as writer,
        ):
            for start in range(0, self.rows, ROW_GROUP_ROWS):
                stop = min(start + ROW_GROUP_ROWS, self.rows)
                values = np.concatenate(
                    [self._read(number) for number in range(start // PART_ROWS, -(-stop // PART_ROWS))]
                )
                ends = pa.array(np.arange(0, values.size + 1, self.dim), pa.int32())
                lists = pa.ListArray.from_arrays(ends, pa.array(values.reshape(-1)))
                columns = [ids[start:stop], paths.slice(start, stop - start).combine_chunks(), lists]
                writer.write_table(pa.table(columns, schema=schema), row_group_size=ROW_GROUP_ROWS)
        self.remove()

    def _read(self, number: int) -> Float32Array:
        if not self._is_complete(number):
            raise NotASetError(f"{self._file(number)} is missing or cut short: run the same command again")
        return np.frombuffer(self._file(number).read_bytes(), "<f4").reshape(-1, self.dim)

    def _is_complete(self, number: int) -> bool:
        file = self._file(number)
        return file.is_file() and file.stat().st_size == len(self.rows_of(number)) * self.dim * 4

    def _file(self, number: int) -> Path:
        return self.folder / f"{number:06d}.f4"
