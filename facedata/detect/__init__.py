"""Detectors, and the table from their names to what makes them."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from ..errors import MissingExtraError, UsageError
from .base import Detector, DetectorFactory
from .weights import locate, read_weights

_NO_RETINAFACE = (
    "the detector retinaface needs a package that is not installed: pip install 'facedata[retinaface]'"
)


@dataclass(frozen=True)
class MtcnnFactory:
    """Makes :class:`facedata.detect.mtcnn.detector.Mtcnn` in a worker; torch is imported there and then."""

    min_face_px: float = 20.0
    device: str = "cpu"

    def __call__(self) -> Detector:
        """Load the networks."""
        from .mtcnn.detector import Mtcnn

        return Mtcnn(min_face_px=self.min_face_px, device=self.device)


@dataclass(frozen=True)
class YunetFactory:
    """Makes :class:`facedata.detect.one_shot.yunet.Yunet` in a worker."""

    min_face_px: float = 20.0
    device: str = "cpu"
    weights: str | None = None

    def __call__(self) -> Detector:
        """Load the networks."""
        from .one_shot.yunet import Yunet

        return Yunet(read_weights("yunet", self.weights), self.min_face_px, self.device)


@dataclass(frozen=True)
class RetinafaceFactory:
    """Makes :class:`.one_shot.retinaface.Retinaface` in a worker; torch is imported there and then."""

    min_face_px: float = 20.0
    device: str = "cpu"
    weights: str | None = None

    def __call__(self) -> Detector:
        """Load the networks."""
        if find_spec("face_detection") is None:
            raise MissingExtraError(f"{_NO_RETINAFACE} (on the host {socket.gethostname()})")
        from .one_shot.retinaface import Retinaface

        return Retinaface(read_weights("retinaface", self.weights), self.min_face_px, self.device)


DETECTOR_FACTORIES: dict[str, Callable[[float, str], DetectorFactory]] = {
    "mtcnn": MtcnnFactory,
    "yunet": YunetFactory,
    "retinaface": RetinafaceFactory,
}
"""Name → a function of (smallest face in photo pixels, device) that returns the factory."""


def with_weights(
    factory: DetectorFactory, given: str | None = None, cache: str | Path | None = None
) -> DetectorFactory:
    """Return the factory with its weights found, and downloaded if need be, before any worker starts.

    Args:
        factory: of any detector; one that needs no weights comes back as it is.
        given: the user's own file with the weights; only the pinned content is accepted.
        cache: the cache folder; None for ``~/.cache/facedata``.

    Raises:
        UsageError: the given file is not there or is another one, or the detector takes none.
        DownloadError: no network, a refusal, or other bytes than those pinned.
        MissingExtraError: the detector needs a package that is not installed.
    """
    if isinstance(factory, YunetFactory):
        return replace(factory, weights=str(locate("yunet", given, cache)))
    if isinstance(factory, RetinafaceFactory):
        if find_spec("face_detection") is None:
            raise MissingExtraError(_NO_RETINAFACE)
        return replace(factory, weights=str(locate("retinaface", given, cache)))
    if given is not None:
        raise UsageError(f"--weights {given}: this detector takes none; they are for yunet and retinaface")
    return factory
