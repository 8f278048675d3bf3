"""Hashes of pictures: against the package ImageHash, and what they bear."""

from __future__ import annotations

import cv2
import imagehash
import numpy as np
import pytest
from PIL import Image

from facedata.checks.copies.picture_hash import HASH_WORDS, hash_crop
from facedata.checks.copies.spectrum_hash import SPECTRUM_BITS
from facedata.checks.copies.spectrum_hash import spectra as spectra_of
from facedata.types import BoolArray, UInt8Image, UInt64Array
from tests.support.saved_again import SAVES, find_beside, lfw_crop, lfw_names, mirror, painted_picture
from tests.support.shared_data import needs_shared


def _grey(picture: UInt8Image) -> UInt8Image:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8)


def _hashes(*pictures: UInt8Image) -> UInt64Array:
    return np.array([hash_crop(_grey(picture)) for picture in pictures], np.uint64)


def dct_hashes(hashes: UInt64Array) -> UInt64Array:
    return hashes[:, :2]


def spectra(hashes: UInt64Array, view: int = 0, mirrored: bool = False) -> BoolArray:
    return spectra_of(hashes[:, 2:], view, mirrored)


def _differ(left: UInt8Image, right: UInt8Image) -> tuple[list[int], list[int]]:
    """Return in how many bits ours and ImageHash's differ, of the crop and of its mirror image."""
    grey = _grey(left)
    theirs = [int(str(imagehash.phash(Image.fromarray(one))), 16) for one in (grey, mirror(grey))]
    ours = hash_crop(_grey(right))[:2]
    return [(mine ^ other).bit_count() for mine, other in zip(ours, theirs, strict=True)], list(ours)


@pytest.mark.parametrize("size", [112, 160, 240])
def test_the_dct_hash_is_that_of_imagehash(size: int) -> None:
    """They differ where a frequency is about as strong as the median, for the crop is shrunk otherwise."""
    bits = np.array([_differ(*[painted_picture(seed, size)] * 2)[0] for seed in range(30)])
    assert bits.max() <= 4
    assert bits.mean() < 1


@needs_shared
def test_the_dct_hash_is_that_of_imagehash_on_faces() -> None:
    bits = np.array([_differ(*[lfw_crop(name)] * 2)[0] for name in lfw_names(60)])
    assert bits.max() <= 6
    assert bits.mean() < 1


def test_other_pictures_have_other_hashes() -> None:
    """So that agreement above means something: hashes of two pictures are far from each other."""
    bits = [_differ(painted_picture(seed), painted_picture(seed + 1))[0][0] for seed in range(30)]
    assert min(bits) > 12


def test_the_mirror_image_has_the_mirrored_hashes() -> None:
    pictures = [painted_picture(seed) for seed in range(10)]
    plain, mirrored = _hashes(*pictures), _hashes(*map(mirror, pictures))
    assert (np.bitwise_count(dct_hashes(plain)[:, ::-1] ^ dct_hashes(mirrored)) <= 2).all()
    assert (spectra(plain, mirrored=True) != spectra(mirrored)).sum(axis=1).max() <= 2
    assert (spectra(plain) != spectra(mirrored)).sum(axis=1).min() > 60


@pytest.mark.parametrize(
    ("view", "turn_deg", "scale"), [(1, 0, 1.055), (2, 0, 1.11), (3, -4, 1.0), (4, 4, 1.0)]
)
def test_a_view_is_the_hash_of_the_picture_so_seen(view: int, turn_deg: float, scale: float) -> None:
    pictures = [painted_picture(seed) for seed in range(12)]
    plain = _hashes(*pictures)
    seen = spectra(_hashes(*[find_beside(one, turn_deg, scale, 0) for one in pictures]))
    by_view = [(spectra(plain, other) != seen).sum(axis=1).mean() for other in range(5)]
    assert int(np.argmin(by_view)) == view
    assert by_view[view] < 0.8 * by_view[0]


def test_a_shift_hardly_changes_the_spectrum() -> None:
    pictures = [painted_picture(seed) for seed in range(12)]
    moved = [find_beside(one, 0, 1, 0.03) for one in pictures]
    differ = (spectra(_hashes(*pictures)) != spectra(_hashes(*moved))).sum(axis=1)
    assert differ.mean() < 0.2 * SPECTRUM_BITS
    dct = np.bitwise_count(dct_hashes(_hashes(*pictures))[:, 0] ^ dct_hashes(_hashes(*moved))[:, 0])
    assert differ.mean() / SPECTRUM_BITS < dct.mean() / 64


@pytest.mark.parametrize("save", [one for one in SAVES if one not in ("mirrored", "all at once")])
def test_what_was_saved_again_is_near(save: str) -> None:
    for seed in range(8):
        picture = painted_picture(seed)
        first, second = _hashes(picture, SAVES[save](picture))
        ways = [
            (spectra(one[None], view) != spectra(other[None])).sum()
            for one, other in ((first, second), (second, first))
            for view in range(5)
        ]
        assert min(ways) <= 60


@pytest.mark.parametrize("shade", [0, 1, 77, 255])
@pytest.mark.parametrize("size", [1, 16, 240])
def test_a_crop_of_one_brightness_shows_nothing(shade: int, size: int) -> None:
    hashes = hash_crop(np.full((size, size), shade, np.uint8))
    assert len(hashes) == HASH_WORDS
    assert set(hashes[2:]) == {0}
    assert hashes[0] == hashes[1]


@pytest.mark.parametrize("size", [(1, 1), (16, 16), (3, 200), (1000, 1000)])
def test_a_crop_may_have_any_size(size: tuple[int, int]) -> None:
    noise = np.random.default_rng(1).integers(0, 256, size).astype(np.uint8)
    assert all(0 <= number < 2**64 for number in hash_crop(noise))
