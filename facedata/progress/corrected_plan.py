"""The plan of a corrected set, from the ledger of the set that it corrects; nothing is listed again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import PhotosLostError
from ..files.memory import release
from ..plan.corrections_file import correct_from_files
from ..plan.crop_names import crop_paths
from ..plan.plan import Plan
from ..sets.prepared import PreparedSet
from ..sources.base import Scan
from ..sources.open import SourceLike, reopen_source
from ..tables.blocks import take_rows
from ..tables.origin import Origin
from ..tables.schema import CORRECTIONS
from ..tables.tombstones import read_tombstones
from ..types import Int32Array, Int64Array
from .corrected import CorrectedFolder
from .ledger_rows import read_ledger_rows, read_records
from .row_index import RowIndex
from .settling import settling_numbers


@dataclass(frozen=True, eq=False)
class CorrectedPlan:
    """What a corrected set holds, before duplicates and small classes are settled.

    Attributes:
        plan: the corrected records, with their crop paths.
        rows: the rows of the set before, but those of records that are excluded now.
        length_before: ``(n,)`` int32, the size in bytes of the crop that each record had; -1 for none.
    """

    plan: Plan
    rows: RowIndex
    length_before: Int32Array


def plan_corrected(
    progress: CorrectedFolder, corrections: Sequence[Path], source: SourceLike | None, cache: str | None
) -> CorrectedPlan:
    """Apply corrections to the records of a finished set, as ``prepare`` applies them to a source's.

    Args:
        progress: with the tables of that set.
        corrections: the files.
        source: where its photos are now, if they have moved.
        cache: folder for unpacked archives.

    Raises:
        UsageError: a file cannot be read.
        CorrectionsError: some lines cannot be applied.
        PhotosLostError: they give people to photos that were never searched for faces.
    """
    before = progress.before
    records = read_records(progress.previous)
    rows, start = RowIndex(records), 0
    to_detect = pc.is_null(records.column("status")).to_numpy()
    for stored in read_ledger_rows(progress.previous):
        stop = start + stored.rows.num_rows
        at = np.where(to_detect[start:stop], np.arange(start, stop), -1)
        rows.add(stored.files, stored.lengths, settling_numbers(stored.rows), at)
        start = stop
        release()
    number = len(before.info["settings"]["corrections"]) + 1
    tombstones = read_tombstones(before.path)
    records, corrected = correct_from_files(records, corrections, number, tombstones)
    if before.has("corrections"):
        corrected = pa.concat_tables([before.table("corrections").cast(CORRECTIONS), corrected])
    is_wanted = pc.is_null(records.column("status"))
    _refuse_unsearched(before, records, np.flatnonzero(is_wanted.to_numpy() & (rows.file < 0)))
    length_before = rows.length.copy()
    rows.drop(np.flatnonzero(~is_wanted.to_numpy() & (rows.file >= 0)))
    records = records.append_column("crop_path", crop_paths(records, is_wanted))
    origin = Origin.of(before.info)
    if source is not None:
        moved = reopen_source(before.info, source, cache)
        origin = replace(origin, kind=moved.kind, root=moved.root)
    scan = _scan_of(progress, records)
    plan = Plan(records, tuple(before.info["notes"]), scan, origin, corrected, tombstones)
    return CorrectedPlan(plan, rows, length_before)


def _refuse_unsearched(before: PreparedSet, records: pa.Table, at: Int64Array) -> None:
    """Refuse photos of nobody that a correction gives to somebody: they have no face in the ledger."""
    if not len(at):
        return
    photos = take_rows(records.select(["photo", "identity"]), at).to_pylist()
    raise PhotosLostError(
        f"{len(at):,} photo{'s'[: len(at) > 1]} that {before} has under nobody's name, such as "
        f"{photos[0]['photo']!r}, never {'were' if len(at) > 1 else 'was'} searched for faces, and `fix` "
        "does not detect: prepare the photos anew with `facedata prepare … --corrections FILE`; no set was "
        "written",
        [(row["photo"], f"never searched for faces; moved to {row['identity']}") for row in photos],
    )


def _scan_of(progress: CorrectedFolder, records: pa.Table) -> Scan:
    """Return what a scan says beyond its photos, as the finished set recorded it."""
    before = progress.before
    counts: dict[str, Any] = before.info["counts"]
    named = counts["missing_named"]
    missing = [*named, *repeat("", counts["missing"] - len(named))]  # dataset.json has the names of a few
    protocol = before.table("protocol") if before.has("protocol") else None
    return Scan(records.schema.empty_table(), _read_nothing, counts["other_files"], missing, protocol)


def _read_nothing(photo: str) -> bytes:
    raise FileNotFoundError(photo)
