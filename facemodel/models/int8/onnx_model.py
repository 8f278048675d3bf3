"""Int8 candidates of an ONNX network that is a MODEL already, whatever its input and outputs are."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facedata.types import Float32Array

from ..formats import Int8Candidates, Run
from ..onnx.files import external_files
from ..onnx.network import OnnxEmbedder
from .onnx_file import write_onnx_int8
from .write import FloatFile

_NAMED = ("classes", "input", "logits", "other_inputs", "output")
"""What a network's JSON may name besides its spec, and its int8 file has just so."""


def network_file(model: OnnxEmbedder) -> FloatFile:
    """Return a model's network as the file that int8 candidates are made of."""
    ports = model.ports

    def feed(images: Float32Array) -> Mapping[str, NDArray[Any]]:
        return ports.feed(images)

    def write(source: Path, images: Float32Array, out: Path) -> Int8Candidates:
        return write_onnx_int8(source, images, out, feed, ports.batch)

    files = [model.path, *(model.path.parent / name for name in external_files(model.path))]
    return FloatFile(model.path, sum(file.stat().st_size for file in files), write, read_like(model))


def describe_network(model: OnnxEmbedder) -> dict[str, Any]:
    """Return what the JSON of a model's int8 file says: its spec, and the names of what goes in and out."""
    return {
        "classes": list(model.classes),
        **{name: model.values[name] for name in _NAMED if name in model.values},
        **json.loads(model.spec.to_json()),
        "layout": model.ports.layout,
        "batch": str(model.ports.batch or "any"),
    }


def read_like(model: OnnxEmbedder) -> Callable[[Path], Run]:
    """Return what reads a file with the inputs and outputs of a model's network."""

    def read(path: Path) -> Run:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        ports = model.ports
        names = [ports.output, *([ports.logits] if ports.logits is not None else [])]

        def run(images: Float32Array) -> list[Float32Array]:
            size, parts = ports.batch or len(images), []
            for at in range(0, len(images), size):
                some = images[at : at + size]
                full = np.concatenate([some, np.repeat(some[-1:], size - len(some), axis=0)])
                outputs = session.run(names, ports.feed(full))
                parts.append([np.float32(one).reshape(size, -1)[: len(some)] for one in outputs])
            return [np.concatenate(each) for each in zip(*parts, strict=True)]

        return run

    return read
