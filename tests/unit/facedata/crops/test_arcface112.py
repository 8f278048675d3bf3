"""ArcFace's template against Umeyama's own steps."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from facedata.crops.align import warp
from facedata.crops.arcface112 import ARCFACE_POINTS, arcface112
from facedata.types import Face, Float64Array
from tests.support.placed_faces import mapped, moved, with_points


def umeyama(source: Float64Array, target: Float64Array) -> Float64Array:
    """Umeyama 1991, equations 34 to 43, sum by sum, with a singular value decomposition."""
    count = len(source)
    mean_source, mean_target = sum(source) / count, sum(target) / count
    variance = sum(((point - mean_source) ** 2).sum() for point in source) / count
    covariance = np.zeros((2, 2))
    for one, other in zip(source, target, strict=True):
        covariance += np.outer(other - mean_target, one - mean_source) / count
    left, strengths, right = np.linalg.svd(covariance)
    signs = np.array([1.0, -1.0 if np.linalg.det(left) * np.linalg.det(right) < 0 else 1.0])
    turn = left @ np.diag(signs) @ right
    scale = (strengths * signs).sum() / variance
    return np.column_stack([scale * turn, mean_target - scale * turn @ mean_source])


# five points in a photo, as a detector might give them: now a face, now nonsense
landmark_sets = st.lists(
    st.tuples(st.floats(0, 500, width=32), st.floats(0, 500, width=32)), min_size=5, max_size=5, unique=True
).map(lambda points: np.array(points, np.float64))
turned_faces = st.builds(
    lambda scale, turn, shift, noise: (
        moved(ARCFACE_POINTS, scale, turn, shift) + scale * np.random.default_rng(noise).normal(0, 3, (5, 2))
    ),
    st.floats(0.2, 8),
    st.floats(-180, 180),
    st.tuples(st.floats(-50, 800), st.floats(-50, 800)),
    st.integers(0, 2**32),
)


def squared_error(matrix: Float64Array, points: Float64Array, size_px: int) -> float:
    return float(((mapped(matrix, points) - ARCFACE_POINTS * (size_px / 112)) ** 2).sum())


def resembles(points: Float64Array) -> bool:
    """Tell whether a turn and a scale explain more than a trace of where the points lie."""
    found, wanted = points - points.mean(axis=0), ARCFACE_POINTS - ARCFACE_POINTS.mean(axis=0)
    along, across = (found * wanted).sum(), (found[:, 0] * wanted[:, 1] - found[:, 1] * wanted[:, 0]).sum()
    return bool(np.hypot(along, across) > 0.011 * np.linalg.norm(found) * np.linalg.norm(wanted))


@given(st.one_of(turned_faces, landmark_sets), st.sampled_from([112, 64, 160]))
def test_arcface_agrees_with_umeyamas_own_steps(points: Float64Array, size: int) -> None:
    one = with_points(points)
    points = one.landmarks.astype(np.float64)
    assume(resembles(points))
    wanted = umeyama(points, ARCFACE_POINTS * (size / 112))
    found = arcface112(one, size).matrix
    np.testing.assert_allclose(mapped(found, points), mapped(wanted, points), atol=1e-6)
    assert np.linalg.det(found[:, :2]) > 0


@given(
    st.one_of(turned_faces, landmark_sets),
    st.floats(0.9, 1.1),
    st.floats(-5, 5),
    st.tuples(st.floats(-3, 3), st.floats(-3, 3)),
)
def test_no_other_similarity_brings_the_landmarks_nearer(
    points: Float64Array, scale: float, turn_deg: float, shift: tuple[float, float]
) -> None:
    one = with_points(points)
    points = one.landmarks.astype(np.float64)
    assume(resembles(points))
    matrix = arcface112(one).matrix
    angle = np.radians(turn_deg)
    change = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    other = change @ matrix
    other[:, 2] += shift
    assert squared_error(matrix, points, 112) <= squared_error(other, points, 112) + 1e-6


def test_landmarks_that_are_the_points_moved_come_back_to_them() -> None:
    there = moved(ARCFACE_POINTS, 2.5, 90, (300, 40))
    matrix = arcface112(with_points(there), 224).matrix
    np.testing.assert_allclose(mapped(matrix, there), 2 * ARCFACE_POINTS, atol=1e-3)  # float32 landmarks


def test_an_arcface_crop_of_a_face_that_lies_right_is_the_photo_itself() -> None:
    photo = np.random.default_rng(3).integers(0, 256, (200, 220, 3), dtype=np.uint8)
    one = with_points(moved(ARCFACE_POINTS, 1, 0, (40, 30)))
    assert np.array_equal(warp(photo, arcface112(one), 112), photo[30:142, 40:152])
    outside = warp(photo, arcface112(with_points(moved(ARCFACE_POINTS, 1, 0, (170, -20)))), 112)
    assert np.array_equal(outside[20:, :50], photo[:92, 170:])
    assert not outside[:20].any()
    assert not outside[:, 50:].any()


def test_landmarks_that_resemble_no_face_leave_the_box() -> None:
    # every second point of a circle, twice round: no turn or scale correlates with where they should be
    fives = np.exp(2j * np.pi * np.arange(5) / 5)
    wanted = ARCFACE_POINTS @ [1, 1j] - (ARCFACE_POINTS @ [1, 1j]).mean()
    basis = np.linalg.qr(np.column_stack([np.ones(5), wanted, fives]))[0][:, 2]
    points = np.column_stack([basis.real, basis.imag]) * 100 + 100
    one = Face(np.array([50, 60, 150, 140], np.float32), 1.0, points.astype(np.float32))
    placement = arcface112(one)
    np.testing.assert_allclose(mapped(placement.matrix, [100, 100]), [55.5, 55.5])
    np.testing.assert_allclose(placement.matrix[:, :2], 1.12 * np.eye(2))
