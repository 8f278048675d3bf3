"""Makes RetinaFace in a worker, with its weights and its extra; torch is imported only there."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

from ...errors import MissingExtraError
from ...files.download import PinnedFile
from ..base import Detector
from ..weights import OWN_FILE, PinnedFactory, Weights


@dataclass(frozen=True)
class RetinafaceFactory(PinnedFactory):
    """Makes :class:`facedata.detect.one_shot.retinaface.Retinaface`."""

    pinned: ClassVar[Weights] = Weights(
        "retinaface",
        PinnedFile(
            "mobilenet0.25_Final.pth",
            "https://github.com/elliottzheng/face-detection/releases/download/0.0.1/mobilenet0.25_Final.pth",
            "2979b33ffafda5d74b6948cd7a5b9a7a62f62b949cef24e95fd15d2883a65220",
            OWN_FILE,
        ),
        size_bytes=1_789_735,
        licence="MIT",
        origin="elliottzheng/face-detection",
    )

    def with_weights(self, given: str | None = None, cache: str | Path | None = None) -> RetinafaceFactory:
        """Return the factory with the path of its weights; the extra must be installed."""
        if find_spec("face_detection") is None:
            raise MissingExtraError.of("the detector retinaface", "retinaface")
        return super().with_weights(given, cache)

    def __call__(self) -> Detector:
        """Load the networks."""
        if find_spec("face_detection") is None:
            host = f"on the host {socket.gethostname()}"
            raise MissingExtraError.of("the detector retinaface", "retinaface", host)
        from .retinaface import Retinaface

        return Retinaface(self.read_weights(), self.min_face_px, self.device)
