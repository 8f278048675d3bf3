"""Quality on real photos: each column falls as its fault grows, and means the same under all templates."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from facedata.checks.quality.measure import QUALITY
from facedata.checks.quality.poor import quality_findings
from facedata.config import CheckConfig
from facedata.crops.codec import decode_crop, encode_crop
from facedata.types import Face, Float64Array, UInt8Image
from tests.support.degradations import (
    Degrade,
    blur,
    burn_out,
    darken,
    flatten,
    move,
    move_aslant,
    move_down,
    shrink,
)
from tests.support.measured_faces import CutFace, cut_face, find_one, measure, quality_table
from tests.support.shared_data import SHARED, needs_shared

pytestmark = needs_shared

_PHOTOS = {"lfw/lfw-deepfunneled": 18, "keypoints/training": 9, "celeba/img_celeba": 9}
_ROSE = 0.02
"""A single photo may seem better by so much at a step (JPEG, rounding); the median may not."""
_PIXELS = ("sharpness", "not_dark", "not_bright", "contrast")


@pytest.fixture(scope="module")
def faces() -> list[CutFace]:
    paths: list[Path] = []
    for folder, count in _PHOTOS.items():
        photos = sorted((SHARED / "data" / folder).rglob("*.jpg"))
        paths += photos[:: max(1, len(photos) // count)][:count]
    found = find_one(paths)
    assert len(found) >= 0.95 * len(paths)
    return found


def _measure_steps(
    faces: Sequence[CutFace], degrade: Degrade, strengths: Sequence[float]
) -> dict[str, Float64Array]:
    """Return each column's values, ``(strengths, faces)``."""
    rows = [[measure(face, degrade(face.crop, strength)) for face in faces] for strength in strengths]
    return {name: np.array([[one[name] for one in row] for row in rows]) for name in QUALITY.names[1:]}


def _check_falls(values: Float64Array, allowed: float = _ROSE) -> None:
    assert np.diff(values, axis=0).max() <= allowed
    medians = np.median(values, axis=1)
    assert (np.diff(medians) < 0).all(), medians


_FAULTS: list[tuple[Degrade, str, tuple[float, ...], dict[str, float]]] = [
    # what it does, the column that falls, how strong, and how far the median of another column may move
    (blur, "sharpness", (0, 0.4, 0.8, 1.2, 2, 3), {"not_dark": 0.02, "not_bright": 0.04, "contrast": 0.12}),
    (move, "sharpness", (0, 1, 2, 4, 8), {"not_dark": 0.02, "not_bright": 0.04, "contrast": 0.12}),
    (move_down, "sharpness", (0, 1, 2, 4, 8), {"not_dark": 0.02, "not_bright": 0.04, "contrast": 0.12}),
    (move_aslant, "sharpness", (0, 1, 2, 4, 8), {"not_dark": 0.02, "not_bright": 0.04, "contrast": 0.12}),
    (shrink, "sharpness", (0, 1, 2, 4, 8), {"not_dark": 0.02, "not_bright": 0.04, "contrast": 0.12}),
    (darken, "not_dark", (0.5, 0.6, 0.7, 0.8, 0.9), {"sharpness": 0.04}),
    (burn_out, "not_bright", (0, 0.02, 0.05, 0.1, 0.2), {"not_dark": 0.01}),
    (flatten, "contrast", (0, 0.2, 0.4, 0.6, 0.8), {"sharpness": 0.04, "not_dark": 0.01}),
]


@pytest.mark.parametrize(
    ("degrade", "column", "strengths", "others"), _FAULTS, ids=[fault[0].__name__ for fault in _FAULTS]
)
def test_a_column_falls_with_its_fault_and_others_hardly_move(
    faces: list[CutFace], degrade: Degrade, column: str, strengths: Sequence[float], others: dict[str, float]
) -> None:
    steps = _measure_steps(faces, degrade, strengths)
    _check_falls(steps[column])
    assert np.median(steps[column][-1]) < 0.75 * np.median(steps[column][0])
    for name, most in others.items():
        assert np.ptp(np.median(steps[name], axis=1)) <= most, name
    for name in set(steps) - {*_PIXELS, "light"}:
        np.testing.assert_array_equal(steps[name], steps[name][:1].repeat(len(strengths), axis=0))


def _syngen(component: str, number: int = 0) -> Degrade:
    """Return ofiq-syngen's operator for a component of ISO/IEC 29794-5."""
    registry: Any = pytest.importorskip("ofiq_syngen.components").COMPONENT_REGISTRY
    entry = registry[f"{component}.scalar"]
    operator: Callable[..., UInt8Image] = (entry if isinstance(entry, list) else [entry])[number].function
    about = {"ctx": None} if "ctx" in inspect.signature(operator).parameters else {}

    def degrade(image: UInt8Image, severity: float) -> UInt8Image:
        if severity == 0:
            return image
        bgr = np.ascontiguousarray(image[:, :, ::-1])
        return np.ascontiguousarray(operator(bgr, severity, 7, **about)[:, :, ::-1])

    return degrade


