"""Any ONNX embedding network with an input spec beside it."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch

from facedata.errors import MissingExtraError
from facedata.files.atomic import file_sha256
from facedata.types import Float32Array, UInt8Image

from ..batches.to_input import ToInput
from ..errors import DeviceError, ModelError, SpecError
from ..spec import read_spec

_FLOATS = ("tensor(float)", "tensor(float16)", "tensor(double)")


class OnnxEmbedder:
    """An ONNX network as an embedder, run by onnxruntime on the CPU.

    Its one input is ``(N, 3, size, size)`` or ``(N, size, size, 3)`` float32, its first output ``(N, dim)``.
    A network of a fixed batch is fed so many crops at a time. A second output is logits in label order, if
    the spec's JSON names ``classes``.

    Args:
        path: ``net.onnx``; the spec lies beside it in ``net.json``.
        device: ``auto`` or ``cpu``.
        workers: threads that resize crops; None for one a core.

    Raises:
        ModelError: the file is not there, or onnxruntime cannot read it.
        SpecError: there is no spec, or the network's input or output is not what it says.
        DeviceError: a GPU is asked for.
        MissingExtraError: onnxruntime is not installed.
    """

    scores_pairs = False

    def __init__(self, path: Path, device: str = "auto", workers: int | None = None) -> None:
        if device not in ("auto", "cpu"):
            raise DeviceError(f"--device {device}: ONNX networks run on the CPU here")
        self.name, self.device, self._path = str(path), torch.device("cpu"), path
        self._session = _session(path)
        self.spec = read_spec(path.with_suffix(".json"))
        self.classes = _classes(path)
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if len(inputs) != 1 or not outputs:
            raise SpecError(
                f"{self.name} has {len(inputs)} inputs and {len(outputs)} outputs; one each is meant"
            )
        self._input, self._output = inputs[0], outputs[0]
        self._channels_last = self._checked_input()
        self._batch = _whole(self._input.shape[0])
        self._to_input = ToInput(self.spec, self.device, workers=workers)
        self._fingerprint: str | None = None
        self._check_output()

    def embed(self, crops: UInt8Image) -> Float32Array:
        """Return embeddings; see :class:`~facemodel.models.embedder.Embedder`."""
        return self._run(crops, self._output.name, self.spec.dim)

    def logits(self, crops: UInt8Image) -> Float32Array | None:
        """Return the second output; see :class:`~facemodel.models.embedder.Embedder`."""
        if not self.classes:
            return None
        return self._run(crops, self._session.get_outputs()[1].name, len(self.classes))

    def score_pairs(self, left: Float32Array, right: Float32Array) -> Float32Array | None:
        """Return None: a file of one network has no head for pairs."""
        return None

    def fingerprint(self) -> str:
        """Return a SHA-256 of the file and of how it is fed: other colours or means, other embeddings."""
        if self._fingerprint is None:
            fed = f"{file_sha256(self._path)} {self.spec.fed()!r}"
            self._fingerprint = hashlib.sha256(fed.encode()).hexdigest()
        return self._fingerprint

    def describe(self) -> dict[str, Any]:
        """Return ``input`` and ``output`` (shapes) and ``parameters``, for `facemodel info`."""
        return {
            "input": list(self._input.shape),
            "output": list(self._output.shape),
            "parameters": _parameters(self._path),
        }

    def _run(self, crops: UInt8Image, output: str, width: int) -> Float32Array:
        if not len(crops):
            return np.empty((0, width), np.float32)
        images = self._to_input(crops, None).numpy()
        if self._channels_last:
            images = images.transpose(0, 2, 3, 1)
        size = self._batch or len(images)
        parts = [
            self._run_batch(np.ascontiguousarray(images[start : start + size]), output, width)
            for start in range(0, len(images), size)
        ]
        found: Float32Array = np.concatenate(parts)
        return found

    def _run_batch(self, images: Float32Array, output: str, width: int) -> Float32Array:
        """Run one batch; a fixed one is filled up, and what that gives left out."""
        count = len(images)
        if self._batch and count < self._batch:
            images = np.concatenate([images, np.repeat(images[-1:], self._batch - count, axis=0)])
        try:
            found: Float32Array = self._session.run([output], {self._input.name: images})[0]
            return found.reshape(len(images), width)[:count].astype(np.float32, copy=False)
        except Exception as error:
            # onnxruntime's errors have no base of their own but this one, and numpy refuses another shape
            raise ModelError(
                f"{self.name} cannot be run on {len(images)} images of {self.spec.size_px} px: "
                f"{str(error).splitlines()[0]}"
            ) from error

    def _checked_input(self) -> bool:
        """Tell whether the input has its channels last."""
        shape, size = self._input.shape, self.spec.size_px
        if len(shape) != 4 or self._input.type != "tensor(float)":
            raise SpecError(f"{self.name} has no single float32 input of images")
        for last, sides in ((False, shape[2:]), (True, shape[1:3])):
            if shape[3 if last else 1] == 3 and all(_whole(side) in (None, size) for side in sides):
                return last
        raise SpecError(
            f"{self.name} takes images {_text(shape)} and its spec says 3 channels of {size} × {size} px"
        )

    def _check_output(self) -> None:
        if self._output.type not in _FLOATS:
            raise SpecError(
                f"{self.name} gives {self._output.type}, and embeddings are floating-point numbers"
            )
        widths = [_whole(side) for side in self._output.shape[1:]]
        found = None if None in widths else int(np.prod([w for w in widths if w]))
        if found not in (None, self.spec.dim):
            raise SpecError(f"{self.name} gives embeddings of {found}, and its spec says {self.spec.dim}")
        if not self.classes:
            return
        if len(self._session.get_outputs()) < 2:
            raise SpecError(f"the spec of {self.name} names classes, and it has no output for them")
        logits = self._session.get_outputs()[1].shape
        if len(logits) != 2 or _whole(logits[1]) not in (None, len(self.classes)):
            raise SpecError(
                f"the spec of {self.name} names {len(self.classes)} classes, and its second output is "
                f"{_text(logits)}"
            )


def _session(path: Path) -> Any:
    try:
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as state
    except ImportError as error:
        raise MissingExtraError("ONNX networks need onnxruntime: pip install facedata[export]") from error
    if not path.is_file():
        raise ModelError(f"there is no model at {path}")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # its warnings are of the graph, and nobody can act on them
    refusals = (state.Fail, state.InvalidProtobuf, state.InvalidGraph, state.InvalidArgument)
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except (*refusals, state.NotImplemented, state.NoSuchFile, state.RuntimeException) as error:
        raise ModelError(f"onnxruntime cannot read {path}: {error}") from error


def _parameters(path: Path) -> int | None:
    """Return how many numbers a network's weights hold; None without the package onnx."""
    try:
        import onnx
    except ImportError:
        return None
    graph = onnx.load(str(path), load_external_data=False).graph
    return sum(int(math.prod(weight.dims)) for weight in graph.initializer)


def _classes(path: Path) -> tuple[str, ...]:
    """Return the class names that an export of ours writes beside the spec.

    Raises:
        SpecError: they are no names; or the JSON is of another file, which ours says by its SHA-256.
    """
    spec = path.with_suffix(".json")
    values = json.loads(spec.read_text(encoding="utf-8"))  # read_spec has read it before
    if values.get("sha256", digest := file_sha256(path)) != digest:
        raise SpecError(f"{spec} is of another file than {path}: its SHA-256 differs; export the model again")
    names = values.get("classes", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise SpecError(f"the input spec {spec}: classes is a list of names")
    return tuple(names)


def _whole(side: Any) -> int | None:
    """Return a fixed side; None for one that may vary."""
    return side if isinstance(side, int) and side > 0 else None


def _text(shape: Any) -> str:
    return " × ".join(str(side) for side in shape)
