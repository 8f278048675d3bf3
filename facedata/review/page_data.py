"""What the page's scripts read: the findings, the people, the crops in them, and the lines that stay."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from ..checks.findings import Kind
from ..checks.ledger_rows import find_ledger_rows
from ..sets.prepared import PreparedSet
from .check_findings import CheckFindings
from .items import Choice, Item, People, find_namesakes
from .own_lines import OwnLine

_COPIES = (Kind.SAME_BYTES, Kind.SAME_PICTURE)


@dataclass(frozen=True)
class Shown:
    """The crops on a page, each once, in the order of its thumbnails.

    Attributes:
        rows: of the classes.
        crops: these rows of the classes, with ``record``, the ledger's key.
    """

    rows: list[int]
    crops: pa.Table = field(repr=False)


def find_shown(items: Sequence[Item], classes: pa.Table, prepared: PreparedSet) -> Shown:
    """Return the crops that some findings show.

    Args:
        items: the findings.
        classes: the set's, in ascending ``id``.
        prepared: the set, whose ledger has the records.
    """
    rows = list(dict.fromkeys(row for item in items for row in item.rows))
    crops = classes.take(pa.array(rows, pa.int64())).combine_chunks()
    records = crops.column("photo").to_pylist()
    for at, found in find_ledger_rows(crops, prepared.blocks("photos")):
        for place, record in zip(at.tolist(), found.column("record").to_pylist(), strict=True):
            records[place] = record or records[place]
    return Shown(rows, crops.append_column("record", pa.array(records, pa.string())))


def describe_review(
    found: CheckFindings, choice: Choice, shown: Shown, classes: pa.Table, prepared: PreparedSet
) -> dict[str, Any]:
    """Return all that stays as it is while findings are decided, as plain values.

    ``sheets``, ``own`` and what the server adds are not in it.
    """
    people = People(classes)
    tiles = {row: tile for tile, row in enumerate(shown.rows)}
    splits = sorted({split for split in shown.crops.column("split").to_pylist() if split})
    return {
        "key": f"{prepared.fingerprint[:16]}-{found.sha256[:16]}",
        "people": people.names,
        "counts": people.counts.tolist(),
        "splits": splits,
        "crops": {
            "photo": shown.crops.column("record").to_pylist(),
            "person": [people.number[name] for name in shown.crops.column("identity").to_pylist()],
            "split": [splits.index(name) if name else -1 for name in shown.crops.column("split").to_pylist()],
        },
        "items": [_describe_item(item, tiles, people) for item in choice.items],
    }


def _describe_item(item: Item, tiles: dict[int, int], people: People) -> dict[str, Any]:
    finding = item.finding
    described = {
        name: finding[name]
        for name in (
            "finding",
            "kind",
            "severity",
            "identity",
            "to_identity",
            "value",
            "threshold",
            "proposal",
        )
    }
    for name in ("value", "threshold"):  # JSON has no word for what is not finite
        described[name] = described[name] if math.isfinite(described[name] or 0) else None
    # the name with more photos stays, as in the lines that a check proposes
    ends = find_namesakes(item, people)
    ends.sort(key=lambda name: (-int(people.counts[people.number[name]]), name), reverse=True)
    if ends:
        described["merge"] = ends
    if item.right is not None:
        is_copy = finding["kind"] in _COPIES
        later = "right" if is_copy and finding["right"] >= finding["left"] else "left"
        described["side"] = later
    return described | {
        "why": " ".join(finding["why"].split()),
        "shape": item.shape.value,
        "left": None if item.left is None else tiles[item.left],
        "right": None if item.right is None else tiles[item.right],
        "groups": [
            {
                "person": people.number[group.person],
                "tiles": [tiles[row] for row in group.rows],
                "more": group.more,
            }
            for group in item.groups
        ],
    }


def describe_own_lines(lines: Sequence[OwnLine]) -> list[dict[str, Any]]:
    """Return the lines that stay, as the page's scripts read them."""
    return [
        {"line": one.line, "cells": list(one.cells), "meant": list(one.meant), "problem": one.problem}
        for one in lines
    ]
