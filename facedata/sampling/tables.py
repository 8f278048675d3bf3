"""One split's crops as arrays for sampling, and drawn row numbers as tables of pairs and triplets."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..files.remote import Location
from ..tables import schema
from ..tables.blocks import as_large_array, regroup
from ..tables.parquet import read_table
from ..types import BoolArray, Int64Array
from .sample import Drawing, pair_drawing, triplet_drawing
from .spaces import PairRows, Rule, TripletRows
from .split import TRAIN


def read_crops(file: Location) -> pa.Table:
    """Read the columns of a classes table that :class:`SplitCrops` needs; 60 bytes a crop in memory."""
    return read_table(
        file, "classes", ["id", "path", "identity", "role", "split"], encoded=["identity", "role", "split"]
    )


class SplitCrops:
    """The crops of one split, as arrays for sampling.

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
        mine = pc.fill_null(pc.equal(classes.column("split"), split), False)
        self.split = split
        self.ids: Int64Array = classes.column("id").filter(mine).to_numpy()
        self.paths = as_large_array(classes.column("path").filter(mine))
        identities = classes.column("identity").filter(mine)
        if pa.types.is_string(identities.type):
            identities = identities.dictionary_encode()
        codes = np.concatenate([np.empty(0, np.int32), *(c.indices.to_numpy() for c in identities.chunks)])
        first = np.full(int(codes.max(initial=-1)) + 1, len(codes))
        first[codes[::-1]] = np.arange(len(codes))[::-1]  # of several rows the last one written is the first
        rank = np.empty(len(first), np.int64)
        rank[np.argsort(first, kind="stable")] = np.arange(len(first))
        self.person: Int64Array = rank[codes]
        role = classes.column("role").filter(mine)
        self.reference: BoolArray = pc.fill_null(pc.equal(role, "reference"), False).to_numpy()

    def __len__(self) -> int:
        return len(self.ids)

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
            ids, paths = (self.ids[left], self.ids[right]), (self.path_column(left), self.path_column(right))
            columns = [*ids, *paths, same, self._split_column(len(left)), pa.nulls(len(left), pa.int32())]
            yield pa.table(columns, schema=schema.PAIRS)

    def triplet_tables(self, chunks: Iterable[TripletRows]) -> Iterator[pa.Table]:
        """Yield tables of :data:`facedata.tables.schema.TRIPLETS`, one row group each."""
        for rows in _row_groups(chunks):
            columns = [*(self.ids[row] for row in rows), *(self.path_column(row) for row in rows)]
            yield pa.table([*columns, self._split_column(len(rows[0]))], schema=schema.TRIPLETS)

    def path_column(self, rows: Int64Array) -> pa.DictionaryArray:
        """Return the rows' paths with a dictionary of only these: each row group stores its own."""
        used, indices = np.unique(rows, return_inverse=True)
        paths = self.paths.take(pa.array(used)).cast(pa.string())
        return pa.DictionaryArray.from_arrays(indices.astype(np.int32), paths)

    def _split_column(self, count: int) -> pa.DictionaryArray:
        return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int32)), pa.array([self.split]))


def split_names(classes: pa.Table) -> list[str]:
    """Return the names of the splits that have crops: train first, then sorted."""
    names = [name for name in pc.unique(classes.column("split")).to_pylist() if name is not None]
    return sorted(names, key=lambda name: (name != TRAIN, name))


def _row_groups(chunks: Iterable[PairRows | TripletRows]) -> Iterator[list[Any]]:
    """Regroup chunks of three columns, so that each but the last is exactly one row group."""
    for rows in regroup(pa.table(list(chunk), names=chunk._fields) for chunk in chunks):
        yield [column.to_numpy() for column in rows.columns]
