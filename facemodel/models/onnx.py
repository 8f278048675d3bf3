"""Any ONNX embedding network with an input spec beside it."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch

from facedata.files.atomic import file_sha256
from facedata.types import Float32Array, UInt8Image

from ..batches.to_input import ToInput
from ..errors import DeviceError, ModelError, SpecError
from ..machine.extras import require_extra
from ..spec import read_spec

_FLOATS = ("tensor(float)", "tensor(float16)", "tensor(double)")


class OnnxEmbedder:
    """An ONNX network as an embedder, run by onnxruntime on the CPU.

    Its one input is ``(N, 3, size, size)`` or ``(N, size, size, 3)`` float32, its first output ``(N, dim)``.
    A network of a fixed batch size gets that many crops at a time. A second output is logits in label order,
    if the spec's JSON names ``classes``.

    Args:
        path: ``net.onnx``; the spec is beside it in ``net.json``.
        device: ``auto`` or ``cpu``.
        workers: threads that resize crops; None for one per core.

    Raises:
        ModelError: the file is missing, or onnxruntime cannot read it.
        SpecError: there is no spec, or the network's input or output is not what it says.
        DeviceError: a GPU is requested.
        MissingExtraError: onnxruntime is not installed.
    """

    scores_pairs = False

    def __init__(self, path: Path, device: str = "auto", workers: int | None = None) -> None:
        if device not in ("auto", "cpu"):
            raise DeviceError(f"--device {device}: ONNX networks run on the CPU here")
        require_extra("onnxruntime", extra="export")
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as state

        if not path.is_file():
            raise ModelError(f"there is no model at {path}")
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # its warnings are about the graph; users cannot act on them
        refusals = (
            state.Fail, state.InvalidProtobuf, state.InvalidGraph, state.InvalidArgument, state.NoSuchFile,
            state.NotImplemented, state.RuntimeException,
        )  # fmt: skip
        try:
            session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except refusals as error:
            raise ModelError(f"onnxruntime cannot read {path}: {error}") from error
        self.name, self.device, self._path, self._session = str(path), torch.device("cpu"), path, session
        spec = path.with_suffix(".json")
        self.spec = read_spec(spec)
        values = json.loads(spec.read_text(encoding="utf-8"))  # facemodel's exports add sha256 and classes
        if values.get("sha256", digest := file_sha256(path)) != digest:
            raise SpecError(
                f"{spec} belongs to another file than {path}: the SHA-256 differs; export the model again"
            )
        names = values.get("classes", [])
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise SpecError(f"the input spec {spec}: classes must be a list of names")
        self.classes = tuple(names)
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if len(inputs) != 1 or not outputs:
            raise SpecError(
                f"{self.name} has {len(inputs)} inputs and {len(outputs)} outputs; it needs one of each"
            )
        self._input, self._output = inputs[0], outputs[0]
        self._channels_last = self._has_channels_last()
        self._batch = _fixed_side(self._input.shape[0])
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
        """Return a SHA-256 of the file and of how it is fed: colour order, mean, std."""
        if self._fingerprint is None:
            fed = f"{file_sha256(self._path)} {self.spec.input_settings()!r}"
            self._fingerprint = hashlib.sha256(fed.encode()).hexdigest()
        return self._fingerprint

    def describe(self) -> dict[str, Any]:
        """Return ``input`` and ``output`` (shapes) and ``parameters`` (None without the package onnx)."""
        try:
            import onnx
        except ImportError:
            parameters = None
        else:
            graph = onnx.load(str(self._path), load_external_data=False).graph
            parameters = sum(int(math.prod(weight.dims)) for weight in graph.initializer)
        return {
            "input": list(self._input.shape),
            "output": list(self._output.shape),
            "parameters": parameters,
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
        rows: Float32Array = np.concatenate(parts)
        return rows

    def _run_batch(self, images: Float32Array, output: str, width: int) -> Float32Array:
        """Run one batch; fill up a batch of fixed size, and drop the extra results."""
        count = len(images)
        if self._batch and count < self._batch:
            images = np.concatenate([images, np.repeat(images[-1:], self._batch - count, axis=0)])
        try:
            rows: Float32Array = self._session.run([output], {self._input.name: images})[0]
            return rows.reshape(len(images), width)[:count].astype(np.float32, copy=False)
        except Exception as error:
            # onnxruntime's errors share no other base class, and numpy raises for a wrong shape
            raise ModelError(
                f"{self.name} cannot be run on {len(images)} images of {self.spec.size_px} px: "
                f"{str(error).splitlines()[0]}"
            ) from error

    def _has_channels_last(self) -> bool:
        """Check the input; tell whether it has its channels last."""
        shape, size = self._input.shape, self.spec.size_px
        if len(shape) != 4 or self._input.type != "tensor(float)":
            raise SpecError(f"{self.name} has no single float32 input of images")
        for last, sides in ((False, shape[2:]), (True, shape[1:3])):
            if shape[3 if last else 1] == 3 and all(_fixed_side(side) in (None, size) for side in sides):
                return last
        raise SpecError(
            f"{self.name} takes images {_text(shape)}, and its spec says 3 channels of {size} × {size} px"
        )

    def _check_output(self) -> None:
        if self._output.type not in _FLOATS:
            raise SpecError(f"{self.name} returns {self._output.type}, not floating-point numbers")
        widths = [_fixed_side(side) for side in self._output.shape[1:]]
        width = None if None in widths else int(np.prod([w for w in widths if w]))
        if width not in (None, self.spec.dim):
            raise SpecError(f"{self.name} returns embeddings of {width}, and its spec says {self.spec.dim}")
        if not self.classes:
            return
        if len(self._session.get_outputs()) < 2:
            raise SpecError(f"the spec of {self.name} names classes, but the network has no output for them")
        logits = self._session.get_outputs()[1].shape
        if len(logits) != 2 or _fixed_side(logits[1]) not in (None, len(self.classes)):
            raise SpecError(
                f"the spec of {self.name} names {len(self.classes)} classes, and its second output is "
                f"{_text(logits)}"
            )


def _fixed_side(side: Any) -> int | None:
    """Return the length of a side; None if it may vary."""
    return side if isinstance(side, int) and side > 0 else None


def _text(shape: Any) -> str:
    return " × ".join(str(side) for side in shape)
