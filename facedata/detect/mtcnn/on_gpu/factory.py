"""Makes MTCNN for a GPU in a worker; torch and the networks are loaded only there."""

from __future__ import annotations

from dataclasses import dataclass

from ...base import Detector


@dataclass(frozen=True)
class MtcnnOnGpuFactory:
    """Makes :class:`.detector.MtcnnOnGpu`.

    Attributes:
        min_face_px: smallest face that an exhaustive search finds, in pixels of the image.
        device: ``cuda``, or ``cpu`` to hold its results against the other way's.
    """

    min_face_px: float = 20.0
    device: str = "cuda"

    def __call__(self) -> Detector:
        """Load the networks onto the device.

        Raises:
            DetectorError: facenet-pytorch's weights are not those of 2.5.3, or there is no such device.
        """
        from .detector import MtcnnOnGpu

        return MtcnnOnGpu(self.min_face_px, self.device)
