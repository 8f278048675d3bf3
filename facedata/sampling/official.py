"""Official pairs: a data set's own protocol, mapped from records to crops; what is missing is named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..tables import schema
from ..types import BoolArray, Int64Array


def official_pairs(
    classes: pa.Table, protocol: pa.Table, photos: pa.Table
) -> tuple[pa.Table, dict[str, Any]]:
    """Map a protocol's pairs to crops.

    Args:
        classes: the set's crops (id, path, split).
        protocol: the pairs by record (:data:`facedata.tables.schema.PROTOCOL`).
        photos: the ledger's columns record and path.

    Returns:
        The pairs both of whose photos were kept and lie in the protocol's split, in the protocol's order
        (:data:`facedata.tables.schema.PAIRS`), and the section for dataset.json: ``official`` pairs there
        are, ``complete`` ones, those in an ``other_split``, and every ``missing`` one with the records
        not kept.
    """
    left, right = (_crop_rows(classes, photos, protocol.column(side)) for side in ("left", "right"))
    complete = (left >= 0) & (right >= 0)
    home = complete & _in_split(classes, protocol, left) & _in_split(classes, protocol, right)
    section = {
        "strategy": "official",
        "official": protocol.num_rows,
        "complete": int(complete.sum()),
        "other_split": int((complete & ~home).sum()),
        "missing": _missing(protocol, left, right),
        "splits": _per_split(protocol, home),
    }
    section["notes"] = _notes(section)
    return _table(classes, protocol.filter(pa.array(home)), left[home], right[home]), section


def _crop_rows(classes: pa.Table, photos: pa.Table, records: pa.ChunkedArray) -> Int64Array:
    """Return the records' rows in the classes; -1 for those without a crop."""
    kept = photos.filter(pc.is_valid(photos.column("path")))
    place = pc.index_in(records, value_set=kept.column("record").combine_chunks())
    paths = kept.column("path").combine_chunks().take(place.combine_chunks())
    # a null path stays null: without skip_nulls it would be looked for, and never found
    rows = pc.index_in(paths, value_set=classes.column("path").combine_chunks(), skip_nulls=True)
    return np.asarray(pc.fill_null(rows, -1).to_numpy(zero_copy_only=False), np.int64)


def _in_split(classes: pa.Table, protocol: pa.Table, rows: Int64Array) -> BoolArray:
    """Tell which crops (-1 for none) lie in the split that the protocol gives their pair."""
    found = classes.column("split").combine_chunks().take(pa.array(rows, mask=rows < 0))
    equal = pc.equal(found, protocol.column("split").combine_chunks())
    return np.asarray(pc.fill_null(equal, False).to_numpy(zero_copy_only=False), np.bool_)


def _missing(protocol: pa.Table, left: Int64Array, right: Int64Array) -> list[dict[str, Any]]:
    gone = (left < 0) | (right < 0)
    pairs = protocol.filter(pa.array(gone)).select(["left", "right", "split", "fold"]).to_pylist()
    for pair, no_left, no_right in zip(pairs, left[gone] < 0, right[gone] < 0, strict=True):
        pair["missing"] = [pair["left"]] * bool(no_left) + [pair["right"]] * bool(no_right)
    return pairs  # type: ignore[no-any-return]


def _per_split(protocol: pa.Table, home: BoolArray) -> dict[str, dict[str, int]]:
    splits = np.asarray(protocol.column("split").to_pylist(), object)
    same = protocol.column("same").to_numpy()
    return {
        name: {
            "asked": int((splits == name).sum()),
            "rows": int(((splits == name) & home).sum()),
            "same": int(((splits == name) & home & same).sum()),
        }
        for name in dict.fromkeys(splits.tolist())
    }


def _notes(section: dict[str, Any]) -> list[str]:
    notes = []
    if section["missing"]:
        notes.append(
            f"{len(section['missing']):,} of {section['official']:,} official pairs need a photo that was "
            "not kept; dataset.json names them"
        )
    if section["other_split"]:
        notes.append(
            f"{section['other_split']:,} of {section['official']:,} official pairs lie outside their split: "
            "divide the set with --split-by official to have them"
        )
    return notes


def _table(classes: pa.Table, protocol: pa.Table, left: Int64Array, right: Int64Array) -> pa.Table:
    ids = classes.column("id").to_numpy()
    paths = classes.column("path").combine_chunks()
    columns = [
        ids[left],
        ids[right],
        paths.take(pa.array(left)).dictionary_encode(),
        paths.take(pa.array(right)).dictionary_encode(),
        protocol.column("same").combine_chunks(),
        protocol.column("split").combine_chunks().dictionary_encode(),
        protocol.column("fold").combine_chunks(),
    ]
    return pa.table(columns, schema=schema.PAIRS)
