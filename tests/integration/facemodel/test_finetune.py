"""`fit --start`: from an ONNX network or a run, self-contained, resumed bit for bit; `--teacher` likewise."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from facedata import ClassManifest, open_set
from facedata.errors import UsageError
from facemodel import embed_set, evaluate, export_model, fit, model_info, open_model
from facemodel.batches.reader import CropReader
from facemodel.errors import RunError, SpecError
from facemodel.models.embedder import TorchEmbedder, model_fingerprint
from facemodel.models.known_people import read_people
from facemodel.models.saved import load_objective
from facemodel.spec import read_spec
from facemodel.training.checkpoint import load_newest, part
from tests.support.facemodel_command import done, here
from tests.support.local_server import serve_file
from tests.support.people_set import people_set
from tests.support.ready_models import stand_in
from tests.support.tiny_fit import TINY
from tests.support.trainable_onnx import DIM, face_net

START: dict[str, Any] = {
    "batches": "people", "loss": "cosface", "margin": 0.2, "scale": 16.0, "photos_per_person": 3, "batch": 12,
    "epochs": 2, "lr": 1e-3, "device": "cpu", "workers": 1, "val_pairs": 40,
}  # fmt: skip
PULLED = {
    **START,
    "start_weight": 2.0,
    "start_share": 0.5,
    "average": 0.9,
    "save_steps": 1,
    "best_by": "loss",
}


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(people_set(tmp_path_factory.mktemp("set")).path)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an ONNX network that takes BGR."""
    return face_net(tmp_path_factory.mktemp("net"), colour="bgr")


