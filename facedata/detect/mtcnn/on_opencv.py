"""MTCNN's networks in OpenCV, which every photo needs anyway: torch's import alone takes seconds.

OpenCV's convolutions are as fast as torch's at these sizes (docs/benchmarks.md), and on one thread they give
an image the same bits in every batch.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ...types import Float32Array, UInt8Image
from .networks import CascadeNetworks
from .onnx_bytes import make_model, make_node
from .weights import read_weights

_Layer = tuple[str, int]
_LAYERS: dict[str, tuple[_Layer, ...]] = {
    "pnet": (("conv1", 3), ("pool1", 2), ("conv2", 3), ("conv3", 3)),
    "rnet": (("conv1", 3), ("pool1", 3), ("conv2", 3), ("pool2", 3), ("conv3", 2), ("dense4", 3)),
    "onet": (
        ("conv1", 3), ("pool1", 3), ("conv2", 3), ("pool2", 3), ("conv3", 3), ("pool3", 2), ("conv4", 2),
        ("dense5", 3),
    ),
}  # fmt: skip
"""Layers with their side; each but the pools is followed by its PReLU."""
_SIDES_PX = {"pnet": 12, "rnet": 24, "onet": 48}
"""What a network is made for; P-Net takes any size from it on, and all take any number of images."""
_HEADS = {
    "pnet": ("conv4_1", "conv4_2"),
    "rnet": ("dense5_1", "dense5_2"),
    "onet": ("dense6_1", "dense6_2", "dense6_3"),
}
"""The last layers: scores of both classes, before the softmax; box shifts; landmarks."""


class OpenCvNetworks(CascadeNetworks):
    """The networks on the CPU.

    Raises:
        DetectorError: facenet-pytorch's weights are not those of 2.5.3.
    """

    def __init__(self) -> None:
        self._networks = {name: _make(name, _prepare(name)) for name in _LAYERS}

    def one_thread(self) -> AbstractContextManager[None]:
        """Run OpenCV on one thread."""
        return one_opencv_thread()

    def _forward(
        self, network: str, images: UInt8Image | Float32Array, batch: int
    ) -> tuple[Float32Array, ...]:
        made = self._networks[network]
        made.setInput(np.ascontiguousarray(images.transpose(0, 3, 1, 2), np.float32))
        return tuple(np.array(one) for one in made.forward(["scores", *_HEADS[network][1:]]))


@contextmanager
def one_opencv_thread() -> Iterator[None]:
    """Run OpenCV on one thread: the result must not depend on the number of threads."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)


def _prepare(network: str) -> dict[str, Float32Array]:
    """Return a network's weights as its layers here want them, with 0 … 255 taken to -1 … 1 by the first."""
    weights = read_weights(network)
    first = weights["conv1.weight"] * np.float32(0.0078125)
    weights["conv1.bias"] = weights["conv1.bias"] - np.float32(127.5) * first.sum(axis=(1, 2, 3))
    weights["conv1.weight"] = first
    for name, side in _LAYERS[network]:
        if name.startswith("dense"):  # torch's order is columns, rows, channels
            whole = weights[f"{name}.weight"]
            turned = whole.reshape(len(whole), side, side, -1).transpose(0, 3, 2, 1)
            weights[f"{name}.weight"] = np.ascontiguousarray(turned.reshape(len(whole), -1))
    return {
        name: one.reshape(-1, 1, 1) if name.startswith("prelu") and not _is_flat(network, name) else one
        for name, one in weights.items()
    }


def _is_flat(network: str, prelu: str) -> bool:
    return f"dense{prelu[5]}" in dict(_LAYERS[network])


def _make(network: str, weights: dict[str, Float32Array]) -> Any:
    nodes, at, side_px = [], "image", _SIDES_PX[network]
    for name, side in _LAYERS[network]:
        if name.startswith("pool"):
            nodes.append(
                make_node("MaxPool", [at], name, kernel_shape=[side] * 2, strides=[2, 2], ceil_mode=1)
            )
            at = name
            continue
        if name.startswith("dense"):
            nodes.append(make_node("Flatten", [at], f"{name}.in", axis=1))
            at = f"{name}.in"
        nodes.append(_weighted(name, at, side))
        number = name[-1]
        nodes.append(make_node("PRelu", [name, f"prelu{number}.weight"], f"prelu{number}"))
        at = f"prelu{number}"
    nodes += [_weighted(name, at, 1) for name in _HEADS[network]]
    nodes.append(make_node("Softmax", [_HEADS[network][0]], "scores", axis=1))
    model = make_model(nodes, weights, ("image", (1, 3, side_px, side_px)), ["scores", *_HEADS[network][1:]])
    with tempfile.TemporaryDirectory(prefix="facedata-") as folder:
        path = Path(folder) / f"{network}.onnx"
        path.write_bytes(model)
        engine = getattr(cv2.dnn, "ENGINE_CLASSIC", None)
        return cv2.dnn.readNetFromONNX(str(path), *([] if engine is None else [engine]))


def _weighted(name: str, at: str, side: int) -> bytes:
    inputs = [at, f"{name}.weight", f"{name}.bias"]
    if name.startswith("dense"):
        return make_node("Gemm", inputs, name, transB=1)
    return make_node("Conv", inputs, name, kernel_shape=[side] * 2)
