"""Whether two crops show the same picture: degraded copies do, photos of a burst do not."""

from __future__ import annotations

import numpy as np
import pytest

from facedata.checks.copies.registration import SIDE_PX
from facedata.checks.copies.same_picture import LIKENESS, compare_pictures, shrink_crop
from facedata.types import UInt8Image
from tests.support.saved_again import (
    MIRRORED,
    SAVES,
    brighten,
    find_beside,
    halve,
    lfw_crop,
    lfw_names,
    mirror,
    painted_picture,
)
from tests.support.shared_data import needs_shared


def _compare(left: UInt8Image, right: UInt8Image) -> float:
    return compare_pictures(shrink_crop(left), shrink_crop(right))


def _saved(picture: UInt8Image, save: str) -> UInt8Image:
    """Return a picture saved again, the right way round."""
    again = SAVES[save](picture)
    return mirror(again) if save in MIRRORED else again


@pytest.mark.parametrize("save", SAVES)
def test_a_picture_that_was_saved_again_is_the_same(save: str) -> None:
    likenesses = [_compare(painted_picture(seed), _saved(painted_picture(seed), save)) for seed in range(8)]
    assert min(likenesses) > LIKENESS + 0.05


@needs_shared
@pytest.mark.parametrize("save", SAVES)
def test_a_face_that_was_saved_again_is_the_same(save: str) -> None:
    likenesses = [_compare(lfw_crop(name), _saved(lfw_crop(name), save)) for name in lfw_names(40)]
    assert min(likenesses) > LIKENESS
    assert np.median(likenesses) > 0.8


@needs_shared
def test_faces_of_other_people_are_not() -> None:
    crops = [lfw_crop(name) for name in lfw_names(24)]
    assert max(_compare(one, other) for one in crops for other in crops if one is not other) < 0.4


@needs_shared
@pytest.mark.parametrize(
    ("person", "first", "second"),
    [
        ("Mariana_Pollack", 1, 2), ("Christian_Longo", 1, 3), ("Elizabeth_Smart", 4, 5),
        ("Masahiko_Nagasawa", 1, 2), ("Carlos_Vives", 1, 2), ("Alice_Fisher", 1, 2), ("Robbie_Fowler", 1, 2),
    ],
)  # fmt: skip
def test_photos_of_one_occasion_are_not_one_picture(person: str, first: int, second: int) -> None:
    """Those of LFW that are most like each other, though a head or a mouth has moved."""
    crops = [lfw_crop(f"{person}_{number:04d}") for number in (first, second)]
    assert _compare(*crops) < LIKENESS - 0.05


@needs_shared
def test_one_photograph_under_two_names_is() -> None:
    assert _compare(lfw_crop("Andrew_Caldecott_0001"), lfw_crop("Andrew_Gilligan_0001")) > 0.85


@pytest.mark.parametrize("turn_deg", [-8, 8])
@pytest.mark.parametrize("scale", [0.88, 1.12])
@pytest.mark.parametrize("shift", [-0.06, 0.06])
def test_it_is_laid_on_the_other_first(turn_deg: float, scale: float, shift: float) -> None:
    for seed in range(4):
        picture = painted_picture(seed)
        assert _compare(picture, find_beside(picture, turn_deg, scale, shift)) > 0.85


def test_likeness_is_the_same_both_ways_round() -> None:
    for seed in range(6):
        picture = painted_picture(seed)
        again = find_beside(halve(picture), 2, 1.03, 0.02)
        assert abs(_compare(picture, again) - _compare(again, picture)) < 0.1


def test_what_moves_in_a_picture_makes_it_another() -> None:
    """The middle, a quarter of the picture, moves by 2 of 96 pixels: correlation alone would not see it."""
    for seed in range(6):
        picture = painted_picture(seed)
        moved = picture.copy()
        moved[60:180, 60:180] = picture[65:185, 65:185]
        assert _compare(picture, picture) > 0.99
        assert _compare(picture, moved) < LIKENESS


def test_black_bars_do_not_count() -> None:
    for seed in range(4):
        one, other = painted_picture(seed), brighten(painted_picture(seed), 0.9)
        one[:, :30], other[:, :38], other[-20:] = 0, 0, 0
        assert _compare(one, other) > 0.9


@pytest.mark.parametrize("shade", [0, 3, 128, 255])
def test_a_crop_of_one_brightness_is_like_nothing(shade: int) -> None:
    flat = np.full((112, 112, 3), shade, np.uint8)
    assert _compare(flat, flat) == 0
    assert _compare(flat, painted_picture(1)) == 0
    assert _compare(painted_picture(1), flat) == 0


def test_noise_alone_is_like_nothing() -> None:
    draws = np.random.default_rng(0)
    noise = [draws.integers(120, 123, (112, 112, 3)).astype(np.uint8) for _ in range(6)]
    assert max(_compare(one, other) for one in noise for other in noise if one is not other) < 0.3


def test_a_dark_crop_with_a_little_light_is_like_nothing_else() -> None:
    """Too little is seen of both to tell."""
    dark = np.zeros((112, 112, 3), np.uint8)
    dark[40:60, 40:60] = painted_picture(2, 20)
    assert _compare(dark, dark) == 0


@pytest.mark.parametrize("size", [(16, 16), (1, 1), (240, 240), (300, 200)])
def test_any_size_is_compared_at_one(size: tuple[int, int]) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (*size, 3)).astype(np.uint8)
    assert shrink_crop(noise).shape == (SIDE_PX, SIDE_PX)
    assert 0 <= _compare(noise, noise) <= 1
