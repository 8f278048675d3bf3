"""The objective: rows laid out as said, every goal learns, fp32 where it must be, seeds alone decide."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facedata.errors import UsageError
from facemodel.config import FitConfig
from facemodel.errors import DataError
from facemodel.machine.ranks import Ranks
from facemodel.machine.whole_batch import WholeBatch, share_batch_norms
from facemodel.network.model import make_model
from facemodel.objective.losses import triplet_losses
from facemodel.objective.objective import Objective, make_objective
from facemodel.spec import InputSpec

TINY = "timm:test_efficientnet"
PEOPLE = ("Ana", "Bo", "Cy")
GOALS: dict[str, dict[str, object]] = {
    "triplet": {"batches": "triplets"},
    "pairs": {"batches": "pairs", "loss": "bce", "dropout": 0.1},
    "cross-entropy": {"batches": "photos", "loss": "cross-entropy"},
    "focal": {"batches": "photos", "loss": "focal", "class_weights": True, "closed": True},
    "arcface": {"batches": "people", "loss": "arcface", "margin": 28.6, "scale": 16.0},
    "cosface": {"batches": "people", "loss": "cosface", "margin": 0.35, "scale": 16.0},
    "sub-centres": {
        "batches": "people", "loss": "arcface", "margin": 28.6, "scale": 16.0, "sub_centres": 3,
        "interclass_filter": 0.9,
    },
    "people": {"batches": "people", "loss": "triplet", "miner": "hard", "margin": 0.5},
    "multi-similarity": {"batches": "people", "loss": "multi-similarity", "normalised": True},
}  # fmt: skip


def objective_of(goal: str, **changes: object) -> Objective:
    values = {"backbone": TINY, "size": 32, "dim": 16, "weights": "none", "batch": 12, **GOALS[goal]}
    config = FitConfig(**{**values, **changes})  # type: ignore[arg-type]
    spec = InputSpec(size_px=config.size, template="square", dim=config.dim, normalised=config.normalised)
    return make_objective(config, make_model(config, spec)[0], PEOPLE, np.array([1, 2, 3]))


def batch(objective: Objective, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor | None, int]:
    """Images of three people that can be told apart: each has a colour."""
    generator = torch.Generator().manual_seed(seed)
    people = torch.tensor([0, 0, 1, 1, 1, 2, 2, 2, 0, 1, 2, 0])
    k = {"triplets": 3, "pairs": 2}.get(objective.config.batches, 1)
    labels = None if k == 3 else people
    if k == 3:  # anchor, positive, negative
        people = torch.tensor([0, 0, 1, 1, 1, 2, 2, 2, 0, 0, 0, 2])
    if k == 2:
        labels = (people[::2] == people[1::2]).int()
    colours = torch.eye(3)[people].view(-1, 3, 1, 1)
    return 2 * colours + 0.5 * torch.randn(len(people), 3, 32, 32, generator=generator), labels, k


@pytest.mark.parametrize("goal", GOALS)
def test_every_goal_lowers_its_loss_and_reports_scalars(goal: str) -> None:
    objective = objective_of(goal)
    optimizer = torch.optim.Adam(objective.parameters(), lr=5e-3)
    losses = []
    for number in range(25):
        objective.train()
        optimizer.zero_grad()
        found = objective(*batch(objective, number))
        found.loss.backward()
        optimizer.step()
        losses.append(found.loss.item())
        assert all(weight.grad is not None for weight in objective.parameters())  # DDP waits for each
        assert all(term.ndim == 0 and not term.requires_grad for term in found.terms.values())
    mined = goal in ("triplet", "people", "multi-similarity")
    assert set(found.terms) == {"spread", "active" if mined else "accuracy"}
    assert np.mean(losses[-3:]) < 0.8 * np.mean(losses[:3])


def test_the_images_of_a_row_follow_each_other() -> None:
    objective = objective_of("triplet").eval()
    images, _, _ = batch(objective)
    with torch.inference_mode():
        found = objective(images, None, 3)
        rows = torch.stack([objective.model(images[i : i + 3]) for i in range(0, 12, 3)])
        losses = triplet_losses(rows, 1.0, "euclidean")
    assert found.loss.item() == pytest.approx(losses.mean().item(), rel=1e-4)
    assert found.terms["active"].item() == pytest.approx((losses > 0).float().mean().item())
    with pytest.raises(DataError, match="11 images cannot make rows of 3"):
        objective(images[:11], None, 3)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("goal", ["arcface", "cosface", "triplet"])
def test_the_loss_is_computed_in_float32_under_autocast(goal: str, dtype: torch.dtype) -> None:
    """fp16 margin heads gave NaN: cosines near 1, scaled by 64, exceed what it can tell apart."""
    objective = objective_of(goal)
    seen = list[torch.dtype]()
    objective.goal.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].dtype))
    with torch.autocast("cpu", dtype=dtype):
        found = objective(*batch(objective))
    found.loss.backward()
    assert seen == [torch.float32]
    assert found.loss.dtype == torch.float32
    assert all(w.grad is not None and w.grad.isfinite().all() for w in objective.goal.parameters())
    # and its matrix products are float32, too: the same numbers as outside autocast
    embeddings, labels = torch.randn(12, 16), batch(objective)[1]
    with torch.autocast("cpu", dtype=dtype), torch.autocast("cpu", enabled=False):
        within = objective.goal(embeddings, labels)[0]
    assert torch.equal(within, objective.goal(embeddings, labels)[0])


def test_weights_depend_on_the_seed_alone() -> None:
    def numbers(seed: int, before: int) -> torch.Tensor:
        torch.manual_seed(before)
        objective = objective_of("arcface", seed=seed)
        drawn = torch.rand(3)
        torch.manual_seed(before)
        assert torch.equal(drawn, torch.rand(3))  # and nobody else's numbers are used up
        return torch.cat([weight.flatten() for weight in objective.parameters()])

    assert torch.equal(numbers(1, 10), numbers(1, 20))
    assert not torch.equal(numbers(1, 10), numbers(2, 10))


def test_one_class_is_refused() -> None:
    values = {**GOALS["focal"], "backbone": TINY, "size": 32, "dim": 16, "weights": "none"}
    config = FitConfig(**values)  # type: ignore[arg-type]
    model, _ = make_model(config, InputSpec(size_px=32, template="square", dim=16))
    with pytest.raises(DataError, match="needs two people to tell apart, and there is 1"):
        make_objective(config, model, ["Ana"], np.array([3]))
    with pytest.raises(DataError, match="there are 2 counts for 3 classes"):
        make_objective(config, model, PEOPLE, np.array([3, 1]))


@pytest.mark.parametrize("goal", ["arcface", "cosface"])
def test_a_batch_of_one_photo_is_refused_where_batchnorm_must_train(goal: str) -> None:
    objective, image = objective_of(goal).train(), torch.randn(1, 3, 32, 32)
    with pytest.raises(DataError, match="a batch of one photo cannot train BatchNorm"):
        objective(image, torch.tensor([0]))
    assert objective.eval()(image, torch.tensor([0])).loss.isfinite()


def test_a_share_of_one_photo_trains_where_statistics_are_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a last batch of three photos one of two processes has one; its BatchNorm sees all three."""
    monkeypatch.setattr(torch.distributed, "all_reduce", lambda tensor: None)
    objective = objective_of("arcface").train()
    share_batch_norms(objective, WholeBatch(torch.nn.Identity(), Ranks()))
    assert objective(torch.randn(1, 3, 64, 64), torch.tensor([0])).loss.isfinite()


