"""The inside of a face, from crops of two templates: the same points at the same pixels."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from facedata.checks.overlap.same_frame import FRAME_PX, cut_inside, place_rigidly
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


@pytest.mark.parametrize(("template", "size"), [("square", 240), ("facenet160", 160), ("arcface112", 80)])
def test_a_rigid_inside_is_that_of_a_finished_crop(template: str, size: int) -> None:
    """Of a finished crop only the template's points are known, and the face has others: its mouth is wide."""
    _, face = portrait(2.0)
    noise = np.random.default_rng(0).normal(128, 300, (400, 400, 3))
    image = np.clip(cv2.GaussianBlur(noise, (0, 0), 4), 0, 255).astype(np.uint8)
    points = face.landmarks + np.array([[-6, 3], [4, -2], [5, 8], [-14, 9], [12, 2]], np.float32)
    own = Face(face.box, 0.9, points)
    finished = warp(image, make_shape("arcface112", 112).place(own), 112)
    mine = cut_inside(finished, ARCFACE_POINTS.astype(np.float32))
    placement = make_shape(template, size).place(own)
    moved = (points @ placement.matrix[:, :2].T + placement.matrix[:, 2]).astype(np.float32)
    crop = warp(image, placement, size)
    rigid, stretched = cut_inside(crop, moved, place_rigidly(points)), cut_inside(crop, moved)
    assert mine is not None
    assert rigid is not None
    assert stretched is not None
    likeness = [np.corrcoef(mine.ravel(), other.ravel())[0, 1] for other in (rigid, stretched)]
    assert likeness[0] > 0.95
    assert likeness[1] < 0.8


@pytest.mark.parametrize("points", [np.full((5, 2), np.nan), np.full((5, 2), 7.0)])
def test_points_that_say_nothing_are_nowhere(points: Float32Array) -> None:
    crop, landmarks = cut("arcface112", 112, 2.0)
    assert np.isnan(place_rigidly(points.astype(np.float32))).all()
    assert cut_inside(crop, landmarks, place_rigidly(points.astype(np.float32))) is None


@pytest.mark.parametrize("points", [np.full((5, 2), np.nan), np.full((5, 2), 7.0), np.full((5, 2), 1e30)])
def test_points_that_say_nothing_give_no_inside(points: Float32Array) -> None:
    crop, _ = cut("arcface112", 112, 2.0)
    assert cut_inside(crop, points.astype(np.float32)) is None