@pytest.mark.parametrize(
    ("component", "number", "column"),
    [
        ("Sharpness", 0, "sharpness"),
        ("Sharpness", 1, "sharpness"),
        ("LuminanceMean", 0, "not_dark"),
        ("UnderExposurePrevention", 0, "not_dark"),
        ("OverExposurePrevention", 0, "not_bright"),
        ("OverExposurePrevention", 0, "contrast"),
    ],
    ids=["blur", "motion", "darker", "under-exposed", "over-exposed", "over-exposed, contrast"],
)
def test_a_column_falls_with_the_operators_of_ofiq_syngen(
    faces: list[CutFace], component: str, number: int, column: str
) -> None:
    steps = _measure_steps(faces, _syngen(component, number), (0, 0.25, 0.5, 0.75, 1))[column]
    assert np.diff(steps, axis=0).max() <= _ROSE
    medians = np.median(steps, axis=1)
    is_at_most = medians == 1  # good enough still
    assert (np.diff(medians)[~is_at_most[1:]] < 0).all()
    assert medians[-1] < 0.8 * medians[0]


@pytest.mark.parametrize(
    ("component", "step"),
    [
        ("LeftwardCropOfTheFaceImage", (-1, 0)),
        ("RightwardCropOfTheFaceImage", (1, 0)),
        ("MarginAboveOfTheFaceImage", (0, -1)),
        ("MarginBelowOfTheFaceImage", (0, 1)),
    ],
)
def test_uncut_falls_as_ofiq_syngen_moves_the_face_out(
    faces: list[CutFace], component: str, step: tuple[int, int]
) -> None:
    degrade = _syngen(component)
    rows = []
    for severity in (0, 0.25, 0.5, 0.75, 1):
        row = []
        for face in faces[:24]:
            height, width = face.photo.shape[:2]
            shift = np.array([int(severity * width * 0.4), int(severity * height * 0.4)]) * step
            moved = Face(
                face.face.box + np.tile(shift, 2).astype(np.float32), face.face.score,
                face.face.landmarks + shift.astype(np.float32),
            )  # fmt: skip
            row.append(measure(cut_face(degrade(face.photo, severity), moved))["uncut"])
        rows.append(row)
    values = np.array(rows)
    assert np.diff(values, axis=0).max() <= 0
    assert np.median(values[-1]) < np.median(values[0])


def test_fewer_pixels_in_the_photo_mean_smaller_and_less_sharp(faces: list[CutFace]) -> None:
    rows = []
    for scale in (1, 0.7, 0.5, 0.35, 0.25):
        smaller = [_scaled(face, scale) for face in faces]
        rows.append([(face["size"], face["sharpness"]) for face in map(measure, smaller)])
    values = np.array(rows)
    assert np.diff(values[:, :, 0], axis=0).max() <= 0
    _check_falls(values[:, :, 1], 0.05)
    assert np.median(values[-1, :, 1]) < 0.65 * np.median(values[0, :, 1])


def _scaled(face: CutFace, scale: float) -> CutFace:
    """Cut a face from its photo at a lower resolution."""
    size = [max(1, round(side * scale)) for side in (face.photo.shape[1], face.photo.shape[0])]
    photo = np.asarray(cv2.resize(face.photo, size, interpolation=cv2.INTER_AREA), np.uint8)
    landmarks = (face.face.landmarks + 0.5) * np.float32(scale) - np.float32(0.5)
    box = (face.face.box + 0.5) * np.float32(scale) - np.float32(0.5)
    return cut_face(photo, replace(face.face, box=box, landmarks=landmarks))


@pytest.mark.parametrize(
    ("template", "size_px"), [("arcface112", 112), ("facenet160", 160), ("square", 160), ("square", 400)]
)
def test_other_templates_give_nearly_the_same(faces: list[CutFace], template: str, size_px: int) -> None:
    allowed = {"sharpness": 0.14, "contrast": 0.05}  # smaller crops are sharper than what they shrink
    for face in faces:
        here, there = measure(face), measure(cut_face(face.photo, face.face, template, size_px))
        for name, value in here.items():
            assert there[name] == pytest.approx(value, abs=allowed.get(name, 0.02)), name


def test_noise_and_coarse_jpeg_are_not_taken_for_blur(faces: list[CutFace]) -> None:
    """They are other faults, which no column measures; a check does not call such a face blurred."""
    for face in faces:
        coarse = cv2.imencode(".jpg", face.crop[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 20])[1]
        again = decode_crop(coarse.tobytes())
        assert measure(face, again)["sharpness"] > 0.9 * measure(face)["sharpness"]


def test_ordinary_photos_are_good(faces: list[CutFace]) -> None:
    found = quality_findings(quality_table([measure(face) for face in faces]), CheckConfig())
    assert len(found) <= 2, found


def test_a_dark_skinned_person_in_good_light_is_not_dark() -> None:
    people = ("Wyclef_Jean", "Kobe_Bryant", "Abdoulaye_Wade", "Ray_Lewis", "Carlton_Dotson")
    folder = SHARED / "data" / "lfw" / "lfw-deepfunneled"
    found = find_one(path for person in people for path in sorted((folder / person).glob("*.jpg")))
    assert len(found) >= 3
    for face in found:
        assert measure(face)["not_dark"] >= 0.9


def test_a_crop_takes_a_few_times_as_long_to_measure_as_to_decode(faces: list[CutFace]) -> None:
    face = faces[0]
    data = encode_crop(face.crop)
    assert face.crop.shape == (240, 240, 3)
    assert _best(partial(measure, face)) < 7 * _best(partial(decode_crop, data))


def _best(call: Callable[[], object]) -> float:
    best = np.inf
    for _ in range(30):
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return float(best)
