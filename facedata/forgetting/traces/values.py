"""What lies in tables and arrays: Parquet, Arrow, NumPy's and safetensors' files, read piece by piece."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable, Iterator
from tokenize import TokenError
from typing import IO, Any, NamedTuple, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ...types import Int64Array
from .parts import IN_MEMORY_BYTES, Blob, NotSearchedError, Part

_MOST_GROUP_BYTES = 4 << 30
_MOST_HEADER_BYTES = 100 << 20
_TENSOR_TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2"}


class Text(NamedTuple):
    """A text in a file's own description of itself."""

    place: str
    text: bytes


class Column(NamedTuple):
    """Some values of a column: texts, bytes, or lists of numbers as ``(m, dim)``."""

    place: str
    first_row: int
    values: pa.Array | NDArray[Any]


Piece = Text | Column


def reader_of(head: bytes) -> Callable[[Blob, list[int]], Iterator[Piece]] | None:
    """Return the function that reads a file's values; None if it is of no such format.

    Args:
        head: the file's first bytes.
    """
    if head.startswith(b"PAR1"):
        return read_parquet
    schema = int.from_bytes(head[4:8], "little")  # its length, in a stream
    is_stream = head.startswith(b"\xff\xff\xff\xff") and 0 < schema < _MOST_HEADER_BYTES and not schema % 8
    if head.startswith(b"ARROW1\0\0") or is_stream:
        return read_arrow
    if head.startswith(b"\x93NUMPY"):
        return read_numpy
    header = int.from_bytes(head[:8], "little")
    is_safetensors = len(head) > 9 and head[8:9] == b"{" and 2 <= header < _MOST_HEADER_BYTES
    return read_safetensors if is_safetensors else None


