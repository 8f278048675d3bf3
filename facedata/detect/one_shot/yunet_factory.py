"""Makes YuNet in a worker, with its weights; ONNX Runtime is imported only there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ...files.download import PinnedFile
from ..base import Detector
from ..weights import OWN_FILE, PinnedFactory, Weights


@dataclass(frozen=True)
class YunetFactory(PinnedFactory):
    """Makes :class:`facedata.detect.one_shot.yunet.Yunet`."""

    pinned: ClassVar[Weights] = Weights(
        "yunet",
        PinnedFile(
            "face_detection_yunet_2023mar.onnx",
            # the zoo keeps its networks in Git LFS; this is the address of the content
            "https://media.githubusercontent.com/media/opencv/opencv_zoo/main/models/"
            "face_detection_yunet/face_detection_yunet_2023mar.onnx",
            "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
            OWN_FILE,
        ),
        size_bytes=232_589,
        licence="MIT",
        origin="OpenCV Zoo",
    )

    def __call__(self) -> Detector:
        """Load the networks."""
        from .yunet import Yunet

        return Yunet(self.read_weights(), self.min_face_px, self.device)
