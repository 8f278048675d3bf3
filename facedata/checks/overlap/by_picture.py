"""The same picture in two sets, saved again: candidates by a perceptual hash, confirmed by their pixels."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from ...types import BoolArray, Int64Array, UInt8Image
from ..copies.find_copies import CopyPairs, find_copies
from ..copies.picture_hash import hash_crop
from .pictures import Pictures
from .same_frame import grey
from .shared import SharedPhotos

_SAMPLED = 64
"""Crops of which altered copies are made, to see how many of these are found."""

ALTERED = (
    "at half the size",
    "JPEG at quality 50",
    "cropped by 5%",
    "20% brighter",
    "20% darker",
    "mirrored",
)


def find_same_pictures(mine: Pictures, theirs: Pictures, workers: int) -> tuple[SharedPhotos, int]:
    """Return the photos that two sets share as pictures, and how many candidates were not compared.

    Each shared photo has at least one row. The two sets are searched as if they were one, so that the work
    grows with the number of their photos, and the copies of one picture are linked even if not each of them
    looks like each other.

    Args:
        mine: crops of this set.
        theirs: of the other one, cut in the same frame.
        workers: threads or processes that confirm candidates.
    """
    count = len(mine.rows)

    def read(at: int) -> UInt8Image | None:
        return mine.read(at) if at < count else theirs.read(at - count)

    hashes, digests = (
        np.concatenate([getattr(side, name) for side in (mine, theirs)]) for name in ("hashes", "digests")
    )
    pairs = find_copies(hashes, digests, read, workers)
    ones, others, likeness = _across(pairs, count, len(hashes))
    return SharedPhotos(mine.rows[ones], theirs.rows[others - count], likeness), pairs.left_out


def _across(
    pairs: CopyPairs, count: int, total: int
) -> tuple[Int64Array, Int64Array, np.ndarray[Any, np.dtype[np.float32]]]:
    """Return the pairs across the sets, and for pictures that are linked through others a pair as well."""
    group = link(pairs.left, pairs.right, total)
    likeness = np.asarray(pairs.likeness, np.float32)
    across = (pairs.left < count) & (pairs.right >= count)
    lefts, rights, values = [pairs.left[across]], [pairs.right[across]], [likeness[across]]
    weakest = np.ones(total, np.float32)
    np.minimum.at(weakest, pairs.left, likeness)
    np.minimum.at(weakest, pairs.right, likeness)
    first = np.full((2, total), -1, np.int64)  # of each group, its first picture in either set
    for side, rows in enumerate((np.arange(count)[::-1], np.arange(count, total)[::-1])):
        first[side, group[rows]] = rows
    for side, rows in enumerate((np.arange(count), np.arange(count, total))):
        other = first[1 - side, group[rows]]
        paired = np.isin(rows, (lefts[0], rights[0])[side])
        rows, other = rows[(other >= 0) & ~paired], other[(other >= 0) & ~paired]
        lefts.append(rows if side == 0 else other)
        rights.append(other if side == 0 else rows)
        values.append(np.minimum(weakest[rows], weakest[other]))
    return np.concatenate(lefts), np.concatenate(rights), np.concatenate(values)


def link(left: Int64Array, right: Int64Array, count: int) -> Int64Array:
    """Return the lowest index that each of ``count`` things is linked to, directly or through others.

    >>> link(np.array([1, 3]), np.array([3, 4]), 5).tolist()
    [0, 1, 2, 1, 1]
    """
    lowest = np.arange(count)
    while True:
        before = lowest.copy()
        least = np.minimum(lowest[left], lowest[right])
        np.minimum.at(lowest, lowest[left], least)
        np.minimum.at(lowest, lowest[right], least)
        lowest = lowest[lowest]
        if np.array_equal(lowest, before):
            return np.asarray(lowest, np.int64)


def plant_copies(pictures: Pictures, workers: int) -> dict[str, Any]:
    """Alter copies of some of a set's own crops, and count how many are found again.

    Returns:
        ``copies`` and ``missed``, and ``missed_by``: how many of each alteration, by its name. None were
        made of a set without crops.
    """
    count = len(pictures.rows)
    some = np.unique(np.linspace(0, max(count - 1, 0), min(_SAMPLED, count)).astype(np.int64))
    originals = [crop for at in some.tolist() if (crop := pictures.read(at)) is not None]
    images = [*originals, *(copy for crop in originals for copy in alter_crop(crop))]
    hashes = np.array([hash_crop(grey(image)) for image in images], np.uint64)
    made = len(images) - len(originals)
    missed = np.zeros((len(originals), len(ALTERED)), np.bool_)
    if made:
        digests = np.zeros((len(images), 32), np.uint8)
        digests[:, :8] = np.arange(len(images), dtype=np.uint64)[:, None].view(np.uint8).reshape(-1, 8)
        pairs = find_copies(hashes, digests, lambda at: images[at], workers)
        group = link(pairs.left, pairs.right, len(images))
        found: BoolArray = group[len(originals) :].reshape(missed.shape) == group[: len(originals), None]
        missed = ~found
    by = dict(zip(ALTERED, missed.sum(axis=0).tolist(), strict=True))
    return {"copies": made, "missed": int(missed.sum()), "missed_by": by}


def alter_crop(crop: UInt8Image) -> list[UInt8Image]:
    """Return altered copies of an ``(h, w, 3)`` uint8 RGB crop, of its size, as in :data:`ALTERED`."""
    height, width = crop.shape[:2]
    half = cv2.resize(crop, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    good, data = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, 50])
    saved = cv2.imdecode(data, cv2.IMREAD_COLOR) if good else crop
    edge_y, edge_x = round(height * 0.025), round(width * 0.025)
    cut = crop[edge_y : height - edge_y, edge_x : width - edge_x]
    copies = [half, saved, cut, crop * 1.2, crop * 0.8, crop[:, ::-1]]
    return [
        np.ascontiguousarray(np.clip(cv2.resize(copy, (width, height)), 0, 255).astype(np.uint8))
        for copy in (np.asarray(one, np.float32) for one in copies)
    ]
