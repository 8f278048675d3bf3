"""YuNet in ONNX Runtime, with the eyes refined by O-Net.

Wu et al., "YuNet: A Tiny Millisecond-level Face Detector", 2023. The weights are OpenCV Zoo's (MIT). The faces
are those of OpenCV's FaceDetectorYN, which takes more than twice as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

import numpy as np

from ...types import Face, UInt8Image
from ..boxes import suppress
from ..mtcnn.networks import make_networks
from ..mtcnn.on_onnxruntime import open_session
from ..mtcnn.onnx_bytes import make_model, make_node, read_model
from ..search import SearchRule
from .levels import search_levels
from .refine import Candidates

_LEAST_SCORE = 0.3
"""Low, since O-Net scores every candidate too, and is more reliable for small ones."""
_OVERLAP = 0.3
_MOST = 1000
"""The most cells of one image that are used, best first."""
_STRIDES = (8, 16, 32)
_FEATURES = ("256", "246", "236")
"""What the file calls that which the heads of each stride look at."""
_HEADS = ("cls", "obj", "bbox", "kps")
"""Class, objectness, box and landmarks, in 1, 1, 4 and 10 channels."""
_CHANNELS = 16


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
        self._network = open_session(_make(weights))

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
        scores = np.sqrt((1 + np.tanh(found[:2] / 2)).prod(axis=0)) / 2  # of two sigmoids
        sure = np.flatnonzero(scores >= _LEAST_SCORE)
        best = sure[np.argsort(-scores[sure], kind="stable")[:_MOST]]
        counts = rows * columns // np.square(_STRIDES)
        ends = np.cumsum(counts)
        levels = np.searchsorted(ends, best, side="right")
        strides = np.array(_STRIDES, np.float32)[levels, None]
        places = np.divmod(best - (ends - counts)[levels], columns // strides[:, 0])
        cells = np.column_stack(places[::-1]).astype(np.float32)
        numbers = found[2:, best].T
        sides = np.exp(numbers[:, 2:4]) * strides
        low = (cells + numbers[:, :2]) * strides - sides / 2
        landmarks = (cells[:, None] + numbers[:, 4:].reshape(-1, 5, 2)) * strides[:, None]
        whole = np.trunc(low)  # OpenCV compares boxes of whole pixels
        kept = suppress(np.column_stack([whole, whole + np.trunc(sides)]), _OVERLAP)
        return Candidates(np.column_stack([low, low + sides])[kept], scores[best][kept], landmarks[kept])


def _make(weights: bytes) -> bytes:
    """Return the network for images of any size, with one head of 16 channels at each stride.

    The file's heads of 1, 4 and 10 channels fit none of ONNX Runtime's fast kernels.
    """
    nodes, held = read_model(weights)
    nodes = list(takewhile(lambda node: b"bbox_head" not in node, nodes))
    for level, at in enumerate(_FEATURES):
        for layer, side, groups in (("conv1", 1, 1), ("conv2", 3, _CHANNELS)):
            name = f"{layer}.{level}"
            inputs = [at, f"{name}.weight", f"{name}.bias"]
            for part in ("weight", "bias"):
                held[f"{name}.{part}"] = np.concatenate(
                    [held[f"bbox_head.multi_level_{head}.{level}.{layer}.{part}"] for head in _HEADS]
                )
            form = {"kernel_shape": [side] * 2, "pads": [side // 2] * 4}
            nodes.append(make_node("Conv", inputs, name, group=groups, **form))
            at = name
        nodes.append(make_node("Flatten", [at], f"flat.{level}", axis=2))
    flat = [f"flat.{level}" for level in range(len(_STRIDES))]
    nodes.append(make_node("Concat", flat, "found", axis=1))
    return make_model(nodes, held, ("input", (1, 3, "h", "w")), ("found", (_CHANNELS, "cells")))
