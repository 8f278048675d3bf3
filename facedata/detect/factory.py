"""From a detector's name to what makes it in a worker."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, runtime_checkable

from ..config import DETECTORS
from ..errors import UsageError
from ..options import named
from .base import DetectorFactory
from .weights import pinned_weights


@runtime_checkable
class TakesWeights(Protocol):
    """A factory of a detector whose weights are a file; see :class:`.weights.PinnedFactory`."""

    def with_weights(self, given: str | None, cache: str | Path | None) -> DetectorFactory:
        """Return the factory with its weights found, and downloaded if need be."""
        ...


def make_factory(
    detector: str,
    min_face_px: float,
    device: str,
    weights: str | None = None,
    cache: str | Path | None = None,
) -> DetectorFactory:
    """Return what makes a detector, its weights found before any worker starts.

    Args:
        detector: a name in :data:`facedata.config.DETECTORS`.
        min_face_px: side of the smallest face looked for, in photo pixels.
        device: ``cpu`` or ``cuda``.
        weights: the user's own file with the weights; only the pinned content is accepted.
        cache: the cache folder; None for ``~/.cache/facedata``.

    Raises:
        UsageError: there is no such detector, it takes no weights, or the given file is missing or another.
        DownloadError: no network, a refusal, or other bytes than those pinned.
        MissingExtraError: the detector needs a package that is not installed.
    """
    if detector not in DETECTORS:
        raise UsageError(f"there is no detector {detector!r}; there are {', '.join(DETECTORS)}")
    made = named(DETECTORS, detector)(min_face_px, device)
    if isinstance(made, TakesWeights):
        return made.with_weights(weights, cache)
    if weights is not None:
        takers = " and ".join(pinned_weights())
        raise UsageError(f"--weights {weights}: {detector} takes none; they are for {takers}")
    factory: DetectorFactory = made
    return factory
