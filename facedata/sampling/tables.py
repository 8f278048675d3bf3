"""One split's crops as arrays for sampling, and drawn row numbers as tables of pairs and triplets."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..files.remote import Location
from ..tables import schema
from ..tables.blocks import BLOCK_ROWS, as_large_array
from ..tables.parquet import read_table
from ..types import BoolArray, Int32Array, Int64Array
from .sample import Drawing, pair_drawing, triplet_drawing
from .spaces import PairRows, Rule, TripletRows
from .split import TRAIN

_TABLE_ROWS = 8
"""A table has at most so many rows for each row that is looked up."""


def read_crops(file: Location) -> pa.Table:
    """Read the columns of a classes table that :class:`SplitCrops` needs; 60 bytes a crop in memory."""
    return read_table(
        file, "classes", ["id", "path", "identity", "role", "split"], encoded=["identity", "role", "split"]
    )


class SplitCrops:
    """The crops of one split, as arrays for sampling; each is made when it is needed.

    Args:
        classes: a table with columns id, path, identity, role and split; rows of other splits are ignored.
        split: the split's name.

    Attributes:
        ids: ``(n,)`` int64, each crop's id.
        paths: ``(n,)`` their paths.
        person: ``(n,)`` int64, a code from 0 per identity, in order of first appearance.
        reference: ``(n,)`` bool, which are reference photos.
    """

    def __init__(self, classes: pa.Table, split: str) -> None:
        self.split, self._classes = split, classes
        self._mine = _is_text(classes.column("split"), split)
        identities = classes.column("identity").filter(self._mine)
        if pa.types.is_string(identities.type):
            identities = identities.dictionary_encode()
        codes = np.concatenate([np.empty(0, np.int32), *(c.indices.to_numpy() for c in identities.chunks)])
        first = np.full(int(codes.max(initial=-1)) + 1, len(codes))
        runs = np.flatnonzero(np.diff(codes, prepend=-1))[::-1]
        first[codes[runs]] = runs  # of several the last one written is the first
        rank = np.empty(len(first), np.int64)
        rank[np.argsort(first, kind="stable")] = np.arange(len(first))
        self.person: Int64Array = rank[codes]

    def __len__(self) -> int:
        return len(self.person)

    @cached_property
    def ids(self) -> Int64Array:
        """Return each crop's id."""
        return np.asarray(self._classes.column("id").filter(self._mine))

    @cached_property
    def paths(self) -> pa.Array:
        """Return the crops' paths."""
        return as_large_array(self._classes.column("path").filter(self._mine))

    @cached_property
    def reference(self) -> BoolArray:
        """Return which crops are of reference photos."""
        return np.asarray(_is_text(self._classes.column("role").filter(self._mine), "reference"), np.bool_)

    def pairs(self, count: int | None, seed: int, rule: Rule) -> Drawing[PairRows]:
        """Plan pairs; arguments and errors as in :func:`facedata.sampling.sample.pair_drawing`."""
        return pair_drawing(self.person, count, self._rng(seed, "pairs"), rule, self.reference)

    def triplets(self, count: int | None, seed: int, rule: Rule) -> Drawing[TripletRows]:
        """Plan triplets; arguments and errors as in :func:`facedata.sampling.sample.triplet_drawing`."""
        return triplet_drawing(self.person, count, self._rng(seed, "triplets"), rule, self.reference)

    def _rng(self, seed: int, kind: str) -> np.random.Generator:
        """Return the random generator of this split and table only, so that none depends on another."""
        words = np.frombuffer(hashlib.sha256(f"{kind}:{self.split}".encode()).digest(), "<u4")
        return np.random.default_rng([seed, *words.tolist()])

    def pair_tables(self, chunks: Iterable[PairRows]) -> Iterator[pa.Table]:
        """Yield tables of :data:`facedata.tables.schema.PAIRS`, one row group each."""
        for left, right, same in _row_groups(chunks):
            ids, paths = zip(self._crop_columns(left), self._crop_columns(right), strict=True)
            columns = [*ids, *paths, same, self._split_column(len(left)), pa.nulls(len(left), pa.int32())]
            yield pa.table(columns, schema=schema.PAIRS)

    def triplet_tables(self, chunks: Iterable[TripletRows]) -> Iterator[pa.Table]:
        """Yield tables of :data:`facedata.tables.schema.TRIPLETS`, one row group each."""
        for rows in _row_groups(chunks):
            ids, paths = zip(*map(self._crop_columns, rows), strict=True)
            yield pa.table([*ids, *paths, self._split_column(len(rows[0]))], schema=schema.TRIPLETS)

    def _crop_columns(self, rows: Int64Array) -> tuple[Int64Array, pa.DictionaryArray]:
        """Return the rows' ids, and their paths with a dictionary of only these: a row group has its own."""
        used, indices = find_distinct(rows)
        paths = self.paths.take(pa.array(used)).cast(pa.string())
        return self.ids[used][indices], pa.DictionaryArray.from_arrays(indices, paths)

    def _split_column(self, count: int) -> pa.DictionaryArray:
        return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int32)), pa.array([self.split]))


def _is_text(column: pa.ChunkedArray, text: str) -> pa.ChunkedArray:
    """Return which values are a text; a dictionary's texts are compared once each."""
    if not pa.types.is_dictionary(column.type):
        return pc.fill_null(pc.equal(column, text), False)
    pieces = [
        pc.fill_null(pc.equal(chunk.indices, pc.index(chunk.dictionary, text)), False)
        for chunk in column.chunks
    ]
    return pa.chunked_array(pieces, pa.bool_())


def find_distinct(rows: Int64Array) -> tuple[Int64Array, Int32Array]:
    """Return what ``np.unique(rows, return_inverse=True)`` does, in a third of its time or less.

    Rows near each other (of one person's photos) are looked up in a table. Of others, number and place are
    sorted as one number: rows must be below 2**31, and no more.

    >>> [array.tolist() for array in find_distinct(np.array([7, 5, 7]))]
    [[5, 7], [1, 0, 1]]
    """
    first, last = int(rows.min(initial=1 << 31)), int(rows.max(initial=0))
    if 0 <= last - first < _TABLE_ROWS * len(rows):
        is_used, at = np.zeros(last - first + 1, np.bool_), rows - first
        is_used[at] = True
        number = np.cumsum(is_used, dtype=np.int32)
        number -= 1
        return np.flatnonzero(is_used) + first, number[at]
    packed = rows << 32 | np.arange(len(rows))
    packed.sort()
    ranked = packed >> 32
    is_new = np.append(True, ranked[1:] != ranked[:-1])[: len(rows)]
    number = np.cumsum(is_new, dtype=np.int32)
    number -= 1
    indices = np.empty(len(rows), np.int32)
    indices[packed & 0xFFFFFFFF] = number
    return ranked[is_new], indices


def split_names(classes: pa.Table) -> list[str]:
    """Return the names of the splits that have crops: train first, then sorted."""
    names = [name for name in pc.unique(classes.column("split")).to_pylist() if name is not None]
    return sorted(names, key=lambda name: (name != TRAIN, name))


def _row_groups(chunks: Iterable[PairRows | TripletRows]) -> Iterator[list[Any]]:
    """Regroup chunks of three columns, so that each but the last is exactly one row group."""
    held: list[Any] = []
    for chunk in chunks:
        held = [np.concatenate(pieces) for pieces in zip(held, chunk, strict=True)] if held else [*chunk]
        while len(held[0]) >= BLOCK_ROWS:
            yield [column[:BLOCK_ROWS] for column in held]
            held = [column[BLOCK_ROWS:] for column in held]
    if held and len(held[0]):
        yield held
