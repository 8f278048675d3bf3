"""Settling: find duplicates, faces taken twice, and people with too few photos. Pure functions."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..detect.choose import box_iou
from ..progress.disk_columns import Column
from ..tables.blocks import BLOCK_ROWS
from ..tables.origin import Origin
from ..tables.schema import PHOTOS
from ..tables.text_hash import find_repeated_by_spans, mix_bits
from ..types import BoolArray, Int32Array, Int64Array, Status, UInt64Array

_ONE_FACE = 0.5
"""Two boxes that overlap by more than this show one face."""


FOUND = [
    "width", "height", "turned_deg", "faces", "all_boxes", "all_scores", "score", "box", "landmarks",
    "tilt_deg", "box_iou", "matrix", "sha256",
]  # fmt: skip
"""The ledger's columns that are a row's as its shard wrote them: neither plan nor settling changes them."""


def join_rows(records: pa.Table, rows: pa.Table, origin: Origin, without: Collection[str] = ()) -> pa.Table:
    """Join a block of a plan's records with their rows.

    Args:
        records: a plan's records.
        rows: their rows (``parts.ROWS``), in the same order; all null for records that were not processed.
        origin: where the photos are from.
        without: some of :data:`FOUND`, to leave out.

    Returns:
        The ledger's columns and meta_*, in the records' order. The path of a crop is the plan's: a person's
        correction changes it, and not the rows.
    """
    made = origin.columns(records)
    columns = {
        name: made[name] if name in made else (records if name in records.column_names else rows).column(name)
        for name in PHOTOS.names
        if name not in without
    }
    has_crop = pc.fill_null(pc.equal(rows.column("status"), Status.KEPT.value), False)
    columns["path"] = pc.if_else(has_crop, records.column("crop_path"), pa.scalar(None, pa.string()))
    planned = pc.is_valid(records.column("status"))
    forgotten = pc.fill_null(pc.equal(records.column("status"), Status.FORGOTTEN.value), False)
    if pc.any(forgotten, min_count=0).as_py():
        for name in made:
            texts = pc.if_else(forgotten, pa.scalar(None, pa.string()), columns[name].cast(pa.string()))
            columns[name] = pc.dictionary_encode(texts)
    for name in ("status", "reason"):
        columns[name] = pc.if_else(planned, records.column(name), rows.column(name))
    meta = {name: records.column(name) for name in records.column_names if name.startswith("meta_")}
    return pa.table({**columns, **meta})


def find_duplicates(
    kept: BoolArray, person: Int32Array, digests: Column, boxes: pa.ChunkedArray
) -> BoolArray:
    """Return which kept records have the same bytes and given box as an earlier one of the same person.

    Args:
        kept: ``(n,)`` bool.
        person: ``(n,)`` int32.
        digests: ``(n, k)`` uint64, of the photos' bytes.
        boxes: ``(n,)`` given boxes, or nulls.
    """
    at = find_repeated_of_kept(kept, digests, person)  # only these can be duplicates: the exact test is cheap
    keys = [person[at], *digests[at].T, *_box_keys(boxes, at)]
    order = np.lexsort(keys[::-1])
    same = np.ones(max(len(at) - 1, 0), np.bool_)
    for key in keys:
        same &= key[order][1:] == key[order][:-1]
    twin = np.zeros(len(kept), np.bool_)
    twin[at[order][1:][same]] = True
    return twin


def find_repeated_of_kept(kept: BoolArray, digests: Column, person: Int32Array | None = None) -> Int64Array:
    """Return the kept records whose first digest number, and person, occurs more than once; ascending.

    Args:
        kept: ``(n,)`` bool.
        digests: ``(n, k)`` uint64.
        person: ``(n,)`` int32; None to leave it out. With it, a few others may be among them.
    """

    def spans() -> Iterator[UInt64Array]:
        for start in range(0, len(kept), BLOCK_ROWS):
            span = slice(start, start + BLOCK_ROWS)
            numbers = digests[span][:, 0]
            if person is not None:
                numbers = numbers ^ mix_bits(person[span].astype(np.uint64))
            yield numbers[kept[span]]

    found = find_repeated_by_spans(int(np.count_nonzero(kept)), spans)
    return np.flatnonzero(kept)[found]


def _box_keys(boxes: pa.ChunkedArray, at: Int64Array) -> list[NDArray[np.uint64]]:
    """Return the boxes' bits as two columns, and whether there is one as a third."""
    if boxes.null_count == len(boxes):
        return []
    mine = boxes.take(pa.array(at))
    given = pc.is_valid(mine).to_numpy()
    bits = np.zeros((len(at), 2), np.uint64)
    values = pc.list_flatten(pc.drop_null(mine)).to_numpy().astype(np.float32)
    bits[given] = values.reshape(-1, 4).view(np.uint64)
    return [bits[:, 0], bits[:, 1], given.astype(np.uint64)]


def find_shared_faces(
    kept: BoolArray, photo: Int64Array, boxes: NDArray[np.float32], overlap: NDArray[np.float32] | None
) -> Int64Array:
    """Return, for each record whose face another record of its photo keeps, that one's index; else -1.

    Of several records that got one face, the one whose given box overlaps it most keeps it, of equals the
    first. Faces are one where their boxes overlap by more than half: searches around different given boxes
    find a face a pixel apart.

    Args:
        kept: ``(n,)`` bool.
        photo: ``(n,)`` int64, a number for each photo that has several records; -1 for the others.
        boxes: ``(n, 4)`` float32, the faces' boxes; only those of kept records of such photos are read.
        overlap: ``(n,)`` float32, of a face's box and the given one; NaN without a given box.
    """
    keeper = np.full(len(kept), -1, np.int64)
    at = np.flatnonzero(kept & (photo >= 0))
    fit = np.zeros(len(at)) if overlap is None else np.nan_to_num(overlap[at], nan=-1.0)
    at = at[np.lexsort((at, -fit, photo[at]))]
    taken: list[int] = []
    for index in at.tolist():
        if taken and photo[taken[0]] != photo[index]:
            taken = []
        same = (other for other in taken if box_iou(boxes[other], boxes[index]) > _ONE_FACE)
        keeper[index] = next(same, -1)
        if keeper[index] < 0:
            taken.append(index)
    return keeper


def find_too_few(kept: BoolArray, person: Int32Array, min_photos: int) -> BoolArray:
    """Return which kept records belong to people with fewer than ``min_photos`` of them, ``(n,)`` bool."""
    counts = count_photos(kept, person, int(person.max(initial=0)) + 1)
    few: BoolArray = kept.copy()
    for start in range(0, len(kept), BLOCK_ROWS):
        span = slice(start, start + BLOCK_ROWS)
        few[span] &= counts[person[span]] < min_photos
    return few


def count_photos(kept: BoolArray, person: Int32Array, people: int) -> Int64Array:
    """Return how many kept records each person has, ``(people,)`` int64."""
    counts = np.zeros(people, np.int64)
    for start in range(0, len(kept), BLOCK_ROWS):
        span = slice(start, start + BLOCK_ROWS)
        some = np.bincount(person[span][kept[span]])
        counts[: len(some)] += some
    return counts
