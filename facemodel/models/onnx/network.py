"""Any ONNX embedding network with an input spec beside it, as an embedder."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from facedata.files.atomic import file_sha256
from facedata.types import Float32Array, UInt8Image

from ...batches.to_input import ToInput, as_batch
from ...errors import DeviceError, ModelError, SpecError
from ...spec import make_spec, read_spec
from .files import external_files
from .ports import Ports, find_ports, read_names


class OnnxEmbedder:
    """An ONNX network as an embedder, run by onnxruntime on the CPU.

    It takes ``(N, 3, size, size)`` or ``(N, size, size, 3)`` in float32, float16, float64 or uint8, and
    returns ``(N, dim)``, or ``(N, dim, 1, 1)``, of floating-point numbers. A network of a fixed batch size
    gets that many crops at a time. Where it leaves open what goes in and out, the JSON says it: ``layout``,
    ``input`` and ``other_inputs``, ``output``; ``classes``, and ``logits`` for the output that names people.

    Args:
        path: ``net.onnx``; the spec is beside it in ``net.json``.
        device: ``auto`` or ``cpu``.
        workers: threads that resize crops; None for one per core.
        values: what the JSON would say; None to read it.
        name: the model's name for messages; None for its path.

    Raises:
        ModelError: the file or one that holds its weights is missing, or onnxruntime cannot read or run it.
        SpecError: there is no spec, or the network's input or output is not what it says, or not clear.
        DeviceError: a GPU is requested.
    """

    scores_pairs = False

    def __init__(
        self,
        path: Path,
        device: str = "auto",
        workers: int | None = None,
        values: Mapping[str, Any] | None = None,
        name: str | None = None,
    ) -> None:
        if device not in ("auto", "cpu"):
            raise DeviceError(f"--device {device}: ONNX networks run on the CPU here")
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as state

        if not path.is_file():
            raise ModelError(f"there is no model at {path}")
        self._external = external_files(path)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # its warnings are about the graph, and its errors are raised as well
        refusals = (
            state.Fail, state.InvalidProtobuf, state.InvalidGraph, state.InvalidArgument, state.NoSuchFile,
            state.NotImplemented, state.RuntimeException,
        )  # fmt: skip
        try:
            session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except refusals as error:
            raise ModelError(f"onnxruntime cannot read {path}: {error}") from error
        self.name, self.device, self._path = name or str(path), torch.device("cpu"), path
        self._session, spec = session, path.with_suffix(".json")
        self.spec = read_spec(spec) if values is None else make_spec(values, self.name)
        if values is None:
            values = json.loads(spec.read_text(encoding="utf-8"))  # exports add sha256 and classes
        if values.get("sha256", digest := file_sha256(path)) != digest:
            raise SpecError(
                f"{spec} belongs to another file than {path}: the SHA-256 differs; export the model again"
            )
        names = read_names(values, self.name, str(spec))
        self.classes = names.classes
        self._ports = find_ports(session, self.spec, names)
        self._to_input = ToInput(self.spec, self.device, workers=workers)
        self._values = values
        self._fingerprint: str | None = None

    @property
    def values(self) -> Mapping[str, Any]:
        """What the JSON beside it says, or what was given in its place."""
        return self._values

    @property
    def path(self) -> Path:
        """The network's file."""
        return self._path

    @property
    def ports(self) -> Ports:
        """What goes into the network, and what comes out."""
        return self._ports

    def embed(self, crops: UInt8Image) -> Float32Array:
        """Return embeddings; see :class:`~facemodel.models.embedder.Embedder`."""
        rows = self._run(as_batch(crops), self._ports.output, self.spec.dim)
        return rows if crops.ndim == 4 else rows[0]

    def logits(self, crops: UInt8Image) -> Float32Array | None:
        """Return the output that names people; see :class:`~facemodel.models.embedder.Embedder`."""
        if self._ports.logits is None:
            return None
        return self._run(crops, self._ports.logits, len(self.classes))

    def score_pairs(self, left: Float32Array, right: Float32Array) -> Float32Array | None:
        """Return None: a file of one network has no head for pairs."""
        return None

    def fingerprint(self) -> str:
        """Return a SHA-256 of all files of the model, and of how it is fed and read."""
        if self._fingerprint is None:
            weights = [f"{name} {file_sha256(self._path.parent / name)}" for name in self._external]
            # without files outside and without names in the JSON this is what it has always been
            parts = [file_sha256(self._path), *weights, *self._ports.chosen]
            fed = " ".join([*parts, repr(self.spec.input_settings())])
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
        ports = {one.name: one for one in (*self._session.get_inputs(), *self._session.get_outputs())}
        return {
            "input": list(ports[self._ports.input].shape),
            "output": list(ports[self._ports.output].shape),
            "parameters": parameters,
        }

    def _run(self, crops: UInt8Image, output: str, width: int) -> Float32Array:
        if not len(crops):
            return np.empty((0, width), np.float32)
        images = self._to_input(crops, None).numpy()
        size = self._ports.batch or len(images)
        parts = [
            self._run_batch(images[start : start + size], output, width)
            for start in range(0, len(images), size)
        ]
        rows: Float32Array = np.concatenate(parts)
        return rows

    def _run_batch(self, images: Float32Array, output: str, width: int) -> Float32Array:
        """Run one batch; fill up a batch of fixed size, and drop the extra results."""
        count, batch = len(images), self._ports.batch
        if batch and count < batch:
            images = np.concatenate([images, np.repeat(images[-1:], batch - count, axis=0)])
        try:
            rows: Float32Array = self._session.run([output], self._ports.feed(images))[0]
            return rows.reshape(len(images), width)[:count].astype(np.float32, copy=False)
        except Exception as error:
            # onnxruntime's errors share no other base class, and numpy raises for a wrong shape
            raise ModelError(
                f"{self.name} cannot be run on {len(images)} images of {self.spec.size_px} px: "
                f"{str(error).splitlines()[0]}"
            ) from error
