"""The classes table in memory: which rows can be used, and rows found by id or by path."""

from __future__ import annotations

from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...config import settings_fingerprint
from ...sets.prepared import set_fingerprint
from ...store.base import CROPS
from ...tables.blocks import take_rows
from ...tables.people import person_codes
from ...tables.schema import CLASSES
from ...tables.text_hash import find_repeated, hash_texts
from ...types import Int64Array, UInt64Array
from ..findings import Kind
from .damage_list import DamageList
from .dataset_file import Recorded
from .table_files import TableFile

_DIGEST = "^[0-9a-f]{64}$"
_LONGEST, _LAST_BYTE = 1 << 31, 1 << 50
"""No crop is longer, and no file of crops: a number beyond is damage."""


class CropRows:
    """A set's crops by row, for what refers to them.

    Args:
        table: the rows of the classes table that have an id, which ascends; nulls and oddities included.

    Attributes:
        ids: ``(n,)`` int64, ascending.
        person: ``(n,)`` int32, an index into ``people``; -1 for null.
        people: in UTF-8 byte order.
        split: ``(n,)`` int32, an index into ``splits``; -1 for none.
        splits: their names, in UTF-8 byte order.
        path_hashes: ``(n,)`` uint64, as :func:`facedata.tables.text_hash.hash_texts`; of "" for null.
    """

    def __init__(self, table: pa.Table) -> None:
        self.table = table
        self.ids: Int64Array = table.column("id").to_numpy()
        self.person, self.people = person_codes(table.column("identity"))
        self.split, self.splits = person_codes(table.column("split"))
        self.path_hashes = hash_texts(pc.fill_null(table.column("path"), ""))

    def __len__(self) -> int:
        return len(self.ids)

    def find(self, ids: Int64Array) -> Int64Array:
        """Return ``(n,)`` int64, the row of each id; -1 for one that no crop has."""
        rows = np.full(len(ids), -1, np.int64)
        if not len(self):
            return rows
        first, last = int(self.ids[0]), int(self.ids[-1])
        within = (ids >= first) & (ids <= last)
        some = ids[within]
        if last - first + 1 == len(self):  # no holes
            rows[within] = some - first
        else:
            at = np.searchsorted(self.ids, some)
            rows[within] = np.where(self.ids[at] == some, at, -1)
        return rows

    def find_paths(self, hashes: UInt64Array) -> Int64Array:
        """Return ``(n,)`` int64, the row of the crop whose path has each hash; -1 for none."""
        if not len(self):
            return np.full(len(hashes), -1, np.int64)
        order, ranked = self._by_path
        at = np.minimum(np.searchsorted(ranked, hashes), len(ranked) - 1)
        return np.asarray(np.where(ranked[at] == hashes, order[at], -1))

    @cached_property
    def _by_path(self) -> tuple[Int64Array, UInt64Array]:
        order = np.argsort(self.path_hashes, kind="stable")
        return order, self.path_hashes[order]

    def text(self, name: str, row: int) -> str:
        """Return what a column has in a row, for messages."""
        value = self.table.column(name)[row].as_py()
        return "nothing" if value is None else str(value)

    def path(self, row: int) -> str:
        """Return a row's path, or what stands for it in messages."""
        return self.table.column("path")[row].as_py() or f"the crop {self.ids[row]}"

    def check_paths(self, damage: DamageList) -> None:
        """Find paths that several crops have."""
        repeated = find_repeated(self.path_hashes)
        some = pc.is_valid(self.table.column("path").take(pa.array(repeated))).to_numpy()
        damage.add_rows(
            Kind.TABLE_TORN,
            "crops with a path that another crop has",
            repeated[some],
            lambda row: {"why": f"several crops have the path {self.path(row)}", "left": int(self.ids[row])},
        )

    def find_usable(self, damage: DamageList) -> pa.Table:
        """Return the rows that have all they need; those whose file, place or SHA-256 cannot be are found."""
        whole = np.ones(len(self), np.bool_)
        for column in CLASSES:
            if not column.nullable:
                whole &= pc.is_valid(self.table.column(column.name)).to_numpy()
        file = pc.fill_null(self.table.column("file"), "")
        outside = pc.invert(pc.starts_with(file, f"{CROPS}/"))
        for part in ("/.", "//", "\0"):
            outside = pc.or_(outside, pc.match_substring(file, part))
        offset = pc.fill_null(self.table.column("offset"), -1).to_numpy()
        length = pc.fill_null(self.table.column("length"), -1).to_numpy()
        digest = pc.match_substring_regex(pc.fill_null(self.table.column("crop_sha256"), ""), _DIGEST)
        for name, kind, sort, bad in (
            ("file", Kind.CROP_MISSING, "crops whose file lies outside the set's crops", outside.to_numpy()),
            (
                "offset",
                Kind.TABLE_TORN,
                "crops whose offset cannot be",
                (offset < 0) | (offset > _LAST_BYTE),
            ),
            (
                "length",
                Kind.TABLE_TORN,
                "crops whose length cannot be",
                (length < 0) | (length > _LONGEST),
            ),
            ("crop_sha256", Kind.TABLE_TORN, "crops whose SHA-256 is none", pc.invert(digest).to_numpy()),
        ):

            def describe(row: int, name: str = name) -> dict[str, Any]:
                return {
                    "why": f"{self.path(row)}: its {name} is {self.text(name, row)[:80]!r}, which cannot be",
                    "left": int(self.ids[row]),
                    "left_photo": self.table.column("photo")[row].as_py(),
                }

            damage.add_rows(kind, sort, np.flatnonzero(bad & whole), describe)
            whole &= ~bad
        usable = self.table if whole.all() else self.table.filter(pa.array(whole))
        return usable.cast(CLASSES)


