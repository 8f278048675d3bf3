"""RetinaFace: decoded as its package decodes, fed the colours it was trained on."""

from __future__ import annotations

from functools import partial

import cv2
import numpy as np
import pytest
import torch

from facedata.detect.choose import box_iou
from facedata.detect.mtcnn.on_torch import one_torch_thread
from facedata.detect.one_shot.retinaface import Retinaface, _anchors
from facedata.photos.image import decode
from facedata.types import Float32Array, UInt8Image
from tests.support.shared_data import SHARED, needs_shared

_WEIGHTS = SHARED / "weights" / "retinaface_mobilenet0.25_Final.pth"


@pytest.fixture(scope="module")
def detector() -> Retinaface:
    if not _WEIGHTS.is_file():
        pytest.skip(f"no weights at {SHARED} (set FACEDATA_SHARED)")
    return Retinaface(_WEIGHTS.read_bytes())


@pytest.fixture(scope="module")
def group() -> UInt8Image:
    return decode((SHARED / "data/group_photos/bald_guys.jpg").read_bytes())


def test_anchors_are_those_of_a_plain_loop() -> None:
    rows = [
        [(column + 0.5) * stride, (row + 0.5) * stride, side]
        for stride, sides in ((8, (16, 32)), (16, (64, 128)), (32, (256, 512)))
        for row in range(-(-96 // stride))
        for column in range(-(-160 // stride))
        for side in sides
    ]
    np.testing.assert_array_equal(_anchors(160, 96), np.array(rows, np.float32))


@needs_shared
def test_it_finds_what_its_package_finds(detector: Retinaface, group: UInt8Image) -> None:
    image = np.asarray(cv2.resize(group, (320, 256), interpolation=cv2.INTER_AREA), np.uint8)
    with one_torch_thread():
        (found,) = detector.find([image], 2048)
    wanted, scores, points = reference(image)  # its anchors are counted in 16 bits: small photos only
    assert len(found.boxes) == len(wanted) > 5
    for box, score, landmarks in zip(wanted, scores, points, strict=True):
        nearest = int(np.argmax([box_iou(box, other) for other in found.boxes]))
        assert box_iou(box, found.boxes[nearest]) > 0.999
        assert found.scores[nearest] == pytest.approx(score, abs=1e-4)
        np.testing.assert_allclose(found.landmarks[nearest], landmarks, atol=0.05)


def reference(image: UInt8Image) -> tuple[Float32Array, Float32Array, Float32Array]:
    """Run the network, not fused, with its package's own anchors and decoding."""
    from face_detection.box_utils import batched_decode
    from face_detection.retinaface.config import cfg_mnet
    from face_detection.retinaface.models.retinaface import RetinaFace
    from face_detection.retinaface.prior_box import PriorBox
    from face_detection.retinaface.utils import decode_landm
    from torchvision.ops import nms

    network = RetinaFace(cfg_mnet)
    network.load_state_dict(torch.load(_WEIGHTS, map_location="cpu", weights_only=True))
    network.eval()
    height, width = image.shape[:2]
    values = image[:, :, ::-1].astype(np.float32) - (104, 117, 123)
    with one_torch_thread():
        shifts, scores, points = network(torch.from_numpy(values.astype(np.float32).transpose(2, 0, 1))[None])
        priors = PriorBox(cfg_mnet, image_size=(height, width)).forward()
        boxes = batched_decode(shifts, priors, cfg_mnet["variance"])[0] * torch.tensor([width, height] * 2)
        marks = decode_landm(points, priors, cfg_mnet["variance"])[0].reshape(-1, 5, 2)
        marks = marks * torch.tensor([width, height])
        sure = scores[0, :, 1] >= 0.3
        kept = nms(boxes[sure], scores[0, sure, 1], 0.4)
    return boxes[sure][kept].numpy(), scores[0, sure, 1][kept].numpy(), marks[sure][kept].numpy()


@needs_shared
def test_small_faces_are_found_in_the_colours_it_was_trained_on(
    detector: Retinaface, group: UInt8Image
) -> None:
    """Fed the other way round it overlooks them: the CelebA project's mistake."""
    small = np.asarray(cv2.resize(group, (200, 155), interpolation=cv2.INTER_AREA), np.uint8)
    find = partial(detector.find, side_px=2048)
    with one_torch_thread():
        (right,), (swapped,) = find([small]), find([np.ascontiguousarray(small[:, :, ::-1])])
    assert (right.scores > 0.5).sum() > 20
    assert (swapped.scores > 0.5).sum() < 10


def test_a_batch_that_is_not_full_gives_the_same(detector: Retinaface, group: UInt8Image) -> None:
    part = np.asarray(cv2.resize(group, (160, 120), interpolation=cv2.INTER_AREA), np.uint8)
    with one_torch_thread():
        ones = [detector.find([part] * count, 160)[-1] for count in (1, 2, 4, 5)]
    assert len({(one.boxes.tobytes(), one.scores.tobytes(), one.landmarks.tobytes()) for one in ones}) == 1
