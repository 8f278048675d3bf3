"""Export to TorchScript."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from facedata.types import Float32Array

from .formats import Format, Run, quiet


def write_torchscript(network: nn.Module, example: torch.Tensor, path: Path) -> None:
    """Write a network that takes batches of any size."""
    with quiet():  # torch warns that TorchScript is deprecated
        traced: Any = torch.jit.trace(network, (example,), check_trace=False)  # type: ignore[no-untyped-call]
        traced.save(str(path))


def read_torchscript(path: Path) -> Run:
    """Read a file back, to run on the CPU."""
    with quiet():
        network: Any = torch.jit.load(str(path), map_location="cpu")  # type: ignore[no-untyped-call]
        network.eval()

    def run(images: Float32Array) -> list[Float32Array]:
        with torch.inference_mode():
            return [output.numpy() for output in network(torch.from_numpy(images))]

    return run


FORMAT = Format(".pt", "NCHW", "any", write_torchscript, read_torchscript)
