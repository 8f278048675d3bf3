"""Export to ONNX."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from facedata.types import Float32Array

from .formats import INPUT, OUTPUTS, Format, Run, quiet
from .int8.onnx_file import write_onnx_int8


def write_onnx(network: nn.Module, example: torch.Tensor, path: Path) -> None:
    """Write a network that takes batches of any size."""
    batch = torch.export.Dim("batch")
    outputs = OUTPUTS[: len(network(example))]
    with quiet():
        torch.onnx.export(
            network, (example,), str(path), dynamo=True, verbose=False, external_data=False,
            input_names=[INPUT], output_names=list(outputs), dynamic_shapes=({0: batch},),
        )  # fmt: skip
    _remove_traces(path)


def _remove_traces(path: Path) -> None:
    """Remove what torch writes about each node's source code, such as paths of this machine."""
    import onnx

    model = onnx.load(path)
    for part in (model.graph, *model.functions, *model.graph.node, *model.graph.value_info):
        del part.metadata_props[:]
        part.doc_string = ""
    onnx.save(model, path)


def read_onnx(path: Path) -> Run:
    """Read a file back, to run on the CPU."""
    with quiet():
        import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])

    def run(images: Float32Array) -> list[Float32Array]:
        return list(session.run(None, {INPUT: images}))

    return run


FORMAT = Format(".onnx", "NCHW", "any", write_onnx, read_onnx, ("onnx", "onnxscript"), write_onnx_int8)
