"""YuNet, by OpenCV's FaceDetectorYN, with the eyes refined by O-Net.

Wu et al., "YuNet: A Tiny Millisecond-level Face Detector", 2023. The weights are OpenCV Zoo's (MIT).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import cv2
import numpy as np

from ...errors import DetectorError
from ...types import Face, UInt8Image
from ..mtcnn.networks import make_networks
from ..search import SearchRule
from .levels import search_levels
from .refine import Candidates

_LEAST_SCORE = 0.3
"""Low, since O-Net scores every candidate too, and is more reliable for small ones."""
_OVERLAP = 0.3
_LOG_ERRORS = 2
"""OpenCV's log level for errors and worse."""

_MOST = 1000
_SMALLEST_PX = 32
"""The network's largest stride; smaller images are padded with black."""
_FAR = 10
"""No face is so many sides of the image away."""
_POINTS = (4, 14)
_SCORE = 14


class Yunet:
    """YuNet on images of bounded size, coarse to fine; O-Net for the eyes.

    Args:
        weights: the ONNX file's bytes.
        min_face_px: smallest face to find when every face is searched for, in pixels of the image.
        device: where O-Net runs, ``cpu`` or ``cuda``; YuNet runs on the CPU.

    Raises:
        DetectorError: OpenCV cannot read the weights, or the device does not exist.
    """

    name = "yunet"

    def __init__(self, weights: bytes, min_face_px: float = 20.0, device: str = "cpu") -> None:
        self.min_face_px = min_face_px
        self._networks = make_networks(device)
        # OpenCV 5 logs to stderr which backend it does not use; below 4.13 these functions are cv2's own
        logs = getattr(cv2.utils, "logging", cv2)
        level = logs.getLogLevel()
        logs.setLogLevel(_LOG_ERRORS)
        try:
            with _one_thread():
                self._network = cv2.FaceDetectorYN.create(
                    "onnx", np.frombuffer(weights, np.uint8), np.empty(0, np.uint8), (320, 320),
                    _LEAST_SCORE, _OVERLAP, _MOST,
                )  # fmt: skip
        except cv2.error as error:
            raise DetectorError(f"OpenCV cannot read YuNet's weights: {error}") from error
        finally:
            logs.setLogLevel(level)

    def detect(
        self, images: Sequence[UInt8Image], rules: Sequence[SearchRule] | None = None
    ) -> list[list[Face]]:
        """Find the faces of each photo; see :class:`facedata.detect.base.Detector`."""
        rules = rules or [SearchRule(min_face_px=self.min_face_px)] * len(images)
        with self._networks.one_thread(), _one_thread():
            return search_levels(self, self._networks, images, rules)

    def find(self, images: Sequence[UInt8Image], side_px: int) -> list[Candidates]:
        """Find faces at one level, image by image; see :class:`facedata.detect.one_shot.levels.Finder`."""
        return [self._find(image) for image in images]

    def _find(self, image: UInt8Image) -> Candidates:
        height, width = image.shape[:2]
        bgr = np.ascontiguousarray(image[:, :, ::-1])
        if min(height, width) < _SMALLEST_PX:
            bgr = np.zeros((max(height, _SMALLEST_PX), max(width, _SMALLEST_PX), 3), np.uint8)
            bgr[:height, :width] = image[:, :, ::-1]
        self._network.setInputSize((bgr.shape[1], bgr.shape[0]))
        _, faces = self._network.detect(bgr)
        rows = np.empty((0, 15), np.float32) if faces is None else np.asarray(faces, np.float32)
        # in narrow images OpenCV 4.10 finds faces that are nowhere near, at infinity or at no number
        rows = rows[(np.abs(rows) < _FAR * max(bgr.shape)).all(axis=1)]
        boxes = np.column_stack([rows[:, :2], rows[:, :2] + rows[:, 2:4]])
        landmarks = rows[:, slice(*_POINTS)].reshape(-1, 5, 2)
        return Candidates(boxes, rows[:, _SCORE], landmarks)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Run OpenCV on one thread: the result must not depend on the number of threads."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)
