"""From a settled ledger to a finished set: classes, splits, manifests, and dataset.json written last."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .config import Options, PairsConfig, PrepareConfig, SplitConfig, TripletsConfig, fingerprint_of, make
from .divide import divide
from .draw import count_splits, draw_pairs, draw_triplets
from .errors import StoreError, writing
from .ledger import classes_of, count_statuses, lost_crops
from .plan import Plan
from .prepared import PreparedSet, open_set, set_fingerprint, stage_tables, with_meta, write_dataset
from .schema import DATASET, KIND, KINDS, SCHEMA_VERSION, read_table
from .sources.base import Scan, Source
from .types import Status
from .work import Work, write_seen

_NAMED = 10
"""How many missing photos dataset.json names; all of them are counted."""


@dataclass(frozen=True)
class Closing:
    """What is needed beside the ledger to close a set; attributes as in :func:`facedata.prepare`."""

    out: Path
    config: PrepareConfig
    source: Source
    scan: Scan
    plan: Plan
    versions: Mapping[str, str]


def close_set(closing: Closing, ledger: pa.Table, work: Work) -> None:
    """Write the set's tables and dataset.json, remove crops nobody needs, and the work folder.

    Args:
        closing: where and under what settings.
        ledger: settled, every kept record with its crop on disk.
        work: holds an earlier state of the set, when there was one.

    Raises:
        StoreError: something cannot be written; a rerun then only writes again.
    """
    drawing = _drawing(closing, work)
    classes, split_section = divide(classes_of(ledger), ledger, drawing["split"], _earlier_splits(work))
    fingerprint = set_fingerprint(fingerprint_of(closing.config.settings()), classes)
    pairs = draw_pairs(classes, drawing["pairs"], closing.scan.protocol, ledger)
    triplets = draw_triplets(classes, drawing["triplets"])
    tables: dict[str, pa.Table | Iterable[pa.Table]] = {
        "photos": ledger,
        "classes": classes,
        "pairs": pairs.chunks,
        "triplets": triplets.chunks,
    }
    if closing.scan.protocol is not None:
        tables["protocol"] = closing.scan.protocol
    staged = stage_tables(closing.out, tables, fingerprint)
    sweep(closing.out / "crops", classes.column("path").to_pylist())
    for table in staged.values():
        table.settle()
    _remove_other_tables(closing.out, staged)
    write_seen(closing.out, closing.plan.records)
    info = _info(closing, ledger, classes, fingerprint)
    info["drawing"] = {name: options.settings() for name, options in drawing.items()}
    info["counts"] |= {"split": split_section, "pairs": pairs.section, "triplets": triplets.section}
    info["counts"]["splits"] = count_splits(info["counts"])
    info["tables"] = {kind: {"rows": table.rows, "sha256": table.sha256} for kind, table in staged.items()}
    write_dataset(closing.out, info)
    work.finish()


def is_closed(closing: Closing, ledger: pa.Table) -> bool:
    """Tell whether the set on disk is what :func:`close_set` would write; splits and draws aside.

    Raises:
        SetError: dataset.json is damaged.
    """
    if not (closing.out / DATASET).is_file():
        return False
    before = open_set(closing.out)
    if not before.is_whole() or lost_crops(ledger).num_rows:
        return False
    info = _info(closing, ledger, classes_of(ledger), before.fingerprint)
    info["counts"] = {**before.info["counts"], **info["counts"]}
    same = all(before.info[key] == value for key, value in info.items() if key != "versions")
    return (
        same
        and _same_rows(before, "photos", ledger)
        and _same_rows(before, "protocol", closing.scan.protocol)
    )


def _same_rows(before: PreparedSet, kind: str, now: pa.Table | None) -> bool:
    if now is None or not before.has(kind):
        return now is None and not before.has(kind)
    there = before.table(kind)
    wanted = with_meta(KINDS[kind], now.schema)
    if there.schema.names != wanted.names or there.schema.types != wanted.types:
        return False
    return bool(there.equals(now.select(wanted.names).cast(wanted)))


def _remove_other_tables(out: Path, staged: Iterable[str]) -> None:
    for kind in KINDS.keys() - set(staged):  # a protocol that the source no longer has
        with writing(out / kind):
            (out / f"{kind}.parquet").unlink(missing_ok=True)


def sweep(crops: Path, wanted: list[str]) -> None:
    """Remove every crop below ``crops`` that is not wanted, and folders left empty; other files stay.

    Raises:
        StoreError: something cannot be removed.
    """
    keep: dict[str, set[str]] = defaultdict(set)
    for path in wanted:
        person, _, name = path.partition("/")
        keep[person].add(name)
    try:
        folders = [entry for entry in os.scandir(crops) if entry.is_dir()] if crops.is_dir() else []
        for folder in folders:
            left = False
            for entry in list(os.scandir(folder.path)):
                unwanted = entry.name.endswith(".jpg") and entry.name not in keep[folder.name]
                if unwanted and not entry.is_dir():
                    Path(entry.path).unlink()
                else:
                    left = True
            if not left:
                Path(folder.path).rmdir()
    except OSError as error:
        raise StoreError(f"cannot clean up {crops}: {error.strerror or error}") from error


def _drawing(closing: Closing, work: Work) -> dict[str, Any]:
    """Return how to divide and draw: as ``prepare``'s options say, or as last redone by command."""
    config = closing.config
    before = work.earlier_info().get("drawing", {})
    official = closing.scan.protocol is not None and config.split_by == "official"
    strategy = (
        "official" if config.pairs is None and official else "all" if config.pairs == "all" else "random"
    )
    count = int(config.pairs) if config.pairs not in (None, "all") else None
    shared = {"max_per_person": config.max_per_person, "seed": config.seed}
    fresh: dict[str, tuple[type[Options], dict[str, Any]]] = {
        "split": (
            SplitConfig,
            {
                "splits": config.splits,
                "split_by": config.split_by,
                "stable": config.stable,
                "seed": config.seed,
            },
        ),
        "pairs": (PairsConfig, {"strategy": strategy, "count": count, **shared}),
        "triplets": (TripletsConfig, {"per_photo": config.triplets_per_photo, **shared}),
    }
    return {name: make(kind, before.get(name, values)) for name, (kind, values) in fresh.items()}


