"""YuNet in ONNX Runtime: the faces are those of OpenCV's FaceDetectorYN."""

from __future__ import annotations

from itertools import product

import cv2
import numpy as np
import pytest

from facedata.detect.choose import box_iou
from facedata.detect.one_shot.yunet import Yunet
from facedata.photos.image import decode
from facedata.types import UInt8Image
from tests.support.shared_data import SHARED, needs_shared

_WEIGHTS = SHARED / "weights" / "face_detection_yunet_2023mar.onnx"
_NARROWEST_PX = 1 if cv2.__version__ >= "5" else 33
"""OpenCV 4.10 to 4.14 miss faces in narrower images, and find others at no place."""


@pytest.fixture(scope="module")
def yunet() -> Yunet:
    return Yunet(_WEIGHTS.read_bytes())


def portraits(height: int, width: int) -> UInt8Image:
    """Return an image full of different people, each as large as its shorter side, or 120 px."""
    side = min(height, width, 120)
    photos = sorted((SHARED / "data/lfw").rglob("*.jpg"))
    image = np.zeros((height + side, width + side, 3), np.uint8)
    for at, (y, x) in enumerate(product(range(0, height, side), range(0, width, side))):
        middle = decode(photos[at].read_bytes())[60:190, 60:190]
        image[y : y + side, x : x + side] = cv2.resize(middle, (side, side), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(image[:height, :width])


@needs_shared
@pytest.mark.parametrize(
    ("height", "width", "least"),
    [(250, 250, 4), (1300, 1700, 156), (131, 161, 1), (24, 24, 1), (31, 500, 10), (500, 31, 10), (65, 9, 0)],
)
def test_the_faces_are_opencvs(yunet: Yunet, height: int, width: int, least: int) -> None:
    if min(height, width) < _NARROWEST_PX:
        pytest.skip(f"OpenCV {cv2.__version__} finds other faces in images as narrow as that")
    image = portraits(height, width)
    plain = cv2.FaceDetectorYN.create(str(_WEIGHTS), "", (width, height), 0.3, 0.3, 5000)
    _, rows = plain.detect(np.ascontiguousarray(image[:, :, ::-1]))
    rows = np.empty((0, 15), np.float32) if rows is None else rows
    (found,) = yunet.find([image], 2560)
    assert len(found.boxes) == len(rows) >= least
    for row in rows:
        overlaps = [box_iou(box, np.array([*row[:2], *(row[:2] + row[2:4])])) for box in found.boxes]
        at = int(np.argmax(overlaps))
        assert overlaps[at] > 0.999
        np.testing.assert_allclose(found.landmarks[at].ravel(), row[4:14], atol=0.01)
        assert found.scores[at] == pytest.approx(row[14], abs=1e-5)


@needs_shared
@pytest.mark.parametrize("shape", [(31, 500), (500, 31), (7, 300), (1, 1), (160, 97)])
def test_every_face_is_in_its_image(yunet: Yunet, shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    for image in [portraits(*shape), *rng.integers(0, 256, (20, *shape, 3)).astype(np.uint8)]:
        (found,) = yunet.find([image], 500)
        near = np.tile([shape[1], shape[0]], 2) / 2
        assert (np.abs(found.boxes - near) < near + 60).all()
        assert np.isfinite(found.landmarks).all()


@needs_shared
def test_an_image_has_the_same_bits_after_others(yunet: Yunet) -> None:
    images = [portraits(*shape) for shape in ((160, 160), (31, 500), (640, 480), (160, 160))]
    first = [yunet.find([image], 640)[0] for image in images]
    again = yunet.find([*images[::-1]], 640)[::-1]
    for one, other in zip(first, again, strict=True):
        assert len(one.boxes)
        for name in ("boxes", "scores", "landmarks"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name), strict=True)
