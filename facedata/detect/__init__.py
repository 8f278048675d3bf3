"""Detectors, and the table from their names to what makes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .base import Detector, DetectorFactory


@dataclass(frozen=True)
class MtcnnFactory:
    """Makes :class:`facedata.detect.mtcnn.Mtcnn` in a worker; torch is imported there and then."""

    min_face_px: float = 20.0
    device: str = "cpu"

    def __call__(self) -> Detector:
        """Load the networks."""
        from .mtcnn import Mtcnn

        return Mtcnn(min_face_px=self.min_face_px, device=self.device)


DETECTOR_FACTORIES: dict[str, Callable[[float, str], DetectorFactory]] = {"mtcnn": MtcnnFactory}
"""Name → a function of (smallest face in photo pixels, device) that returns the factory."""