def _earlier_splits(work: Work) -> dict[str, str]:
    """Return the split each person had, so that a grown set keeps it."""
    if not work.has_previous_tables():
        return {}
    table = read_table(work.previous / "classes.parquet", "classes", ["identity", "split"])
    rows = zip(table.column("identity").to_pylist(), table.column("split").to_pylist(), strict=True)
    return {identity: split for identity, split in rows if split is not None}


def _info(closing: Closing, ledger: pa.Table, classes: pa.Table, fingerprint: str) -> dict[str, Any]:
    config = closing.config
    return {
        "kind": KIND,
        "schema_version": SCHEMA_VERSION,
        "facedata": closing.versions["facedata"],
        "source": {"kind": closing.source.kind, "root": closing.source.root},
        "licence": config.licence,
        "settings": config.settings(),
        "seed": config.seed,
        "fingerprint": fingerprint,
        "versions": dict(closing.versions),
        "counts": _counts(closing, ledger, classes),
        "notes": list(closing.plan.notes),
    }


def _counts(closing: Closing, ledger: pa.Table, classes: pa.Table) -> dict[str, Any]:
    per_person = np.array(pc.value_counts(classes.column("identity")).field("counts"))
    missing = closing.scan.missing
    return {
        "records": ledger.num_rows,
        "status": count_statuses(ledger),
        "people": len(per_person),
        "photos_per_person": {
            "min": int(per_person.min(initial=ledger.num_rows)) if len(per_person) else 0,
            "median": float(np.median(per_person)) if len(per_person) else 0.0,
            "mean": round(float(per_person.mean()), 3) if len(per_person) else 0.0,
            "max": int(per_person.max(initial=0)),
        },
        "other_files": closing.scan.other_files,
        "missing": len(missing),
        "missing_named": list(missing[:_NAMED]),
        "given_boxes": _given_boxes(ledger),
    }


def _given_boxes(ledger: pa.Table) -> dict[str, Any] | None:
    """Return how far the source's boxes and the faces found agree, or None where no box was given."""
    kept = pc.equal(ledger.column("status"), Status.KEPT.value)
    compared = ledger.filter(pc.and_(kept, pc.is_valid(ledger.column("box_iou"))))
    overlap = compared.column("box_iou").to_numpy()
    if not len(overlap):
        return None
    worst = [
        compared.column("record")[int(index)].as_py() for index in np.argsort(overlap, kind="stable")[:_NAMED]
    ]
    return {
        "compared": len(overlap),
        "median_iou": round(float(np.median(overlap)), 4),
        "below_half": int((overlap < 0.5).sum()),
        "worst": worst,
    }
