"""Embedders of ours: what they give, that training goes on undisturbed, and which device there is."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from facedata.errors import UsageError
from facemodel.config import FitConfig
from facemodel.errors import DeviceError, ModelError
from facemodel.machine.devices import choose_device
from facemodel.models.embedder import TorchEmbedder, open_model
from facemodel.models.saved import save_model
from facemodel.network.model import make_model
from facemodel.objective.objective import Objective, make_objective
from facemodel.spec import InputSpec

PEOPLE = ("Ana", "Bo")


def objective_of(**options: object) -> Objective:
    values = {"backbone": "timm:test_efficientnet", "size": 32, "dim": 8, "weights": "none", **options}
    config = FitConfig(**values)  # type: ignore[arg-type]
    spec = InputSpec(config.size, "square", config.dim, mean=(0.1, 0.2, 0.3), std=(0.5, 0.6, 0.7))
    objective = make_objective(config, make_model(config, spec)[0], PEOPLE)
    objective.train()(torch.randn(12, 3, 32, 32), torch.tensor([0, 1] * 6), 1 if objective.classes else 3)
    return objective


def crops(count: int, side: int = 32) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3), np.uint8)


def test_crops_are_fed_as_the_spec_says() -> None:
    objective = objective_of()
    images = (crops(3) / 255 - [0.1, 0.2, 0.3]) / [0.5, 0.6, 0.7]
    with torch.inference_mode():
        wanted = objective.eval().model(torch.from_numpy(images.transpose(0, 3, 1, 2)).float())
    found = TorchEmbedder(objective).embed(crops(3))
    assert found.dtype == np.float32
    assert np.allclose(found, wanted.numpy(), atol=1e-4)


def test_crops_of_any_side_and_none_at_all() -> None:
    embedder = TorchEmbedder(objective_of())
    assert embedder.embed(crops(2, 45)).shape == (2, 8)
    assert embedder.embed(crops(0)).shape == (0, 8)


def test_one_crop_gives_one_embedding() -> None:
    embedder = TorchEmbedder(objective_of())
    one = embedder.embed(crops(1)[0])
    assert one.shape == (8,)
    assert np.array_equal(one, embedder.embed(crops(1))[0])


@pytest.mark.parametrize(
    "wrong",
    [crops(2).astype(np.float32), crops(2)[..., 0], crops(2)[:, :20], crops(1)[0, 0], crops(2)[..., :2]],
)
def test_what_is_no_crop_is_said(wrong: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> None:
    with pytest.raises(UsageError, match=rf"an array of {wrong.dtype} and shape \(.*a model takes uint8 RGB"):
        TorchEmbedder(objective_of()).embed(wrong)


def test_a_crops_embedding_hardly_depends_on_its_neighbours() -> None:
    embedder = TorchEmbedder(objective_of())
    together = embedder.embed(crops(7))
    alone = np.concatenate([embedder.embed(crop[None]) for crop in crops(7)])
    assert np.allclose(together, alone, atol=1e-4)


def test_embedding_in_the_middle_of_training_leaves_no_trace() -> None:
    objective = objective_of().train()
    before = {name: tensor.clone() for name, tensor in objective.state_dict().items()}
    TorchEmbedder(objective).embed(crops(5))
    assert objective.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in objective.state_dict().items())


def test_only_a_closed_sets_classifier_names_people() -> None:
    photos = {"batches": "photos", "loss": "cross-entropy"}
    closed = TorchEmbedder(objective_of(**photos, closed=True))
    logits = closed.logits(crops(3))
    assert closed.classes == PEOPLE
    assert logits is not None
    assert logits.shape == (3, 2)
    for other in (objective_of(**photos), objective_of()):
        assert TorchEmbedder(other).classes == ()
        assert TorchEmbedder(other).logits(crops(3)) is None


def test_a_pair_heads_scores_are_given_for_embeddings() -> None:
    config = {"batches": "pairs", "loss": "bce"}
    values = {"backbone": "timm:test_efficientnet", "size": 32, "dim": 8, "weights": "none", **config}
    fit = FitConfig(**values)  # type: ignore[arg-type]
    objective = make_objective(fit, make_model(fit, InputSpec(32, "square", 8))[0])
    embedder, (left, right) = TorchEmbedder(objective), np.random.default_rng(1).random((2, 5, 8), np.float32)
    scores = embedder.score_pairs(left, right)
    assert embedder.scores_pairs
    assert scores is not None
    assert ((scores > 0) & (scores < 1)).all()
    assert TorchEmbedder(objective_of()).score_pairs(left, right) is None


def test_the_id_is_of_the_weights_and_of_how_they_are_fed() -> None:
    objective = objective_of()
    ids = {TorchEmbedder(objective).fingerprint()}
    assert ids == {TorchEmbedder(objective).fingerprint()}
    spec = objective.model.spec
    objective.model.spec = spec.with_threshold(0.3, "euclidean")
    assert ids == {TorchEmbedder(objective).fingerprint()}  # a threshold changes no embedding
    objective.model.spec = dataclasses.replace(spec, mean=(0.5, 0.5, 0.5))
    ids.add(TorchEmbedder(objective).fingerprint())
    with torch.no_grad():
        next(objective.model.parameters()).view(-1)[0] += 1
    ids.add(TorchEmbedder(objective).fingerprint())
    assert len(ids) == 3


def test_a_run_is_opened_and_gives_what_it_gave(tmp_path: Path) -> None:
    objective = objective_of()
    save_model(tmp_path, "best", objective)
    objective.model.spec.write(tmp_path / "spec.json")
    opened = open_model(tmp_path, "cpu")
    assert np.array_equal(opened.embed(crops(4)), TorchEmbedder(objective).embed(crops(4)))
    assert opened.fingerprint() == TorchEmbedder(objective).fingerprint()
    assert (opened.name, opened.device) == (str(tmp_path), torch.device("cpu"))


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "net.pt").write_bytes(b"x")
    with pytest.raises(
        ModelError, match=r"is not a model: name a run folder, a .safetensors file or an .onnx"
    ):
        open_model(tmp_path / "net.pt")
    with pytest.raises(ModelError, match="there is no model at"):
        open_model(tmp_path / "gone")


def test_a_gpu_that_is_not_there_is_refused() -> None:
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    with pytest.raises(DeviceError, match=f"--device cuda:{count}: no such GPU"):
        choose_device(f"cuda:{count}")
    if not count:
        with pytest.raises(DeviceError, match=r"torch finds no GPU here. --device auto uses"):
            choose_device("cuda")
        assert choose_device("auto") == torch.device("cpu")


def test_a_text_that_names_no_device_is_refused() -> None:
    for text in ("gpu", "cuda:", "cuda:-1", "cuda:x", "cpu:0", "mps", ""):
        with pytest.raises(UsageError, match="it takes auto, cpu, cuda or cuda:N"):
            choose_device(text)
