"""What of a set an export does not hold, a sentence each."""

from __future__ import annotations

import pyarrow.compute as pc

from .base import Export


def tell_left_out(export: Export, *what: str) -> list[str]:
    """Return a sentence for each of these things that the set has and the export does not.

    Args:
        export: of its splits, pairs, triplets and reference photos are counted.
        what: some of ``pairs``, ``triplets``, ``roles``, ``labels``, ``meta`` and ``ledger``.
    """
    said = []
    counts = export.prepared.info["counts"].get("splits", {})
    for kind in ("pairs", "triplets"):
        rows = sum(counts.get(split, {}).get(kind) or 0 for split in export.splits)
        if kind in what and rows:
            said.append(f"{rows:,} {kind}")
    if "roles" in what:
        roles = sum(len(rows) - rows.column("role").null_count for rows in export.blocks(every=True))
        said += [f"which {roles:,} photos are reference photos"] if roles else []
    if "labels" in what and any(
        pc.any(pc.is_valid(rows.column("label"))).as_py() for rows in export.blocks(every=True)
    ):
        said.append("the set's labels; people have their names")
    if "meta" in what:
        block = next(export.prepared.blocks("photos"), None)
        names = [name for name in block.column_names if name.startswith("meta_")] if block else []
        said += [f"the columns {', '.join(names)}"] if names else []
    if "ledger" in what:
        said.append("the ledger: boxes, landmarks, and what became of the photos that were not kept")
    return said
