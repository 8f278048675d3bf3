"""Weights of the detectors that bring none: pinned by SHA-256, downloaded once, or the user's own file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..files.atomic import file_sha256
from ..files.download import RemoteFile, default_cache, fetch

_FOLDER = "weights"
"""Below the cache folder."""
_OTHERWISE = "name the file with --weights PATH"


@dataclass(frozen=True)
class Weights:
    """One detector's weights.

    Attributes:
        detector: whose they are, as ``--detector`` calls it.
        file: its name, address and SHA-256.
        size_bytes: of the file.
        licence: as its authors give it.
        origin: who published it.
    """

    detector: str
    file: RemoteFile
    size_bytes: int
    licence: str
    origin: str


WEIGHTS = {
    weights.detector: weights
    for weights in (
        Weights(
            "yunet",
            RemoteFile(
                "face_detection_yunet_2023mar.onnx",
                # the zoo keeps its networks in Git LFS, and this is where those bytes come from
                "https://media.githubusercontent.com/media/opencv/opencv_zoo/main/models/"
                "face_detection_yunet/face_detection_yunet_2023mar.onnx",
                "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
                _OTHERWISE,
            ),
            232_589,
            "MIT",
            "OpenCV Zoo",
        ),
        Weights(
            "retinaface",
            RemoteFile(
                "mobilenet0.25_Final.pth",
                "https://github.com/elliottzheng/face-detection/releases/download/0.0.1/mobilenet0.25_Final.pth",
                "2979b33ffafda5d74b6948cd7a5b9a7a62f62b949cef24e95fd15d2883a65220",
                _OTHERWISE,
            ),
            1_789_735,
            "MIT",
            "elliottzheng/face-detection",
        ),
    )
}
"""Detector → its weights. ``mtcnn`` has none here: they come inside facenet-pytorch's wheel."""


def locate(detector: str, given: str | Path | None = None, cache: str | Path | None = None) -> Path:
    """Return the file with a detector's weights, downloading it when it is not there.

    Args:
        detector: a name in :data:`WEIGHTS`.
        given: the user's own file; only the pinned content is accepted.
        cache: the cache folder; None for ``~/.cache/facedata``.

    Raises:
        UsageError: the given file is not there or has another SHA-256; or the detector needs no weights.
        DownloadError: no network, a refusal, or other bytes than those pinned.
        StoreError: the cache folder cannot be written.
    """
    weights = _of(detector)
    if given is not None:
        return _checked(weights, Path(given))
    return fetch(weights.file, _folder(cache))


def read_weights(detector: str, path: str | Path | None = None) -> bytes:
    """Return a detector's weights, checked.

    A worker on another machine may not see the file that the first one found: it then finds its own.

    Raises:
        UsageError: the file has another SHA-256.
        DownloadError: it had to be downloaded, and could not be.
    """
    here = Path(path) if path is not None and Path(path).is_file() else locate(detector)
    return _checked(_of(detector), here).read_bytes()


def list_weights(cache: str | Path | None = None) -> list[dict[str, Any]]:
    """Return what is known of each detector's weights, and the path where they are or belong."""
    rows = []
    for detector, weights in WEIGHTS.items():
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
    """Download detectors' weights into the cache; what is there already is not downloaded again.

    Args:
        detectors: their names, or ``all``.
        cache: the cache folder; None for ``~/.cache/facedata``.

    Raises:
        UsageError: there is no such detector, or it needs no weights.
        DownloadError: no network, a refusal, or other bytes than those pinned.
    """
    names = list(WEIGHTS) if "all" in detectors else list(dict.fromkeys(detectors))
    for name in names:
        _of(name)  # before the first byte is downloaded
    return [locate(name, cache=cache) for name in names]


def _of(detector: str) -> Weights:
    if detector not in WEIGHTS:
        raise UsageError(
            f"{detector} needs no weights; those of {', '.join(WEIGHTS)} can be fetched or named"
        )
    return WEIGHTS[detector]


def _checked(weights: Weights, path: Path) -> Path:
    try:
        found = file_sha256(path)
    except OSError as error:
        raise UsageError(f"cannot read the weights {path}: {error.strerror or error}") from error
    if found != weights.file.sha256:
        raise UsageError(
            f"the weights {path} have the SHA-256 {found}; {weights.detector} takes {weights.file.name} "
            f"with {weights.file.sha256} ({weights.file.url})"
        )
    return path


def _folder(cache: str | Path | None) -> Path:
    return (Path(cache) if cache is not None else default_cache()) / _FOLDER
