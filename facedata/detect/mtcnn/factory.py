"""Makes MTCNN in a worker; its networks are read only there."""

from __future__ import annotations

from dataclasses import dataclass

from ..base import Detector


@dataclass(frozen=True)
class MtcnnFactory:
    """Makes :class:`.detector.Mtcnn`; its weights come inside facenet-pytorch's wheel."""

    min_face_px: float = 20.0
    device: str = "cpu"

    def __call__(self) -> Detector:
        """Load the networks."""
        from .detector import Mtcnn

        return Mtcnn(min_face_px=self.min_face_px, device=self.device)
