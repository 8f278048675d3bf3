"""The inside of a face, from crops of two templates: the same points at the same pixels."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from facedata.checks.overlap.same_frame import FRAME_PX, cut_inside
from facedata.crops.align import warp
from facedata.crops.arcface112 import ARCFACE_POINTS
from facedata.crops.cut import make_shape
from facedata.types import Face, Float32Array, UInt8Image


def portrait(scale: float) -> tuple[UInt8Image, Face]:
    """A photo of a grey gradient with a white disc at each landmark, and its face."""
    points = ((ARCFACE_POINTS - 56) * scale + 200).astype(np.float32)
    image = np.full((400, 400, 3), 60, np.uint8)
    image[..., 1] = np.linspace(0, 120, 400).astype(np.uint8)
    for x, y in points:
        cv2.circle(image, (round(float(x)), round(float(y))), round(3 * scale), (255, 255, 255), -1)
    box = np.array([200 - 40 * scale, 200 - 45 * scale, 200 + 40 * scale, 200 + 60 * scale], np.float32)
    return image, Face(box, 0.99, points)


def cut(template: str, size: int, scale: float) -> tuple[UInt8Image, Float32Array]:
    image, face = portrait(scale)
    shape = make_shape(template, size)
    placement = shape.place(face)
    crop = warp(image, placement, size)
    moved = face.landmarks @ placement.matrix[:, :2].T + placement.matrix[:, 2]
    return crop, moved.astype(np.float32)


@pytest.mark.parametrize(("template", "size"), [("square", 240), ("facenet160", 160), ("arcface112", 80)])
def test_other_templates_give_the_same_inside(template: str, size: int) -> None:
    mine = cut_inside(*cut("arcface112", 112, 2.0))
    theirs = cut_inside(*cut(template, size, 2.0))
    assert mine is not None
    assert theirs is not None
    assert mine.shape == theirs.shape == (FRAME_PX, FRAME_PX, 3)
    assert np.corrcoef(mine.ravel(), theirs.ravel())[0, 1] > 0.9
    assert np.abs(mine.astype(int) - theirs).mean() < 8
    # the eyes are where the frame says, at white discs
    for x, y in ARCFACE_POINTS[:2] - (24, 36):
        assert theirs[round(y), round(x)].min() > 200


@pytest.mark.parametrize("points", [np.full((5, 2), np.nan), np.full((5, 2), 7.0), np.full((5, 2), 1e30)])
def test_points_that_say_nothing_give_no_inside(points: Float32Array) -> None:
    crop, _ = cut("arcface112", 112, 2.0)
    assert cut_inside(crop, points.astype(np.float32)) is None
