"""Drawn row numbers to Arrow tables of pairs and triplets, one split at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..files.remote import Place
from ..tables import schema
from ..tables.blocks import joined
from ..tables.parquet import read_table
from ..types import BoolArray, Int64Array
from .sample import Drawing, pair_drawing, triplet_drawing
from .spaces import PairRows, Rule, TripletRows
from .split import TRAIN


def read_crops(file: Place) -> pa.Table:
    """Read of a classes table what :class:`SplitCrops` needs, in little memory: 60 bytes a crop."""
    return read_table(
        file, "classes", ["id", "path", "identity", "role", "split"], encoded=["identity", "role", "split"]
    )


class SplitCrops:
    """The crops of one split, as sampling sees them.

    Args:
        classes: a table with the columns id, path, identity, role and split; other splits' rows are ignored.
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
        self.paths = joined(classes.column("path").filter(mine))
        self.person = _codes(classes.column("identity").filter(mine))
        role = classes.column("role").filter(mine)
        self.reference: BoolArray = pc.fill_null(pc.equal(role, "reference"), False).to_numpy()

    def __len__(self) -> int:
        return len(self.ids)

    def pairs(self, count: int | None, seed: int, rule: Rule) -> Drawing[PairRows]:
        """Plan pairs; arguments and errors as of :func:`facedata.sampling.sample.pair_drawing`."""
        return pair_drawing(self.person, count, self._rng(seed, "pairs"), rule, self.reference)

    def triplets(self, count: int | None, seed: int, rule: Rule) -> Drawing[TripletRows]:
        """Plan triplets; arguments and errors as of :func:`facedata.sampling.sample.triplet_drawing`."""
        return triplet_drawing(self.person, count, self._rng(seed, "triplets"), rule, self.reference)

    def _rng(self, seed: int, kind: str) -> np.random.Generator:
        """Each split and table has random numbers of its own, so that none depends on another."""
        words = np.frombuffer(hashlib.sha256(f"{kind}:{self.split}".encode()).digest(), "<u4")
        return np.random.default_rng([seed, *words.tolist()])

    def pair_tables(self, chunks: Iterable[PairRows]) -> Iterator[pa.Table]:
        """Yield tables of :data:`facedata.tables.schema.PAIRS`, one row group each."""
        for left, right, same in _regrouped(chunks):
            yield pairs_table(self, left, right, same, pa.nulls(len(left), pa.int32()))

    def triplet_tables(self, chunks: Iterable[TripletRows]) -> Iterator[pa.Table]:
        """Yield tables of :data:`facedata.tables.schema.TRIPLETS`, one row group each."""
        for rows in _regrouped(chunks):
            columns = [*(self.ids[row] for row in rows), *(self.path_column(row) for row in rows)]
            yield pa.table([*columns, _repeated(self.split, len(rows[0]))], schema=schema.TRIPLETS)

    def path_column(self, rows: Int64Array) -> pa.DictionaryArray:
        """Return the rows' paths with a dictionary of just those: each row group stores its own."""
        used, places = np.unique(rows, return_inverse=True)
        paths = self.paths.take(pa.array(used)).cast(pa.string())
        return pa.DictionaryArray.from_arrays(places.astype(np.int32), paths)


def pairs_table(
    crops: SplitCrops, left: Int64Array, right: Int64Array, same: BoolArray, fold: pa.Array
) -> pa.Table:
    """Return a table of :data:`facedata.tables.schema.PAIRS`.

    Args:
        crops: the split's crops.
        left: ``(m,)`` int64 row numbers.
        right: ``(m,)`` int64 row numbers.
        same: ``(m,)`` bool.
        fold: ``(m,)`` int32, or nulls.
    """
    paths = (crops.path_column(left), crops.path_column(right))
    split = _repeated(crops.split, len(left))
    return pa.table([crops.ids[left], crops.ids[right], *paths, same, split, fold], schema=schema.PAIRS)


def split_names(classes: pa.Table) -> list[str]:
    """Return the names of the splits that have crops: train first, then sorted."""
    names = [name for name in pc.unique(classes.column("split")).to_pylist() if name is not None]
    return sorted(names, key=lambda name: (name != TRAIN, name))


def _codes(identities: pa.ChunkedArray) -> Int64Array:
    """Number people from 0 in order of first appearance."""
    encoded = identities.dictionary_encode() if pa.types.is_string(identities.type) else identities
    found = [np.empty(0, np.int32), *(chunk.indices.to_numpy() for chunk in encoded.chunks)]
    codes = np.concatenate(found)
    first = np.full(int(codes.max(initial=-1)) + 1, len(codes))
    first[codes[::-1]] = np.arange(len(codes))[::-1]  # of several rows the last one written is the first
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(len(first))
    return np.asarray(rank[codes])


def _repeated(text: str, count: int) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int32)), pa.array([text]))


def _regrouped(chunks: Iterable[Any]) -> Iterator[list[Any]]:
    """Cut chunks of columns anew, so that each but the last is exactly one row group."""
    group = schema.ROW_GROUP_ROWS
    held: list[Any] = []
    for chunk in chunks:
        held = [np.concatenate(two) for two in zip(held, chunk, strict=True)] if held else list(chunk)
        for start in range(0, len(held[0]) - group + 1, group):
            yield [column[start : start + group] for column in held]
        held = [column[len(column) // group * group :] for column in held]
    if held and len(held[0]):
        yield held
