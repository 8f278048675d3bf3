"""The ledger: a few columns in memory, complete rows as a stream of blocks in the records' order."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import SetError
from ..plan.plan import Plan
from ..plan.shared_photos import shared_photo_codes
from ..progress.parts import replace_cells, undo_settling
from ..progress.row_index import RowFile, RowIndex
from ..progress.settling import STATUSES, status_numbers
from ..sampling.divide import Division
from ..tables.blocks import BLOCK_ROWS, take_rows
from ..tables.digests import digest_texts
from ..tables.parquet import read_blocks, read_group_count
from ..tables.people import person_codes
from ..tables.schema import CLASSES
from ..types import Int32Array, Int64Array, Status
from .copies import describe_copies, find_shared_bytes, find_twins
from .settle import FOUND, count_photos, find_duplicates, find_shared_faces, find_too_few, join_rows

_KEPT, _DUPLICATE, _UNSELECTED, _TOO_FEW = (
    STATUSES.index(status) for status in (Status.KEPT, Status.DUPLICATE, Status.UNSELECTED, Status.TOO_FEW)
)
_NAMED = 10
"""The most photos with badly matching boxes that are named."""


class Ledger:
    """Every record with its row; duplicates and people with too few photos are settled.

    Of one person's records with the same bytes (and given box), only the first is kept; of several records of
    a photo that got one face, the one whose given box fits best; then people with fewer than ``min_photos``
    photos lose all of theirs. As a context manager, it frees its memory, the plan's and the rows' at the end
    of the block; none of them can be used afterwards.

    Args:
        plan: the plan.
        rows: a row for each of its records whose planned status is null.
        min_photos: how many photos a person needs.

    Attributes:
        records: the plan's records.
        status: ``(n,)`` int8, indices into :data:`facedata.progress.settling.STATUSES`.
        person: ``(n,)`` int32, the index of each record's person in ``people``; -1 for none.
        people: in UTF-8 byte order.
        kept: ``(m,)`` int64, the records that have a crop.
        shared_bytes: ``(k, 2)`` int64, pairs of these with the same bytes under two people.
    """

    def __init__(self, plan: Plan, rows: RowIndex, min_photos: int) -> None:
        self.plan, self.rows, self.min_photos = plan, rows, min_photos
        self.records = plan.records
        self.status = rows.status.copy()
        for start in range(0, len(self.status), BLOCK_ROWS):
            span = slice(start, start + BLOCK_ROWS)
            planned = status_numbers(self.records.column("status").slice(start, BLOCK_ROWS))
            np.copyto(self.status[span], planned, where=planned >= 0, casting="same_kind")
        self.person, self.people = person_codes(self.records.column("identity"))
        kept = self.status == _KEPT
        twins = find_duplicates(kept, self.person, rows.digest, self.records.column("given_box"))
        settled = [(twins, _DUPLICATE, "the same bytes as an earlier photo of this person")]
        kept &= ~twins
        if rows.box is not None:
            keeper = find_shared_faces(kept, shared_photo_codes(self.records), rows.box, rows.iou)
            lost, is_own = keeper >= 0, self.person[keeper] == self.person
            reason = "the same face as another row of this photo, whose box fits it better"
            settled += [(lost & is_own, _DUPLICATE, reason), (lost & ~is_own, _UNSELECTED, reason)]
            kept &= ~lost
        few = find_too_few(kept, self.person, min_photos)
        settled.append((few, _TOO_FEW, f"its person has fewer than {min_photos} photos"))
        for which, status, _ in settled:
            self.status[which] = status
        kept &= ~few
        self._settled = [one for one in settled if one[0].any()]
        self.shared_bytes = find_shared_bytes(kept, self.person, rows.digest)
        self.kept: Int64Array = np.flatnonzero(kept)

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.plan.free()
        self.rows.free()
        self.__dict__.clear()

    def without_crop(self) -> Int64Array:
        """Return the kept records without a crop: those that an earlier run settled as rejected."""
        return self.kept[self.rows.length[self.kept] < 0]

    def blocks(self) -> Iterator[pa.Table]:
        """Yield the ledger's columns and meta_*, a row group at a time.

        Raises:
            NotASetError: a file with rows is missing or damaged.
        """
        for start in range(0, self.records.num_rows, BLOCK_ROWS):
            stop = min(start + BLOCK_ROWS, self.records.num_rows)
            yield self._join(start, self.rows.read(start, stop))

    def is_written(self, file: Path, schema: pa.Schema) -> bool:
        """Return whether a file has the rows of :meth:`blocks`, a row group each, cast to these columns.

        Where rows come from the same row group of that file, what shards have written is the same, and is not
        read.

        Raises:
            NotASetError: a file with rows is missing or damaged.
        """
        starts = range(0, self.records.num_rows, BLOCK_ROWS)
        if read_group_count(file) != len(starts):
            return False
        for number, start in enumerate(starts):
            stop = min(start + BLOCK_ROWS, self.records.num_rows)
            if self.rows.is_group(RowFile(os.fspath(file), number), start, stop):
                columns = pa.schema([field for field in schema if field.name not in FOUND])
                (other,) = read_blocks(file, [*columns.names, "box"], [number])
                own = undo_settling(other.select(["record", "path", "status", "reason", "box"]))
                mine = self._join(start, own, without=FOUND)
            else:
                columns, mine = schema, self._join(start, self.rows.read(start, stop))
                (other,) = read_blocks(file, columns.names, [number])
            if not other.select(columns.names).equals(mine.select(columns.names).cast(columns)):
                return False
        return True

    def _join(self, start: int, rows: pa.Table, without: Collection[str] = ()) -> pa.Table:
        """Return a block of the ledger: its records from ``start`` on, and their rows."""
        records = self.records.slice(start, rows.num_rows).combine_chunks()
        span = slice(start, start + rows.num_rows)
        same = pc.fill_null(pc.equal(records.column("record"), rows.column("record")), True)
        if not pc.all(same, min_count=0).as_py():
            name = records.column("record")[pc.index(same, False).as_py()].as_py()
            raise SetError(
                f"the row of {name!r} is no longer in its file: something else changes the set's .work "
                "folder; run the same command again"
            )
        block = join_rows(records, rows, self.plan.origin, without)
        for which, status, reason in self._settled:
            if which[span].any():
                block = replace_cells(
                    block, pa.array(which[span]), status=STATUSES[status], reason=reason, path=None
                )
        return block.combine_chunks()

    def classes(self, division: Division) -> Iterator[pa.Table]:
        """Yield the classes table, a row group at a time; the store fills in files and offsets."""
        for start in range(0, len(self.kept), BLOCK_ROWS):
            at = self.kept[start : start + BLOCK_ROWS]
            span = slice(start, start + len(at))
            rows = take_rows(self.records.select(["crop_path", "identity", "role", "photo"]), at)
            columns = {
                "id": pa.array(self.plan.tombstones.number(span.start, span.stop)),
                "path": rows.column("crop_path"),
                "identity": rows.column("identity"),
                "label": division.label_column(span),
                "role": rows.column("role"),
                "split": division.split_column(span),
                "file": rows.column("crop_path"),
                "offset": pa.array(np.zeros(len(at), np.int64)),
                "length": pa.array(self.rows.length[at].astype(np.int64)),
                "crop_sha256": digest_texts(self.rows.crop[at]),
                "photo": rows.column("photo"),
            }
            yield pa.table(columns).select(CLASSES.names).cast(CLASSES).combine_chunks()

    def crop_people(self) -> Int32Array:
        """Return each crop's person, an index into ``people``; ``(m,)`` int32."""
        return np.asarray(self.person[self.kept])

    def photos_per_person(self) -> Int64Array:
        """Return how many crops each of ``people`` has, ``(len(people),)`` int64."""
        is_kept = np.zeros(len(self.person), np.bool_)
        is_kept[self.kept] = True
        return count_photos(is_kept, self.person, len(self.people))

    def crop_column(self, name: str) -> pa.ChunkedArray:
        """Return a column of the plan, for the records that have a crop."""
        return take_rows(self.records.select([name]), self.kept).column(0)

    def count_statuses(self) -> dict[str, int]:
        """Return how many rows have each status that occurs; they add up to the number of records."""
        counts = Counter(dict(enumerate(np.bincount(self.status, minlength=len(STATUSES)).tolist())))
        return {status: counts[number] for number, status in enumerate(STATUSES) if counts[number]}

    def count_taken(self) -> dict[str, int]:
        """Return, of finished crops, how many are their photos' own bytes, and how many were encoded anew."""
        unchanged = 0
        for start in range(0, len(self.kept), BLOCK_ROWS):
            at = self.kept[start : start + BLOCK_ROWS]
            crop = self.rows.crop[at][:, :16].copy().view(np.uint64)
            unchanged += int((crop == self.rows.digest[at]).all(axis=1).sum())
        return {"unchanged": unchanged, "encoded": len(self.kept) - unchanged}

    def count_copies(self, division: Division) -> dict[str, Any]:
        """Return which photos are there twice: under two people by their bytes, in two splits by looks."""
        twins = self.kept[find_twins(self.rows.picture[self.kept], division.split)]
        found = {"same_bytes": self.shared_bytes, "across_splits": twins}
        return {name: describe_copies(pairs, self.records) for name, pairs in found.items()}

    def given_boxes(self) -> dict[str, Any] | None:
        """Return how well the source's boxes match the faces found; None if it gives no boxes."""
        if self.rows.iou is None:
            return None
        overlap = self.rows.iou[self.kept]
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
