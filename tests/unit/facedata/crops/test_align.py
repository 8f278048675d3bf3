"""Crop geometry against known points, and the warp against a slow loop."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from facedata.config import TEMPLATES
from facedata.crops.align import (
    ARCFACE_POINTS,
    DEFAULT_SIZES,
    Placement,
    arcface112,
    facenet160,
    place,
    square,
    warp,
)
from facedata.painted import paint
from facedata.testing import landmarks_in
from facedata.types import Face, Float64Array, UInt8Image


def face(box: tuple[float, ...], tilt_deg: float = 0.0, middle: tuple[float, float] = (100, 90)) -> Face:
    """A face whose eyes lie 40 px apart about a midpoint, the right one lower by the tilt."""
    half = 20 * np.array([np.cos(np.radians(tilt_deg)), np.sin(np.radians(tilt_deg))])
    eyes = np.array([np.subtract(middle, half), np.add(middle, half)])
    return Face(np.array(box, np.float32), 1.0, np.concatenate([eyes, np.ones((3, 2))]).astype(np.float32))


def mapped(matrix: Float64Array, points: object) -> Float64Array:
    there: Float64Array = np.asarray(points, np.float64) @ matrix[:, :2].T + matrix[:, 2]
    return there


faces = st.builds(
    face,
    st.tuples(st.floats(0, 80), st.floats(0, 80), st.floats(120, 400), st.floats(120, 400)),
    st.floats(-90, 90),
    st.tuples(st.floats(40, 200), st.floats(40, 200)),
)


@given(faces, st.integers(16, 512), st.floats(0, 1))
def test_eyes_are_level_and_their_midpoint_on_the_centre_line(one: Face, size: int, margin: float) -> None:
    placement = square(one, size, margin)
    left, right = mapped(placement.matrix, one.landmarks[:2])
    assert left[1] == pytest.approx(right[1], abs=1e-3)
    assert left[0] < right[0]
    assert (left[0] + right[0]) / 2 == pytest.approx((size - 1) / 2, abs=1e-3)


@given(faces, st.integers(16, 512))
def test_the_photo_is_scaled_alike_in_both_directions_and_never_mirrored(one: Face, size: int) -> None:
    linear = square(one, size).matrix[:, :2]
    scale = np.sqrt(np.linalg.det(linear))
    np.testing.assert_allclose(linear @ linear.T, scale**2 * np.eye(2), atol=1e-9)


@given(faces)
def test_the_longer_side_fills_the_square_and_the_rest_is_centred(one: Face) -> None:
    x0, y0, x1, y1 = square(one, 240).window
    assert max(x1 - x0, y1 - y0) == 240
    assert abs(x0 - (240 - x1)) <= 1
    assert abs(y0 - (240 - y1)) <= 1


def test_a_level_face_worked_by_hand() -> None:
    # box 80 x 100 about (110, 100), eyes about (100, 90): the left side, 30 px away from the eyes' midpoint
    # and so the nearer one, is widened to 50: the rectangle is 50..150, 100 x 100, scale 2.4
    placement = square(face((70, 50, 150, 150)), 240)
    np.testing.assert_allclose(
        placement.matrix, [[2.4, 0, 119.5 - 2.4 * 100], [0, 2.4, 119.5 - 2.4 * 100]], atol=1e-6
    )
    assert placement.window == (0, 0, 240, 240)


def test_a_tall_box_leaves_black_bars_left_and_right() -> None:
    placement = square(face((75, 40, 125, 140)), 240)  # 50 x 100 about the eyes' column
    assert placement.window == (60, 0, 180, 240)
    white = np.full((200, 200, 3), 255, np.uint8)
    crop = warp(white, placement, 240)
    assert not crop[:, :60].any()
    assert not crop[:, 180:].any()
    assert (crop[:, 60:180] == 255).all()


def test_what_lies_outside_the_photo_is_black() -> None:
    crop = warp(np.full((100, 200, 3), 255, np.uint8), square(face((50, 40, 150, 140)), 240), 240)
    below = int(np.ceil(mapped(square(face((50, 40, 150, 140)), 240).matrix, [[100, 99.5]])[0, 1])) + 2
    assert not crop[below:].any()
    assert (crop[: below - 6] == 255).all()


def test_margin_grows_the_box_on_each_side() -> None:
    plain, grown = square(face((50, 40, 150, 140)), 240), square(face((50, 40, 150, 140)), 240, margin=0.25)
    assert np.linalg.det(plain.matrix[:, :2]) == pytest.approx(1.5**2 * np.linalg.det(grown.matrix[:, :2]))


def slow_warp(image: UInt8Image, placement: Placement, size: int) -> Float64Array:
    """Bilinear, pixel by pixel, in float64."""
    inverse = np.linalg.inv(np.vstack([placement.matrix, [0, 0, 1]]))
    padded = np.pad(image.astype(np.float64), ((1, 2), (1, 2), (0, 0)))
    crop = np.zeros((size, size, 3))
    x0, y0, x1, y1 = placement.window
    for row in range(y0, y1):
        for column in range(x0, x1):
            x, y, _ = inverse @ (column, row, 1)
            if -1 < x < image.shape[1] and -1 < y < image.shape[0]:
                i, j = int(np.floor(y)), int(np.floor(x))
                v, u = y - i, x - j
                part = padded[i + 1 : i + 3, j + 1 : j + 3]
                crop[row, column] = (
                    part[0, 0] * (1 - v) * (1 - u)
                    + part[0, 1] * (1 - v) * u
                    + part[1, 0] * v * (1 - u)
                    + part[1, 1] * v * u
                )
    return crop


@pytest.mark.parametrize("tilt_deg", [0.0, 17.0, -30.0])
def test_warp_agrees_with_a_slow_loop(tilt_deg: float) -> None:
    y, x = np.mgrid[:200, :220]
    image = np.stack([x, y, (x + y) // 2], axis=2).astype(np.uint8)
    placement = square(face((60, 40, 150, 150), tilt_deg), 48 * 2)
    found, wanted = warp(image, placement, 96).astype(float), slow_warp(image, placement, 96)
    inner = np.abs(found - wanted)[4:-4, 4:-4]
    assert np.quantile(inner, 0.99) <= 3  # OpenCV interpolates on a grid of 1/32 px


def test_a_large_photo_does_not_alias() -> None:
    stripes = np.zeros((1200, 1200, 3), np.uint8)
    stripes[:, ::2] = 255  # finer than the crop can show: must come out grey
    crop = warp(stripes, square(face((100, 50, 1100, 1150), middle=(600, 500)), 64), 64)
    x0, _, x1, _ = square(face((100, 50, 1100, 1150), middle=(600, 500)), 64).window
    assert np.abs(crop[4:-4, x0 + 2 : x1 - 2].astype(float) - 127.5).max() < 12


def test_a_shrunk_photo_keeps_its_geometry() -> None:
    image = np.zeros((1200, 1200, 3), np.uint8)
    image[480:521, 680:721] = 255  # a white square about (700, 500)
    placement = square(face((100, 50, 1100, 1150), 12.0, middle=(600, 500)), 240)
    crop = warp(image, placement, 240)[..., 0].astype(np.float64)
    rows, columns = np.mgrid[:240, :240]
    centre = [(crop * columns).sum() / crop.sum(), (crop * rows).sum() / crop.sum()]
    np.testing.assert_allclose(centre, mapped(placement.matrix, [700, 500]), atol=0.1)


def in_box(box: tuple[float, ...], tilt_deg: float = 0.0) -> Face:
    """A face whose five landmarks lie in its box as a face's do."""
    return Face(np.array(box, np.float32), 1.0, landmarks_in(box, tilt_deg))


