"""Pairs of photos with two names that may show one person: no negatives, and listed for a person to see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from facedata.errors import writing
from facedata.tables.parquet import write_table
from facedata.types import Float32Array, Int64Array

from .matches import COSINE
from .rules import REASONS, SUSPECT, Int8Array

KIND = "suspects"

SUSPECTS = pa.schema(
    [
        pa.field("anchor", pa.int64(), nullable=False),
        pa.field("anchor_photo", pa.string(), nullable=False),
        pa.field("anchor_identity", pa.string(), nullable=False),
        pa.field("candidate", pa.int64(), nullable=False),
        pa.field("candidate_photo", pa.string(), nullable=False),
        pa.field("candidate_identity", pa.string(), nullable=False),
        pa.field("value", pa.float32(), nullable=False),
        pa.field("own_value", pa.float32(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
    ]
)
"""What a file of suspects holds, the most similar pair first."""


@dataclass(frozen=True, eq=False)
class Suspects:
    """Pairs of crops, each once.

    Attributes:
        anchor: ``(s,)`` int64 rows.
        candidate: ``(s,)`` int64 rows.
        similar: ``(s,)`` float32, how similar they are: cosines, or minus distances.
        own: ``(s,)`` float32, how similar the anchor is to its positive.
        codes: ``(s,)`` int8, places in :data:`~facemodel.mining.rules.REASONS`.
    """

    anchor: Int64Array
    candidate: Int64Array
    similar: Float32Array
    own: Float32Array
    codes: Int8Array

    def __len__(self) -> int:
        return len(self.anchor)

    @classmethod
    def of(
        cls,
        pairs: tuple[Int64Array, Int64Array],
        similar: Float32Array,
        own: Float32Array,
        codes: Int8Array,
    ) -> Suspects:
        """Return those that were refused since they may be one person.

        Args:
            pairs: anchors, ``(m,)`` int64 rows, and their candidates, ``(m, n)`` int64 rows.
            similar: ``(m, n)`` float32.
            own: ``(m,)`` float32, similarities to the positives.
            codes: ``(m, n)`` int8.
        """
        row, column = np.nonzero(np.isin(codes, SUSPECT))
        return cls(
            pairs[0][row], pairs[1][row, column], similar[row, column], own[row], codes[row, column]
        ).each_once()

    @classmethod
    def join(cls, parts: Sequence[Suspects]) -> Suspects:
        """Return all pairs, each once, the most similar first."""
        rows, values = np.empty(0, np.int64), np.empty(0, np.float32)
        empty = cls(rows, rows, values, values, np.empty(0, np.int8))
        names = ("anchor", "candidate", "similar", "own", "codes")
        columns = [np.concatenate([getattr(part, name) for part in (empty, *parts)]) for name in names]
        return cls(*columns).each_once()

    def each_once(self) -> Suspects:
        """Return each pair once, whichever of the two is the anchor, the most similar first."""
        low, high = np.minimum(self.anchor, self.candidate), np.maximum(self.anchor, self.candidate)
        order = np.lexsort((self.anchor, high, low))
        before = order[:-1]
        is_new = (low[order][1:] != low[before]) | (high[order][1:] != high[before])
        first = order[np.r_[np.ones(min(len(order), 1), np.bool_), is_new]]
        first = first[np.lexsort((high[first], low[first], -self.similar[first]))]
        names = ("anchor", "candidate", "similar", "own", "codes")
        return Suspects(*(getattr(self, name)[first] for name in names))

    def count(self) -> dict[str, int]:
        """Return how many pairs there are of each reason that occurs."""
        numbers = np.bincount(self.codes, minlength=len(REASONS)).tolist()
        return {name: number for name, number in zip(REASONS, numbers, strict=True) if number}

    def table(self, crops: pa.Table, metric: str = COSINE) -> pa.Table:
        """Return the pairs with the photos' names.

        Args:
            crops: ``id``, ``photo`` and ``identity`` of every row.
            metric: distances are written as such, without the minus.
        """
        sign = np.float32(1 if metric == COSINE else -1)
        columns: dict[str, pa.Array | pa.ChunkedArray] = {}
        for side, rows in (("anchor", self.anchor), ("candidate", self.candidate)):
            for name, end in (("id", ""), ("photo", "_photo"), ("identity", "_identity")):
                columns[side + end] = crops.column(name).take(pa.array(rows))
        columns |= {"value": pa.array(sign * self.similar), "own_value": pa.array(sign * self.own)}
        columns["reason"] = pa.array([REASONS[code] for code in self.codes.tolist()], pa.string())
        return pa.table(columns, schema=SUSPECTS)

    def write(self, path: Path, crops: pa.Table, metric: str, fingerprint: str) -> None:
        """Write the pairs with the photos' names (:meth:`table`), and the set's fingerprint."""
        table = self.table(crops, metric)
        with writing(path):
            write_table(path, table, kind=KIND, schema=SUSPECTS, fingerprint=fingerprint)
