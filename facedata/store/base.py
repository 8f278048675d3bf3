"""The protocol of a store, which holds the bytes of a set's crops."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np
import pyarrow as pa

from ..tables.schema import CLASSES
from ..types import BoolArray

CROPS = "crops"
"""The folder of a set that holds its crops, in every store."""


class Store(Protocol):
    """Takes crops' bytes in workers and arranges them at the end; must be picklable."""

    kept_columns: Sequence[str]
    """The columns of the classes table that :meth:`keep_only` needs."""

    def put(self, shard: str, crops: Sequence[tuple[str, bytes]]) -> None:
        """Store the crops of one shard: keys (``<identity>/<name>.jpg``) and bytes, replacing older ones.

        Raises:
            StoreError: they cannot be written.
        """
        ...

    def has_crops(self, rows: pa.Table, wanted: BoolArray) -> BoolArray:
        """Return which rows have their crop in the store, or need none; True for rows not to be checked.

        Args:
            rows: columns path, crop_length and crop_sha256, of this run's parts or a previous set.
            wanted: ``(n,)`` bool, which rows to check.
        """
        ...

    def assign_files(self, classes: Iterable[pa.Table]) -> Iterator[pa.Table]:
        """Yield the classes table, piece by piece in ascending id, with its files and offsets filled in."""
        ...

    def keep_only(self, classes: Iterable[pa.Table]) -> None:
        """Make the set hold exactly these crops, in their files; if killed, it can be called again.

        Raises:
            StoreError: they cannot be written.
        """
        ...


def replace_files(table: pa.Table, files: pa.Array | pa.ChunkedArray, offsets: np.ndarray) -> pa.Table:
    """Return a classes table with other files and offsets."""
    for name, values in (("file", files), ("offset", pa.array(offsets, pa.int64()))):
        table = table.set_column(table.schema.get_field_index(name), CLASSES.field(name), values)
    return table
