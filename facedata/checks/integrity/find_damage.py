"""Look for damage in a set: its dataset.json and its tables, each alone and against the others."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from ...files.remote import Location
from ...sets.prepared import PreparedSet
from ...tables.schema import KINDS
from ..findings import Finding
from .crop_rows import read_crops
from .damage_list import DamageList
from .dataset_file import TABLES, read_recorded
from .ledger_rows import check_ledger
from .pair_rows import SIDES, check_pairs
from .people_splits import check_assigned, check_labels, check_people
from .recorded_counts import compare_counts, crop_counts, ledger_counts, pair_counts
from .table_files import open_tables


@dataclass(frozen=True)
class Damage:
    """What is wrong with a set's files, and what of it can be used.

    Attributes:
        findings: what is wrong; empty for a set that is whole.
        prepared: the set; None if something is wrong with dataset.json itself.
        classes: the rows of the classes table that can be used, in ascending id
            (:data:`facedata.tables.schema.CLASSES`); None if they cannot be read.
    """

    findings: list[Finding]
    prepared: PreparedSet | None
    classes: pa.Table | None


def find_damage(path: Location) -> Damage:
    """Find what is missing, torn or contradictory in a set's dataset.json and tables; no crop is opened.

    Pairs and triplets are read a block at a time; of each crop its row of the classes table is in memory.

    Args:
        path: the set's folder or URL, in whatever state.

    Raises:
        NotASetError: there is no such folder, or it holds nothing of a set.
        StoreError: the URL's store does not answer.
    """
    damage = DamageList()
    recorded = read_recorded(path, damage)
    if recorded is None:
        return Damage(damage.findings(), None, None)
    tables = open_tables(path, recorded, damage)
    crops = read_crops(tables["classes"], recorded, damage) if "classes" in tables else None
    rows = None if crops is None else crops.rows
    if "photos" in tables:
        ledger = check_ledger(tables["photos"], rows, recorded, damage)
        if tables["photos"].can_be_counted("status"):
            compare_counts(ledger_counts(ledger, recorded), recorded, damage)
    if rows is not None and tables["classes"].unusable.isdisjoint(["identity", "split"]):
        check_assigned(rows, recorded, damage)
        check_people(rows, recorded, damage)
        if "label" not in tables["classes"].unusable:
            check_labels(rows, recorded, damage)
        if tables["classes"].is_whole:
            compare_counts(crop_counts(rows, recorded), recorded, damage)
    for kind in [kind for kind in SIDES if kind in tables]:
        pairs = check_pairs(tables[kind], rows, recorded.training, damage)
        if tables[kind].can_be_counted("split", "same"):
            compare_counts(pair_counts(kind, pairs, recorded), recorded, damage)
    for kind in [kind for kind in tables if kind not in TABLES]:
        for _ in tables[kind].read(KINDS[kind].names):
            continue  # what cannot be read, and nulls, are found on the way
    return Damage(damage.findings(), recorded.prepared, None if crops is None else crops.usable)
