"""The formats a model can be written in: each writes a file, and reads it back as something that embeds."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from facedata.errors import MissingExtraError
from facedata.types import Float32Array

Run = Callable[[Float32Array], list[Float32Array]]
"""From images ``(N, 3, size, size)`` float32 to embeddings ``(N, dim)``, and logits if there are any."""

INPUT, OUTPUTS = "images", ("embeddings", "logits")


@dataclass(frozen=True)
class Format:
    """A format.

    Attributes:
        suffix: of its files.
        layout: of the input's axes: N images, C channels, H height, W width.
        batch: ``any``, or the number of images that the file takes at a time.
        write: writes a network, given an example of its input, ``(2, 3, size, size)`` float32.
        read: reads the file back.
    """

    suffix: str
    layout: str
    batch: str
    write: Callable[[nn.Module, torch.Tensor, Path], None]
    read: Callable[[Path], Run]


def _write_onnx(network: nn.Module, example: torch.Tensor, path: Path) -> None:
    _needed("onnx", "onnxscript")
    batch = torch.export.Dim("batch")
    outputs = OUTPUTS[: len(network(example))]
    with _quiet():
        torch.onnx.export(
            network, (example,), str(path), dynamo=True, verbose=False, external_data=False,
            input_names=[INPUT], output_names=list(outputs), dynamic_shapes=({0: batch},),
        )  # fmt: skip


def _read_onnx(path: Path) -> Run:
    _needed("onnxruntime")
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])

    def run(images: Float32Array) -> list[Float32Array]:
        return list(session.run(None, {INPUT: images}))

    return run


def _write_tflite(network: nn.Module, example: torch.Tensor, path: Path) -> None:
    _needed("litert_torch")
    with _quiet():  # its progress goes to stdout, where results belong
        import litert_torch

        # phones hold images with channels last
        last = litert_torch.to_channel_last_io(network, args=[0]).eval()
        litert_torch.convert(last, (example[:1].permute(0, 2, 3, 1).contiguous(),)).export(str(path))


def _read_tflite(path: Path) -> Run:
    _needed("ai_edge_litert")
    from ai_edge_litert.interpreter import Interpreter

    with _quiet():
        reader = Interpreter(model_path=str(path))
        reader.allocate_tensors()
    place = reader.get_input_details()[0]["index"]
    outputs = [one["index"] for one in reader.get_output_details()]

    def run_one(image: Float32Array) -> list[Float32Array]:
        reader.set_tensor(place, np.ascontiguousarray(image.transpose(1, 2, 0))[None])
        reader.invoke()
        return [reader.get_tensor(output).copy() for output in outputs]

    def run(images: Float32Array) -> list[Float32Array]:
        every = [run_one(image) for image in images]
        return [np.concatenate(parts) for parts in zip(*every, strict=True)]

    return run


def _write_torchscript(network: nn.Module, example: torch.Tensor, path: Path) -> None:
    with _quiet():  # torch says that TorchScript is old; it is what was asked for
        traced: Any = torch.jit.trace(network, (example,), check_trace=False)  # type: ignore[no-untyped-call]
        traced.save(str(path))


def _read_torchscript(path: Path) -> Run:
    with _quiet():
        network: Any = torch.jit.load(str(path), map_location="cpu")  # type: ignore[no-untyped-call]
        network.eval()

    def run(images: Float32Array) -> list[Float32Array]:
        with torch.inference_mode():
            return [output.numpy() for output in network(torch.from_numpy(images))]

    return run


FORMATS = {
    "onnx": Format(".onnx", "NCHW", "any", _write_onnx, _read_onnx),
    "tflite": Format(".tflite", "NHWC", "1", _write_tflite, _read_tflite),
    "torchscript": Format(".pt", "NCHW", "any", _write_torchscript, _read_torchscript),
}
"""``--to`` → format."""


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep a converter's warnings and progress to itself: nobody can act on them."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def _needed(*packages: str) -> None:
    for package in packages:
        try:
            with _quiet():
                __import__(package)
        except ImportError as error:
            raise MissingExtraError(f"this needs {package}: pip install facedata[export]") from error


def unwrapped(error: BaseException) -> str:
    """Return the first line of what a converter says; theirs are pages long."""
    text = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return text.strip()[:300]


def as_arrays(outputs: Any) -> list[Float32Array]:
    """Return a network's outputs as arrays."""
    return [output.detach().numpy() for output in outputs]
