"""Weights of the detectors that come without: pinned by SHA-256, downloaded once, or the user's own file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from ..config import DETECTORS
from ..errors import UsageError
from ..files.atomic import file_sha256
from ..files.download import PinnedFile, check_own, default_cache, fetch
from ..options import look_up

OWN_FILE = "name the file with --weights PATH"
"""What to do when weights cannot be downloaded."""


@dataclass(frozen=True)
class Weights:
    """One detector's weights.

    Attributes:
        detector: the detector's name for ``--detector``.
        file: its name, address and SHA-256.
        size_bytes: of the file.
        licence: as stated by its authors.
        origin: its publisher.
    """

    detector: str
    file: PinnedFile
    size_bytes: int
    licence: str
    origin: str


FactoryT = TypeVar("FactoryT", bound="PinnedFactory")


@dataclass(frozen=True)
class PinnedFactory:
    """The base of factories of detectors with pinned weights.

    Attributes:
        pinned: the weights.
        min_face_px: side of the smallest face to find, in photo pixels.
        device: ``cpu`` or ``cuda``.
        weights: the file with the weights; None until :meth:`with_weights` finds it.
    """

    pinned: ClassVar[Weights]
    min_face_px: float = 20.0
    device: str = "cpu"
    weights: str | None = None

    def with_weights(self: FactoryT, given: str | None = None, cache: str | Path | None = None) -> FactoryT:
        """Return the factory with the path of its weights; see :func:`find_weights`."""
        return replace(self, weights=str(find_weights(self.pinned, given, cache)))

    def read_weights(self) -> bytes:
        """Return the weights, checked.

        If a worker on another machine does not have this file, it finds or downloads its own.

        Raises:
            UsageError: the file has another SHA-256.
            DownloadError: it had to be downloaded, and that failed.
        """
        given = self.weights if self.weights is not None and Path(self.weights).is_file() else None
        return find_weights(self.pinned, given).read_bytes()


def pinned_weights() -> dict[str, Weights]:
    """Return the weights of every detector that needs some; ``mtcnn`` comes with its own."""
    factories = {name: look_up(DETECTORS, name) for name in DETECTORS}
    return {name: factory.pinned for name, factory in factories.items() if hasattr(factory, "pinned")}


def find_weights(weights: Weights, given: str | Path | None = None, cache: str | Path | None = None) -> Path:
    """Return the file with a detector's weights; it is downloaded if it is not in the cache.

    Args:
        weights: the detector's weights.
        given: the user's own file; only the pinned content is accepted.
        cache: the cache folder; None for ``~/.cache/facedata``.

    Raises:
        UsageError: the given file is missing or has another SHA-256.
        DownloadError: no network, the server refuses, or the bytes are not the pinned ones.
        StoreError: the cache folder cannot be written.
    """
    if given is None:
        return fetch(weights.file, _folder(cache))
    return check_own(Path(given), weights.file, weights.detector)


def list_weights(cache: str | Path | None = None) -> list[dict[str, Any]]:
    """Return a row on each detector's weights, with the path where they are or would be."""
    rows = []
    for detector, weights in pinned_weights().items():
        path = _folder(cache) / weights.file.name
        rows.append(
            {
                "detector": detector,
                "file": weights.file.name,
                "size_bytes": weights.size_bytes,
                "licence": weights.licence,
                "origin": weights.origin,
                "url": weights.file.url,
                "sha256": weights.file.sha256,
                "path": str(path),
                "present": path.is_file() and file_sha256(path) == weights.file.sha256,
            }
        )
    return rows


def fetch_weights(detectors: Sequence[str], cache: str | Path | None = None) -> list[Path]:
    """Download detectors' weights into the cache, except those that are there already.

    Args:
        detectors: their names, or ``all``.
        cache: the cache folder; None for ``~/.cache/facedata``.

    Raises:
        UsageError: there is no such detector, or it needs no weights.
        DownloadError: no network, the server refuses, or the bytes are not the pinned ones.
    """
    pinned = pinned_weights()
    names = list(pinned) if "all" in detectors else list(dict.fromkeys(detectors))
    for name in names:  # before the first byte is downloaded
        if name not in pinned:
            raise UsageError(f"{name} needs no weights; those of {', '.join(pinned)} can be fetched or named")
    return [find_weights(pinned[name], cache=cache) for name in names]


def _folder(cache: str | Path | None) -> Path:
    return (Path(cache) if cache is not None else default_cache()) / "weights"
