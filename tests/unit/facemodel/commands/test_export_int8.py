"""Int8 exports: the smallest file that is good enough, or none; the JSON, the lines, the options."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from facedata.errors import UsageError
from facedata.files.atomic import file_sha256
from facedata.options import look_up
from facedata.types import Float32Array
from facemodel.commands.export import export_lines, export_model
from facemodel.config import FORMATS, ExportConfig
from facemodel.errors import ExportError
from facemodel.models.formats import Int8Candidates
from tests.support.onnx_networks import SPEC, matrix_net
from tests.support.saved_runs import write_run

TO = "torchscript"


class _Spoilt(nn.Module):
    """A network whose last numbers are lost."""

    def __init__(self, network: Any, lost: int) -> None:
        super().__init__()
        self.network, self.lost = network, lost

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        outputs: tuple[Tensor, ...] = tuple(self.network(images))
        kept = torch.ones(outputs[0].shape[1])
        kept[: self.lost] = 0
        return (outputs[0] * kept, *outputs[1:])


def small_writer(*lost: int) -> Any:
    """Return what writes candidates that have lost so many numbers."""
    asked: list[tuple[int, ...]] = []

    def write(source: Path, images: Float32Array, out: Path) -> Int8Candidates:
        asked.append(images.shape)
        network: Any = torch.jit.load(str(source))  # type: ignore[no-untyped-call]
        for count in lost:
            traced: Any = torch.jit.trace(  # type: ignore[no-untyped-call]
                _Spoilt(network, count), (torch.from_numpy(images[:2]),), check_trace=False
            )
            traced.save(str(out))
            yield f"{count} lost"

    write.asked = asked  # type: ignore[attr-defined]
    return write


def with_int8(monkeypatch: pytest.MonkeyPatch, *lost: int) -> Any:
    writer = small_writer(*lost)
    monkeypatch.setitem(FORMATS, TO, dataclasses.replace(look_up(FORMATS, TO), int8=writer))
    return writer


@pytest.mark.filterwarnings("ignore:.*torch.jit.*deprecated")
def test_the_first_good_candidate_gets_the_name_and_its_figures_the_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, out = write_run(tmp_path), tmp_path / "out" / "m.pt"
    writer = with_int8(monkeypatch, 6, 0, 0)
    told = export_model(run, out, to=TO, int8=True, calibrate=8)
    assert {path.name for path in out.parent.iterdir()} == {"m.pt", "m.json", "m.md"}
    figures = json.loads(out.with_suffix(".json").read_text())["int8"]
    assert figures == told["int8"]
    assert (figures["candidates"], figures["in_float"], figures["bytes"]) == (2, "0 lost", out.stat().st_size)
    assert figures["judged_by"] == "cosine"
    assert figures["calibrated"] == writer.asked[0][0] <= 8
    assert told["least_cosine"] == figures["least_cosine"] > 0.99
    assert told["crops"] == figures["crops"]
    lines = export_lines(told)
    assert lines[3].startswith("int8       0.")
    assert "too few for TAR at FAR 0.001" in lines[4]
    card = out.with_suffix(".md").read_text(encoding="utf-8")
    assert "| int8 |" in card


@pytest.mark.filterwarnings("ignore:.*torch.jit.*deprecated")
def test_where_every_candidate_loses_too_much_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, out = write_run(tmp_path), tmp_path / "out" / "m.pt"
    with_int8(monkeypatch, 6, 7)
    with pytest.raises(ExportError, match="int8 loses too much: of 2 candidates the best"):
        export_model(run, out, to=TO, int8=True)
    assert not list(out.parent.iterdir())


def test_a_format_without_int8_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--int8 is for --to onnx or tflite, not for --to torchscript"):
        export_model(tmp_path / "nothing", tmp_path / "m.pt", to=TO, int8=True)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"calibrate": 50}, "--calibrate does nothing without --int8"),
        ({"most_loss": 1.0}, "--most-loss does nothing without --int8"),
        ({"int8": True, "calibrate": 7}, "--calibrate"),
        ({"int8": True, "most_loss": 0.0}, "--most-loss"),
    ],
)
def test_options_that_do_nothing_or_are_out_of_range(changes: dict[str, Any], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        ExportConfig(**changes)


def test_an_onnx_network_can_only_be_made_smaller(tmp_path: Path) -> None:
    net = matrix_net(tmp_path)
    with pytest.raises(UsageError, match=r"is an ONNX network already: --to onnx --int8 makes"):
        export_model(net, tmp_path / "out.onnx")
    with pytest.raises(UsageError, match="is an ONNX network already"):
        export_model(net, tmp_path / "out.tflite", to="tflite", int8=True)
    (tmp_path / "net.json").write_text(json.dumps({**SPEC, "layout": "NCHW", "sha256": file_sha256(net)}))
    with pytest.raises(UsageError, match="is the model itself: choose another name"):
        export_model(net, net, int8=True)
    with pytest.raises(UsageError, match="--scores is for the card"):
        export_model(net, tmp_path / "out.onnx", int8=True, scores=str(tmp_path))


def test_the_json_says_where_a_face_lies(tmp_path: Path) -> None:
    told = export_model(write_run(tmp_path), tmp_path / "m.pt", to=TO)
    assert told["template_points"] is None
    assert told["template_box"] == {"margin": 0.0, "level_eyes": True, "stretch": False}
