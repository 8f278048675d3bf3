"""What a cluster's worker lacks was said without its name: a traceback, or advice for the wrong machine."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from facedata.detect.base import Detector
from facedata.errors import DetectorError, DownloadError, FacedataError, MissingExtraError
from facedata.sources.folder import FolderReader
from facedata.work.cluster.base import run_job
from facedata.work.stage import CropRules, FindAndCrop


@dataclass(frozen=True)
class Lame:
    """Makes no detector."""

    error: Callable[[], Exception]

    def __call__(self) -> Detector:
        raise self.error()


def no_package() -> Exception:
    return ModuleNotFoundError("No module named 'face_detection'", name="face_detection")


def no_gpu() -> Exception:
    return DetectorError("torch sees no GPU here")


def no_weights() -> Exception:
    return DownloadError("cannot download the weights")


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (no_package, MissingExtraError, "a worker lacks a package: No module named 'face_detection'"),
        (no_gpu, DetectorError, "torch sees no GPU here"),
        (no_weights, DownloadError, "cannot download the weights"),
    ],
)
def test_a_worker_that_lacks_something_is_named(
    error: Callable[[], Exception], kind: type[FacedataError], said: str
) -> None:
    stage = FindAndCrop(CropRules(), FolderReader({}), Lame(error))
    with pytest.raises(kind) as caught:
        run_job((), stage)
    assert str(caught.value) == f"{said} (on the host {socket.gethostname()})"
