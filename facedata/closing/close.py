"""From a settled ledger to a finished set: classes, splits, manifests, and dataset.json written last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..config import PairsConfig, PrepareConfig, SplitConfig, TripletsConfig
from ..errors import writing
from ..files.memory import release
from ..options import Options, fingerprint_of, make
from ..plan.plan import Plan
from ..progress.folder import SEEN, Work, stage_seen
from ..sampling.divide import Crops, Division, division
from ..sampling.draw import count_splits, draw_pairs, draw_triplets
from ..sampling.tables import read_crops
from ..sets.prepared import PreparedSet, open_set, set_fingerprint, stage_tables, with_meta, write_dataset
from ..sources.base import Scan, Source
from ..store.base import Store
from ..tables.blocks import regrouped, texts
from ..tables.parquet import StagedTable, read_blocks, read_schema, read_table, stage_table
from ..tables.schema import DATASET, KIND, KINDS, PROTOCOL, SCHEMA_VERSION
from .ledger import Ledger

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


def close_set(closing: Closing, ledger: Ledger, work: Work) -> None:
    """Write the set's tables and dataset.json, remove crops nobody needs, and the work folder.

    Args:
        closing: where and under what settings.
        ledger: every kept record with its crop on disk. It and the plan's records are let go of once they
            are written: drawing needs the memory.
        work: holds an earlier state of the set, when there was one.

    Raises:
        StoreError: something cannot be written; a rerun then only writes again.
    """
    drawing = _drawing(closing, work)
    found = _division(ledger, drawing["split"], _earlier_splits(work))
    settings = fingerprint_of(closing.config.settings())
    info = _info(closing, ledger, set_fingerprint(settings, ledger.classes(found)))
    staged: dict[str, StagedTable] = {}
    try:
        staged |= _stage_rows(closing, ledger, found, work.store, info["fingerprint"])
        seen = stage_seen(closing.out, closing.plan.records)
        section = found.section
        del found
        ledger.let_go()
        closing.plan.let_go()
        release()
        drawn = _stage_drawn(closing, drawing, staged, info["fingerprint"])
        staged |= drawn.pop("staged")
        work.store.settle(read_blocks(staged["classes"].temporary))
    except BaseException:
        for table in staged.values():
            table.temporary.unlink(missing_ok=True)
        raise
    for table in staged.values():
        table.settle()
    _remove_other_tables(closing.out, staged)
    with writing(closing.out / SEEN):
        seen.replace(closing.out / SEEN)
    info["drawing"] = {name: options.settings() for name, options in drawing.items()}
    info["counts"] |= {"split": section, **drawn}
    info["counts"]["splits"] = count_splits(info["counts"])
    info["tables"] = {kind: {"rows": table.rows, "sha256": table.sha256} for kind, table in staged.items()}
    write_dataset(closing.out, info)
    work.finish()


def _division(ledger: Ledger, config: SplitConfig, earlier: Mapping[str, str]) -> Division:
    crops = Crops(
        ledger.crop_people(),
        ledger.people,
        paths=lambda: texts(ledger.crop_column("crop_path")),
        official=lambda: ledger.crop_column("official_split"),
        any_official=ledger.records.column("official_split").null_count < ledger.records.num_rows,
    )
    return division(crops, config, earlier)


def _stage_rows(
    closing: Closing, ledger: Ledger, found: Division, store: Store, fingerprint: str
) -> dict[str, StagedTable]:
    """Write the tables with a row for each photo, block by block."""
    wanted = with_meta(KINDS["photos"], ledger.records.schema)
    classes = regrouped(store.placed(ledger.classes(found)))
    photos = stage_table(
        closing.out / "photos.parquet", ledger.blocks(), kind="photos", schema=wanted, fingerprint=fingerprint
    )
    try:
        return {"photos": photos, **stage_tables(closing.out, {"classes": classes}, fingerprint)}
    except BaseException:
        photos.temporary.unlink(missing_ok=True)
        raise


def _stage_drawn(
    closing: Closing, drawing: Mapping[str, Any], staged: Mapping[str, StagedTable], fingerprint: str
) -> dict[str, Any]:
    """Draw pairs and triplets from the classes as they were written; return their sections and the files."""
    protocol = closing.scan.protocol
    photos = None
    if drawing["pairs"].strategy == "official" and protocol is not None:
        photos = read_table(staged["photos"].temporary, "photos", ["record", "path"])
    classes = read_crops(staged["classes"].temporary)
    pairs = draw_pairs(classes, drawing["pairs"], protocol, photos)
    triplets = draw_triplets(classes, drawing["triplets"])
    tables: dict[str, pa.Table | Iterable[pa.Table]] = {"pairs": pairs.chunks, "triplets": triplets.chunks}
    if protocol is not None:
        tables["protocol"] = protocol
    files = stage_tables(closing.out, tables, fingerprint)
    return {"pairs": pairs.section, "triplets": triplets.section, "staged": files}


def is_closed(closing: Closing, ledger: Ledger) -> bool:
    """Tell whether the set on disk is what :func:`close_set` would write; splits and draws aside.

    Raises:
        SetError: dataset.json is damaged.
    """
    if not (closing.out / DATASET).is_file():
        return False
    before = open_set(closing.out)
    if not before.is_whole() or len(ledger.lost()):
        return False
    info = _info(closing, ledger, before.fingerprint)
    info["counts"] = {**before.info["counts"], **info["counts"]}
    same = all(before.info[key] == value for key, value in info.items() if key != "versions")
    return same and _same_protocol(before, closing.scan.protocol) and _same_ledger(before, ledger)


def _same_ledger(before: PreparedSet, ledger: Ledger) -> bool:
    file = before.path / "photos.parquet"
    wanted = with_meta(KINDS["photos"], ledger.records.schema)
    there = read_schema(file)
    if there.names != wanted.names or there.types != wanted.types:
        return False
    rows = read_blocks(file)
    return all(
        mine is not None and other is not None and other.equals(mine.select(wanted.names).cast(wanted))
        for mine, other in zip_longest(ledger.blocks(), rows)
    )


def _same_protocol(before: PreparedSet, now: pa.Table | None) -> bool:
    if now is None or not before.has("protocol"):
        return now is None and not before.has("protocol")
    return bool(before.table("protocol").equals(now.select(PROTOCOL.names).cast(PROTOCOL)))


def _remove_other_tables(out: Path, staged: Iterable[str]) -> None:
    for kind in KINDS.keys() - set(staged):  # a protocol that the source no longer has
        with writing(out / kind):
            (out / f"{kind}.parquet").unlink(missing_ok=True)


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
    splits: dict[str, str] = {}
    if work.has_previous_tables():
        for table in read_blocks(work.previous / "classes.parquet", ["identity", "split"]):
            pairs = table.filter(pc.is_valid(table.column("split"))).group_by(["identity"], use_threads=False)
            last = pairs.aggregate([("split", "last")])
            people, names = (last.column(name).to_pylist() for name in ("identity", "split_last"))
            splits |= dict(zip(people, names, strict=True))
    return splits


def _info(closing: Closing, ledger: Ledger, fingerprint: str) -> dict[str, Any]:
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
        "counts": _counts(closing, ledger),
        "notes": list(closing.plan.notes),
    }


def _counts(closing: Closing, ledger: Ledger) -> dict[str, Any]:
    photos = np.bincount(ledger.crop_people())
    per_person = photos[photos > 0]
    records = ledger.records.num_rows
    missing = closing.scan.missing
    return {
        "records": records,
        "status": ledger.count_statuses(),
        "people": len(per_person),
        "photos_per_person": {
            "min": int(per_person.min(initial=records)) if len(per_person) else 0,
            "median": float(np.median(per_person)) if len(per_person) else 0.0,
            "mean": round(float(per_person.mean()), 3) if len(per_person) else 0.0,
            "max": int(per_person.max(initial=0)),
        },
        "other_files": closing.scan.other_files,
        "missing": len(missing),
        "missing_named": list(missing[:_NAMED]),
        "given_boxes": ledger.given_boxes(),
    }
