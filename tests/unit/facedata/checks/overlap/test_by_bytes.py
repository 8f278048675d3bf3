"""The same photo in two sets, by SHA-256: against every pair compared one by one."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from facedata.checks.overlap.by_bytes import find_same_bytes, match_digests
from facedata.checks.overlap.kept_photos import KeptPhotos


def digests(numbers: list[int]) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Return a digest for each number; 0 is unknown, and some end in zeros."""
    made = np.zeros((len(numbers), 32), np.uint8)
    made[:, 0] = numbers
    return made


def photos(numbers: list[int], boxes: list[list[float]] | None = None) -> KeptPhotos:
    count = len(numbers)
    names = pa.array([f"photo-{at}" for at in range(count)], pa.string())
    box = np.full((count, 4), np.nan, np.float32) if boxes is None else np.array(boxes, np.float32)
    points = np.full((count, 5, 2), np.nan, np.float32)
    zeros = np.zeros(count, np.int64)
    return KeptPhotos(np.arange(count), names, names, zeros, ["anna"], digests(numbers), box, points, points)


def test_equal_digests_match_as_one_by_one() -> None:
    rng = np.random.default_rng(0)
    mine, theirs = rng.integers(0, 9, 40).tolist(), rng.integers(0, 9, 30).tolist()
    found = set(zip(*map(np.ndarray.tolist, match_digests(digests(mine), digests(theirs))), strict=True))
    assert found == {
        (one, two)
        for one, number in enumerate(mine)
        for two, other in enumerate(theirs)
        if number == other != 0
    }


def test_no_photo_on_one_side_matches_nothing() -> None:
    left, right = match_digests(digests([]), digests([1, 2]))
    assert len(left) == len(right) == 0


def test_thousands_of_copies_are_all_there_without_all_their_pairs() -> None:
    left, right = match_digests(digests([7] * 3000), digests([7] * 2000))
    assert set(left.tolist()) == set(range(3000))
    assert set(right.tolist()) == set(range(2000))
    assert len(left) < 10_000


@pytest.mark.parametrize(
    ("box", "same"),
    [
        ([10, 10, 50, 60], True),
        ([12, 8, 54, 66], True),  # another detector's box
        ([200, 10, 250, 60], False),  # the photo's other face
        ([np.nan] * 4, True),
    ],
)
def test_one_photo_with_another_face_is_not_shared(box: list[float], same: bool) -> None:
    mine, theirs = photos([5], [[10, 10, 50, 60]]), photos([3, 5], [[0, 0, 9, 9], box])
    assert find_same_bytes(mine, theirs).tolist() == ([[0, 1]] if same else [])
