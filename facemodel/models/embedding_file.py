"""The file of embeddings, and its parts while it is being made.

A file is one Parquet table: ``id`` int64, ``path`` text, ``embedding`` float32[dim] (a list of fixed size),
and, in a file that `check` keeps, the ``crop_sha256`` that it is of. Its key-value metadata holds
``facedata.kind``, ``facedata.schema_version``, ``facedata.fingerprint`` (of the set), ``facemodel.model``
(the model's fingerprint), ``facemodel.settings`` (JSON: what it depends on) and, where there are crops'
SHA-256, the numbers' own in ``facemodel.values_sha256``.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from facedata.errors import NotASetError, writing
from facedata.files.atomic import atomic_file
from facedata.files.remote import Location, parse_location
from facedata.progress.folder import PartsFolder
from facedata.tables.parquet import read_footer
from facedata.tables.schema import ROW_GROUP_ROWS, SCHEMA_VERSION
from facedata.types import Float32Array, Int64Array

KIND = "embeddings"

PART_ROWS = 512
"""Rows of a part: the most that a killed run loses. No batch crosses a part's end, so this is a constant."""


_READ_ROWS = 16_384
"""Rows read at a time."""

_IN_MEMORY_BYTES = 1 << 29
"""More numbers than this lie in a file while they are used, so that the memory is free for others."""


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
        digests: the crops' SHA-256, ``(n,)`` Arrow text; None if the file does not have them.
    """

    ids: Int64Array
    paths: list[str]
    values: Float32Array
    fingerprint: str
    model: str
    settings: Mapping[str, Any]
    digests: pa.ChunkedArray | None = None


def read_embeddings(path: str | os.PathLike[str], scratch: Path | None = None) -> Embeddings:
    """Read a file of embeddings.

    Args:
        path: the file.
        scratch: a folder for a file without a name, in which more than 512 MB of numbers lie, memory-mapped,
            while they are used; None to hold them in memory.

    Raises:
        NotASetError: it is missing, damaged, or holds something else.
        SchemaVersionError: it was written under a later schema version.
        StoreError: the numbers cannot be written to the folder.
    """
    location = parse_location(path)
    settings = read_settings(Path(path))
    if settings is None:
        raise NotASetError(f"{path} is not a file of embeddings: make one with `facemodel embed`")
    try:
        with location.open("rb") as file:
            parquet = pq.ParquetFile(file, pre_buffer=False)
            there = {"id", "path", "crop_sha256"} & {*parquet.schema_arrow.names}
            table = parquet.read(sorted(there))
    except (pa.ArrowException, OSError) as error:
        raise NotASetError(f"{path} is damaged: {error}") from error
    return Embeddings(
        table.column("id").to_numpy(),
        table.column("path").to_pylist(),
        collect_rows(read_values(location), len(table), scratch),
        settings["fingerprint"],
        settings["model"],
        settings,
        table.column("crop_sha256") if "crop_sha256" in there else None,
    )


def read_values(path: Location) -> Iterator[Float32Array]:
    """Yield the embeddings of a file in blocks, ``(some, dim)`` float32.

    Raises:
        NotASetError: it is damaged. What only the sum of all its bytes shows is said after the last block.
    """
    digest, dim = hashlib.sha256(), None
    with path.open("rb") as file:
        try:
            parquet = pq.ParquetFile(file, pre_buffer=False)
            wanted = (parquet.metadata.metadata or {}).get(b"facemodel.values_sha256")
            for batch in parquet.iter_batches(_READ_ROWS, columns=["embedding"]):
                column = batch.column(0)
                if column.type.value_type != pa.float32():
                    raise NotASetError(f"{path} is damaged: its embeddings are {column.type}")
                lengths = {dim, *pc.unique(pc.list_value_length(column)).to_pylist()} - {None}
                values = column.flatten()
                if len(lengths) > 1 or column.null_count or values.null_count:
                    raise NotASetError(f"{path} is damaged: its embeddings are not all of one length")
                dim = next(iter(lengths), dim)
                block = values.to_numpy(zero_copy_only=False).reshape(len(batch), -1)
                digest.update(np.ascontiguousarray(block, "<f4").data)
                yield block
        except (pa.ArrowException, OSError) as error:
            raise NotASetError(f"{path} is damaged: {error}") from error
    if wanted is not None and wanted.decode(errors="replace") != digest.hexdigest():
        raise NotASetError(f"{path} is damaged: its numbers are not those that were written")


def collect_rows(blocks: Iterable[Float32Array], rows: int, scratch: Path | None = None) -> Float32Array:
    """Return blocks of rows as one array: in memory, or in a file if it would be large.

    Args:
        blocks: ``(some, dim)`` float32.
        rows: how many there are at most.
        scratch: the folder of the file, which has no name and is gone with the array; None for memory.

    Raises:
        StoreError: the file cannot be written.
    """
    blocks = iter(blocks)
    first = next(blocks, np.empty((0, 0), np.float32))
    dim = first.shape[1]
    if scratch is None or rows * dim * 4 <= _IN_MEMORY_BYTES:
        every, done = np.empty((rows, dim), np.float32), 0
        for block in chain([first], blocks):
            every[done : done + len(block)] = block
            done += len(block)
        return every[:done]
    with writing(scratch), tempfile.TemporaryFile(dir=scratch) as file:
        done = 0
        for block in chain([first], blocks):
            # not through the map: a full disk would end the process
            file.write(np.ascontiguousarray(block, np.float32).data)
            done += len(block)
        file.flush()
        return np.memmap(file, np.float32, "r", shape=(done, dim))


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

    def close(self, ids: Int64Array, paths: pa.ChunkedArray, digests: pa.ChunkedArray | None = None) -> None:
        """Write the file from all parts atomically; then remove the parts.

        Args:
            ids: ``(rows,)`` int64, as in the set.
            paths: the crops' paths.
            digests: the crops' SHA-256, if the file is to have them; then it also gets its numbers' own.

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
        if digests is not None:
            fields.append(pa.field("crop_sha256", pa.string(), nullable=False))
            metadata["facemodel.values_sha256"] = self._values_sha256()
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
                if digests is not None:
                    columns.append(digests.slice(start, stop - start).combine_chunks())
                writer.write_table(pa.table(columns, schema=schema), row_group_size=ROW_GROUP_ROWS)
        self.remove()

    def _values_sha256(self) -> str:
        digest = hashlib.sha256()
        for number in range(-(-self.rows // PART_ROWS)):
            digest.update(np.ascontiguousarray(self._read(number)).data)
        return digest.hexdigest()

    def _read(self, number: int) -> Float32Array:
        if not self._is_complete(number):
            raise NotASetError(f"{self._file(number)} is missing or cut short: run the same command again")
        return np.frombuffer(self._file(number).read_bytes(), "<f4").reshape(-1, self.dim)

    def _is_complete(self, number: int) -> bool:
        file = self._file(number)
        return file.is_file() and file.stat().st_size == len(self.rows_of(number)) * self.dim * 4

    def _file(self, number: int) -> Path:
        return self.folder / f"{number:06d}.f4"
