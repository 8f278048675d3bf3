"""The cascade against facenet-pytorch's own, and its independence of batch and neighbours."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from facenet_pytorch import MTCNN

from facedata.detect.base import Detector
from facedata.detect.choose import box_iou
from facedata.detect.mtcnn import detector as detector_module
from facedata.detect.mtcnn.detector import Mtcnn
from facedata.painted import paint
from facedata.types import Face, UInt8Image


@pytest.fixture(scope="module")
def detector() -> Mtcnn:
    return Mtcnn()


@pytest.fixture(scope="module")
def plain_detector() -> Mtcnn:
    """Return the exhaustive search as facenet-pytorch does it: no averaging over mirror images."""
    return Mtcnn(mirror=False)


@pytest.fixture(scope="module")
def photos() -> list[UInt8Image]:
    return [paint(person, photo, seed=1).image for person in range(3) for photo in range(3)]


def as_bytes(faces: list[list[Face]]) -> list[list[tuple[bytes, bytes, float]]]:
    return [[(f.box.tobytes(), f.landmarks.tobytes(), f.score) for f in photo] for photo in faces]


def test_it_is_a_detector(detector: Mtcnn) -> None:
    assert isinstance(detector, Detector)


def test_it_agrees_with_facenet_pytorch(plain_detector: Mtcnn, photos: list[UInt8Image]) -> None:
    reference = MTCNN(keep_all=True, select_largest=True)
    compared = 0
    for image, found in zip(photos, plain_detector.detect(photos), strict=True):
        boxes, scores, points = reference.detect(image, landmarks=True)
        wanted = (
            []
            if boxes is None
            else [(b, p) for b, s, p in zip(boxes, scores, points, strict=True) if s >= 0.95]
        )
        compared += len(wanted)
        for box, landmarks in wanted:
            nearest = max(found, key=lambda face: box_iou(face.box, box))
            assert box_iou(nearest.box, box) >= 0.999
            assert np.abs(nearest.landmarks - landmarks).max() <= 0.01
    assert compared >= 8


def test_a_photo_does_not_depend_on_its_batch(detector: Mtcnn, photos: list[UInt8Image]) -> None:
    alone = [detector.detect([image])[0] for image in photos]
    order = np.random.default_rng(5).permutation(len(photos))
    shuffled = detector.detect([photos[i] for i in order])
    assert as_bytes(detector.detect(photos)) == as_bytes(alone)
    assert as_bytes(shuffled) == as_bytes([alone[i] for i in order])


def test_a_photo_does_not_depend_on_the_number_of_threads(detector: Mtcnn, photos: list[UInt8Image]) -> None:
    before = torch.get_num_threads()
    try:
        found = []
        for threads in (1, 2):
            torch.set_num_threads(threads)
            found.append(as_bytes(detector.detect(photos)))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert found[0] == found[1]


def test_strips_of_a_large_photo_give_the_same_numbers(
    detector: Mtcnn, photos: list[UInt8Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    with torch.inference_mode():
        image = photos[0].astype(np.float32)
        whole = detector._run_pnet(image)
        monkeypatch.setattr(detector_module, "_STRIP_PIXELS", 20_000)
        strips = detector._run_pnet(image)
    for one, other in zip(whole, strips, strict=True):
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, atol=1e-4)


@pytest.mark.parametrize("shape", [(1, 1), (11, 300), (12, 12), (13, 21), (700, 20)])
def test_odd_sizes_are_searched_without_error(detector: Mtcnn, shape: tuple[int, int]) -> None:
    assert detector.detect([np.zeros((*shape, 3), np.uint8)]) == [[]]


def test_no_photos_give_no_faces(detector: Mtcnn) -> None:
    assert detector.detect([]) == []


def test_an_unknown_gpu_is_refused() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    from facedata.errors import DetectorError

    with pytest.raises(DetectorError, match="no GPU"):
        Mtcnn(device="cuda")
