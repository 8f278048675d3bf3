"""YuNet in ONNX Runtime, with the eyes refined by O-Net.

Wu et al., "YuNet: A Tiny Millisecond-level Face Detector", 2023. The weights are OpenCV Zoo's (MIT). The
faces are those of OpenCV 5.0's FaceDetectorYN, which takes more than twice as long; that of OpenCV 4.10 to
4.14 is wrong where a side has up to 32 px.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ...types import Face, Int64Array, UInt8Image
from ..mtcnn.networks import make_networks
from ..mtcnn.on_onnxruntime import open_session
from ..search import SearchRule
from .levels import search_levels
from .refine import Candidates
from .yunet_network import adapt_network

_LEAST_SCORE = 0.3
"""Low, since O-Net scores every candidate too, and is more reliable for small ones."""
_OVERLAP = 0.3
_MOST = 5000
"""The most cells of one image that are used, best first: OpenCV's own number. A face takes up to 20."""
_STRIDES = (8, 16, 32)


class Yunet:
    """YuNet on images of bounded size, coarse to fine; O-Net for the eyes.

    Args:
        weights: the bytes of the pinned ONNX file.
        min_face_px: smallest face to find when every face is searched for, in pixels of the image.
        device: where O-Net runs, ``cpu`` or ``cuda``; YuNet runs on the CPU.

    Raises:
        DetectorError: the device does not exist.
    """

    name = "yunet"

    def __init__(self, weights: bytes, min_face_px: float = 20.0, device: str = "cpu") -> None:
        self.min_face_px = min_face_px
        self._networks = make_networks(device)
        self._network = open_session(adapt_network(weights))

    def detect(
        self, images: Sequence[UInt8Image], rules: Sequence[SearchRule] | None = None
    ) -> list[list[Face]]:
        """Find the faces of each photo; see :class:`facedata.detect.base.Detector`."""
        rules = rules or [SearchRule(min_face_px=self.min_face_px)] * len(images)
        with self._networks.one_thread():
            return search_levels(self, self._networks, images, rules)

    def find(self, images: Sequence[UInt8Image], side_px: int) -> list[Candidates]:
        """Find faces at one level, image by image; see :class:`facedata.detect.one_shot.levels.Finder`."""
        return [self._find(image) for image in images]

    def _find(self, image: UInt8Image) -> Candidates:
        height, width = image.shape[:2]
        rows, columns = (-(-side // _STRIDES[-1]) * _STRIDES[-1] for side in (height, width))
        pixels = np.zeros((1, 3, rows, columns), np.float32)
        pixels[0, :, :height, :width] = image[:, :, ::-1].transpose(2, 0, 1)  # trained on BGR
        (found,) = self._network.run(["found"], {"input": pixels})
        scores = np.sqrt((1 + np.tanh(found[:2] / 2)).prod(axis=0)) / 2  # of both sigmoids
        sure = np.flatnonzero(scores >= _LEAST_SCORE)
        # where these cells are, in cells of their stride
        counts = rows * columns // np.square(_STRIDES)
        ends = np.cumsum(counts)
        levels = np.searchsorted(ends, sure, side="right")
        strides = np.array(_STRIDES)[levels]
        row, column = np.divmod(sure - (ends - counts)[levels], columns // strides)
        cells, px = np.column_stack([column, row]).astype(np.float32), strides[:, None].astype(np.float32)

        numbers, scores = found[2:, sure].T, scores[sure]
        sides = np.exp(numbers[:, 2:4]) * px
        low = (cells + numbers[:, :2]) * px - sides / 2
        landmarks = (cells[:, None] + numbers[:, 4:].reshape(-1, 5, 2)) * px[:, None]
        whole = np.trunc(np.column_stack([low, sides]))  # OpenCV compares whole pixels
        kept: Int64Array = np.array(
            cv2.dnn.NMSBoxes(whole, scores, _LEAST_SCORE, _OVERLAP, top_k=_MOST), np.int64
        )
        return Candidates(np.column_stack([low, low + sides])[kept], scores[kept], landmarks[kept])
