"""The coarse-to-fine search: the exhaustive one's choice, whatever else is in the batch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from facenet_pytorch import MTCNN

from facedata.detect.choose import box_iou
from facedata.detect.mtcnn.detector import Mtcnn
from facedata.detect.mtcnn.networks import make_networks
from facedata.detect.search import SearchRule
from facedata.painted import paint
from facedata.photos.image import decode
from facedata.types import Face, UInt8Image
from tests.support.shared_data import SHARED, needs_shared

LFW = SearchRule("center", 0.9, 20.0)
LARGEST = SearchRule("largest", 0.9, 20.0)


@pytest.fixture(scope="module")
def detector() -> Mtcnn:
    return Mtcnn()


def real_photos(folder: str, count: int) -> list[UInt8Image]:
    files = sorted((SHARED / "data" / folder).rglob("*.jpg"))
    return [decode(file.read_bytes()) for file in files[:: len(files) // count][:count]]


def as_bytes(faces: list[list[Face]]) -> list[list[tuple[bytes, bytes, float]]]:
    return [[(f.box.tobytes(), f.landmarks.tobytes(), f.score) for f in photo] for photo in faces]


def crowd() -> list[tuple[UInt8Image, SearchRule]]:
    """Photos that end in every round: portraits, small faces, none at all, and rules that want every face."""
    portraits = [paint(person, 0, seed=2).image for person in range(4)]
    far = np.full((900, 1100, 3), 90, np.uint8)
    small = portraits[0][::2, ::2]
    far[300 : 300 + small.shape[0], 400 : 400 + small.shape[1]] = small
    empty = np.random.default_rng(3).integers(0, 255, (300, 200, 3)).astype(np.uint8)
    height = min(portraits[1].shape[0], portraits[2].shape[0])
    group = np.concatenate([portraits[1][:height], portraits[2][:height]], axis=1)
    images = [*portraits, far, empty, group, far[:, ::-1].copy(), portraits[3][:200, :150].copy()]
    return [*((image, LARGEST) for image in images), (group, LFW), (group, SearchRule("all"))]


def test_a_photo_does_not_depend_on_its_batch(detector: Mtcnn) -> None:
    whole = crowd()
    alone = [detector.detect([image], [rule])[0] for image, rule in whole]
    assert sum(map(bool, alone)) >= 8
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(whole))[: len(whole) - seed]
        images, rules = zip(*(whole[i] for i in order), strict=True)
        assert as_bytes(detector.detect(images, rules)) == as_bytes([alone[i] for i in order])


@pytest.mark.parametrize(("network", "side"), [("pnet", 64), ("pnet", 23), ("rnet", 24), ("onet", 48)])
def test_a_crop_does_not_depend_on_its_place_or_neighbours(network: str, side: int) -> None:
    random = np.random.default_rng(11)
    networks = make_networks()
    run = getattr(networks, network)
    with networks.one_thread():
        crops = random.integers(0, 256, (37, side, side, 3)).astype(np.uint8)
        wanted = run(crops)
        for count in (1, 2, 5, 18, 37):
            picked = random.permutation(len(crops))[:count]
            for found, whole in zip(run(crops[picked]), wanted, strict=True):
                np.testing.assert_array_equal(found, whole[picked])


@needs_shared
@pytest.mark.parametrize(("folder", "count", "rule"), [("lfw", 40, LFW), ("celeba", 30, LARGEST)])
def test_it_chooses_what_the_exhaustive_search_chooses(
    detector: Mtcnn, folder: str, count: int, rule: SearchRule
) -> None:
    photos = real_photos(folder, count)
    for image, quick, thorough in zip(
        photos, detector.detect(photos, [rule] * count), detector.detect(photos), strict=True
    ):
        size = (image.shape[1], image.shape[0])
        found, wanted = rule.choose(quick, size)[0], rule.choose(thorough, size)[0]
        if wanted is not None:  # a face more is no fault
            assert found is not None
            assert box_iou(found.box, wanted.box) > 0.7
            side = float((wanted.box[2:] - wanted.box[:2]).max())
            assert np.abs(found.landmarks[:2] - wanted.landmarks[:2]).max() < 0.06 * side


@needs_shared
def test_the_exhaustive_search_gives_facenet_pytorchs_numbers() -> None:
    reference = MTCNN(keep_all=True)
    photos = real_photos("lfw", 12)
    torch.manual_seed(0)
    for image, found in zip(photos, Mtcnn(mirror=False).detect(photos), strict=True):
        boxes, _, points = reference.detect(image, landmarks=True)
        assert len(found) == (0 if boxes is None else len(boxes))
        for box, landmarks in zip(boxes, points, strict=True):
            nearest = max(found, key=lambda face: box_iou(face.box, box))
            assert box_iou(nearest.box, box) >= 0.95
            assert np.abs(nearest.landmarks - landmarks).max() <= 1
