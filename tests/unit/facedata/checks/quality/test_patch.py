"""The patch shows the same part of a face, whatever the template."""

from __future__ import annotations

import numpy as np
import pytest

from facedata.checks.quality.patch import EYES_PX, HEIGHT, WIDTH, cut_patch, upright_frame
from facedata.types import Face, Float64Array, UInt8Image
from tests.support.measured_faces import CutFace, cut_face, head_points

_TEMPLATES = [("square", 240), ("square", 90), ("arcface112", 112), ("facenet160", 160), ("arcface112", 300)]
each_template = pytest.mark.parametrize(("template", "size_px"), _TEMPLATES)


def _face(points: Float64Array, grow: float = 25.0) -> Face:
    low, high = points.min(axis=0) - (grow, 1.6 * grow), points.max(axis=0) + grow
    return Face(np.array([*low, *high], np.float32), 1.0, points.astype(np.float32))


def _ramp(width: int = 400, height: int = 300) -> UInt8Image:
    """A photo whose grey value tells the place: it rises by one every four pixels to the right and down."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    return np.repeat(((x + y) / 4)[..., None].astype(np.uint8), 3, axis=2)


def _cut(points: Float64Array, template: str = "square", size_px: int = 240) -> CutFace:
    return cut_face(_ramp(), _face(points), template, size_px)


@pytest.mark.parametrize("roll_deg", [0.0, 20.0, -35.0])
@each_template
def test_it_shows_the_inner_face_turned_upright(template: str, size_px: int, roll_deg: float) -> None:
    points = head_points(roll_deg=roll_deg, eyes_px=52)
    cut = _cut(points, template, size_px)
    patch = cut_patch(cut.crop, cut.in_photo)
    assert patch is not None
    # independently: the patch's pixels by the eyes' distance and direction, and the photo's grey there
    eyes, mouth = points[:2].mean(axis=0), points[3:].mean(axis=0)
    along = (points[1] - points[0]) / EYES_PX
    middle = (eyes + mouth) / 2
    for row in range(0, HEIGHT, 5):
        for column in range(0, WIDTH, 5):
            if patch.is_face[row, column]:
                right, down = column - (WIDTH - 1) / 2, row - (HEIGHT - 1) / 2
                x, y = middle + right * along + down * np.array([-along[1], along[0]])
                assert patch.grey[row, column] == pytest.approx((x + y) / 4, abs=1.5)
    assert patch.is_face.mean() > 0.55


def test_a_face_that_turns_aside_or_nods_keeps_its_scale() -> None:
    straight = upright_frame(head_points())
    assert straight is not None
    scale = np.hypot(*straight[:, 0])
    assert scale == pytest.approx(60 / EYES_PX)
    for turned in (upright_frame(head_points(yaw_deg=50)), upright_frame(head_points(pitch_deg=40))):
        assert turned is not None
        assert np.hypot(*turned[:, 0]) == pytest.approx(scale, rel=0.02)


def test_the_black_around_a_square_crop_does_not_count() -> None:
    points = head_points(eyes_px=70)
    low, high = (
        points.min(axis=0) - (2, 30),
        np.add(points.max(axis=0), (2, 30)),
    )  # the eyes at the box's sides
    white = np.full((300, 400, 3), 255, np.uint8)
    cut = cut_face(white, Face(np.array([*low, *high], np.float32), 1.0, points.astype(np.float32)))
    assert (cut.crop[:, :30] == 0).all()
    patch = cut_patch(cut.crop, cut.in_photo)
    assert patch is not None
    assert patch.grey.min() == 0  # the patch reaches into the black
    assert patch.grey[patch.is_face].min() > 254


def test_what_lies_outside_the_photo_does_not_count() -> None:
    points = head_points(eyes_px=70) - (150, 0)  # a part of its left cheek is outside
    cut = cut_face(np.full((300, 400, 3), 255, np.uint8), _face(points), "arcface112")
    patch = cut_patch(cut.crop, cut.in_photo)
    assert patch is not None
    inside = cut_face(cut.photo, _face(np.add(points, (150, 0))), "arcface112")
    whole = cut_patch(inside.crop, inside.in_photo)
    assert whole is not None
    assert whole.is_face.sum() > patch.is_face.sum()
    assert patch.grey[patch.is_face].min() > 250


def test_fine_lines_do_not_alias() -> None:
    lines: UInt8Image = np.zeros((600, 800, 3), np.uint8)
    lines[:, ::2] = 255
    points = np.add(head_points(eyes_px=200), (200, 50))
    cut = cut_face(lines, _face(points, 60), "arcface112", 900)
    patch = cut_patch(cut.crop, cut.in_photo)
    assert patch is not None
    assert float(patch.grey[patch.is_face].std()) < 15  # of 127
    assert float(cut.crop.std()) > 60


@pytest.mark.parametrize(
    "points",
    [np.full((5, 2), np.nan), np.full((5, 2), 100.0), head_points() + 1e6, head_points() * [1, np.inf]],
    ids=["unknown", "one place", "far away", "infinite"],
)
def test_points_that_tell_nothing_give_no_patch(points: Float64Array) -> None:
    known = _cut(head_points())
    face = known.in_photo
    broken = type(face)(
        points, face.matrix, face.box, face.width, face.height, face.all_boxes, face.all_scores, 0.0
    )
    with np.errstate(all="ignore"):
        assert cut_patch(known.crop, broken) is None


def test_an_unknown_matrix_gives_no_patch() -> None:
    face = _cut(head_points()).in_photo
    for matrix in (np.full((2, 3), np.nan), np.zeros((2, 3))):
        broken = type(face)(
            face.landmarks, matrix, face.box, face.width, face.height, face.all_boxes, face.all_scores, 0.0
        )
        assert cut_patch(np.zeros((240, 240, 3), np.uint8), broken) is None
