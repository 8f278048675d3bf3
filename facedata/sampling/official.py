"""Official pairs: a data set's own protocol, mapped from records to crops, with a list of missing pairs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..tables import schema
from ..types import BoolArray, Int64Array


def official_pairs(
    classes: pa.Table, protocol: pa.Table, photos: pa.Table, corrected: pa.Array | None = None
) -> tuple[pa.Table, dict[str, Any]]:
    """Map a protocol's pairs to crops.

    The protocol says what was published. A pair of a photo that was corrected is left out where it says
    something else than the photos' people do now: a set's pairs and people never contradict each other.

    Args:
        classes: the set's crops (id, path, split; with corrections identity).
        protocol: the pairs by record (:data:`facedata.tables.schema.PROTOCOL`).
        photos: the ledger's columns record and path.
        corrected: the records that corrections gave to another person.

    Returns:
        The pairs whose two photos were kept and lie in the protocol's split, in the protocol's order
        (:data:`facedata.tables.schema.PAIRS`), and the section for dataset.json: the number of ``official``
        pairs, of ``complete`` ones and of those in an ``other_split``, and each ``missing`` pair with the
        records that were not kept. With corrections also each pair that they ``contradict``.
    """
    left = _crop_rows(classes, photos, protocol.column("left"))
    right = _crop_rows(classes, photos, protocol.column("right"))
    complete = (left >= 0) & (right >= 0)
    home = complete & _in_split(classes, protocol, left) & _in_split(classes, protocol, right)
    is_corrected = np.zeros(len(home), np.bool_)
    if corrected is not None and len(corrected):
        for side in ("left", "right"):
            is_corrected |= pc.is_in(protocol.column(side), value_set=corrected).to_numpy()
    wrong = complete & is_corrected & _are_contradicted(classes, protocol, left, right)
    home &= ~wrong
    pairs = protocol.filter(pa.array(home))
    ids, paths = classes.column("id").to_numpy(), classes.column("path").combine_chunks()
    columns = [
        *(ids[rows[home]] for rows in (left, right)),
        *(paths.take(pa.array(rows[home])).dictionary_encode() for rows in (left, right)),
        pairs.column("same").combine_chunks(),
        pairs.column("split").combine_chunks().dictionary_encode(),
        pairs.column("fold").combine_chunks(),
    ]
    section = _section(protocol, left, right, home, wrong)
    if is_corrected.any():
        _explain(section, protocol, complete & ~home & ~wrong, wrong, is_corrected)
    return pa.table(columns, schema=schema.PAIRS), section


def _crop_rows(classes: pa.Table, photos: pa.Table, records: pa.ChunkedArray) -> Int64Array:
    """Return the records' rows in the classes; -1 for those without a crop."""
    kept = photos.filter(pc.is_valid(photos.column("path")))
    indices = pc.index_in(records, value_set=kept.column("record").combine_chunks())
    paths = kept.column("path").combine_chunks().take(indices.combine_chunks())
    # skip_nulls keeps a null path null
    rows = pc.index_in(paths, value_set=classes.column("path").combine_chunks(), skip_nulls=True)
    return np.asarray(pc.fill_null(rows, -1).to_numpy(zero_copy_only=False), np.int64)


def _in_split(classes: pa.Table, protocol: pa.Table, rows: Int64Array) -> BoolArray:
    """Return which crops (-1 for none) lie in the split that the protocol gives their pair."""
    actual = classes.column("split").combine_chunks().take(pa.array(rows, mask=rows < 0))
    equal = pc.equal(actual, protocol.column("split").combine_chunks())
    return np.asarray(pc.fill_null(equal, False).to_numpy(zero_copy_only=False), np.bool_)


def _are_contradicted(
    classes: pa.Table, protocol: pa.Table, left: Int64Array, right: Int64Array
) -> BoolArray:
    """Return which pairs of crops (-1 for none) say something else than the crops' people do."""
    if "identity" not in classes.column_names:
        return np.zeros(len(left), np.bool_)
    person = pc.dictionary_encode(classes.column("identity").combine_chunks()).indices.to_numpy()
    person = np.append(person, -1)
    return np.asarray((person[left] == person[right]) != protocol.column("same").to_numpy(), np.bool_)


def _explain(
    section: dict[str, Any], protocol: pa.Table, elsewhere: BoolArray, wrong: BoolArray, corrected: BoolArray
) -> None:
    """Add to the section what corrections did to the pairs.

    Args:
        section: of dataset.json.
        protocol: the pairs.
        elsewhere: which lie outside their split.
        wrong: which contradict the corrections.
        corrected: which have a photo that was corrected.
    """
    columns = ["left", "right", "same", "split", "fold"]
    section["contradicted"] = protocol.filter(pa.array(wrong)).select(columns).to_pylist()
    if elsewhere.any() and corrected[elsewhere].all():
        section["notes"].pop()
        section["notes"].append(
            f"{int(elsewhere.sum()):,} of {protocol.num_rows:,} official pairs have a photo that corrections "
            "gave to a person of another split: they are left out"
        )
    if wrong.any():
        section["notes"].append(
            f"{int(wrong.sum()):,} of {protocol.num_rows:,} official pairs say something else than the "
            "corrections do: they are left out; dataset.json names them"
        )


def _section(
    protocol: pa.Table, left: Int64Array, right: Int64Array, home: BoolArray, wrong: BoolArray
) -> dict[str, Any]:
    """Return the section for dataset.json.

    Args:
        protocol: the pairs.
        left: the rows of their crops, -1 for none.
        right: the same of the other photo.
        home: which pairs are taken.
        wrong: which of the others contradict corrections.
    """
    count, gone = protocol.num_rows, (left < 0) | (right < 0)
    missing = protocol.filter(pa.array(gone)).select(["left", "right", "split", "fold"]).to_pylist()
    for pair, no_left, no_right in zip(missing, left[gone] < 0, right[gone] < 0, strict=True):
        pair["missing"] = [pair["left"]] * bool(no_left) + [pair["right"]] * bool(no_right)
    split = np.asarray(protocol.column("split").to_pylist(), object)
    same = home & protocol.column("same").to_numpy()
    splits = {}
    for name in dict.fromkeys(split.tolist()):
        asked, rows, alike = (int(((split == name) & which).sum()) for which in (True, home, same))
        splits[name] = {"asked": asked, "rows": rows, "same": alike}
    other_split = int((~gone & ~home & ~wrong).sum())
    notes = []
    if missing:
        notes.append(
            f"{len(missing):,} of {count:,} official pairs need a photo that was not kept; "
            "dataset.json names them"
        )
    if other_split:
        notes.append(
            f"{other_split:,} of {count:,} official pairs lie outside their split: divide the set with "
            "--split-by official to have them"
        )
    return {
        "strategy": "official",
        "official": count,
        "complete": int((~gone).sum()),
        "other_split": other_split,
        "missing": missing,
        "splits": splits,
        "notes": notes,
    }
