"""Models on disk: bit for bit, whole or not at all, and refused when damaged, foreign or newer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from safetensors import safe_open

from facedata.errors import StoreError
from facemodel.config import FitConfig
from facemodel.errors import ArchitectureError, ModelError, NewerVersionError, SpecError
from facemodel.models.header import read_header
from facemodel.models.saved import load_objective, save_model
from facemodel.network.model import make_model
from facemodel.objective.objective import Objective, make_objective
from facemodel.spec import InputSpec

PEOPLE = ["Ana", "Bø"]


def objective_of(**options: object) -> Objective:
    values = {"backbone": "timm:test_efficientnet", "size": 32, "dim": 8, "weights": "none", **options}
    config = FitConfig(**values)  # type: ignore[arg-type]
    spec = InputSpec(config.size, "square", config.dim, normalised=config.normalised)
    return make_objective(config, make_model(config, spec)[0], PEOPLE)


def written(folder: Path, objective: Objective, name: str = "best", **extra: object) -> Path:
    folder.mkdir(exist_ok=True)
    objective.model.spec.write(folder / "spec.json")
    return save_model(folder, name, objective, extra)


def changed_header(file: Path, **changes: Any) -> None:
    """Write the file again with another header."""
    with safe_open(file, framework="pt") as reader:
        header = json.loads(reader.metadata()["facemodel"])
        tensors = {name: reader.get_tensor(name) for name in reader.keys()}  # noqa: SIM118
    file.write_bytes(safetensors.torch.save(tensors, {"facemodel": json.dumps({**header, **changes})}))


@pytest.mark.parametrize(
    "options",
    [
        {"freeze": "first:2", "freeze_random": True, "hidden": "12"},
        {"batches": "pairs", "loss": "bce"},
        {"batches": "photos", "loss": "focal", "class_weights": True, "closed": True},
        {"batches": "people", "loss": "arcface", "margin": 28.6, "normalised": True},
        {"batches": "people", "loss": "triplet", "miner": "hard"},
    ],
)
def test_what_is_read_is_what_was_written(tmp_path: Path, options: dict[str, object]) -> None:
    objective = objective_of(**options)
    k = {"triplets": 3, "pairs": 2}.get(objective.config.batches, 1)
    objective.train()(torch.randn(12, 3, 32, 32), torch.tensor([0, 1] * 6)[: 12 // k], k)  # moves statistics
    written(tmp_path, objective.to(memory_format=torch.channels_last), epoch=3)
    found = load_objective(tmp_path)
    wanted = objective.state_dict()
    assert wanted.keys() == found.state_dict().keys()
    for name, tensor in found.state_dict().items():
        assert torch.equal(tensor, wanted[name]), name
    assert found.classes == objective.classes
    assert (found.model.frozen, found.model.pretrained) == (
        objective.model.frozen,
        objective.model.pretrained,
    )
    assert [w.requires_grad for w in found.parameters()] == [w.requires_grad for w in objective.parameters()]
    assert not found.training
    assert read_header(tmp_path / "best.safetensors")["extra"] == {"epoch": 3}


def test_the_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    objective = objective_of(batches="people", loss="cosface")
    files = [written(tmp_path / name, objective, epoch=1, more=[1, 2]) for name in ("a", "b")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_run_without_best_weights_gives_its_last(tmp_path: Path) -> None:
    written(tmp_path, objective_of(), "last")
    assert load_objective(tmp_path).model.spec.dim == 8
    assert load_objective(tmp_path / "last.safetensors").model.spec.dim == 8


def test_a_write_that_fails_leaves_the_file_that_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    objective = objective_of()
    before = written(tmp_path, objective).read_bytes()
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(StoreError, match=r"best.safetensors: No space left"):
        save_model(tmp_path, "best", objective)
    assert (tmp_path / "best.safetensors").read_bytes() == before


def test_a_missing_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"not a run folder: it has no best.safetensors"):
        load_objective(tmp_path)
    with pytest.raises(ModelError, match="there is no model at"):
        load_objective(tmp_path / "gone.safetensors")


def test_a_damaged_file_is_refused_wherever_it_was_cut(tmp_path: Path) -> None:
    file = written(tmp_path, objective_of())
    whole = file.read_bytes()
    for length in (0, 4, 8, 100, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:length])
        with pytest.raises(ModelError, match="damaged or not a model's file"):
            load_objective(tmp_path)


def test_safetensors_of_others_are_refused_with_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "net.safetensors"
    file.write_bytes(safetensors.torch.save({"a": torch.zeros(1)}))
    with pytest.raises(
        ModelError, match="was not written by `facemodel fit`; to start from its weights: fit"
    ):
        load_objective(file)


def test_a_newer_version_is_refused(tmp_path: Path) -> None:
    changed_header(written(tmp_path, objective_of()), version=2)
    with pytest.raises(NewerVersionError, match="has version 2, and this facemodel knows up to 1: update"):
        load_objective(tmp_path)


def test_a_checkpoint_of_another_architecture_is_refused(tmp_path: Path) -> None:
    file = written(tmp_path, objective_of())
    header = read_header(file)
    changed_header(file, config={**header["config"], "backbone": "timm:test_resnet"})
    with pytest.raises(ArchitectureError, match=r"best.safetensors are of another network: it lacks .*conv1"):
        load_objective(tmp_path)
    changed_header(file, config={**header["config"], "hidden": "7"})
    with pytest.raises(
        ArchitectureError, match=r"model.head.layers.0.weight is \(8, 256\) and not \(7, 256\)"
    ):
        load_objective(tmp_path)


@pytest.mark.parametrize(
    "changes",
    [{"config": {"colour": "red"}}, {"config": {"backbone": "gone"}}, {"config": None}, {"pretrained": None},
     {"frozen": "first:99"}, {"config": {"dim": 9}}],
)  # fmt: skip
def test_a_header_that_cannot_be_built_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    file = written(tmp_path, objective_of())
    changed_header(file, **changes)
    with pytest.raises(
        ModelError, match=r"the header of .*best.safetensors describes a model that cannot be built"
    ):
        load_objective(tmp_path)


def test_a_missing_or_malformed_spec_is_refused(tmp_path: Path) -> None:
    written(tmp_path, objective_of())
    (tmp_path / "spec.json").write_text("{}")
    with pytest.raises(SpecError, match=r"spec.json lacks size_px"):
        load_objective(tmp_path)
    (tmp_path / "spec.json").unlink()
    with pytest.raises(SpecError, match="there is no input spec"):
        load_objective(tmp_path)
