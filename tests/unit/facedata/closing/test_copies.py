"""Copies of photos, against a slow comparison of every pair."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from facedata.closing.copies import describe_copies, find_shared_bytes, find_twins
from facedata.photos.picture_hash import MOST_DIFFERENT
from facedata.sources.base import PLAN


def test_the_same_bytes_of_two_people_point_at_the_first() -> None:
    digests = np.array([[7, 1], [8, 1], [7, 1], [7, 2], [7, 1], [8, 1], [9, 9]], np.uint64)
    person = np.array([0, 0, 1, 1, 0, 0, 2], np.int32)
    kept = np.array([True] * 6 + [False])
    assert find_shared_bytes(kept, person, digests).tolist() == [[0, 2]]
    kept[0] = False
    assert find_shared_bytes(kept, person, digests).tolist() == [[2, 4]]


def test_twins_in_two_splits_are_those_that_a_slow_search_finds() -> None:
    rng = np.random.default_rng(3)
    hashes = rng.integers(0, 1 << 63, (400, 2)).astype(np.uint64)
    for row in range(60):  # a copy, of which some bits differ
        hashes[200 + row] = hashes[row]
        for bit in rng.choice(128, row % 9, replace=False):
            hashes[200 + row, bit // 64] ^= np.uint64(1 << int(bit % 64))
    hashes[300:310] = 0  # flat, or unknown
    split = rng.integers(-1, 3, 400).astype(np.int16)
    slow = [
        [one, two]
        for one in range(400)
        for two in range(one + 1, 400)
        if hashes[one].any() and hashes[two].any() and -1 != split[one] != split[two] != -1
        if sum(int(a ^ b).bit_count() for a, b in zip(hashes[one], hashes[two], strict=True))
        <= MOST_DIFFERENT
    ]
    assert len(slow) > 10
    assert find_twins(hashes, split).tolist() == slow


def test_two_faces_of_one_photo_are_no_copies() -> None:
    columns: dict[str, list[Any]] = {name: [None] * 4 for name in PLAN.names}
    columns["record"] = ["a.jpg#1", "a.jpg#2", "b.jpg", "c.jpg"]
    columns["photo"] = ["a.jpg", "a.jpg", "b.jpg", "c.jpg"]
    columns["identity"], columns["size"], columns["mtime_ns"] = ["p"] * 4, [1] * 4, [1] * 4
    columns["given_box"] = [[0, 0, 9, 9], [20, 0, 29, 9], [0, 0, 9, 9], None]
    records = pa.table(columns, schema=PLAN)
    pairs = np.array([[0, 1], [0, 2], [1, 2], [2, 3]])
    assert describe_copies(pairs, records) == {
        "photos": 2,
        "named": [["a.jpg#1", "b.jpg"], ["b.jpg", "c.jpg"]],
    }
