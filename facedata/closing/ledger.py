"""The settled ledger: narrow columns in memory, the whole as a stream of blocks in the records' order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import SetError
from ..progress.row_index import STATUSES, KnownRows, status_numbers
from ..sampling.divide import Division
from ..tables.blocks import BLOCK_ROWS, rows_at
from ..tables.digests import digest_texts
from ..tables.people import person_codes
from ..tables.schema import CLASSES
from ..types import Int32Array, Int64Array, Status
from .settle import duplicates, merged, rejected, too_few

_KEPT, _DUPLICATE, _TOO_FEW = (
    STATUSES.index(status) for status in (Status.KEPT, Status.DUPLICATE, Status.TOO_FEW)
)
_NAMED = 10
"""How many of the boxes that fit worst are named."""


class Ledger:
    """Every record with its row, duplicates and people with too few photos settled.

    Of one person's records with the same bytes (and given box) the first is kept; of what is left, people
    with fewer than ``min_photos`` lose all of theirs.

    Args:
        records: a plan's records.
        known: a row for every one of them whose plan status is null.
        min_photos: how many photos a person needs.

    Attributes:
        status: ``(n,)`` int8, places in :data:`facedata.progress.row_index.STATUSES`.
        person: ``(n,)`` int32, each record's person, a place in ``people``; -1 for none.
        people: in UTF-8 byte order.
        kept: ``(m,)`` int64, the records that give a crop.
    """

    def __init__(self, records: pa.Table, known: KnownRows, min_photos: int) -> None:
        self.records, self.known, self.min_photos = records, known, min_photos
        planned = status_numbers(records.column("status")).astype(np.int8)
        self.status = np.where(planned >= 0, planned, known.status)
        self.person, self.people = person_codes(records.column("identity"))
        kept = self.status == _KEPT
        twins = duplicates(kept, self.person, known.digest, records.column("given_box"))
        kept &= ~twins
        few = too_few(kept, self.person, min_photos)
        self.status[twins], self.status[few] = _DUPLICATE, _TOO_FEW
        self.kept: Int64Array = np.flatnonzero(kept & ~few)
        self._settled_here = twins | few

    def let_go(self) -> None:
        """Drop what only the ledger and the classes need; neither can be read from here any more."""
        self.known.let_go()
        self.records = self.records.schema.empty_table()
        nothing = np.empty(0, np.int64)
        self.kept, self.person = nothing, nothing.astype(np.int32)
        self.status, self._settled_here = nothing.astype(np.int8), nothing.astype(np.bool_)

    def lost(self) -> Int64Array:
        """Return the kept records without a crop: in an earlier run duplicates, or too few, now no more."""
        return self.kept[self.known.length[self.kept] < 0]

    def blocks(self) -> Iterator[pa.Table]:
        """Yield the ledger's columns and meta_*, a row group at a time.

        Raises:
            NotASetError: a file with rows is gone or damaged.
        """
        for start in range(0, self.records.num_rows, BLOCK_ROWS):
            records = self.records.slice(start, BLOCK_ROWS).combine_chunks()
            span = slice(start, start + records.num_rows)
            rows = self.known.rows(span.start, span.stop)
            _refuse_others(records, rows)
            block = merged(records, rows)
            for status, reason in (
                (_DUPLICATE, "the same bytes as an earlier photo of this person"),
                (_TOO_FEW, f"its person has fewer than {self.min_photos} photos"),
            ):
                which = self._settled_here[span] & (self.status[span] == status)
                block = rejected(block, which, Status(STATUSES[status]), reason)
            yield block.combine_chunks()

    def classes(self, division: Division) -> Iterator[pa.Table]:
        """Yield the classes table, a row group at a time; where the crops lie is the store's to say."""
        for start in range(0, len(self.kept), BLOCK_ROWS):
            at = self.kept[start : start + BLOCK_ROWS]
            span = slice(start, start + len(at))
            rows = rows_at(self.records.select(["crop_path", "identity", "role", "photo"]), at)
            columns = {
                "id": pa.array(np.arange(span.start, span.stop)),
                "path": rows.column("crop_path"),
                "identity": rows.column("identity"),
                "label": division.label_column(span),
                "role": rows.column("role"),
                "split": division.split_column(span),
                "file": rows.column("crop_path"),
                "offset": pa.array(np.zeros(len(at), np.int64)),
                "length": pa.array(self.known.length[at].astype(np.int64)),
                "crop_sha256": digest_texts(self.known.crop[at]),
                "photo": rows.column("photo"),
            }
            yield pa.table(columns).select(CLASSES.names).cast(CLASSES).combine_chunks()

    def crop_people(self) -> Int32Array:
        """Return each crop's person, a place in ``people``; ``(m,)`` int32."""
        return np.asarray(self.person[self.kept])

    def crop_column(self, name: str) -> pa.ChunkedArray:
        """Return a plan's column for the crops."""
        return rows_at(self.records.select([name]), self.kept).column(0)

    def count_statuses(self) -> dict[str, int]:
        """Return how many rows have each status that occurs; they add up to the number of records."""
        found = Counter(dict(enumerate(np.bincount(self.status, minlength=len(STATUSES)).tolist())))
        return {status: found[number] for number, status in enumerate(STATUSES) if found[number]}

    def given_boxes(self) -> dict[str, Any] | None:
        """Return how far the source's boxes and the faces found agree, or None where no box was given."""
        if self.known.iou is None:
            return None
        overlap = self.known.iou[self.kept]
        at, overlap = self.kept[~np.isnan(overlap)], overlap[~np.isnan(overlap)]
        if not len(overlap):
            return None
        worst = at[np.argsort(overlap, kind="stable")[:_NAMED]]
        return {
            "compared": len(overlap),
            "median_iou": round(float(np.median(overlap)), 4),
            "below_half": int((overlap < 0.5).sum()),
            "worst": [self.records.column("record")[index].as_py() for index in worst.tolist()],
        }


def _refuse_others(records: pa.Table, rows: pa.Table) -> None:
    """Refuse rows of other records: a part that was exchanged, or somebody else's."""
    same = pc.fill_null(pc.equal(records.column("record"), rows.column("record")), True)
    if not pc.all(same, min_count=0).as_py():
        place = pc.index(same, False).as_py()
        name = records.column("record")[place].as_py()
        raise SetError(
            f"the row of {name!r} is no longer in its file: something else changes the set's .work folder; "
            "run the same command again"
        )
