"""Sharpness, light and contrast of painted patches, against what they are by their definition."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facedata.checks.quality.patch import HEIGHT, WIDTH, Patch
from facedata.checks.quality.pixels import measure_light, measure_sharpness
from facedata.types import Float32Array

_Y, _X = np.mgrid[:HEIGHT, :WIDTH]
_INNER = ((_X - 29.5) / 27) ** 2 + ((_Y - 35.5) / 33) ** 2 <= 1


def _patch(grey: Float32Array) -> Patch:
    return Patch(grey.astype(np.float32), _INNER)


def _edges(sigma: float, low: float = 60, high: float = 200) -> Float32Array:
    """Four fields of two greys with edges along rows and columns, blurred by a Gaussian."""
    sharp = np.where((_X < 30) ^ (_Y < 36), low, high).astype(np.float64)
    return cv2.GaussianBlur(sharp, (0, 0), sigma).astype(np.float32)


@pytest.mark.parametrize("sigma", [1.5, 2.0, 3.0, 4.0])
def test_sharpness_is_half_the_inverse_of_the_edges_blur(sigma: float) -> None:
    assert measure_sharpness(_patch(_edges(sigma))) == pytest.approx(1 / (2 * sigma), rel=0.1)


def test_a_step_from_one_pixel_to_the_next_is_sharp() -> None:
    assert measure_sharpness(_patch(_edges(0.05))) == pytest.approx(1.0, abs=0.01)


def test_a_blur_along_one_direction_counts() -> None:
    sharp = _edges(0.5)
    for size in ((9, 1), (1, 9)):
        moved = cv2.blur(sharp, size).astype(np.float32)
        assert measure_sharpness(_patch(moved)) < 0.6 * measure_sharpness(_patch(sharp))


@given(st.floats(0.05, 1), st.floats(-50, 50))
def test_light_and_contrast_have_no_part_in_sharpness(contrast: float, brighter: float) -> None:
    grey = _edges(2.0)
    changed = _patch(((grey - 128) * contrast + 128 + brighter).astype(np.float32))
    assert measure_sharpness(changed) == pytest.approx(measure_sharpness(_patch(grey)), rel=1e-2)


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_one_colour_is_not_sharp(grey: int) -> None:
    assert measure_sharpness(_patch(np.full((HEIGHT, WIDTH), grey, np.float32))) == 0


def test_only_the_face_counts() -> None:
    face = np.where(_INNER, _edges(3.0), 0).astype(np.float32)  # a hard edge all around
    assert measure_sharpness(_patch(face)) == measure_sharpness(_patch(_edges(3.0)))
    assert measure_light(_patch(face)) == measure_light(_patch(_edges(3.0)))


@given(st.integers(0, 2**32 - 1), st.integers(1, 255))
def test_light_is_what_its_definition_says(seed: int, most: int) -> None:
    grey = np.random.default_rng(seed).integers(0, most + 1, (HEIGHT, WIDTH)).astype(np.float32)
    light = measure_light(_patch(grey))
    ranked = np.sort(grey[_INNER].astype(np.float64))
    low, middle, bright, high = (
        float(np.interp(share * (len(ranked) - 1), np.arange(len(ranked)), ranked))
        for share in (0.05, 0.5, 0.9, 0.95)
    )
    assert light.not_dark == pytest.approx(min(bright / 96, 1), abs=1e-6)
    assert light.not_bright == pytest.approx(min((255 - middle) / 127, 1), abs=1e-6)
    assert light.contrast == pytest.approx((high - low) / (high + low + 16), abs=1e-6)
    assert 0 <= min(light) <= max(light) <= 1


def test_dark_and_bright_are_told_apart() -> None:
    grey = _edges(2.0)
    dark, bright = _patch(grey * np.float32(0.1)), _patch(np.minimum(grey + 150, 255))
    assert measure_light(dark).not_dark < 0.25
    assert measure_light(dark).not_bright == 1
    assert measure_light(bright).not_bright < 0.2
    assert measure_light(bright).not_dark == 1
