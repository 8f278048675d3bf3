"""Exports: a file gets its name only if it gives what the model gives; what is left out is said."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from facedata.errors import UsageError
from facedata.options import look_up
from facemodel.commands.evaluate import evaluate
from facemodel.commands.export import export_lines, export_model
from facemodel.config import FORMATS, ExportConfig
from facemodel.errors import ExportError, SpecError
from facemodel.models.exported import compare_outputs
from tests.support.saved_runs import write_run

HERE = ExportConfig(to="torchscript", crops=5)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_row_that_differs_is_found_wherever_it_stands() -> None:
    wanted = np.random.default_rng(0).normal(size=(20, 8)).astype(np.float32)
    found = wanted + np.float32(1e-6)
    told = compare_outputs([wanted], [found])
    assert told["crops"] == 20
    assert told["least_cosine"] > 0.999999
    assert told["largest_difference"] == pytest.approx(1e-6, rel=0.3)
    for bad in (found[::-1], -found, found * np.nan, np.where(np.arange(20)[:, None] == 7, 0, found)):
        with pytest.raises(
            ExportError, match=r"does not return what the model returns: cosine .* it was removed"
        ):
            compare_outputs([wanted], [bad])
    turned = found.copy()
    turned[13] = np.roll(turned[13], 1)
    with pytest.raises(ExportError, match="at the worst of 20 crops"):
        compare_outputs([wanted], [turned])
    with pytest.raises(ExportError):
        compare_outputs([wanted, wanted], [found, -found])  # the second output counts, too


def test_a_file_gets_its_name_and_its_card_together(tmp_path: Path) -> None:
    run, out = write_run(tmp_path), tmp_path / "out" / "model.pt"
    told = export_model(run, out, HERE)
    assert names(out.parent) == {"model.pt", "model.json", "model.md"}
    card = json.loads(out.with_suffix(".json").read_text())
    assert told == {**card, "path": str(out), "card": str(out.with_suffix(".md"))}
    assert (card["size_px"], card["dim"], card["threshold"], card["metric"]) == (32, 8, 1.5, "euclidean")
    assert (card["layout"], card["batch"], card["crops"], card["left_out"]) == ("NCHW", "any", 5, [])
    assert card["least_cosine"] >= 0.9999
    lines = export_lines(told)
    assert lines[0] == f"wrote      {out}, and model.json beside it"
    assert "on 5 crops: cosine at least 1.0000000, largest difference" in lines[2]
    assert lines[3:] == ["left out   nothing", f"card       {out.with_suffix('.md')}"]
    text = out.with_suffix(".md").read_text(encoding="utf-8")
    assert "| file | model.pt, NCHW, batch: any |" in text
    assert "It was not tested, as far as this card knows" in text


@pytest.mark.parametrize(
    ("goal", "left_out"),
    [
        ("pairs", ["the pair head (embeddings can still be compared by their distance)"]),
        ("arcface", ["the metric head: the centres of the training people's classes"]),
        ("closed", []),
    ],
)
def test_what_only_training_needs_is_left_out_and_said(
    tmp_path: Path, goal: str, left_out: list[str]
) -> None:
    told = export_model(write_run(tmp_path, goal), tmp_path / "m.pt", HERE)
    assert told["left_out"] == left_out
    assert told["classes"] == (["Ana", "Bo"] if goal == "closed" else [])
    outputs = look_up(FORMATS, "torchscript").read(tmp_path / "m.pt")(np.zeros((3, 3, 32, 32), np.float32))
    assert [output.shape for output in outputs] == [(3, 8), (3, 2)][: 2 if goal == "closed" else 1]


class _Other(nn.Module):
    """Returns something other than the network does, as a faulty converter would."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        return tuple(output.flip(1) for output in self.network(images))


class _OneBatch(_Other):
    """Gives what the network gives, for batches of the size it was written with."""

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        return tuple(output.view(2, -1) for output in self.network(images))


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (_Other, "does not return what the model returns"),
        (_OneBatch, "gives .* for batches of another size: it was removed"),
    ],
)
def test_a_file_that_gives_something_else_is_never_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: type[_Other], text: str
) -> None:
    run, out = write_run(tmp_path), tmp_path / "out" / "model.pt"
    export_model(run, out, HERE)
    before = out.read_bytes(), out.with_suffix(".json").read_bytes()
    right = look_up(FORMATS, "torchscript")

    def write(network: nn.Module, example: Tensor, path: Path) -> None:
        right.write(wrong(network), example, path)

    monkeypatch.setitem(FORMATS, "torchscript", dataclasses.replace(right, write=write))
    with pytest.raises(ExportError, match=text):
        export_model(run, out, HERE)
    assert (out.read_bytes(), out.with_suffix(".json").read_bytes()) == before
    with pytest.raises(ExportError, match=text):
        export_model(run, tmp_path / "fresh" / "model.pt", HERE)
    assert names(tmp_path / "fresh") == set()
    assert names(out.parent) == {"model.pt", "model.json", "model.md"}


