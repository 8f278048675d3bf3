"""From a detector's name to the factory that makes it in a worker."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, runtime_checkable

from ..config import DETECTORS
from ..errors import UsageError
from ..options import look_up
from .base import DetectorFactory
from .weights import pinned_weights


@runtime_checkable
class TakesWeights(Protocol):
    """A factory of a detector whose weights are a file; see :class:`.weights.PinnedFactory`."""

    def with_weights(self, given: str | None, cache: str | Path | None) -> DetectorFactory:
        """Return the factory with the path of its weights, which are downloaded if needed."""
        ...


def make_factory(
    detector: str,
    min_face_px: float,
    device: str,
    weights: str | None = None,
    cache: str | Path | None = None,
) -> DetectorFactory:
    """Return a detector's factory; its weights are found or downloaded before any worker starts.

    Args:
        detector: a name in :data:`facedata.config.DETECTORS`.
        min_face_px: side of the smallest face to find, in photo pixels.
        device: ``cpu`` or ``cuda``.
        weights: the user's own file with the weights; only the pinned content is accepted.
        cache: the cache folder; None for ``~/.cache/facedata``.

    Raises:
        UsageError: there is no such detector, it takes no weights, or the given file is missing or wrong.
        DownloadError: no network, the server refuses, or the bytes are not the pinned ones.
        MissingExtraError: the detector needs a package that is not installed.
    """
    if detector not in DETECTORS:
        raise UsageError(f"there is no detector {detector!r}; the detectors are {', '.join(DETECTORS)}")
    factory = look_up(DETECTORS, detector)(min_face_px, device)
    if isinstance(factory, TakesWeights):
        return factory.with_weights(weights, cache)
    if weights is not None:
        takers = " and ".join(pinned_weights())
        raise UsageError(f"--weights {weights}: {detector} takes none; they are for {takers}")
    plain: DetectorFactory = factory
    return plain
