"""A format from outside: one assignment, and `facemodel export` writes, reads and compares it."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from facedata.errors import UsageError
from facedata.types import Float32Array
from facemodel.cli import main
from facemodel.commands.export import export_model
from facemodel.config import FORMATS, ExportConfig
from facemodel.models.formats import Format, Run
from tests.support.saved_runs import write_run


def write_program(network: nn.Module, example: torch.Tensor, path: Path) -> None:
    batch = torch.export.Dim("batch")
    program = torch.export.export(network, (example,), dynamic_shapes=({0: batch},))
    torch.export.save(program, path)


def read_program(path: Path) -> Run:
    network = torch.export.load(path).module()

    def run(images: Float32Array) -> list[Float32Array]:
        with torch.inference_mode():
            return [output.numpy() for output in network(torch.from_numpy(images))]

    return run


PROGRAM = Format(".pt2", "NCHW", "any", write_program, read_program)


def test_one_assignment_adds_a_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = write_run(tmp_path)
    with pytest.raises(UsageError, match="--to is 'program'; it takes one of onnx, tflite, torchscript"):
        ExportConfig(to="program")
    monkeypatch.setitem(FORMATS, "program", PROGRAM)
    card = export_model(run, tmp_path / "m.pt2", to="program", crops=3)
    assert card["least_cosine"] > 0.9999
    assert zipfile.is_zipfile(tmp_path / "m.pt2")
    images = np.zeros((5, 3, 32, 32), np.float32)
    assert [output.shape for output in read_program(tmp_path / "m.pt2")(images)] == [(5, 8)]
    assert main(["export", str(run), "--to", "program", "--out", str(tmp_path / "n.pt2")]) == 0


def test_a_row_may_say_where_the_format_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FORMATS, "program", f"{__name__}:PROGRAM")
    assert export_model(write_run(tmp_path), tmp_path / "m.pt2", to="program", crops=1)["crops"] == 1