class Crops(NamedTuple):
    """The classes table, read.

    Attributes:
        rows: all rows that have an id of their own.
        usable: the rows that can be used as they are, of :data:`facedata.tables.schema.CLASSES`.
    """

    rows: CropRows
    usable: pa.Table


def read_crops(table: TableFile, recorded: Recorded, damage: DamageList) -> Crops | None:
    """Read the classes table; what is wrong with its rows goes to ``damage``.

    Returns:
        What can be used; None if a column is missing without which nothing can.
    """
    blocks = [pa.Table.from_batches([block]) for block in table.read(CLASSES.names)]
    settings, fingerprint = recorded.info.get("settings"), recorded.info.get("fingerprint")
    is_known = table.can_be_counted(*CLASSES.names) and settings is not None and fingerprint is not None
    if is_known and set_fingerprint(settings_fingerprint(settings or {}), blocks) != fingerprint:
        damage.add(
            Kind.TABLE_TORN,
            "the set's fingerprint was made of other ids, paths, people, labels, splits or SHA-256 than "
            "those in classes.parquet, or of other settings than dataset.json has: prepare the set again",
        )
    if "id" in table.unusable:
        return None
    nullable = pa.schema([column.with_nullable(True) for column in CLASSES])
    rows = CropRows(_with_own_ids(pa.concat_tables(blocks) if blocks else nullable.empty_table(), damage))
    rows.check_paths(damage)
    usable = rows.find_usable(damage)
    needed = {column.name for column in CLASSES if not column.nullable}
    return None if needed & table.unusable else Crops(rows, usable)


def _with_own_ids(whole: pa.Table, damage: DamageList) -> pa.Table:
    """Return the rows in ascending id, of several with one id the first; without those that have none."""
    if whole.column("id").null_count:
        whole = whole.filter(pc.is_valid(whole.column("id")))
    ids: Int64Array = whole.column("id").to_numpy()
    steps = np.diff(ids)
    if (steps > 0).all():
        return whole
    if len(back := np.flatnonzero(steps < 0)):
        at = int(back[0])
        damage.add(
            Kind.TABLE_TORN,
            f"classes.parquet is not in ascending id: {ids[at + 1]} comes after {ids[at]}",
            left=int(ids[at + 1]),
        )
    order = np.argsort(ids, kind="stable")
    again = np.flatnonzero(np.diff(ids[order]) == 0) + 1
    damage.add_rows(
        Kind.TABLE_TORN,
        "rows of classes.parquet with an id that another row has",
        ids[order][again],
        lambda row: {"why": f"several rows of classes.parquet have the id {row}", "left": row},
    )
    order = np.delete(order, again)
    return take_rows(whole, order) if (np.diff(order) > 0).all() else whole.take(pa.array(order))
