"""Photos that are there twice, under two people or in two splits; pure functions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..photos.picture_hash import MOST_DIFFERENT
from ..progress.disk_columns import Column
from ..progress.folder import read_picture_hashes
from ..tables.blocks import take_rows
from ..tables.digests import digest_bytes
from ..tables.parquet import read_table
from ..tables.people import person_codes
from ..tables.text_hash import order_numbers
from ..types import BoolArray, Int32Array, Int64Array, UInt64Array
from .settle import find_repeated_of_kept

_NAMED = 100
_TURN_BITS = 16
_WINDOW = 3
_SPAN = 65_536
"""Pictures compared at a time: that bounds the memory."""


def find_shared_bytes(kept: BoolArray, person: Int32Array, digests: Column) -> Int64Array:
    """Return the records with the same bytes as an earlier one of another person, and that one, ``(m, 2)``.

    Args:
        kept: ``(n,)`` bool, which records to compare.
        person: ``(n,)`` int32, each record's person.
        digests: ``(n, 2)`` uint64, of the photos' bytes.
    """
    at = find_repeated_of_kept(kept, digests)  # few, so what follows is cheap
    theirs = digests[at]
    ranked = np.lexsort((at, theirs[:, 1], theirs[:, 0]))
    order, theirs = at[ranked], theirs[ranked]
    is_new = np.ones(len(order), np.bool_)
    is_new[1:] = (theirs[1:] != theirs[:-1]).any(axis=1)
    first = order[np.maximum.accumulate(np.where(is_new, np.arange(len(order)), 0))]
    pairs = np.column_stack([first, order])[person[first] != person[order]]
    return np.asarray(pairs[np.argsort(pairs[:, 1], kind="stable")])


def find_twins(hashes: NDArray[np.uint64], split: NDArray[np.int16]) -> Int64Array:
    """Return pairs of pictures in two splits that look the same, ``(m, 2)`` int64, each row ascending.

    The hashes are sorted by some of their bits first, several times, each time by others, and neighbours
    are compared: so the work grows with the number of pictures only, and of millions a pair that differs in
    more bits may be overlooked.

    Args:
        hashes: ``(n, 2)`` uint64, of :func:`facedata.photos.picture_hash.hash_picture`; 0 and 0 is skipped.
        split: ``(n,)`` int16, -1 for none.
    """
    rows = np.flatnonzero(hashes.any(axis=1) & (split >= 0)).astype(np.int32)
    found = [np.empty((0, 2), np.int64)]
    for column in range(2):
        for turn in range(0, 64, _TURN_BITS):
            key = hashes[rows, column]
            key = (key << np.uint64(turn)) | (key >> np.uint64((64 - turn) % 64))
            found += _find_near(rows, key, order_numbers(key), hashes, split)
            del key
    return np.unique(np.concatenate(found), axis=0)


def _find_near(
    rows: Int32Array,
    key: UInt64Array,
    order: Int64Array,
    hashes: NDArray[np.uint64],
    split: NDArray[np.int16],
) -> Iterator[Int64Array]:
    """Yield the pairs of pictures in two splits that look the same and are near in an order.

    Args:
        rows: ``(k,)`` int32, the pictures.
        key: ``(k,)`` uint64, the half of each one's hash, turned, that they are sorted by.
        order: ``(k,)`` int64, indices into both.
        hashes: of all pictures.
        split: of all pictures.
    """
    for start in range(0, len(order), _SPAN):
        span = order[start : start + _SPAN + _WINDOW]
        keys = key[span]
        for step in range(1, _WINDOW + 1):
            # most pictures differ enough in this half, so the rest is about few
            differ = np.bitwise_count(keys[:-step] ^ keys[step:])[:_SPAN]
            at = np.flatnonzero(differ <= MOST_DIFFERENT)
            one, other = rows[span[at]], rows[span[at + step]]
            in_two = split[one] != split[other]
            one, other = one[in_two], other[in_two]
            bits = np.bitwise_count(hashes[one] ^ hashes[other]).sum(axis=1, dtype=np.int64)
            alike = bits <= MOST_DIFFERENT
            yield np.sort(np.column_stack([one[alike], other[alike]]), axis=1).astype(np.int64)


def describe_copies(pairs: Int64Array, records: pa.Table) -> dict[str, Any]:
    """Return what dataset.json says of copies: how many ``photos`` have one, and the first pairs by name.

    Args:
        pairs: ``(m, 2)`` int64, rows of ``records``. Those that mean two faces are left out: of one photo, or
            with two given boxes.
        records: with the columns record, photo and given_box.
    """
    rows = np.unique(pairs)
    some = take_rows(records.select(["record", "photo", "given_box"]), rows).to_pylist()
    found = dict(zip(rows.tolist(), some, strict=True))
    copies = []
    for pair in pairs.tolist():
        one, two = (found[row] for row in pair)
        boxes = one["given_box"], two["given_box"]
        if one["photo"] != two["photo"] and (None in boxes or boxes[0] == boxes[1]):
            copies.append((one["record"], two["record"]))
    return {"photos": len({two for _, two in copies}), "named": [list(pair) for pair in copies[:_NAMED]]}


def count_table_copies(folder: Path) -> dict[str, Any]:
    """Return what dataset.json says of copies, from a set's tables; without what is not known.

    Args:
        folder: with photos.parquet, classes.parquet and .seen.arrow, which may be missing.
    """
    columns = ["record", "photo", "given_box", "path", "identity", "sha256"]
    photos = read_table(folder / "photos.parquet", "photos", columns)
    is_kept = pc.is_valid(photos.column("path"))
    kept = photos.filter(is_kept)
    person, _ = person_codes(kept.column("identity"))
    digests = digest_bytes(kept.column("sha256"))[:, :16].copy().view(np.uint64)
    everyone = np.ones(kept.num_rows, np.bool_)
    copies = {"same_bytes": find_shared_bytes(everyone, person, digests)}
    hashes = read_picture_hashes(folder, photos.column("record"))
    if hashes is not None:
        split, _ = person_codes(read_table(folder / "classes.parquet", "classes", ["split"]).column(0))
        copies["across_splits"] = find_twins(hashes[is_kept.to_numpy()], split.astype(np.int16))
    return {name: describe_copies(pairs, kept) for name, pairs in copies.items()}
