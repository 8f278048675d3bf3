"""The crops of one split and who they are, as arrays."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc

from facedata import ClassManifest, PreparedSet
from facedata.tables.people import person_codes
from facedata.types import BoolArray, Int64Array


@dataclass(frozen=True, eq=False)
class TrainingPeople:
    """Who is who among the crops of one split.

    Attributes:
        ids: ``(n,)`` int64, ascending.
        person: ``(n,)`` int64, a code from 0 for each identity, in UTF-8 byte order.
        names: the identity of each code.
        reference: ``(n,)`` bool, which crops are reference photos.
        prepared: the set.
        classes: its rows, in the same order.
    """

    ids: Int64Array
    person: Int64Array
    names: tuple[str, ...]
    reference: BoolArray
    prepared: PreparedSet
    classes: ClassManifest

    @classmethod
    def of(cls, classes: ClassManifest) -> TrainingPeople:
        """Read a manifest's columns."""
        person, names = person_codes(classes.table.column("identity"))
        role = pc.equal(classes.table.column("role"), "reference")
        reference = np.asarray(pc.fill_null(role, False).to_numpy())
        return cls(classes.ids, person.astype(np.int64), tuple(names), reference, classes.prepared, classes)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def counts(self) -> Int64Array:
        """How many crops each person has, ``(people,)`` int64, in the order of the codes."""
        return np.bincount(self.person, minlength=len(self.names))

    def codes_of(self, identities: Iterable[str]) -> Int64Array:
        """Return the codes of identities, ``(m,)`` int64; -1 where the person is not in this split."""
        codes = {name: code for code, name in enumerate(self.names)}
        return np.array([codes.get(identity, -1) for identity in identities], np.int64)

    def rows_of(self, ids: Int64Array) -> tuple[Int64Array, BoolArray]:
        """Return the row of each id, in any shape, and whether this split has the id."""
        rows = np.minimum(np.searchsorted(self.ids, ids), max(len(self.ids) - 1, 0))
        here = self.ids[rows] == ids if len(self.ids) else np.zeros(np.shape(ids), np.bool_)
        return rows, here
