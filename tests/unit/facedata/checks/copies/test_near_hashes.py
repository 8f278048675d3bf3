"""The search for near hashes, against the comparison of each with each."""

from __future__ import annotations

import time

import numpy as np
import pytest

from facedata.checks.copies.near_dct import DCT_BITS
from facedata.checks.copies.near_hashes import find_near
from facedata.checks.copies.near_spectra import SPECTRUM_LIMIT
from facedata.checks.copies.picture_hash import HASH_WORDS
from facedata.checks.copies.spectrum_hash import SPECTRUM_BITS, VIEWS, spectra
from facedata.types import Int64Array, UInt64Array


def _random(count: int, seed: int = 0) -> UInt64Array:
    draws = np.random.default_rng(seed)
    return draws.integers(0, 2**64, (count, HASH_WORDS), np.uint64)


def _flip(hashes: UInt64Array, words: range, bits: Int64Array, seed: int) -> UInt64Array:
    """Return hashes with so many bits changed in some words of each row."""
    draws = np.random.default_rng(seed)
    changed: UInt64Array = hashes.copy()
    for row, count in enumerate(bits):
        for bit in draws.choice(64 * len(words), int(count), replace=False):
            word = words[bit // 64]
            changed[row, word] ^= np.uint64(1) << np.uint64(63 - bit % 64)
    return changed


def _by_spectra(hashes: UInt64Array) -> dict[tuple[int, int, bool], int]:
    """Compare each with each: the fewest bits by which any view of one differs from the other."""
    found: dict[tuple[int, int, bool], int] = {}
    plain = spectra(hashes[:, 2:]).astype(np.float32)
    for view, mirrored in VIEWS:
        seen = spectra(hashes[:, 2:], view, mirrored).astype(np.float32)
        differ = (seen @ (1 - plain).T + (1 - seen) @ plain.T).astype(int)
        for left, right in zip(*np.nonzero(differ <= SPECTRUM_LIMIT), strict=True):
            if left != right:
                key = (int(min(left, right)), int(max(left, right)), mirrored)
                found[key] = min(found.get(key, 999), int(differ[left, right]))
    return found


def test_near_spectra_are_those_of_comparing_each_with_each() -> None:
    first = _random(700)
    bits = np.random.default_rng(5).integers(1, 60, 300)
    copies = _flip(first[:300], range(2, 6), bits, 6)
    copies[:, :2] = _random(300, seed=1)[:, :2]  # else these are found by their DCT hashes
    hashes = np.concatenate([first, copies])
    expected, near = _by_spectra(hashes), find_near(hashes)
    found = dict(zip(zip(*(column.tolist() for column in near[:3]), strict=True), near.bits, strict=True))
    assert len(expected) >= 300
    assert set(found) <= set(expected)
    assert len(found) >= 0.99 * len(expected)
    # the nearest view may be missed, never undercut
    assert all(found[key] >= expected[key] for key in found)
    assert np.mean([found[key] == expected[key] for key in found]) > 0.97


def test_no_near_dct_hash_is_missed() -> None:
    first = _random(3000)
    bits = np.arange(1000) % 6
    copies = _random(1000, seed=9)
    copies[:, :2] = _flip(first[:1000], range(2), bits, 3)[:, :2]
    hashes = np.concatenate([first, copies])
    plain, mirrored = hashes[:, :2].T
    expected = set()
    for values, flag in ((plain, False), (mirrored, True)):
        for row, value in enumerate(values):
            for other in np.flatnonzero(np.bitwise_count(plain ^ value) <= DCT_BITS):
                if other != row:
                    expected.add((min(row, int(other)), max(row, int(other)), flag))
    assert len(expected) > 400
    near = find_near(hashes)
    at_once = near.take(near.bits == 0)
    assert set(zip(*(column.tolist() for column in at_once[:3]), strict=True)) >= expected


def test_each_pair_is_there_once_and_in_order() -> None:
    first = _random(200)
    hashes = np.concatenate([first, first, _flip(first, range(2, 6), np.full(200, 9), 1)])
    near = find_near(hashes)
    pairs = list(zip(*(column.tolist() for column in near[:3]), strict=True))
    assert pairs == sorted(set(pairs))
    assert (near.left < near.right).all()


def test_the_same_hashes_are_chained() -> None:
    hashes = np.repeat(_random(3), 40_000, axis=0)
    near = find_near(hashes)
    assert len(near.left) < 2 * len(hashes)
    linked = set(np.concatenate([near.left, near.right]).tolist())
    assert len(linked) == len(hashes)


def test_many_near_hashes_stay_few_candidates() -> None:
    """8,000 saves of one picture: the candidates grow with their number, and nearly all are linked."""
    count = 8000
    one = np.repeat(_random(1), count, axis=0)
    bits = np.random.default_rng(2).integers(1, 30, count)
    hashes = _flip(one, range(2, 6), bits, 4)
    hashes[:, :2] = _random(count, seed=8)[:, :2]
    started = time.process_time()
    near = find_near(hashes)
    assert time.process_time() - started < 30
    assert len(near.left) < 20 * count
    parent = np.arange(count)
    for _ in range(40):  # the lowest number spreads
        low = np.minimum(parent[near.left], parent[near.right])
        np.minimum.at(parent, near.left, low)
        np.minimum.at(parent, near.right, low)
    assert (parent == 0).mean() > 0.99


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_or_none(count: int) -> None:
    assert len(find_near(_random(count)).left) == 0


def test_crops_of_one_brightness_are_no_candidates_of_others() -> None:
    hashes = _random(50)
    hashes[::2, 2:] = 0
    hashes[::2, :2] = np.arange(25, dtype=np.uint64)[:, None]
    assert len(find_near(hashes).left) == 0


def test_spectrum_limit_is_of_the_used_bits() -> None:
    assert 0 < SPECTRUM_LIMIT < SPECTRUM_BITS / 3