def read_parquet(blob: Blob, lengths: list[int]) -> Iterator[Piece]:
    """Yield the metadata and all columns of a Parquet file.

    Its statistics are not asked for: of a damaged file that ends the process (pyarrow 26).

    Args:
        blob: the file.
        lengths: of lists of numbers that are wanted.

    Raises:
        NotSearchedError: it is damaged, or too large to read a row group.
    """
    try:
        parquet = pq.ParquetFile(_arrow_file(blob), pre_buffer=False, buffer_size=1 << 20)
        about = parquet.metadata
        for key, value in (about.metadata or {}).items():
            yield Text(f"metadata {key.decode('utf-8', 'replace')}", key + b"\n" + value)
        for number in range(about.num_row_groups):
            group = about.row_group(number)
            if group.total_byte_size > _MOST_GROUP_BYTES:
                raise NotSearchedError(f"row group {number} has {group.total_byte_size:,} bytes")
        rows_at_a_time = min(65_536, max(64, (8 << 20) * max(1, about.num_rows) // max(1, blob.size)))
        row = 0
        for batch in parquet.iter_batches(rows_at_a_time):
            yield from _columns(batch, row, lengths)
            row += len(batch)
    except (pa.ArrowException, OSError, ValueError, TypeError) as error:
        raise NotSearchedError(f"it is no readable Parquet file: {first_line(error)}") from error


def read_arrow(blob: Blob, lengths: list[int]) -> Iterator[Piece]:
    """Yield the metadata and all columns of an Arrow file or stream; arguments and errors as above."""
    try:
        file = _arrow_file(blob)
        opened = pa.ipc.open_file if blob.read(0, 6) == b"ARROW1" else pa.ipc.open_stream
        reader = opened(file)
        for key, value in (reader.schema.metadata or {}).items():
            yield Text(f"metadata {key.decode('utf-8', 'replace')}", key + b"\n" + value)
        count = getattr(reader, "num_record_batches", None)
        batches = reader if count is None else (reader.get_batch(number) for number in range(count))
        row = 0
        for batch in batches:
            batch.validate(full=True)  # its offsets may point anywhere
            yield from _columns(batch, row, lengths)
            row += len(batch)
    except (pa.ArrowException, OSError, ValueError, TypeError, MemoryError) as error:
        raise NotSearchedError(f"it is no readable Arrow file: {first_line(error)}") from error


def read_numpy(blob: Blob, lengths: list[int]) -> Iterator[Piece]:
    """Yield the texts or the rows of numbers of an array; arguments and errors as above."""
    try:
        blob.stream.seek(0)
        version = np.lib.format.read_magic(blob.stream)
        read = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of headers that Python 2 wrote
            shape, by_column, kind = read(blob.stream)
    except (ValueError, OSError, EOFError, SyntaxError, TokenError) as error:
        raise NotSearchedError(f"it is no readable array: {first_line(error)}") from error
    start, count = blob.stream.tell(), math.prod(shape)
    if kind.hasobject:
        return  # a pickle: only its bytes are searched
    if kind.kind in "US" and kind.itemsize:
        at_a_time = max(1, IN_MEMORY_BYTES // 8 // kind.itemsize)
        for first in range(0, count, at_a_time):
            data = blob.read(start + first * kind.itemsize, at_a_time * kind.itemsize)
            texts = np.frombuffer(data, kind, len(data) // kind.itemsize)
            values = [
                one if isinstance(one, str) else one.decode("utf-8", "replace") for one in texts.tolist()
            ]
            yield Column("array", first, pa.array(values, pa.large_string()))
    elif kind.kind == "f" and len(shape) > 1 and shape[-1] in lengths and not by_column:
        yield from _rows(blob, start, count // shape[-1], shape[-1], kind, "array")


def read_safetensors(blob: Blob, lengths: list[int]) -> Iterator[Piece]:
    """Yield the header and the rows of numbers of a file of tensors; arguments and errors as above."""
    size = int.from_bytes(blob.read(0, 8), "little")
    if size + 8 > blob.size:
        raise NotSearchedError("it is no readable file of tensors: its header is cut off")
    try:
        text = blob.read(8, size)
        header = json.loads(text)
        yield Text("header", text)
        for name, about in header.items():
            kind = _TENSOR_TYPES.get(about.get("dtype"))
            shape = about.get("shape")
            if kind and len(shape) > 1 and shape[-1] in lengths:
                start, end = (8 + size + int(at) for at in about["data_offsets"])
                width = np.dtype(kind).itemsize * shape[-1]
                yield from _rows(
                    blob, start, (end - start) // width, shape[-1], np.dtype(kind), f"tensor {name}"
                )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise NotSearchedError(f"it is no readable file of tensors: {first_line(error)}") from error


def join_values(values: pa.Array) -> tuple[Int64Array, bytes]:
    """Return a column's values one after the other, and where each begins; the last number is their end."""
    _, offsets, letters = values.buffers()
    wide = pa.types.is_large_string(values.type) or pa.types.is_large_binary(values.type)
    kind = np.int64 if wide else np.int32
    if offsets is None or not len(values):
        return np.zeros(1, np.int64), b""
    ends = np.frombuffer(offsets, kind)[values.offset : values.offset + len(values) + 1].astype(np.int64)
    data = b"" if letters is None else bytes(memoryview(letters)[int(ends[0]) : int(ends[-1])])
    return ends - ends[0], data


def _rows(blob: Blob, start: int, count: int, dim: int, kind: np.dtype[Any], place: str) -> Iterator[Column]:
    """Yield rows of numbers that lie one after the other."""
    width = kind.itemsize * dim
    at_a_time = max(1, IN_MEMORY_BYTES // 4 // width)
    for first in range(0, count, at_a_time):
        data = blob.read(start + first * width, min(at_a_time, count - first) * width)
        rows = len(data) // width
        if rows:
            yield Column(place, first, np.frombuffer(data, kind, rows * dim).reshape(rows, dim))


def _columns(batch: pa.RecordBatch, row: int, lengths: list[int]) -> Iterator[Column]:
    for name, values in zip(batch.schema.names, batch.columns, strict=True):
        yield from _leaves(values, f"column {name}", row, lengths)


def _leaves(values: pa.Array, place: str, row: int, lengths: list[int]) -> Iterator[Column]:
    """Yield the texts, the bytes and the lists of numbers in some values of any type."""
    kind = values.type
    if isinstance(values, pa.ExtensionArray):
        yield from _leaves(values.storage, place, row, lengths)
    elif pa.types.is_dictionary(kind):
        yield from _leaves(values.dictionary, f"{place}, dictionary", 0, lengths)
    elif pa.types.is_struct(kind):
        for number, field in enumerate(kind):
            yield from _leaves(values.field(number), f"{place}.{field.name}", row, lengths)
    elif pa.types.is_map(kind):
        yield from _leaves(values.keys, f"{place}, keys", 0, lengths)
        yield from _leaves(values.items, f"{place}, items", 0, lengths)
    elif pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        inner = values.flatten()
        if pa.types.is_floating(inner.type):
            yield from _number_lists(values, place, row, lengths)
        else:
            yield from _leaves(inner, f"{place}, items", 0, lengths)
    elif str(kind) in ("string", "large_string", "binary", "large_binary"):
        yield Column(place, row, values)
    elif pa.types.is_fixed_size_binary(kind):
        yield Column(place, row, values.cast(pa.binary()))
    elif str(kind) in ("string_view", "binary_view"):
        yield Column(
            place, row, values.cast(pa.large_string() if "string" in str(kind) else pa.large_binary())
        )
    elif pa.types.is_union(kind) or pa.types.is_run_end_encoded(kind):
        raise NotSearchedError(f"{place} is of the type {kind}, which is not read here")


def _number_lists(values: pa.Array, place: str, row: int, lengths: list[int]) -> Iterator[Column]:
    """Yield the lists that have a wanted length as rows."""
    counts = pc.list_value_length(values)
    for dim in lengths:
        some = values.filter(pc.fill_null(pc.equal(counts, dim), False))
        if len(some):
            numbers = some.flatten().fill_null(math.nan).to_numpy(zero_copy_only=False)
            yield Column(place, row, numbers.reshape(-1, dim))


def _arrow_file(blob: Blob) -> Any:
    if blob.size <= IN_MEMORY_BYTES:
        return pa.BufferReader(blob.read(0, blob.size))
    return pa.PythonFile(cast(IO[bytes], Part(blob, 0, blob.size)), "r")


def first_line(error: Exception) -> str:
    """Return the first line of what an error says."""
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
