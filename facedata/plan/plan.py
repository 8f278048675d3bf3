"""Make the plan of a run from a source's scan: records in order, each with its role, split and crop path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..config import PrepareConfig
from ..errors import SourceError
from ..files.memory import release
from ..files.remote import Location
from ..sources.base import Scan, Source, UnforgottenPhotos
from ..tables.blocks import sort_columns, sort_records, take_rows
from ..tables.forgotten_rows import bury_records, find_forgotten, leave_out_corrections, leave_out_pairs
from ..tables.origin import Origin
from ..tables.schema import CORRECTIONS
from ..tables.tombstones import Tombstones, read_tombstones
from ..types import BoolArray, Int64Array, Photo
from .corrections_file import correct_from_files
from .crop_names import crop_paths
from .defaults import choose_defaults
from .finished_crops import drop_boxes
from .overrides import exclude_photos, set_references, set_splits
from .people import look_for_people, merge_names
from .shared_photos import reject_rows_without_box

_NAMED = 5
"""How many missing photos an error names."""


@dataclass
class Plan:
    """The records that a run has to process.

    Attributes:
        records: the scan's columns and ``crop_path``, one row per record, in UTF-8 byte order of ``record``.
        notes: lines for the user to read.
        scan: the source's scan, without its photos.
        origin: where the photos are from, and under which licence.
        corrections: what was corrected (:data:`facedata.tables.schema.CORRECTIONS`); no rows for most sets.
        tombstones: who was forgotten; falsy for most sets.
    """

    records: pa.Table
    notes: tuple[str, ...]
    scan: Scan
    origin: Origin = field(default_factory=lambda: Origin("", ""))
    corrections: pa.Table = field(default_factory=CORRECTIONS.empty_table)
    tombstones: Tombstones = field(default_factory=Tombstones)

    def bury(self, gone: BoolArray, tombstones: Tombstones, merge: bool = True) -> None:
        """Empty the rows of forgotten records, and leave them and their people out of all else.

        Args:
            gone: ``(n,)`` bool, the records.
            tombstones: who was forgotten, these included.
            merge: whether names that look the same are one person's.
        """
        self.records, self.tombstones = bury_records(self.records, gone, tombstones), tombstones
        self.notes = tuple(note for note in self.notes if not tombstones.mentions(note))
        self.corrections = leave_out_corrections(self.corrections, tombstones, merge)
        missing = [photo for photo in self.scan.missing if not tombstones.has_path(photo)]
        pairs = self.scan.protocol
        protocol = None if pairs is None else leave_out_pairs(pairs, tombstones)
        reader = self.scan.reader
        if tombstones.photos and not isinstance(reader, UnforgottenPhotos):
            reader = UnforgottenPhotos(reader, Tombstones(tombstones.salt, photos=tombstones.photos))
        self.scan = replace(self.scan, missing=missing, protocol=protocol, reader=reader)

    def photos(self, indices: Sequence[int] | Int64Array) -> list[Photo]:
        """Return some records, in ascending order, as photos for a shard."""
        columns = ["record", "photo", "crop_path", "given_box", "size", "mtime_ns"]
        rows = take_rows(self.records.select(columns), np.asarray(indices, np.int64)).to_pylist()
        return [Photo(**{**row, "given_box": row["given_box"] and tuple(row["given_box"])}) for row in rows]

    def is_older_than(self, out: Path) -> bool:
        """Return whether others have been forgotten in the set in a folder than this plan knows of."""
        return read_tombstones(out) != self.tombstones

    def free(self) -> None:
        """Free the records' memory; they cannot be used afterwards."""
        del self.records


