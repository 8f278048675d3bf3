"""The same photo in two sets: equal SHA-256, and the same face in it. Pure functions."""

from __future__ import annotations

import numpy as np

from ...types import BoolArray, Float32Array, Int64Array, UInt8Image
from .kept_photos import KeptPhotos

_SAME_FACE = 0.3
"""Boxes of one photo that overlap by at least this (IoU) are of one face: two detectors' boxes differ."""


def find_same_bytes(mine: KeptPhotos, theirs: KeptPhotos) -> Int64Array:
    """Return rows of the two sets whose photos have the same bytes and show the same face, ``(m, 2)`` int64.

    Each row of either set that has such a match is in at least one pair; of many copies not all pairs come.
    Photos whose SHA-256 is unknown match nothing. Where a box is unknown, the photo decides.
    """
    left, right = match_digests(mine.digest, theirs.digest)
    same = is_same_face(mine.box[left], theirs.box[right])
    return np.unique(np.column_stack([left[same], right[same]]), axis=0)


def match_digests(mine: UInt8Image, theirs: UInt8Image) -> tuple[Int64Array, Int64Array]:
    """Return the rows with equal digests, ``(n, 32)`` and ``(m, 32)`` uint8; digests of zeros match nothing.

    Of a digest that i rows have here and j rows there, all i·j pairs come while these are few, and else
    every row once or more.
    """
    both = np.concatenate([mine, theirs]).view("S32")[:, 0]  # ends in zeros do not count, and are no loss
    known = np.concatenate([mine, theirs]).any(axis=1)
    codes = np.unique(both, return_inverse=True)[1]
    codes[~known] = -1
    here, there = codes[: len(mine)], codes[len(mine) :]
    common = np.intersect1d(here, there)
    common = common[common >= 0]
    lefts, rights = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    left_rows, left_ends = _rows_by_code(here, common)
    right_rows, right_ends = _rows_by_code(there, common)
    for group in range(len(common)):
        one = left_rows[left_ends[group] : left_ends[group + 1]]
        two = right_rows[right_ends[group] : right_ends[group + 1]]
        if len(one) * len(two) > _MOST_PAIRS:  # a photo with a crowd, or thousands of copies
            longest = max(len(one), len(two))
            lefts.append(np.resize(one, longest))
            rights.append(np.resize(two, longest))
        else:
            lefts.append(np.repeat(one, len(two)))
            rights.append(np.tile(two, len(one)))
    return np.concatenate(lefts), np.concatenate(rights)


_MOST_PAIRS = 10_000


def _rows_by_code(codes: Int64Array, wanted: Int64Array) -> tuple[Int64Array, Int64Array]:
    """Return the rows that have a wanted code, in the order of the codes, and where each code begins."""
    rows = np.flatnonzero(np.isin(codes, wanted))
    order = np.argsort(codes[rows], kind="stable")
    rows = rows[order]
    return rows, np.append(np.searchsorted(codes[rows], wanted), len(rows))


def is_same_face(one: Float32Array, other: Float32Array) -> BoolArray:
    """Return whether boxes of one photo, ``(n, 4)`` both, are of one face; True where one is NaN."""
    low, high = np.maximum(one[:, :2], other[:, :2]), np.minimum(one[:, 2:], other[:, 2:])
    inside = np.clip(high - low, 0, None).prod(axis=1)
    areas = [(box[:, 2:] - box[:, :2]).prod(axis=1) for box in (one, other)]
    with np.errstate(invalid="ignore", divide="ignore"):
        overlap = inside / (areas[0] + areas[1] - inside)
    return np.asarray(~(overlap < _SAME_FACE))
