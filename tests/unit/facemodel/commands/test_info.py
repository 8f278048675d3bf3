"""What `facemodel info` tells of a run and of an ONNX network."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import save_file

from facemodel.commands.info import info_lines, model_info
from facemodel.config import FitConfig
from facemodel.errors import ModelError
from facemodel.models.embedder import open_model
from facemodel.models.saved import save_model
from facemodel.network.model import make_model
from facemodel.objective.objective import make_objective
from facemodel.spec import InputSpec
from tests.support.onnx_networks import matrix_net


def run_of(folder: Path, **options: object) -> Path:
    values = {
        "backbone": "resnet18",
        "size": 32,
        "dim": 16,
        "weights": "none",
        "freeze_random": True,
        **options,
    }
    config = FitConfig(**values)  # type: ignore[arg-type]
    spec = InputSpec(32, "square", 16, set_fingerprint="ab" * 32, threshold=1.25, crop_px=240)
    objective = make_objective(config, make_model(config, spec)[0], ["Ana", "Bo", "Cy"])
    save_model(folder, "best", objective, {"epoch": 2})
    spec.write(folder / "spec.json")
    return folder


def test_layers_and_what_trains_are_counted(tmp_path: Path) -> None:
    values = model_info(run_of(tmp_path, freeze="first:2", batches="photos", loss="focal"))
    layers = {layer["name"]: layer for layer in values["layers"]}
    assert list(layers) == ["stem", "layer1", "layer2", "layer3", "layer4", "embedding", "goal"]
    # stem: 64·3·7·7 + 2·64; layer1: four times 64·64·3·3 + 2·64; embedding: 512·16 + 16; goal: 16·3 + 3
    wanted = {"stem": 9_536, "layer1": 147_968, "embedding": 8_208, "goal": 51}
    assert {name: layers[name]["parameters"] for name in wanted} == wanted
    assert [name for name, layer in layers.items() if layer["trainable"] == 0] == ["stem", "layer1"]
    assert layers["layer1"]["fixed_statistics"] == (4, 4)
    assert values["parameters"] == 11_176_512 + 8_208 + 51
    assert values["trainable"] == values["parameters"] - 9_536 - 147_968
    assert (values["classes"], values["frozen"], values["extra"]) == (3, "first:2", {"epoch": 2})
    json.dumps(values)


def test_it_imports_no_torch_and_tells_the_same_fingerprint(tmp_path: Path) -> None:
    """Importing torch takes seconds; the file's header says what there is to say."""
    values = model_info(run_of(tmp_path, freeze="first:2"))
    assert values["fingerprint"] == open_model(tmp_path, "cpu").fingerprint()
    program = (
        "import sys; from facemodel.cli import main; status = main(sys.argv[1:]); "
        "print({'torch', 'torchvision', 'cv2', 'PIL', 'pandas'} & set(sys.modules)); sys.exit(status)"
    )
    printed = subprocess.check_output(
        [sys.executable, "-c", program, "info", str(tmp_path), "--json"], text=True
    )
    said, loaded = printed.splitlines()
    assert loaded == "set()"
    assert json.loads(said) == json.loads(json.dumps(values))


def test_a_file_of_an_earlier_facemodel_tells_the_same(tmp_path: Path) -> None:
    """Its header has no layers; the network is built to count them."""
    file = run_of(tmp_path, freeze="first:2", batches="photos", loss="focal") / "best.safetensors"
    values = model_info(tmp_path)
    with safe_open(file, framework="np") as opened:
        header = json.loads(opened.metadata()["facemodel"])
        tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    assert len(header.pop("layers")) == 7
    save_file(tensors, file, {"facemodel": json.dumps(header)})
    assert model_info(tmp_path) == values


@pytest.mark.parametrize("key", ["config", "pretrained", "frozen", "classes", "extra"])
def test_a_damaged_header_is_said(tmp_path: Path, key: str) -> None:
    file = run_of(tmp_path) / "best.safetensors"
    with safe_open(file, framework="np") as opened:
        header = json.loads(opened.metadata()["facemodel"])
        tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    del header[key]
    save_file(tensors, file, {"facemodel": json.dumps(header)})
    with pytest.raises(ModelError, match=f"the header of .* is damaged: '{key}'"):
        model_info(tmp_path)


def test_the_lines_say_it_for_people(tmp_path: Path) -> None:
    lines = info_lines(model_info(run_of(tmp_path, freeze="first:2")))
    text = "\n".join(lines)
    assert "backbone    resnet18 starts from scratch (--weights none)" in lines
    assert "  stem              9,536  frozen, 1 of 1 BatchNorm fixed" in lines
    assert "  embedding         8,208  trains" in lines
    assert "trains      11,027,216 of 11,184,720 parameters (98.6%)" in lines
    assert "takes       32 × 32 px RGB, from square crops of 240 px" in lines
    assert "threshold   1.25 (euclidean)" in lines
    assert "abababab" in text


def test_looking_changes_nothing(tmp_path: Path) -> None:
    run = run_of(tmp_path)
    before = (run / "best.safetensors").read_bytes()
    assert model_info(run) == model_info(run / "best.safetensors") | {"model": str(run)}
    assert (run / "best.safetensors").read_bytes() == before
    assert torch.is_grad_enabled()


def test_an_onnx_network_is_told_of(tmp_path: Path) -> None:
    values = model_info(matrix_net(tmp_path))
    assert (values["input"], values["output"]) == (["batch", 3, 8, 8], ["batch", 5])
    assert values["parameters"] == 3 * 8 * 8 * 5
    lines = info_lines(values)
    assert "input       batch × 3 × 8 × 8" in lines
    assert "parameters  960" in lines
    assert "threshold   none" in lines
