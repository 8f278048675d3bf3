"""The ready models: a row for each, with the only file that is accepted and what is known of it.

A name is one of these words and nothing else: ``sface`` is the ready model whatever lies in the folder the
command runs in, and a run folder of that name is ``./sface``. No torch is imported here.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

from facedata.files.download import PinnedFile

from ...network.facenet_file import VGGFACE2
from ...spec import InputSpec

ONNX, BACKBONE = "onnx", "backbone"

_OPENCV_LFW = (
    "published by OpenCV for LFW, where it decides 99.60% of the pairs correctly (OpenCV's tutorial on face "
    "recognition)"
)


@dataclass(frozen=True)
class ReadyModel:
    """A trained network of somebody else's.

    Attributes:
        name: stands in the place of a model's path.
        file: its name, address and SHA-256.
        size_bytes: of the file.
        kind: ``onnx`` (a network that onnxruntime runs), or ``backbone`` (the weights of one of ours).
        spec: its input spec; with a threshold, and what that stands for, only where one is published.
        licence: as its authors state it.
        origin: its publisher.
        backbone: the name in :data:`facemodel.network.backbones.BACKBONES`; None for ONNX.
    """

    name: str
    file: PinnedFile
    size_bytes: int
    kind: str
    spec: InputSpec
    licence: str
    origin: str
    backbone: str | None = None

    @property
    def summary(self) -> str:
        """Publisher, file and licence, in a line."""
        return f"{self.origin}'s {self.file.name}, {self.licence}"


READY: dict[str, ReadyModel] = {
    "sface": ReadyModel(
        "sface",
        PinnedFile(
            "face_recognition_sface_2021dec.onnx",
            # the zoo keeps its networks in Git LFS; this is the address of the content
            "https://media.githubusercontent.com/media/opencv/opencv_zoo/main/models/"
            "face_recognition_sface/face_recognition_sface_2021dec.onnx",
            "0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79",
            "name the file with --weights PATH",
        ),
        38_696_353,
        ONNX,
        InputSpec(
            size_px=112,
            # alignCrop of OpenCV's face_recognize.cpp warps to ArcFace's five points at 112 px
            template="arcface112",
            dim=128,
            # feature() there takes a BGR photo and calls blobFromImage(…, 1, Size(112, 112), Scalar(0, 0, 0),
            # swapRB = true …): so the network itself sees RGB, 0 … 255, and its first layers normalise
            colour="rgb",
            mean=(0.0, 0.0, 0.0),
            std=(1 / 255, 1 / 255, 1 / 255),
            normalised=False,
            threshold=0.363,
            metric="cosine",
            threshold_basis=_OPENCV_LFW,
        ),
        "Apache-2.0",
        "OpenCV Zoo",
    ),
    "facenet-vggface2": ReadyModel(
        "facenet-vggface2",
        VGGFACE2,
        111_898_327,
        BACKBONE,
        InputSpec(
            size_px=160,
            template="facenet160",
            dim=512,
            mean=(0.5, 0.5, 0.5),  # facenet-pytorch's fixed_image_standardization is (value - 127.5) / 128
            std=(128 / 255, 128 / 255, 128 / 255),
            normalised=True,
            metric="cosine",  # its authors publish no threshold: accuracy on LFW (99.65%) only
        ),
        "MIT",
        "facenet-pytorch",
        "inception_resnet_v1",
    ),
}
"""Name → ready model; commands read the table live, so a row may be added or replaced."""


@dataclass(frozen=True)
class ReadyFile:
    """A ready model's file on this machine, with the right content.

    Attributes:
        model: whose it is.
        path: where it lies.
    """

    model: ReadyModel
    path: Path


def is_ready(model: object) -> TypeGuard[str]:
    """Tell whether a text is a ready model's name; a path object never is.

    >>> is_ready("sface"), is_ready("./sface"), is_ready(Path("sface"))
    (True, False, False)
    """
    return isinstance(model, str) and model in READY


def suggest_ready(name: str) -> str:
    """Return what to say of a model that is not there: the ready model it nearly names, or which there are.

    >>> suggest_ready("sfcae")
    '; did you mean the ready model sface?'
    >>> suggest_ready("runs/best")
    ''
    """
    if "/" in name or "." in name:
        return ""
    near = difflib.get_close_matches(name, READY, n=1)
    return f"; did you mean the ready model {near[0]}?" if near else f"; ready models: {', '.join(READY)}"