def moved(points: Float64Array, scale: float, turn_deg: float, shift: tuple[float, float]) -> Float64Array:
    """Scale, turn and shift points."""
    angle = np.radians(turn_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    there: Float64Array = scale * points @ turn.T + shift
    return there


def with_points(points: Float64Array) -> Face:
    low, high = points.min(axis=0) - 20, points.max(axis=0) + 20
    return Face(np.array([*low, *high], np.float32), 1.0, points.astype(np.float32))


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
    assert np.array_equal(warp(photo, place(one, "arcface112", 112), 112), photo[30:142, 40:152])
    outside = warp(photo, place(with_points(moved(ARCFACE_POINTS, 1, 0, (170, -20))), "arcface112", 112), 112)
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


def test_hardly_any_resemblance_makes_a_dot_and_takes_no_memory() -> None:
    photo = np.full((900, 1200, 3), 255, np.uint8)
    matrix = np.array([[1e-7, 0, 50], [0, 1e-7, 50]])  # one crop pixel is ten million of the photo's
    assert warp(photo, Placement(matrix, (0, 0, 112, 112)), 112).shape == (112, 112, 3)


@given(
    st.tuples(st.floats(-40, 300), st.floats(-40, 300), st.floats(20, 400), st.floats(20, 400)),
    st.integers(16, 512),
    st.floats(-90, 90),
)
def test_a_facenet_box_takes_four_fifths_of_the_crop(
    place_and_sides: tuple[float, float, float, float], size: int, tilt_deg: float
) -> None:
    x0, y0, width, height = place_and_sides
    one = in_box((x0, y0, x0 + width, y0 + height), tilt_deg)
    placement = facenet160(one, size)
    corners = mapped(placement.matrix, one.box.reshape(2, 2))
    # 16 of 160 pixels on each side; the crop's own edges are at -1/2 and size - 1/2
    np.testing.assert_allclose(corners, [[0.1 * size - 0.5] * 2, [0.9 * size - 0.5] * 2], atol=1e-3)
    assert placement.matrix[0, 1] == placement.matrix[1, 0] == 0
    assert placement.window == (0, 0, size, size)


def test_a_facenet_crop_of_a_box_of_128_px_is_the_photo_itself() -> None:
    photo = np.random.default_rng(4).integers(0, 256, (240, 250, 3), dtype=np.uint8)
    crop = warp(photo, place(in_box((49.5, 39.5, 177.5, 167.5), 20.0), "facenet160", 160), 160)
    assert np.array_equal(crop, photo[24:184, 34:194])
    edge = warp(photo, place(in_box((149.5, 39.5, 277.5, 167.5)), "facenet160", 160), 160)
    assert np.array_equal(edge[:, :116], photo[24:184, 134:])
    assert not edge[:, 116:].any()


@pytest.mark.parametrize("template", DEFAULT_SIZES)
@pytest.mark.parametrize("tilt_deg", [0.0, 17.0, -30.0])
def test_every_template_s_crop_agrees_with_a_slow_loop(template: str, tilt_deg: float) -> None:
    photo = paint(3, 2).image
    (x0, y0), (x1, _) = paint(3, 2).eyes[0]
    side = min(2.5 * (x1 - x0), 140)
    one = in_box((x0 - 0.3 * side, y0 - 0.4 * side, x0 + 0.7 * side, y0 + 0.8 * side), tilt_deg)
    placement = place(one, template, 96)
    found, wanted = warp(photo, placement, 96).astype(float), slow_warp(photo, placement, 96)
    assert np.linalg.det(placement.matrix[:, :2]) > 0.25  # no area filter before the one interpolation
    assert np.abs(found - wanted).mean() < 1
    assert np.quantile(np.abs(found - wanted), 0.99) <= 6  # OpenCV interpolates on a grid of 1/32 px


def waves(points: Float64Array) -> Float64Array:
    """A smooth picture, ``(n, 3)`` 0 … 255, in the face's own coordinates."""
    x, y = points[:, 0], points[:, 1]
    bands = [np.sin(x / 9 + y / 31), np.cos(y / 11), np.sin((x - 2 * y) / 23)]
    values: Float64Array = 127.5 + 100 * np.stack(bands, axis=1)
    return values


@pytest.mark.parametrize(
    ("scale", "turn_deg", "shift"),
    [
        (1.0, 0.0, (150.0, 90.0)),
        (1.7, 33.0, (180.5, 60.25)),
        (2.6, -100.0, (60.0, 330.0)),
        (4.4, 12.0, (90, 5)),
    ],
)
@pytest.mark.parametrize("template", ["square", "arcface112"])
def test_a_turned_scaled_or_shifted_face_gives_the_same_crop(
    template: str, scale: float, turn_deg: float, shift: tuple[float, float]
) -> None:
    def crop_of(scale: float, turn_deg: float, shift: tuple[float, float]) -> UInt8Image:
        rows, columns = np.mgrid[:640, :640]
        pixels = np.column_stack([columns.ravel(), rows.ravel()]) - np.array(shift)
        photo = waves(moved(pixels, 1 / scale, 0, (0, 0)) @ turned(turn_deg)).reshape(640, 640, 3)
        points = moved(ARCFACE_POINTS, scale, turn_deg, shift)
        # a square box about the middle of the face turns with it
        middle, half = moved(np.array([[56.0, 72.0]]), scale, turn_deg, shift)[0], 40 * scale
        face = Face(np.array([*(middle - half), *(middle + half)], np.float32), 1, points.astype(np.float32))
        return warp(np.rint(photo).astype(np.uint8), place(face, template, 64), 64)

    plain, other = crop_of(1.25, 0.0, (100.0, 80.0)), crop_of(scale, turn_deg, shift)
    difference = np.abs(plain.astype(float) - other)
    assert difference.mean() < 2
    assert np.quantile(difference, 0.99) <= 9


def turned(turn_deg: float) -> Float64Array:
    """The matrix that takes points turned by this angle back, when they are multiplied by it."""
    angle = np.radians(turn_deg)
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def test_place_knows_the_templates_of_the_options_and_no_others() -> None:
    one = in_box((50, 40, 150, 140), 9.0)
    assert tuple(DEFAULT_SIZES) == TEMPLATES
    for template, by_name in zip(TEMPLATES, (square, arcface112, facenet160), strict=True):
        size = DEFAULT_SIZES[template]
        assert np.array_equal(place(one, template, size).matrix, by_name(one).matrix)
        assert template.endswith(str(size)) or (template, size) == ("square", 240)
    with pytest.raises(ValueError, match=r"round.*square, arcface112, facenet160"):
        place(one, "round", 112)
    with pytest.raises(ValueError, match="arcface112 takes no margin"):
        place(one, "arcface112", 112, 0.1)
