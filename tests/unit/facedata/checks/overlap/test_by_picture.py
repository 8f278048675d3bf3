"""Pictures of two sets: linked through others, altered copies found again, nothing found among others."""

from __future__ import annotations

import hashlib

import cv2
import numpy as np
import pytest

from facedata.checks.copies.picture_hash import HASH_WORDS, hash_crop
from facedata.checks.overlap.by_picture import ALTERED, alter_crop, find_same_pictures, link, plant_copies
from facedata.checks.overlap.pictures import Pictures
from facedata.checks.overlap.same_frame import grey
from facedata.types import UInt8Image


def scene(number: int) -> UInt8Image:
    """A picture of blobs, another one for each number."""
    rng = np.random.default_rng(number)
    small = rng.random((9, 9, 3))
    image = cv2.resize(small, (112, 112), interpolation=cv2.INTER_CUBIC) * 200 + 20
    return np.asarray(np.clip(image, 0, 255), np.uint8)


def pictures(images: list[UInt8Image], rows: list[int] | None = None) -> Pictures:
    hashes = np.array([hash_crop(grey(image)) for image in images], np.uint64).reshape(-1, HASH_WORDS)
    digests = np.array([list(hashlib.sha256(image.tobytes()).digest()) for image in images], np.uint8)
    digests = digests.reshape(-1, 32)
    places = np.arange(len(images)) if rows is None else np.array(rows, np.int64)
    return Pictures(places, hashes, digests, lambda at: images[at])


def test_things_are_linked_through_others() -> None:
    rng = np.random.default_rng(0)
    left, right = rng.integers(0, 200, (2, 120))
    group = link(left, right, 200)
    for _ in range(200):  # until nothing changes, one by one
        for one, two in zip(left.tolist(), right.tolist(), strict=True):
            assert group[one] == group[two]
    assert len(set(group.tolist())) >= 200 - 120
    assert all(group[one] <= one for one in range(200))


def test_altered_copies_across_two_sets_are_found_at_their_rows() -> None:
    mine = [scene(number) for number in range(20)]
    theirs = [scene(number) for number in range(100, 110)]
    for place, way in enumerate((0, 1, 2, 3, 5)):
        theirs[place] = alter_crop(mine[place + 4])[way]
    rows = [10 + 2 * number for number in range(20)]
    found, left_out = find_same_pictures(pictures(mine, rows), pictures(theirs), 1)
    pairs = sorted(zip(found.mine.tolist(), found.theirs.tolist(), strict=True))
    assert pairs == [(18 + 2 * place, place) for place in range(5)]
    assert left_out == 0
    assert (found.likeness > 0.5).all()


def test_copies_within_one_set_bring_all_their_rows() -> None:
    mine = [scene(1), alter_crop(scene(1))[1], scene(2)]
    theirs = [scene(7), alter_crop(scene(1))[0], alter_crop(scene(1))[3]]
    found, _ = find_same_pictures(pictures(mine), pictures(theirs), 1)
    assert set(found.mine.tolist()) == {0, 1}
    assert set(found.theirs.tolist()) == {1, 2}


def test_other_pictures_are_not_shared() -> None:
    found, _ = find_same_pictures(pictures([scene(n) for n in range(60)]), pictures([scene(500)]), 1)
    assert len(found.mine) == 0


@pytest.mark.parametrize("count", [0, 1, 80])
def test_planted_copies_are_counted(count: int) -> None:
    planted = plant_copies(pictures([scene(number) for number in range(count)]), 1)
    assert planted["copies"] == len(ALTERED) * min(count, 64)
    assert set(planted["missed_by"]) == set(ALTERED)
    assert planted["missed"] == sum(planted["missed_by"].values()) <= 0.05 * planted["copies"]


def test_an_image_of_nothing_is_missed() -> None:
    flat = [np.full((112, 112, 3), 20 * number, np.uint8) for number in range(1, 6)]
    assert plant_copies(pictures(flat), 1)["missed"] > 0
