"""Real exports: each format is written, read by its own runtime, and gives what the model gives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facedata import ClassManifest, PreparedSet, prepare
from facedata.options import look_up
from facedata.sets.prepared import open_set
from facemodel.commands.export import export_model
from facemodel.config import FORMATS, ExportConfig, FitConfig
from facemodel.models.embedder import TorchEmbedder, open_model
from facemodel.models.saved import load_objective, save_model
from facemodel.network.model import input_spec, make_model
from facemodel.objective.objective import Objective, make_objective
from tests.support.facemodel_command import done
from tests.support.people_set import people_set
from tests.support.shared_data import SHARED, needs_shared

TINY: dict[str, Any] = {"backbone": "timm:test_efficientnet", "size": 32, "dim": 8, "weights": "none"}


def run_on(prepared: PreparedSet, run: Path, **options: Any) -> Path:
    """Write a run whose BatchNorm statistics are those of some crops."""
    config = FitConfig(**{**TINY, **options})
    model, _ = make_model(config, input_spec(config, prepared))
    objective = make_objective(config, model, ["Ana", "Bo"])
    _pass_crops(objective, prepared)
    run.mkdir()
    save_model(run, "best", objective)
    model.spec.write(run / "spec.json")
    return run


def _pass_crops(objective: Objective, prepared: PreparedSet) -> None:
    from facemodel.batches.to_input import ToInput

    crops = crops_of(prepared, 8)
    objective.model.train()(ToInput(objective.model.spec)(crops, None))


def crops_of(prepared: PreparedSet, count: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    rows = ClassManifest.open(prepared.path)[:count]
    return np.stack([row.image() for row in rows])


@pytest.mark.parametrize("to", FORMATS)
def test_a_classifier_and_its_logits_in_every_format(tmp_path: Path, to: str) -> None:
    prepared = people_set(tmp_path / "set", 4, 3)
    run = run_on(prepared, tmp_path / "run", batches="photos", loss="cross-entropy", closed=True)
    kind = look_up(FORMATS, to)
    out = tmp_path / f"model{kind.suffix}"
    done("export", run, "--to", to, "--out", out, "--set", tmp_path / "set", "--crops", 6)
    card = json.loads(out.with_suffix(".json").read_text())
    assert card["least_cosine"] >= 0.9999
    assert (card["classes"], card["layout"]) == (["Ana", "Bo"], kind.layout)
    ours, crops = TorchEmbedder(load_objective(run)), crops_of(prepared, 5)
    if to == "onnx":
        model = open_model(out)  # any batch, with the spec that was written beside it
        for count in (1, 2, 5):
            assert np.allclose(model.embed(crops[:count]), ours.embed(crops[:count]), atol=1e-4)
        theirs, mine = model.logits(crops), ours.logits(crops)
        assert theirs is not None
        assert mine is not None
        assert np.allclose(theirs, mine, atol=1e-4)
        assert model.spec == ours.spec


def test_the_command_prints_a_table_or_json_and_nothing_of_the_converters(tmp_path: Path) -> None:
    people_set(tmp_path / "set", 4, 3)
    run = run_on(open_set(tmp_path / "set"), tmp_path / "run", batches="people", loss="cosface")
    told = done(
        "export", run, "--to", "tflite", "--out", tmp_path / "m.tflite", "--set", tmp_path / "set", "--json"
    )
    values = json.loads(told.stdout)
    assert values["left_out"] == ["the metric head: the centres of the training people's classes"]
    assert values["largest_difference"] < 1e-3


@pytest.fixture(scope="module")
def real_set(tmp_path_factory: pytest.TempPathFactory) -> PreparedSet:
    """A few real people's crops."""
    out = tmp_path_factory.mktemp("real") / "faces"
    prepare(SHARED / "data" / "knn_examples" / "train", out, workers=1, size=160)
    return open_set(out)


@needs_shared
@pytest.mark.slow
@pytest.mark.parametrize("to", FORMATS)
@pytest.mark.parametrize(
    ("backbone", "size", "dim"),
    [("inception_resnet_v1", 160, 512), ("efficientnet_b0", 112, 128), ("vgg16", 96, 108),
     ("convnext_tiny", 96, 128), ("inception_v3", 107, 128), ("mobilenet_v3", 112, 64),
     ("resnet18", 112, 64)],
)  # fmt: skip
def test_the_recipes_networks_on_real_crops(
    real_set: PreparedSet, tmp_path: Path, to: str, backbone: str, size: int, dim: int
) -> None:
    run = run_on(real_set, tmp_path / "run", backbone=backbone, size=size, dim=dim, normalised=True)
    out = tmp_path / f"model{look_up(FORMATS, to).suffix}"
    told = export_model(run, out, ExportConfig(to=to, set=str(real_set.path), crops=16))
    assert told["crops"] == len(ClassManifest.open(real_set.path)) > 5
    assert told["least_cosine"] >= 0.9999
    assert told["largest_difference"] < 1e-4
