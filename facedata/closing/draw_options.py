"""How a set is split and its pairs and triplets are drawn."""

from __future__ import annotations

from typing import Any

import pyarrow.compute as pc

from ..config import PairsConfig, PrepareConfig, SplitConfig, TripletsConfig
from ..options import Options, make
from ..progress.folder import ProgressFolder
from ..sources.base import Scan
from ..tables.parquet import read_blocks


def choose_draw_options(config: PrepareConfig, scan: Scan, progress: ProgressFolder) -> dict[str, Any]:
    """Return the options for splits, pairs and triplets: those of the last command, or of ``prepare``."""
    before = progress.previous_info().get("drawing", {})
    official = scan.protocol is not None and config.split_by == "official"
    strategy = (
        "official" if config.pairs is None and official else "all" if config.pairs == "all" else "random"
    )
    count = int(config.pairs) if config.pairs not in (None, "all") else None
    shared = {"max_per_person": config.max_per_person, "seed": config.seed}
    names = ("splits", "split_by", "stable", "seed")
    from_prepare: dict[str, tuple[type[Options], dict[str, Any]]] = {
        "split": (SplitConfig, {name: getattr(config, name) for name in names}),
        "pairs": (PairsConfig, {"strategy": strategy, "count": count, **shared}),
        "triplets": (TripletsConfig, {"per_photo": config.triplets_per_photo, **shared}),
    }
    return {name: make(kind, before.get(name, values)) for name, (kind, values) in from_prepare.items()}


def previous_splits(progress: ProgressFolder) -> dict[str, str]:
    """Return each person's previous split, which people keep when a set grows."""
    splits: dict[str, str] = {}
    if progress.has_previous_tables():
        for table in read_blocks(progress.previous / "classes.parquet", ["identity", "split"]):
            pairs = table.filter(pc.is_valid(table.column("split"))).group_by(["identity"], use_threads=False)
            last = pairs.aggregate([("split", "last")])
            people, names = (last.column(name).to_pylist() for name in ("identity", "split_last"))
            splits |= dict(zip(people, names, strict=True))
    return splits