@pytest.fixture(scope="module")
def run(faces: Path, net: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a finished run, whose start is gone."""
    folder = tmp_path_factory.mktemp("runs")
    gone = face_net(folder / "gone", colour="bgr")
    fit(faces, folder / "run", start=str(gone), **PULLED)
    for file in gone.parent.iterdir():
        file.unlink()
    return folder / "run"


def crops_of(faces: Path) -> np.ndarray[Any, np.dtype[np.uint8]]:
    with CropReader(ClassManifest.open(open_set(faces))) as reader:
        return np.asarray(reader.read(np.arange(20)))


def test_a_run_that_learns_nothing_gives_the_network_s_own_embeddings(
    faces: Path, net: Path, tmp_path: Path
) -> None:
    done_here = fit(faces, tmp_path / "run", start=str(net), **{**START, "epochs": 1, "start_share": 0.0})
    assert (done_here.best, done_here.epochs) == (0, 1)
    ours, theirs = open_model(tmp_path / "run", "cpu"), open_model(net)
    crops = crops_of(faces)
    np.testing.assert_allclose(ours.embed(crops), theirs.embed(crops), atol=1e-5)
    for name in ("size_px", "template", "colour", "mean", "std", "dim", "normalised", "metric"):
        assert getattr(ours.spec, name) == getattr(theirs.spec, name), name
    assert ours.spec.threshold != theirs.spec.threshold, "the threshold is chosen anew"


def test_the_run_needs_no_other_file(run: Path, faces: Path, tmp_path: Path) -> None:
    info = model_info(run)
    assert info["backbone"] == "start"
    assert info["pretrained"].startswith("starts from net.onnx, model ")
    assert [layer["name"] for layer in info["layers"]][:3] == ["conv.0", "conv.3", "gemm.7"]
    embed_set(run, faces, tmp_path / "e.parquet", device="cpu")
    assert evaluate(run, faces, tmp_path / "scores", device="cpu")
    card = (run / "README.md").read_text()
    assert "starts from net.onnx" in card
    assert str(run.parent) not in card


@pytest.mark.parametrize(("kind", "ending"), [("onnx", ".onnx"), ("torchscript", ".pt")])
def test_it_is_exported_as_any_model(run: Path, kind: str, ending: str, tmp_path: Path) -> None:
    done_here = export_model(run, tmp_path / f"net{ending}", to=kind)
    assert done_here["least_cosine"] > 0.99999
    assert done_here["dim"] == DIM


def test_the_id_covers_the_description(run: Path) -> None:
    objective = load_objective(run)
    before = open_model(run, "cpu").fingerprint()
    assert model_info(run)["fingerprint"] == before
    objective.model.get_buffer("backbone.graph")[-2] += 1
    assert model_fingerprint(objective) != before


def test_a_killed_run_ends_in_the_same_bits_though_its_start_is_gone(
    faces: Path, run: Path, tmp_path: Path
) -> None:
    out, gone = tmp_path / "run", face_net(tmp_path / "gone", colour="bgr")
    options = {**PULLED, "start": str(gone)}
    command = [sys.executable, "-m", "tests.support.killed_fit", str(faces), str(out)]
    ended = subprocess.run([*command, json.dumps([(options, "step 3")])], check=True, stdout=subprocess.PIPE)
    assert json.loads(ended.stdout) == [[-signal.SIGKILL, False]]
    for file in gone.parent.iterdir():
        file.unlink()
    fit(faces, out, **options, resume=True)
    for name in ("best.safetensors", "last.safetensors", "spec.json"):
        assert (out / name).read_bytes() == (run / name).read_bytes()


def test_more_epochs_need_no_start(run: Path, faces: Path, tmp_path: Path) -> None:
    options = {**PULLED, "start": str(run.parent / "gone" / "net.onnx")}
    done_here = fit(faces, run, **{**options, "epochs": 3}, resume=True)
    assert done_here.epochs == 3


def test_the_pull_and_the_share_hold_the_network_near_its_start(
    faces: Path, net: Path, tmp_path: Path
) -> None:
    crops = crops_of(faces)
    start = open_model(net).embed(crops)

    def moved(name: str, **options: Any) -> float:
        fit(faces, tmp_path / name, start=str(net), **{**START, "epochs": 3, "lr": 1e-2, **options})
        objective = load_objective(tmp_path / name / "last.safetensors")
        ours = TorchEmbedder(objective).embed(crops)
        cosine = (ours * start).sum(1) / np.linalg.norm(ours, axis=1) / np.linalg.norm(start, axis=1)
        return float(1 - cosine.mean())

    free, pulled, shared = moved("a"), moved("b", start_weight=100.0), moved("c", start_share=0.3)
    assert pulled < 0.5 * free
    assert shared < 0.7 * free


def test_class_centres_begin_at_the_people_s_means(faces: Path, net: Path, tmp_path: Path) -> None:
    fit(faces, tmp_path / "run", start=str(net), **{**START, "epochs": 1, "lr": 1e-12})
    state = load_newest(tmp_path / "run" / "state")
    assert state is not None
    centres = state.tensors["objective.goal.head.W"].T.numpy()
    objective = load_objective(tmp_path / "run")
    prepared = open_set(faces)
    classes = ClassManifest.open(prepared)
    who = np.array(classes.table.column("identity").to_pylist())
    with CropReader(classes) as reader:
        crops = np.asarray(reader.read(np.arange(len(who))))
    model = open_model(net)
    for person, centre in zip(objective.classes, centres, strict=True):
        own = [model.embed(side) for side in (crops[who == person], crops[who == person][:, :, ::-1].copy())]
        units = np.concatenate([one / np.linalg.norm(one, axis=1, keepdims=True) for one in own])
        mean = units.mean(0) / np.linalg.norm(units.mean(0))
        np.testing.assert_allclose(centre / np.linalg.norm(centre), mean, atol=2e-3)


def test_a_run_as_the_start_keeps_its_statistics(faces: Path, tmp_path: Path) -> None:
    fit(
        faces,
        tmp_path / "first",
        **{**TINY, "epochs": 1, "hidden": "20", "normalised": True, "distance": "cosine"},
    )
    fit(faces, tmp_path / "second", start=str(tmp_path / "first"), **START)
    first, second = (load_file(tmp_path / name / "best.safetensors") for name in ("first", "second"))
    last = load_file(tmp_path / "second" / "last.safetensors")
    statistics = [name for name in first if name.endswith(("running_mean", "running_var"))]
    assert statistics
    for name in statistics:
        assert torch.equal(first[name], last["model.backbone.net." + name.removeprefix("model.")])
    assert second.keys() == last.keys()
    assert any(
        not torch.equal(first[name], last["model.backbone.net." + name.removeprefix("model.")])
        for name in first
        if name.startswith("model.") and name.endswith("weight")
    )
    spec = read_spec(tmp_path / "second" / "spec.json")
    assert (spec.size_px, spec.dim, spec.normalised, spec.metric) == (32, 16, True, "cosine")
    # a third run from the second: the description is handed on, not wrapped again
    fit(faces, tmp_path / "third", start=str(tmp_path / "second"), **{**START, "epochs": 1})
    third = load_file(tmp_path / "third" / "last.safetensors")
    assert third.keys() == second.keys()
    assert torch.equal(third["model.backbone.graph"], second["model.backbone.graph"])


def test_another_template_is_refused(faces: Path, tmp_path: Path) -> None:
    net = face_net(tmp_path, template="arcface112")
    with pytest.raises(SpecError, match=r"arcface112 crops.*facedata crop"):
        fit(faces, tmp_path / "run", start=str(net), **START)


def test_the_recipe_wants_a_model(faces: Path, net: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--recipe finetune starts from a finished model: name it"):
        fit(faces, tmp_path / "run", recipe="finetune", device="cpu")
    few = ["--device", "cpu", "--workers", 1, "--epochs", 1, "--val-pairs", 40]
    for number, words in enumerate(
        (
            ["fit", faces, "--recipe", "finetune", net, "--out", tmp_path / "0", *few],
            ["fit", "--out", tmp_path / "1", *few, "--recipe", "finetune", net, faces],
            ["fit", "--recipe", "finetune", "--start", net, faces, "--out", tmp_path / "2", *few],
        )
    ):
        done(*words)
        assert f'start = "{net}"' in (tmp_path / str(number) / "config.toml").read_text()
    assert here("fit", faces, "--recipe", "finetune", "--out", tmp_path / "3", *few).status == 2


TAUGHT: dict[str, Any] = {
    **TINY, "batches": "people", "loss": "cosface", "margin": 0.2, "scale": 16.0, "photos_per_person": 3,
    "teacher_weight": 5.0, "save_steps": 1,
}  # fmt: skip


def test_a_teacher_s_embeddings_are_kept_by_id_and_learnt(faces: Path, net: Path, tmp_path: Path) -> None:
    fit(faces, tmp_path / "run", teacher=str(net), **TAUGHT)
    kept = load_file(tmp_path / "run" / "state" / "teacher-embeddings.safetensors")
    state = load_newest(tmp_path / "run" / "state")
    assert state is not None
    projection = part(state.tensors, "objective.guidance.projections.teacher.")
    assert projection["weight"].shape == (DIM, 16)
    saved = load_file(tmp_path / "run" / "best.safetensors")
    assert not [name for name in saved if name.startswith("guidance")]
    classes = ClassManifest.open(open_set(faces))
    model = open_model(net)
    for number in (0, 7):
        row = int(np.flatnonzero(classes.ids == int(kept["ids"][number]))[0])
        with CropReader(classes) as reader:
            crop = np.asarray(reader.read(np.array([row])))
        for side, seen in enumerate((crop, crop[:, :, ::-1].copy())):
            want = model.embed(seen)[0]
            np.testing.assert_allclose(
                kept["embeddings"][side, number].float().numpy(), want / np.linalg.norm(want), atol=1e-3
            )


def test_a_taught_run_that_was_killed_ends_in_the_same_bits_without_the_teacher(
    faces: Path, tmp_path: Path
) -> None:
    teacher = face_net(tmp_path / "net")
    options = {**TAUGHT, "teacher": str(teacher)}
    fit(faces, tmp_path / "whole", **options)
    out = tmp_path / "run"
    command = [sys.executable, "-m", "tests.support.killed_fit", str(faces), str(out)]
    ended = subprocess.run([*command, json.dumps([(options, "step 3")])], check=True, stdout=subprocess.PIPE)
    assert json.loads(ended.stdout) == [[-signal.SIGKILL, False]]
    for file in teacher.parent.iterdir():
        file.unlink()
    fit(faces, out, **options, resume=True)
    for name in ("best.safetensors", "last.safetensors", "spec.json"):
        assert (out / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    (out / "state" / "teacher-embeddings.safetensors").unlink()
    with pytest.raises(RunError, match=r"teacher-embeddings\.safetensors"):
        fit(faces, out, **{**options, "epochs": 3}, resume=True)


def test_whom_the_start_knows_the_run_knows(faces: Path, tmp_path: Path) -> None:
    others = people_set(tmp_path / "others", people=14)
    fit(others.path, tmp_path / "first", **{**TINY, "epochs": 1, "rows_per_epoch": 24})
    fit(faces, tmp_path / "second", start=str(tmp_path / "first"), **{**START, "epochs": 1})
    first, second = (read_people(tmp_path / name) for name in ("first", "second"))
    assert first.trained - {f"p{number:02d}" for number in range(10)}, "somebody whom the second set lacks"
    assert first.trained < second.trained
    assert first.judged <= second.judged | second.trained


def test_a_ready_model_s_name_and_its_licence(
    faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    net = face_net(tmp_path / "net")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    spec = read_spec(net.with_suffix(".json"))
    monkeypatch.setenv("no_proxy", "*")
    with serve_file() as server:
        stand_in(monkeypatch, server, "sface", net.read_bytes(), spec=spec)
        fit(faces, tmp_path / "run", start="sface", **{**START, "epochs": 1})
    assert model_info(tmp_path / "run")["pretrained"].startswith("starts from sface (OpenCV Zoo's face_recog")
    card = (tmp_path / "run" / "README.md").read_text()
    assert "sface (OpenCV Zoo" in card
    assert "Apache-2.0" in card
    fit(faces, tmp_path / "next", start=str(tmp_path / "run"), **{**START, "epochs": 1})
    assert "Apache-2.0" in (tmp_path / "next" / "README.md").read_text(), "the licence goes along"
