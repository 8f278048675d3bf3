"""Copies among crops: planted ones are found, nothing else, and many copies of one picture stay few pairs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from facedata.checks.copies.find_copies import CopyPairs, find_copies
from facedata.checks.copies.picture_hash import HASH_WORDS, hash_crop
from facedata.checks.copies.same_picture import LIKENESS
from facedata.types import UInt8Image
from tests.support.saved_again import (
    MIRRORED,
    SAVES,
    as_jpeg,
    find_beside,
    lfw_crop,
    lfw_names,
    mirror,
    painted_picture,
)
from tests.support.shared_data import needs_shared


def _find(crops: Sequence[UInt8Image | None], workers: int = 1) -> CopyPairs:
    hashes, digests = [], []
    for row, crop in enumerate(crops):
        if crop is None:
            hashes.append((row + 1,) * HASH_WORDS)
        else:
            hashes.append(hash_crop(np.asarray(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), np.uint8)))
        data = str(row).encode() if crop is None else crop.tobytes()
        digests.append(np.frombuffer(hashlib.sha256(data).digest(), np.uint8))
    return find_copies(np.array(hashes, np.uint64), np.array(digests), lambda row: crops[row], workers)


def _rows(pairs: CopyPairs) -> list[tuple[int, int, bool, bool]]:
    columns = (pairs.left, pairs.right, pairs.is_same_bytes, pairs.is_mirrored)
    return list(zip(*(column.tolist() for column in columns), strict=True))


@pytest.mark.parametrize("save", SAVES)
def test_a_planted_copy_is_found_and_nothing_else(save: str) -> None:
    crops = [painted_picture(seed) for seed in range(30)]
    crops += [SAVES[save](crop) for crop in crops[:10]]
    pairs = _find(crops)
    assert _rows(pairs) == [(row, 30 + row, False, save in MIRRORED) for row in range(10)]
    assert (pairs.likeness >= LIKENESS).all()
    assert pairs.left_out == 0


@needs_shared
@pytest.mark.parametrize("save", SAVES)
def test_a_planted_copy_of_a_face_is_found_and_nothing_else(save: str) -> None:
    crops = [lfw_crop(name) for name in lfw_names(60)]
    crops += [SAVES[save](crop) for crop in crops[::2]]
    assert _rows(_find(crops)) == [(2 * row, 60 + row, False, save in MIRRORED) for row in range(30)]


def test_copies_of_one_picture_are_paired_with_the_first() -> None:
    picture = painted_picture(1)
    ways = (as_jpeg(picture, 60), mirror(picture), find_beside(picture, 2, 1.02, 0.01), as_jpeg(picture, 40))
    crops = [painted_picture(7), picture, *ways, painted_picture(8)]
    assert _rows(_find(crops)) == [
        (1, 2, False, False), (1, 3, False, True), (1, 4, False, False), (1, 5, False, False),
    ]  # fmt: skip


def test_the_same_bytes_need_no_pixels() -> None:
    picture = painted_picture(1)
    crops = [picture, painted_picture(2), picture, as_jpeg(picture, 50), picture]
    pairs = _find(crops)
    assert _rows(pairs) == [(0, 2, True, False), (0, 3, False, False), (0, 4, True, False)]
    assert pairs.likeness[0] == 1


def test_the_same_bytes_of_black_crops_are_found_too() -> None:
    black = np.zeros((112, 112, 3), np.uint8)
    assert _rows(_find([black, painted_picture(1), black])) == [(0, 2, True, False)]


def test_crops_that_show_nothing_are_no_copies() -> None:
    crops = [np.full((112, 112, 3), shade, np.uint8) for shade in range(40)]
    assert _rows(_find(crops)) == []


def test_a_crop_that_cannot_be_read_is_no_copy() -> None:
    picture = painted_picture(1)
    crops = [picture, None, as_jpeg(picture, 50), None]
    assert _rows(_find(crops)) == [(0, 2, False, False)]


def test_a_crop_that_is_gone_since_is_no_copy() -> None:
    picture = painted_picture(1)
    hashes = np.array([hash_crop(picture[..., 0])] * 2, np.uint64)
    digests = np.arange(64, dtype=np.uint8).reshape(2, 32)
    assert len(find_copies(hashes, digests, lambda row: None, 1).left) == 0


def test_workers_do_not_change_the_result() -> None:
    crops = [painted_picture(seed, 112) for seed in range(20)]
    crops += [as_jpeg(find_beside(crop, 1, 1.01, 0.01), 70) for crop in crops for _ in range(2)]
    one, three = _find(crops, 1), _find(crops, 3)
    for mine, other in zip(one, three, strict=True):
        np.testing.assert_array_equal(mine, other)


def test_many_copies_are_read_a_few_times_each() -> None:
    """300 saves of one picture: not each with each."""
    picture, draws = painted_picture(1, 112), np.random.default_rng(0)
    noise = [draws.integers(0, 6, picture.shape).astype(np.uint8) for _ in range(300)]
    crops = [np.asarray(picture + one, np.uint8) for one in noise]
    hashes = np.array([hash_crop(crop[..., 0].copy()) for crop in crops], np.uint64)
    digests = np.array([np.frombuffer(hashlib.sha256(crop.tobytes()).digest(), np.uint8) for crop in crops])
    read: list[int] = []

    def read_crop(row: int) -> UInt8Image:
        read.append(row)
        return crops[row]

    pairs = find_copies(hashes, digests, read_crop, 2)
    assert _rows(pairs) == [(0, row, False, False) for row in range(1, 300)]
    assert len(read) <= 3 * len(crops)


def test_none_at_all() -> None:
    pairs = find_copies(np.zeros((0, HASH_WORDS), np.uint64), np.zeros((0, 32), np.uint8), lambda row: None)
    assert len(pairs.left) == len(pairs.likeness) == 0
