"""O-Net on a detector's boxes: painted eyes at known pixels, mirror images, neighbours, second opinions."""

from __future__ import annotations

import numpy as np
import pytest

from facedata.detect.boxes import find_distinct
from facedata.detect.mtcnn.networks import CascadeNetworks, make_networks
from facedata.detect.one_shot.refine import Candidates, refine
from facedata.detect.pyramid import Halves
from facedata.painted import paint
from facedata.painted.photo import PaintedPhoto
from facedata.types import Face, Float32Array


@pytest.fixture(scope="module")
def networks() -> CascadeNetworks:
    return make_networks()


@pytest.fixture(scope="module")
def photos() -> list[PaintedPhoto]:
    return [paint(person, photo, seed=1) for person in range(4) for photo in range(3)]


def box_around(eyes: Float32Array, rng: np.random.Generator) -> Float32Array:
    """Return a box as a detector would give it: about two eye distances wide, off by some per cent."""
    gap = float(np.linalg.norm(eyes[1] - eyes[0]))
    x, y = eyes.mean(axis=0)
    box = np.array([x - gap, y - 1.05 * gap, x + gap, y + 1.6 * gap])
    return (box + rng.normal(0, 0.04 * gap, 4)).astype(np.float32)


def candidates(box: Float32Array, score: float = 0.8) -> Candidates:
    x0, y0, x1, y1 = box
    points = np.array([[x0, y0], [x1, y0], [x0, y1], [x1, y1], [x0, y1]], np.float32)  # as bad as can be
    return Candidates(box[None], np.array([score], np.float32), points[None])


def nothing() -> Candidates:
    return Candidates(np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty((0, 5, 2), np.float32))


def test_painted_eyes_are_found_from_rough_boxes(
    networks: CascadeNetworks, photos: list[PaintedPhoto]
) -> None:
    rng = np.random.default_rng(3)
    found = [(Halves(photo.image), candidates(box_around(photo.eyes[0], rng))) for photo in photos]
    with networks.one_thread():
        refined = refine(networks, found)
    off, tilts = [], []
    for photo, faces in zip(photos, refined, strict=True):
        (face,) = faces
        assert face.score > 0.8  # O-Net is surer
        gap = np.linalg.norm(photo.eyes[0, 1] - photo.eyes[0, 0])
        off.append(np.linalg.norm(face.landmarks[:2] - photo.eyes[0], axis=1).mean() / gap)
        across, down = photo.eyes[0, 1] - photo.eyes[0, 0]
        tilts.append(abs(face.tilt_deg - np.degrees(np.arctan2(down, across))))
    assert np.median(off) < 0.08
    assert max(off) < 0.2
    assert np.median(tilts) < 1.5


def test_a_mirrored_photo_gives_the_mirrored_face(
    networks: CascadeNetworks, photos: list[PaintedPhoto]
) -> None:
    image = photos[0].image
    box = np.rint(box_around(photos[0].eyes[0], np.random.default_rng(0)))
    # a square whose crop falls on whole pixels either way
    side = 2 * round(float(box[3] - box[1]) / 0.85 / 2)
    box = np.array([box[0], box[1], box[0] + side, box[1] + side], np.float32)
    width = image.shape[1]
    mirrored = np.array([width - box[2], box[1], width - box[0], box[3]], np.float32)
    with networks.one_thread():
        ((face,), (other,)) = refine(
            networks,
            [
                (Halves(image), candidates(box)),
                (Halves(np.ascontiguousarray(image[:, ::-1])), candidates(mirrored)),
            ],
        )
    np.testing.assert_allclose(
        other.landmarks[[1, 0, 2, 4, 3]] * (-1, 1) + (width, 0), face.landmarks, atol=1.0
    )
    np.testing.assert_allclose(
        other.box[[2, 1, 0, 3]] * (-1, 1, -1, 1) + (width, 0, width, 0), face.box, atol=1.5
    )
    assert other.score == pytest.approx(face.score, abs=0.02)


def test_a_face_does_not_depend_on_the_others(networks: CascadeNetworks, photos: list[PaintedPhoto]) -> None:
    rng = np.random.default_rng(5)
    found = [(Halves(photo.image), candidates(box_around(photo.eyes[0], rng))) for photo in photos]
    found.insert(4, (Halves(photos[0].image), nothing()))
    with networks.one_thread():
        together = refine(networks, found)
        alone = [refine(networks, [one])[0] for one in found]
        order = rng.permutation(len(found))
        shuffled = refine(networks, [found[index] for index in order])
    assert as_bytes(together) == as_bytes(alone)
    assert as_bytes(shuffled) == as_bytes([alone[index] for index in order])


def as_bytes(faces: list[list[Face]]) -> list[list[tuple[bytes, bytes, float]]]:
    return [[(f.box.tobytes(), f.landmarks.tobytes(), f.score) for f in photo] for photo in faces]


def test_nothing_found_stays_nothing(networks: CascadeNetworks) -> None:
    image = Halves(np.zeros((50, 60, 3), np.uint8))
    assert refine(networks, []) == []
    assert refine(networks, [(image, nothing()), (image, nothing())]) == [[], []]


def test_where_onet_sees_no_face_the_detectors_own_box_and_points_stand(networks: CascadeNetworks) -> None:
    grey = Halves(np.full((120, 120, 3), 90, np.uint8))
    own = candidates(np.array([20, 20, 80, 90], np.float32), score=0.95)
    unsure = candidates(np.array([20, 20, 80, 90], np.float32), score=0.4)
    with networks.one_thread():
        ((face,), none) = refine(networks, [(grey, own), (grey, unsure)])
    np.testing.assert_array_equal(face.box, own.boxes[0])
    np.testing.assert_array_equal(face.landmarks, own.landmarks[0])
    assert face.score == pytest.approx(0.95)
    assert none == []


def test_boxes_of_one_face_become_one(networks: CascadeNetworks, photos: list[PaintedPhoto]) -> None:
    photo, rng = photos[0], np.random.default_rng(1)
    boxes = np.stack([box_around(photo.eyes[0], rng) for _ in range(5)])
    scores = np.linspace(0.5, 0.9, 5).astype(np.float32)
    with networks.one_thread():
        (faces,) = refine(
            networks, [(Halves(photo.image), Candidates(boxes, scores, np.zeros((5, 5, 2), np.float32)))]
        )
    assert len(faces) == 1


def test_distinct_keeps_the_surest_whatever_the_order() -> None:
    points = np.zeros((5, 2), np.float32)
    large = Face(np.array([0, 0, 10, 10], np.float32), 0.8, points)
    within = Face(np.array([1, 1, 9, 9], np.float32), 0.9, points)
    beside = Face(np.array([8, 0, 18, 10], np.float32), 0.7, points)
    assert find_distinct([large, within, beside]) == [1, 2]
    assert find_distinct([beside, within, large]) == [1, 0]
    assert find_distinct([]) == []
