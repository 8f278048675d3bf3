"""ArcFace and CosFace with their centres: pytorch-metric-learning's numbers, sub-centres, the warm-up."""

from __future__ import annotations

import pytest
import torch
from pytorch_metric_learning.losses import ArcFaceLoss, CosFaceLoss
from torch import nn

from facemodel.config import FitConfig
from facemodel.objective.goals import Moment
from facemodel.objective.margin_goals import ArcFaceGoal, CosFaceGoal, MarginGoal, MarginHead
from facemodel.objective.margin_softmax import MarginRule

GOALS = {"arcface": (ArcFaceGoal, ArcFaceLoss, 28.6), "cosface": (CosFaceGoal, CosFaceLoss, 0.35)}
DIM, CLASSES = 16, 50


def goal_of(kind: str, **changes: object) -> MarginGoal:
    values = {"batches": "people", "loss": kind, "margin": GOALS[kind][2], **changes}
    torch.manual_seed(3)
    return GOALS[kind][0](FitConfig(**values), DIM, CLASSES, None)  # type: ignore[arg-type]


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(40, DIM, generator=torch.Generator().manual_seed(1)), torch.arange(40) % CLASSES


@pytest.mark.parametrize("kind", GOALS)
def test_losses_gradients_and_first_centres_are_the_library_s(kind: str) -> None:
    ours, (embeddings, labels) = goal_of(kind), batch()
    torch.manual_seed(3)
    theirs = GOALS[kind][1](num_classes=CLASSES, embedding_size=DIM, margin=GOALS[kind][2], scale=64)
    assert torch.equal(ours.head.W, theirs.W)
    embeddings[:6] = -theirs.W.detach().T[:6] + 0.01 * embeddings[:6]  # beyond a half turn
    own, other = embeddings.clone().requires_grad_(), embeddings.clone().requires_grad_()
    loss, terms = ours(own, labels)
    loss.backward()
    wanted = theirs(other, labels)
    wanted.backward()
    assert loss.item() == pytest.approx(wanted.item(), rel=1e-6)
    assert own.grad is not None
    assert torch.allclose(own.grad, other.grad, atol=2e-6)  # type: ignore[arg-type]
    assert ours.head.W.grad is not None
    assert torch.allclose(ours.head.W.grad, theirs.W.grad, atol=2e-6)
    logits = theirs.get_logits(embeddings)
    assert torch.allclose(ours.logits(embeddings), logits, atol=1e-4)
    assert terms["accuracy"] == (logits.argmax(1) == labels).float().mean()


def test_a_person_s_nearest_centre_counts() -> None:
    torch.manual_seed(0)
    head, (embeddings, _) = MarginHead(CLASSES, DIM, 3), batch()
    found = head.cosines(embeddings)
    for person in range(CLASSES):
        centres = head.W[:, 3 * person : 3 * person + 3].T
        each = torch.stack([nn.functional.cosine_similarity(embeddings, one[None]) for one in centres])
        assert torch.allclose(found[:, person], each.amax(0), atol=1e-6)


def test_only_a_photo_s_nearest_centre_of_a_person_learns_from_it() -> None:
    torch.manual_seed(0)
    head, (embeddings, _) = MarginHead(2, DIM, 3), batch()
    head(embeddings[:1], torch.tensor([1]), MarginRule("cosface", 0.2, 8.0)).losses.sum().backward()
    moved = head.W.grad.abs().sum(0) > 0  # type: ignore[union-attr]
    assert moved.view(2, 3).sum(1).tolist() == [1, 1]


def test_more_centres_are_more_columns_of_one_matrix() -> None:
    assert goal_of("arcface", sub_centres=3).state_dict()["head.W"].shape == (DIM, 3 * CLASSES)


@pytest.mark.parametrize("kind", GOALS)
def test_the_margin_rises_with_the_epochs_done_alone(kind: str) -> None:
    goal, full = goal_of(kind, margin_warmup_epochs=2.0), GOALS[kind][2]
    assert goal.rule.margin == full  # where nothing trains
    seen = []
    for done in (0.0, 0.5, 1.0, 2.0, 7.5):
        goal.moment = Moment(done)
        seen.append(goal.rule.margin)
    assert seen == pytest.approx([0, full / 4, full / 2, full, full])
    losses = []
    for done in (0.0, 1.0, 2.0):
        goal.moment = Moment(done)
        losses.append(goal(*batch())[0].item())
    assert losses[0] < losses[1] < losses[2]
    logits = goal.logits(batch()[0])
    plain = nn.functional.cross_entropy(logits, batch()[1]).item()
    assert losses[0] == pytest.approx(plain, rel=1e-5)  # without a margin it is cross entropy
