"""YuNet: its networks are quiet, its weights are looked at, and it is fed as OpenCV wants it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from facedata.detect.choose import box_iou
from facedata.detect.one_shot.yunet import Yunet
from facedata.errors import DetectorError
from facedata.photos.image import decode
from tests.support.shared_data import SHARED, needs_shared

_WEIGHTS = SHARED / "weights" / "face_detection_yunet_2023mar.onnx"


@needs_shared
def test_making_one_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    logs = getattr(cv2.utils, "logging", cv2)  # OpenCV below 4.13 has them at the top
    level = logs.getLogLevel()
    Yunet(_WEIGHTS.read_bytes())
    assert capfd.readouterr() == ("", "")
    assert logs.getLogLevel() == level


def test_what_is_no_network_is_refused(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DetectorError, match="OpenCV cannot read YuNet's weights"):
        Yunet(b"no network at all")


@needs_shared
def test_it_finds_what_opencv_finds_on_the_same_pixels() -> None:
    image = decode((SHARED / "data/group_photos/bald_guys.jpg").read_bytes())
    plain = cv2.FaceDetectorYN.create(str(_WEIGHTS), "", (image.shape[1], image.shape[0]), 0.3, 0.3, 5000)
    _, rows = plain.detect(np.ascontiguousarray(image[:, :, ::-1]))
    (found,) = Yunet(_WEIGHTS.read_bytes()).find([image], 2048)
    assert len(found.boxes) == len(rows) > 5
    for box, score, points, row in zip(found.boxes, found.scores, found.landmarks, rows, strict=True):
        wanted = np.array([row[0], row[1], row[0] + row[2], row[1] + row[3]])
        assert box_iou(box, wanted) > 0.999
        np.testing.assert_allclose(points.ravel(), row[4:14], atol=0.01)
        assert score == pytest.approx(row[14])
    assert (found.landmarks[:, 0, 0] < found.landmarks[:, 1, 0]).mean() > 0.8  # image-left eye first


@needs_shared
def test_faces_that_are_nowhere_near_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenCV 4.10 finds such ones in narrow images."""
    good = np.array([10, 12, 20, 24, 14, 20, 24, 20, 19, 25, 15, 30, 23, 30, 0.9], np.float32)
    rows = np.stack([good] * 4)
    rows[0, 1], rows[1, 3], rows[3, 6] = -np.inf, np.nan, 4e24

    class Told:
        def setInputSize(self, size: tuple[int, int]) -> None:  # noqa: N802  OpenCV's name
            assert size == (60, 50)

        def detect(self, image: np.ndarray) -> tuple[int, np.ndarray]:
            return 1, rows

    yunet = Yunet(_WEIGHTS.read_bytes())
    monkeypatch.setattr(yunet, "_network", Told())
    (found,) = yunet.find([np.zeros((50, 60, 3), np.uint8)], 60)
    assert found.boxes.tolist() == [[10, 12, 30, 36]]
