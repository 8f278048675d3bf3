"""All that a check finds without a model: damage, copies, poor photos, and what another set shares."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from ..config import CheckConfig
from ..crops.cut import usual_points
from ..errors import SetError
from ..files.remote import Location
from ..processes import cores
from ..sets.prepared import PreparedSet
from ..tables.schema import CLASSES
from ..types import BoolArray, UInt8Image
from .copies.copy_findings import copy_findings
from .copies.find_copies import CopyPairs, find_copies
from .crop_bytes import CropPlace, read_crop_bytes
from .crop_pass import CropPass, OnProgress, decode_or_none, pass_over_crops
from .findings import Finding
from .integrity.find_damage import find_damage
from .overlap.find_shared import find_shared
from .overlap.other_set import open_other, refuse_same
from .overlap.pictures import CheckedCrops
from .overlap.shared import Overlap
from .quality.poor import quality_findings

OnStep = Callable[[str], None]
"""Called with what a check does now, such as ``comparing copies``."""


@dataclass(frozen=True)
class Checked:
    """What was found, before decisions count; nothing is written yet.

    Attributes:
        location: the set's folder, or its URL.
        prepared: the set; None if its dataset.json cannot be read.
        fingerprint: the set's; empty if it is not known.
        classes: its crops, as ``schema.CLASSES``; none where they cannot be read.
        readable: ``(n,)`` bool, crops that could be decoded.
        findings: in any order.
        quality: a row per crop, for check/quality.parquet.
        records: by crop id, the ledger's record where it is not the photo.
        summary: for summary.json.
        files: further files of the check's folder, by name.
        overlap: what it shares with another set, by bytes and by picture; None if none was named.
    """

    location: Location
    prepared: PreparedSet | None
    fingerprint: str
    classes: pa.Table
    readable: BoolArray
    findings: list[Finding]
    quality: pa.Table
    records: dict[int, str]
    summary: dict[str, Any]
    files: dict[str, bytes] = field(default_factory=dict)
    overlap: Overlap | None = None


def run_checks(
    location: Location,
    config: CheckConfig,
    *,
    against: Location | None = None,
    on_progress: OnProgress | None = None,
    on_step: OnStep = lambda _: None,
) -> Checked:
    """Check a set's tables, read every crop once, and compare the crops with each other.

    Args:
        location: the set's folder, or its URL, in whatever state.
        config: the options.
        against: another set, whose people and photos this one should not have.
        on_progress: called with the number of crops done, and the total.
        on_step: called with what is done now.

    Raises:
        UsageError: ``against`` is not a set that can be compared with, or this very one.
        StoreError: a remote store does not answer.
        EngineError: the system killed a worker.
    """
    other = None if against is None else open_other(against)
    on_step("checking the tables")
    damage = find_damage(location)
    if other is not None and damage.prepared is not None:
        refuse_same(other, damage.prepared.fingerprint)
    classes = CLASSES.empty_table() if damage.classes is None else damage.classes
    on_step("reading the crops")
    points = None if damage.prepared is None else usual_points(damage.prepared.info["settings"])
    ledger = _ledger(damage.prepared)
    crops = pass_over_crops(location, classes, ledger, config.workers, on_progress, points)
    findings = [*damage.findings, *crops.findings, *quality_findings(crops.quality, config)]
    on_step("comparing the crops")
    readable = classes.filter(pa.array(crops.readable)).combine_chunks()
    copies = _find_copies(location, readable, crops, config.workers or cores())
    findings += copy_findings(copies, readable)
    summary = {
        "crops": classes.num_rows,
        "readable": int(np.count_nonzero(crops.readable)),
        "people": len(classes.column("identity").unique()),
        "copies_not_compared": copies.left_out,
        "settings": config.settings(),
    }
    fingerprint = "" if damage.prepared is None else damage.prepared.fingerprint
    overlap = None
    if other is not None and damage.prepared is not None:
        mine = CheckedCrops(classes, crops.readable, crops.hashes, crops.digests)
        overlap = find_shared(damage.prepared, mine, other, config.workers, on_progress, on_step)
    elif other is not None:
        summary["overlap"] = {"not_compared": "the set's dataset.json cannot be read"}
    return Checked(
        location, damage.prepared, fingerprint, classes, crops.readable, findings, crops.quality,
        crops.records, summary, overlap=overlap,
    )  # fmt: skip


def _ledger(prepared: PreparedSet | None) -> Iterator[pa.Table]:
    """Yield the ledger as far as it can be read: what is wrong with it is a finding already."""
    if prepared is not None:
        with contextlib.suppress(SetError, OSError, KeyError, pa.ArrowException):
            yield from prepared.blocks("photos")


def _find_copies(location: Location, crops: pa.Table, found: CropPass, workers: int) -> CopyPairs:
    """Find the copies among crops that can be read, as rows of these."""
    files, offsets, lengths = (crops.column(name) for name in ("file", "offset", "length"))

    def read_crop(row: int) -> UInt8Image | None:
        place = CropPlace(files[row].as_py(), offsets[row].as_py(), lengths[row].as_py())
        (data,) = read_crop_bytes(location, [place])
        return None if data is None else decode_or_none(data)

    return find_copies(found.hashes[found.readable], found.digests[found.readable], read_crop, workers)
