"""Export to TFLite (LiteRT): one image at a time, with channels last, as phones hold images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from facedata.types import Float32Array

from .formats import Format, Run, quiet
from .int8.tflite_file import write_tflite_int8


def write_tflite(network: nn.Module, example: torch.Tensor, path: Path) -> None:
    """Write a network that takes one image ``(1, size, size, 3)``."""
    with quiet():
        import litert_torch

        last = litert_torch.to_channel_last_io(network, args=[0]).eval()
        litert_torch.convert(last, (example[:1].permute(0, 2, 3, 1).contiguous(),)).export(str(path))


def read_tflite(path: Path) -> Run:
    """Read a file back; it runs on one image at a time."""
    with quiet():
        from ai_edge_litert.interpreter import Interpreter

        reader = Interpreter(model_path=str(path))
        reader.allocate_tensors()
    number = reader.get_input_details()[0]["index"]
    outputs = [one["index"] for one in reader.get_output_details()]

    def run(images: Float32Array) -> list[Float32Array]:
        every = []
        for image in images:
            reader.set_tensor(number, np.ascontiguousarray(image.transpose(1, 2, 0))[None])
            reader.invoke()
            every.append([reader.get_tensor(output).copy() for output in outputs])
        return [np.concatenate(parts) for parts in zip(*every, strict=True)]

    return run


FORMAT = Format(
    ".tflite", "NHWC", "1", write_tflite, read_tflite, ("litert_torch", "ai_edge_litert"),
    write_tflite_int8, ("ai_edge_quantizer",),
)  # fmt: skip
