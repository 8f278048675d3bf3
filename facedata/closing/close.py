"""From a settled ledger to a finished set: classes, splits, pairs, triplets, and dataset.json last."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ..config import PrepareConfig
from ..errors import writing
from ..files.memory import release
from ..files.staged import StagedFiles
from ..plan.corrected_records import count_corrections, renamed_records
from ..plan.plan import Plan
from ..progress.folder import ProgressFolder, stage_photo_stats
from ..sampling.draw import count_splits
from ..sampling.tables import read_crops
from ..sets.prepared import stage_tables, write_dataset
from ..tables.blocks import regroup
from ..tables.parquet import read_blocks, read_table
from ..tables.schema import KIND, KINDS, SCHEMA_VERSION
from ..tables.tombstones import FORGOTTEN_FILE
from .divide_set import divide_set
from .draw_options import (
    DrawOptions,
    GivenPairs,
    choose_draw_options,
    draw_set_pairs,
    draw_set_triplets,
)
from .ledger import Ledger

_NAMED = 10
"""The most missing photos that dataset.json names; it counts all of them."""


@dataclass(frozen=True)
class Closing:
    """Everything but the ledger that closing a set needs; attributes as in :func:`facedata.prepare`.

    ``before_commit`` is called when all files are written, before they get their names.
    """

    out: Path
    config: PrepareConfig
    plan: Plan
    versions: Mapping[str, str]
    on_step: Callable[[str], None] = lambda _: None
    before_commit: Callable[[], None] = lambda: None


def close_set(closing: Closing, ledger: Ledger, progress: ProgressFolder) -> None:
    """Write the set's tables and dataset.json; remove crops that are not in it, and the progress folder.

    Args:
        closing: the set's folder, settings and plan.
        ledger: all rows; every kept one has its crop on disk. Its memory is freed once it is written.
        progress: the set's progress folder, with its previous state, if any.

    Raises:
        StoreError: something cannot be written; a rerun then has only the tables to write.
    """
    out, drawing = closing.out, choose_draw_options(closing.config, closing.plan.scan, progress)
    closing.on_step("writing the ledger and the splits")
    with StagedFiles() as staged:
        with ledger:  # freed at the end: sampling needs the memory
            splits, fingerprint = divide_set(closing.config, ledger, progress, drawing)
            info = describe_set(closing, ledger, fingerprint)
            classes = regroup(progress.store.assign_files(ledger.classes(splits)))
            tables = stage_tables(
                staged, out, {"photos": ledger.blocks(), "classes": classes}, info["fingerprint"]
            )
            stage_photo_stats(staged, out, closing.plan.records, ledger.rows.picture)
            if closing.plan.tombstones:
                with staged.open(out / FORGOTTEN_FILE) as file:
                    file.write(closing.plan.tombstones.to_bytes())
            info["counts"]["copies"] = ledger.count_copies(splits)
            section = splits.section
            del splits, classes
        release()
        closing.on_step("drawing pairs and triplets")
        drawn, sections = _draw(closing, drawing, staged, progress)
        tables |= stage_tables(staged, out, drawn, info["fingerprint"])
        closing.on_step("putting the crops in order")
        rows = read_blocks(staged.path(out / "classes.parquet"), [*progress.store.kept_columns])
        progress.store.keep_only(rows)
        closing.before_commit()
        staged.commit()
    for kind in KINDS.keys() - set(tables):  # a protocol that the source no longer has
        with writing(out / kind):
            (out / f"{kind}.parquet").unlink(missing_ok=True)
    info["drawing"] = drawing.settings()
    info["counts"] |= {"split": section, **sections}
    info["counts"]["splits"] = count_splits(info["counts"])
    write_dataset(out, {**info, "tables": tables})
    progress.remove()


def _draw(
    closing: Closing, drawing: DrawOptions, staged: StagedFiles, progress: ProgressFolder
) -> tuple[dict[str, pa.Table | Iterable[pa.Table]], dict[str, Any]]:
    """Draw pairs and triplets from the classes just written; return tables and sections of dataset.json."""
    protocol = closing.plan.scan.protocol
    ledger = staged.path(closing.out / "photos.parquet")
    classes = read_crops(staged.path(closing.out / "classes.parquet"))
    given = GivenPairs(
        protocol,
        lambda: read_table(ledger, "photos", ["record", "photo", "path"]),
        lambda: progress.previous_pairs(ledger),
        progress.previous / "pairs.parquet",
        renamed_records(closing.plan.corrections),
    )
    pairs = draw_set_pairs(drawing, classes, given)
    triplets = draw_set_triplets(drawing, classes)
    tables: dict[str, pa.Table | Iterable[pa.Table]] = {"pairs": pairs.chunks, "triplets": triplets.chunks}
    if protocol is not None:
        tables["protocol"] = protocol
    if closing.plan.corrections.num_rows:
        tables["corrections"] = closing.plan.corrections.combine_chunks()
    return tables, {"pairs": pairs.section, "triplets": triplets.section}


def describe_set(closing: Closing, ledger: Ledger, fingerprint: str) -> dict[str, Any]:
    """Return dataset.json, without its tables and the sections on splits, pairs and triplets."""
    config, missing = closing.config, closing.plan.scan.missing
    photos = ledger.photos_per_person()
    per_person = photos[photos > 0]
    some = bool(len(per_person))
    counts = {
        "records": ledger.records.num_rows,
        "status": ledger.count_statuses(),
        "people": len(per_person),
        "photos_per_person": {
            "min": int(per_person.min()) if some else 0,
            "median": float(np.median(per_person)) if some else 0.0,
            "mean": round(float(per_person.mean()), 3) if some else 0.0,
            "max": int(per_person.max()) if some else 0,
        },
        "other_files": closing.plan.scan.other_files,
        "missing": len(missing),
        "missing_named": list(missing[:_NAMED]),
        "given_boxes": ledger.given_boxes(),
    }
    if config.as_crops:
        counts["as_crops"] = ledger.count_taken()
    if closing.plan.corrections.num_rows:
        counts["corrections"] = count_corrections(closing.plan.corrections)
    return {
        "kind": KIND,
        "schema_version": SCHEMA_VERSION,
        "facedata": closing.versions["facedata"],
        "source": {"kind": closing.plan.origin.kind, "root": closing.plan.origin.root},
        "licence": closing.plan.origin.licence,
        "settings": config.settings(),
        "seed": config.seed,
        "fingerprint": fingerprint,
        "versions": dict(closing.versions),
        "counts": counts,
        "notes": list(closing.plan.notes),
    }