def test_two_formats_of_one_name_would_share_their_card(tmp_path: Path) -> None:
    run, out = write_run(tmp_path), tmp_path / "out" / "model.pt"
    export_model(run, out, HERE)
    export_model(run, out, HERE)  # its own is written again
    before = out.with_suffix(".json").read_bytes()
    (out.with_suffix(".tflite")).write_bytes(b"another export")
    with pytest.raises(UsageError, match=r"model.json belongs to .*model.tflite: give this export another"):
        export_model(run, out, HERE)
    assert names(out.parent) == {"model.pt", "model.json", "model.md", "model.tflite"}
    assert out.with_suffix(".json").read_bytes() == before


def test_a_converter_that_fails_is_quoted_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(network: nn.Module, example: Tensor, path: Path) -> None:
        path.write_bytes(b"half")
        raise RuntimeError("\nno such operator: warp\nand a page of other things")

    broken = dataclasses.replace(look_up(FORMATS, "torchscript"), write=write)
    monkeypatch.setitem(FORMATS, "torchscript", broken)
    with pytest.raises(ExportError, match=r"cannot be written as \.pt: no such operator: warp$"):
        export_model(write_run(tmp_path), tmp_path / "out" / "m.pt", HERE)
    assert names(tmp_path / "out") == set()


def test_the_files_ending_is_the_formats(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    for to, ending in (("onnx", ".onnx"), ("tflite", ".tflite"), ("torchscript", ".pt")):
        with pytest.raises(UsageError, match=f"--to {to} writes files that end in {ending}"):
            export_model(run, tmp_path / "model.bin", ExportConfig(to=to))


def test_crops_must_be_the_models(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    spec = json.loads((run / "spec.json").read_text())
    (run / "spec.json").write_text(json.dumps({**spec, "template": "arcface112"}))
    with pytest.raises(SpecError, match=r"trained on arcface112 crops and .* has square crops"):
        export_model(run, tmp_path / "m.pt", HERE)


def test_without_a_known_set_one_must_be_named(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    (run / "state" / "settings.json").unlink()
    with pytest.raises(UsageError, match="compared with the model on real crops: name a set with --set"):
        export_model(run, tmp_path / "m.pt", HERE)
    named = ExportConfig(to="torchscript", crops=1, set=str(tmp_path / "set"))
    assert export_model(run / "best.safetensors", tmp_path / "m.pt", named)["crops"] == 1


def test_no_more_crops_than_there_are(tmp_path: Path) -> None:
    told = export_model(write_run(tmp_path), tmp_path / "m.pt", ExportConfig(to="torchscript", crops=500))
    assert told["crops"] == 12


def test_gradients_and_the_training_run_are_left_alone(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    before = (run / "best.safetensors").read_bytes()
    export_model(run, tmp_path / "m.pt", HERE)
    assert (run / "best.safetensors").read_bytes() == before
    assert torch.is_grad_enabled()


def test_the_figures_of_an_evaluation_are_on_the_card_of_its_model_only(tmp_path: Path) -> None:
    run, out, scores = write_run(tmp_path), tmp_path / "model.pt", tmp_path / "scores"
    evaluate(run, tmp_path / "set", scores, split="train", device="cpu")
    export_model(run, out, HERE, scores=str(scores))
    text = out.with_suffix(".md").read_text(encoding="utf-8")
    area = json.loads((scores / "scores.json").read_text())["figures"]["euclidean"]["auc"]
    assert f"{area:.5f}" in text
    assert "It was not tested" not in text
    told = json.loads((scores / "scores.json").read_text())
    told["model"]["fingerprint"] = "f" * 64
    (scores / "scores.json").write_text(json.dumps(told))
    with pytest.raises(UsageError, match="is of another model: score this one"):
        export_model(run, tmp_path / "other.pt", HERE, scores=str(scores))
    assert not (tmp_path / "other.pt").exists()