def test_pairs_are_scored_and_classes_named_by_the_goals_that_can() -> None:
    pairs, classes, triplets = objective_of("pairs"), objective_of("focal"), objective_of("triplet")
    left, right = torch.randn(2, 5, 16)
    scores = pairs.eval().score_pairs(left, right)
    assert scores.shape == (5,)
    assert ((scores > 0) & (scores < 1)).all()
    assert classes.classes == PEOPLE
    assert classes.logits(left).shape == (5, 3)
    assert (triplets.classes, triplets.has_pairs, triplets.has_classes) == ((), False, False)
    with pytest.raises(UsageError, match="no class head"):
        triplets.logits(left)
    with pytest.raises(UsageError, match="no pair head"):
        classes.score_pairs(left, right)


def test_class_weights_lie_in_the_checkpoint_in_label_order() -> None:
    assert objective_of("focal").state_dict()["goal.weights"].tolist() == pytest.approx([2.0, 1.0, 2 / 3])


@pytest.mark.parametrize("goal", ["arcface", "cosface"])
def test_a_row_s_weight_multiplies_its_loss(goal: str) -> None:
    objective = objective_of(goal).eval()
    images, labels, k = batch(objective)
    weights = torch.linspace(0, 2, 12)
    rows = objective(images, labels, k).rows["losses"]
    found = objective(images, labels, k, weights)
    assert found.loss.item() == pytest.approx((rows * weights).mean().item(), rel=1e-5)
    assert torch.allclose(found.rows["losses"], rows)  # what is reported of a row is not weighed
    assert found.rows.keys() == {"losses", "own", "nearest"}
    assert not any(value.requires_grad for value in found.rows.values())
    assert found.terms["accuracy"] == (found.rows["own"] > found.rows["nearest"]).float().mean()
