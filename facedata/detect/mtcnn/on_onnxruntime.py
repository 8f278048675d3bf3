"""MTCNN's networks in ONNX Runtime, which is imported in a few hundredths of a second; torch takes seconds.

Two things keep each network in the layout in which ONNX Runtime's kernels are fast, with 8 or 16 channels
side by side, from the first layer to the last: PReLU is put as operators that have such kernels, and layers
get channels of zeros up to a multiple of 16. So they take a third to four fifths of the time that the same
layers take in OpenCV (docs/architecture.md). On one thread an image has the same bits in every batch.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import numpy as np
import onnxruntime

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
_SIDES: dict[str, tuple[int | str, int | str]] = {"pnet": ("h", "w"), "rnet": (24, 24), "onet": (48, 48)}
"""Height and width of what a network takes; a letter stands for any."""
_HEADS = {
    "pnet": ("conv4_1", "conv4_2"),
    "rnet": ("dense5_1", "dense5_2"),
    "onet": ("dense6_1", "dense6_2", "dense6_3"),
}
"""The last layers: scores of both classes, before the softmax; box shifts; landmarks."""
_CHANNELS = 16
"""Layers have a multiple of so many channels."""

_Weights = dict[str, Float32Array]


class OnnxRuntimeNetworks(CascadeNetworks):
    """The networks on the CPU.

    Raises:
        DetectorError: facenet-pytorch's weights are not those of 2.5.3.
    """

    def __init__(self) -> None:
        self._networks = {name: open_session(_make(name, read_weights(name))) for name in _LAYERS}

    def one_thread(self) -> AbstractContextManager[None]:
        """Do nothing: the networks have one thread."""
        return nullcontext()

    def _forward(
        self, network: str, images: UInt8Image | Float32Array, batch: int
    ) -> tuple[Float32Array, ...]:
        pixels = np.ascontiguousarray(images.transpose(0, 3, 1, 2), np.float32)
        (found,) = self._networks[network].run(["found"], {"image": pixels})
        # the softmax of two classes
        scores = 1 / (1 + np.exp(-found[:, 0]))
        shifts, points = found[:, 1:5], found[:, 5:]
        return (scores, shifts, points) if points.size else (scores, shifts)


def open_session(model: bytes) -> onnxruntime.InferenceSession:
    """Return a network, given as an ONNX file's bytes, ready to run on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors, which are raised too
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _make(network: str, weights: _Weights) -> bytes:
    """Return a network as an ONNX file; it gives the surplus of the score, the shifts and the landmarks."""
    held: _Weights = {}
    nodes, at = [], "image"
    for name, side in _LAYERS[network]:
        number = name[-1]
        if name.startswith("pool"):
            nodes.append(
                make_node("MaxPool", [at], name, kernel_shape=[side] * 2, strides=[2, 2], ceil_mode=1)
            )
            at = name
        elif name.startswith("dense"):
            held["dense.kernel"] = _turn(weights[f"{name}.weight"], side)
            held["dense.bias"], held["dense.slopes"] = (
                weights[f"{name}.bias"],
                weights[f"prelu{number}.weight"],
            )
            nodes += [
                make_node("Flatten", [at], "flat", axis=1),
                make_node("Gemm", ["flat", "dense.kernel", "dense.bias"], "dense", transB=1),
                make_node("PRelu", ["dense", "dense.slopes"], "bent"),
            ]
            at = "bent"
        else:
            kernel, bias = _pad(weights[f"{name}.weight"]), _pad(weights[f"{name}.bias"])
            if name == "conv1":
                kernel, bias = _take_pixels(kernel, bias)
            held |= {f"{name}.kernel": kernel, f"{name}.bias": bias}
            nodes.append(
                make_node("Conv", [at, f"{name}.kernel", f"{name}.bias"], name, kernel_shape=[side] * 2)
            )
            nodes += _bend(name, _pad(weights[f"prelu{number}.weight"]), held)
            at = f"{name}.bent"
    held["heads.kernel"] = _join([weights[f"{name}.weight"] for name in _HEADS[network]])
    held["heads.bias"] = _join([weights[f"{name}.bias"] for name in _HEADS[network]])
    inputs = [at, "heads.kernel", "heads.bias"]
    if held["heads.kernel"].ndim == 2:
        nodes.append(make_node("Gemm", inputs, "found", transB=1))
    else:
        nodes.append(make_node("Conv", inputs, "found", kernel_shape=[1, 1]))
    found = ("n", len(held["heads.bias"]), *(("rows", "columns") if network == "pnet" else ()))
    return make_model(nodes, held, ("image", ("n", 3, *_SIDES[network])), ("found", found))


def _bend(name: str, slopes: Float32Array, held: _Weights) -> list[bytes]:
    """Return the PReLU of a layer's channels, as slope · x + (1 − slope) · relu(x).

    PRelu itself has no kernel for channels side by side. Scaling a channel is a convolution of its own.
    """
    held[f"{name}.slopes"] = slopes.reshape(-1, 1, 1, 1)
    held[f"{name}.rest"] = 1 - held[f"{name}.slopes"]
    scale: dict[str, int | list[int]] = {"kernel_shape": [1, 1], "group": len(slopes)}
    return [
        make_node("Relu", [name], f"{name}.relu"),
        make_node("Conv", [name, f"{name}.slopes"], f"{name}.scaled", **scale),
        make_node("Conv", [f"{name}.relu", f"{name}.rest"], f"{name}.added", **scale),
        make_node("Add", [f"{name}.added", f"{name}.scaled"], f"{name}.bent"),
    ]


def _take_pixels(kernel: Float32Array, bias: Float32Array) -> tuple[Float32Array, Float32Array]:
    """Return the first layer for pixels of 0 … 255; the weights are for -1 … 1."""
    scaled = kernel * np.float32(0.0078125)
    return scaled, bias - np.float32(127.5) * scaled.sum(axis=(1, 2, 3))


def _turn(dense: Float32Array, side: int) -> Float32Array:
    """Return a dense layer's weights for rows before columns; in torch's order columns come first."""
    turned = dense.reshape(len(dense), side, side, -1).transpose(0, 3, 2, 1)
    return np.ascontiguousarray(turned.reshape(len(dense), -1))


def _pad(weights: Float32Array) -> Float32Array:
    """Return a layer's kernel ``(out, in, side, side)``, or one number an output, with channels of zeros."""
    added = [(0, -count % _CHANNELS) for count in weights.shape[:2]]
    if weights.shape[1:2] == (3,):
        added[1] = (0, 0)  # the image's channels
    return np.pad(weights, added + [(0, 0)] * (weights.ndim - len(added)))


def _join(heads: list[Float32Array]) -> Float32Array:
    """Return the heads as one layer; of the scores' two classes the difference is enough."""
    scores, *others = heads
    return np.concatenate([scores[1:] - scores[:1], *others])
