"""The counts of dataset.json against those of the tables; pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ...tables.schema import DATASET
from ...types import Int32Array, Status
from ..findings import Kind
from .crop_rows import CropRows
from .damage_list import DamageList
from .dataset_file import Recorded
from .ledger_rows import LedgerCounts
from .pair_rows import PairCounts

_SORT = f"counts of {DATASET} that the tables do not have"


def compare_counts(counted: Mapping[str, Any], recorded: Recorded, damage: DamageList) -> None:
    """Compare counts, however deep, with those that dataset.json records.

    Args:
        counted: what the tables have, as dataset.json names it below ``counts``.
        recorded: what it says.
        damage: gets the findings.
    """
    if "counts" not in recorded.info:
        return
    for keys, number in _leaves(counted):
        says, where = recorded.count(*keys), ".".join(("counts", *keys))
        if says is None and number == 0:
            continue
        if isinstance(says, (int, float)) and says == number:
            continue
        is_number = isinstance(says, (int, float))
        what = f"is {says:,}" if is_number else "is not there" if says is None else f"is {str(says)[:40]!r}"
        damage.add(
            Kind.COUNTS_DIFFER,
            f"{where} in {DATASET} {what}, and the tables have {number:,}",
            sort=_SORT,
            value=float(number),
            threshold=float(says) if is_number and abs(says) < 2**62 else None,
        )


def _leaves(
    counted: Mapping[str, Any], above: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], float]]:
    for key, value in counted.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, (*above, key))
        else:
            yield (*above, key), value


def ledger_counts(ledger: LedgerCounts, recorded: Recorded) -> dict[str, Any]:
    """Return the counts of the ledger, as dataset.json has them."""
    names = dict.fromkeys([*recorded.names("status"), *ledger.status])
    return {"records": ledger.rows, "status": {name: ledger.status[name] for name in names}}


def crop_counts(rows: CropRows, recorded: Recorded) -> dict[str, Any]:
    """Return the counts of the classes, as dataset.json has them."""
    photos = _photos_each(rows.person)
    splits = {}
    for name in dict.fromkeys([*recorded.names("split", "splits"), *rows.splits]):
        mine = rows.split == (rows.splits.index(name) if name in rows.splits else -2)
        splits[name] = {"people": len(_photos_each(rows.person[mine])), "photos": int(mine.sum())}
    counts: dict[str, Any] = {
        "status": {Status.KEPT.value: len(rows)},
        "people": len(photos),
        "split": {"unassigned": int((rows.split < 0).sum()), "splits": splits},
        "splits": splits,
    }
    if len(photos):
        counts["photos_per_person"] = {
            "min": int(photos.min()),
            "median": float(np.median(photos)),
            "mean": round(float(photos.mean()), 3),
            "max": int(photos.max()),
        }
    return counts


def pair_counts(kind: str, counts: PairCounts, recorded: Recorded) -> dict[str, Any]:
    """Return the counts of pairs or triplets, as dataset.json has them."""
    splits = {}
    for name in dict.fromkeys([*recorded.names(kind, "splits"), *counts.rows]):
        splits[name] = {"rows": counts.rows[name]}
        if kind == "pairs":
            splits[name]["same"] = counts.same[name]
    whole = dict.fromkeys([*recorded.names("splits"), *counts.rows])
    return {kind: {"splits": splits}, "splits": {name: {kind: counts.rows[name]} for name in whole}}


def _photos_each(person: Int32Array) -> Any:
    """Return how many crops each person has who has any, ``(p,)`` int64."""
    photos = np.bincount(person[person >= 0])
    return photos[photos > 0]