def plan_run(
    source: Source, config: PrepareConfig, out: Location | None = None
) -> tuple[Plan, PrepareConfig]:
    """List a source's records and plan what to do with them.

    Args:
        source: the source.
        config: the options.
        out: the set's folder; who was forgotten there is not in the plan. A URL is not looked at.

    Returns:
        The plan, and the options with the defaults that depend on the source.

    Raises:
        SourceError: the source is missing, empty or malformed, with ``--strict`` lacks listed photos, or
            says of no photo who is in it.
        UsageError: ``--reference``, ``--split-from``, ``--exclude``, ``--corrections`` or ``--split-by`` do
            not fit the source.
        SetError: the list of those who were forgotten is damaged.
    """
    scan = source.scan()
    tombstones = read_tombstones(out) if isinstance(out, Path) else Tombstones()
    missing = [photo for photo in scan.missing if not tombstones.has_path(photo)] if config.strict else []
    if missing:
        some = ", ".join(map(repr, missing[:_NAMED])) + (" …" if len(missing) > _NAMED else "")
        raise SourceError(
            f"{len(missing):,} listed photos are not on disk: {some}; add them, or drop --strict"
        )
    config = choose_defaults(config, source, scan)
    columns = dict(zip(scan.photos.column_names, scan.photos.columns, strict=True))
    scan = replace(scan, photos=scan.photos.schema.empty_table())  # so each column is freed once it is sorted
    release()
    scan = replace(scan, photos=sort_columns(columns))
    plan = make_plan(scan, config, source, tombstones)
    licence = config.licence or getattr(source, "licence", None)
    plan.origin = Origin(source.kind, source.root, licence)
    release()
    return plan, config


def make_plan(
    scan: Scan, config: PrepareConfig, source: Source | None = None, tombstones: Tombstones | None = None
) -> Plan:
    """Order the records, apply the options that are about them, and name the crops.

    Corrections come after everything that a note is about, so that notes do not depend on them. Who was
    forgotten is left out last, so that all others are called as before.

    Args:
        scan: the source's.
        config: the options.
        source: the source, to look at who is in its photos; None to leave that out.
        tombstones: who was forgotten.

    Raises:
        SourceError: there is no record, one is listed twice, or no photo has a person.
        UsageError: ``--reference``, ``--split-from``, ``--exclude`` or ``--corrections`` does not fit.
    """
    records, notes = order_records(scan, config)
    if source is not None:
        notes += look_for_people(records, source, config)
    tombstones = tombstones or Tombstones()
    records, corrections = correct_from_files(records, config.corrections, tombstones=tombstones)
    paths = crop_paths(records, pc.is_null(records.column("status")))
    records = records.append_column("crop_path", paths)
    bare = replace(scan, photos=records.schema.empty_table())
    plan = Plan(records, tuple(notes), bare, corrections=corrections)
    if tombstones:
        merge = config.names == "merge"
        plan.bury(find_forgotten(records, tombstones, merge), tombstones, merge)
    return plan


def order_records(scan: Scan, config: PrepareConfig) -> tuple[pa.Table, list[str]]:
    """Order the records; apply ``--reference``, ``--split-from``, ``--exclude`` and ``--names``.

    Returns:
        The scan's columns and ``source_identity``, and lines for the user to read.

    Raises:
        SourceError: there is no record, or one is listed twice.
        UsageError: one of those options has a bad pattern or an unreadable file.
    """
    if scan.photos.num_rows == 0:
        raise SourceError(f"the source holds no photos ({scan.other_files} other files)")
    records = sort_records(scan.photos)
    keys = records.column("record")
    is_repeat = pc.equal(keys.slice(1), keys.slice(0, len(keys) - 1))
    if pc.any(is_repeat).as_py():
        name = keys[pc.index(is_repeat, True).as_py()].as_py()
        raise SourceError(f"the record {name!r} is listed twice in the source")
    notes = list(scan.notes)
    records = records.append_column("source_identity", records.column("identity"))
    if config.reference:
        records = set_references(records, config.reference)
        if not pc.any(pc.equal(records.column("role"), "reference")).as_py():
            notes.append(f"--reference {config.reference!r} matches no photo")
    if config.split_from:
        records = set_splits(records, config.split_from)
    if config.exclude:
        records, note = exclude_photos(records, config.exclude)
        notes.append(note)
    if config.names == "merge":
        records, twins = merge_names(records)
        notes += twins
    if config.as_crops:
        records, without = drop_boxes(records)
        notes += without
    records, unclear = reject_rows_without_box(records)
    return records, [*notes, *unclear]
