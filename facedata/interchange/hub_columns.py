"""Parquet tables with pictures, as the hub has them: which columns have what, and a picture by its row."""

from __future__ import annotations

import json
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import SourceError
from .hub_parquet import FEATURES

_PICTURES = frozenset(("image", "img", "picture", "photo", "face", "crop", "jpg", "jpeg", "png", "webp"))
"""Names under which a column of bytes, without features, is one of pictures."""

_PAGE_BYTES = 1 << 20
_BATCH_BYTES, _BATCH_ROWS = 1 << 25, 64
"""Pictures are decoded so many at a time: of large ones fewer."""


class HubColumns:
    """What the columns of a Parquet file are.

    Attributes:
        schema: the columns.
        rows: how many rows there are.
        pictures: the columns of pictures.
        class_names: of columns that number things, what they number.

    Args:
        file: the Parquet file.

    Raises:
        SourceError: it cannot be read.
    """

    def __init__(self, file: Path) -> None:
        try:
            with file.open("rb") as stream:  # pyarrow takes no path that is not UTF-8
                footer = pq.read_metadata(stream)
                self.schema = footer.schema.to_arrow_schema()
        except (OSError, ValueError, pa.ArrowException) as error:
            raise _damage(file, error) from error
        names = self.schema.names
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise SourceError(f"{file} has two columns called {twice!r}: write it again with other names")
        self.rows = int(footer.num_rows)
        features = self._read_features()
        self.pictures = [
            field.name for field in self.schema if self._is_picture(field, features.get(field.name))
        ]
        self.class_names: dict[str, list[str]] = {
            field.name: features[field.name].get("names") or []
            for field in self.schema
            if _is_number(field.type) and _type(features.get(field.name)) == "ClassLabel"
        }
        for name, values in self.class_names.items():
            if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
                raise SourceError(
                    f"{file} is damaged: the names of its class label {name} are no list of texts; copy or "
                    "download it again"
                )

    def _read_features(self) -> dict[str, Any]:
        try:
            text = (self.schema.metadata or {})[FEATURES].decode()
            features = json.loads(text)["info"]["features"]
            json.dumps(features, ensure_ascii=False).encode()  # half a letter can be escaped, and not stored
        except (KeyError, TypeError, ValueError, RecursionError):  # others' files have none, or their own
            return {}
        return features if isinstance(features, dict) else {}

    def _is_picture(self, field: pa.Field, feature: Any) -> bool:
        kind = field.type
        if pa.types.is_struct(kind):
            parts = {part.name: part.type for part in kind}
            is_both = set(parts) == {"bytes", "path"} and _is_bytes(parts["bytes"])
            return is_both and (_is_text(parts["path"]) or pa.types.is_null(parts["path"]))
        is_named = feature is None and field.name.lower() in _PICTURES
        return _is_bytes(kind) and (_type(feature) == "Image" or is_named)


def read_columns(file: Path, columns: list[str]) -> pa.Table:
    """Read columns of a file, none of pictures; ``picture.path`` reads of pictures the path alone.

    Raises:
        SourceError: they cannot be read.
    """
    try:
        with file.open("rb") as stream:
            return pq.ParquetFile(stream, pre_buffer=False).read(columns, use_threads=False)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise _damage(file, error) from error


class PictureRows:
    """Reads pictures of one file by row, best in ascending order.

    A few dozen are held at a time, and a page of the file: not a row group, which may be all there is.

    Args:
        file: the Parquet file.
        column: the column of pictures.

    Raises:
        OSError: it cannot be opened.
    """

    def __init__(self, file: Path, column: str) -> None:
        stream = file.open("rb", buffering=0)
        weakref.finalize(self, stream.close)
        self._file, self._column, self._lock = file, column, threading.Lock()
        try:
            # with a buffer, a column of a row group is not read as a whole
            self._parquet = pq.ParquetFile(stream, buffer_size=_PAGE_BYTES, pre_buffer=False)
        except (ValueError, pa.ArrowException) as error:
            stream.close()
            raise OSError(f"{file} is no Parquet file any more: {error}") from error
        groups = self._parquet.metadata
        counts = [groups.row_group(number).num_rows for number in range(groups.num_row_groups)]
        self._starts = np.cumsum([0, *counts])
        self._group, self._at = -1, 0
        self._batches: Iterator[pa.RecordBatch] = iter(())
        self._values: list[Any] = []

    def read(self, row: int) -> tuple[bytes | None, str | None]:
        """Return a picture's bytes, None if the file has none, and its path, if it has one.

        Raises:
            OSError: the row is not there, or is damaged.
        """
        with self._lock:  # the report reads photos in threads
            try:
                value = self._read(row)
            except (OSError, ValueError, StopIteration, pa.ArrowException) as error:
                self._group = -1
                raise OSError(f"cannot read row {row:,} of {self._file}: {error}") from error
        if isinstance(value, dict):
            return value.get("bytes"), value.get("path")
        return value, None

    def _read(self, row: int) -> Any:
        group = int(np.searchsorted(self._starts, row, side="right")) - 1
        if not 0 <= group < len(self._starts) - 1:
            raise ValueError("there is no such row")
        number = row - int(self._starts[group])
        if group != self._group or number < self._at:
            self._start(group)
        while number >= self._at + len(self._values):
            self._at += len(self._values)
            self._values = next(self._batches).column(0).to_pylist()
        return self._values[number - self._at]

    def _start(self, group: int) -> None:
        info = self._parquet.metadata.row_group(group)
        chunks = [info.column(number) for number in range(info.num_columns)]
        total = sum(
            chunk.total_uncompressed_size
            for chunk in chunks
            if chunk.path_in_schema.partition(".")[0] == self._column
        )
        rows = max(1, min(_BATCH_ROWS, _BATCH_BYTES * max(info.num_rows, 1) // max(total, 1)))
        self._group, self._at, self._values = group, 0, []
        self._batches = self._parquet.iter_batches(rows, [group], [self._column], use_threads=False)


def _type(feature: Any) -> str:
    return str(feature.get("_type")) if isinstance(feature, dict) else ""


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind.value_type if pa.types.is_dictionary(kind) else kind))


def _damage(file: Path, error: Exception) -> SourceError:
    why = (str(error) or type(error).__name__).splitlines()[0]
    return SourceError(f"cannot read the Parquet file {file}: {why}; copy or download it again")
