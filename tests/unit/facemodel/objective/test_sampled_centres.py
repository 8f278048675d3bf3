"""Sampled centres: who is drawn, the losses of those, and the parts that several processes would hold."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from facedata.errors import UsageError
from facemodel.config import FitConfig
from facemodel.errors import ArchitectureError, DataError
from facemodel.machine.ranks import ALONE, Ranks
from facemodel.objective.goals import Moment
from facemodel.objective.margin_goals import ArcFaceGoal, MarginHead
from facemodel.objective.margin_softmax import MarginRule, row_losses
from facemodel.objective.sampled_centres import SampledCentres

DIM, CLASSES, SEED = 8, 1000, 5
RULE = MarginRule("arcface", 28.6, 16.0)
CPU = torch.device("cpu")


def config_of(share: float, **changes: object) -> FitConfig:
    values = {"batches": "people", "loss": "arcface", "margin": 28.6, "scale": 16.0, "sample_classes": share}
    return FitConfig(**{**values, **changes})  # type: ignore[arg-type]


def centres_of(
    share: float, ranks: Ranks = ALONE, classes: int = CLASSES, **changes: object
) -> SampledCentres:
    centres = SampledCentres(config_of(share, **changes), DIM, classes, SEED)
    centres.place(CPU, ranks)
    return centres


def batch(classes: int = CLASSES) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    labels = torch.randint(classes, (24,), generator=generator).repeat_interleave(2)
    return torch.randn(48, DIM, generator=generator), labels


def test_the_own_people_are_always_drawn_and_about_a_share_of_the_others() -> None:
    centres, (_, labels) = centres_of(0.1), batch()
    own = set(labels.tolist())
    drawn = []
    for step in range(200):
        people, places, counts = centres.draw(labels, (0, 1, step, 0))
        assert counts.tolist() == pytest.approx([1 if one in own else 10 for one in people.tolist()])
        assert torch.equal(people[places], labels)
        assert people.tolist() == sorted(set(people.tolist()))
        drawn.append(people)
    others = np.bincount(np.concatenate([one.numpy() for one in drawn]), minlength=CLASSES)
    assert all(others[list(own)] == 200)
    others = np.delete(others, list(own))
    # 200 draws at a rate of .1: mean 20, deviation 4.2; over people and, with fewer draws, over steps
    assert others.mean() == pytest.approx(20, abs=0.5)
    assert others.std() == pytest.approx(4.24, abs=0.5)
    sizes = np.array([len(one) for one in drawn]) - len(own)
    assert sizes.std() == pytest.approx(np.sqrt(0.09 * (CLASSES - len(own))), rel=0.2)


def test_who_is_drawn_depends_on_the_key_alone() -> None:
    (_, labels), key = batch(), (3, 1, 7, 0)
    one = centres_of(0.1).draw(labels, key)[0]
    torch.manual_seed(99)
    assert torch.equal(one, centres_of(0.1).draw(labels, key)[0])
    assert not torch.equal(one, centres_of(0.1).draw(labels, (3, 1, 8, 0))[0])
    # and of two keys each draws as if there were no other: .1 · .1 of the people are in both
    both = set(one.tolist()) & set(centres_of(0.1).draw(labels[:0], (3, 1, 9, 0))[0].tolist())
    assert 1 <= len(both - set(labels.tolist())) <= 25


@pytest.mark.parametrize("sub_centres", [1, 3])
@pytest.mark.parametrize("world", [2, 3])
def test_processes_together_hold_and_draw_what_one_would(world: int, sub_centres: int) -> None:
    (_, labels), key = batch(), (3, 1, 7, 0)
    alone = centres_of(0.1, sub_centres=sub_centres)
    parts = [centres_of(0.1, Ranks(rank, world), sub_centres=sub_centres) for rank in range(world)]
    assert torch.equal(torch.cat([part.weights for part in parts]), alone.weights)
    drawn = [part.draw(labels, key) for part in parts]
    people = torch.cat([one[0] + part.own.start for one, part in zip(drawn, parts, strict=True)])
    assert torch.equal(people, alone.draw(labels, key)[0])
    assert torch.equal(torch.cat([one[2] for one in drawn]), alone.draw(labels, key)[2])
    for (held, places, _), part in zip(drawn, parts, strict=True):
        here = places >= 0
        assert torch.equal(held[places[here]] + part.own.start, labels[here])
        assert not ((labels[~here] >= part.own.start) & (labels[~here] < part.own.stop)).any()


def test_first_values_of_many_blocks_are_those_of_one_process() -> None:
    classes = 150_000
    parts = [centres_of(0.1, Ranks(rank, 2), classes).weights for rank in range(2)]
    whole = centres_of(0.1, ALONE, classes).weights
    assert torch.equal(torch.cat(parts), whole)
    assert whole.mean().abs() < 0.01
    assert whole.std().item() == pytest.approx(1, abs=0.01)
    assert len(np.unique(whole.detach().numpy(), axis=0)) == classes


@pytest.mark.parametrize("sub_centres", [1, 3])
def test_with_all_people_it_is_the_whole_head(sub_centres: int) -> None:
    centres, (embeddings, labels) = centres_of(1.0, sub_centres=sub_centres), batch()
    head = MarginHead(CLASSES, DIM, sub_centres)
    with torch.no_grad():
        head.W.copy_(centres.weights.T)
    own, other = embeddings.clone().requires_grad_(), embeddings.clone().requires_grad_()
    found, wanted = centres.losses(own, labels, RULE, (0,)), head(other, labels, RULE)
    assert torch.allclose(found.losses, wanted.losses, rtol=1e-5)
    assert torch.equal(found.right, wanted.right)
    found.losses.mean().backward()  # type: ignore[no-untyped-call]
    wanted.losses.mean().backward()
    assert own.grad is not None
    assert other.grad is not None
    assert torch.allclose(own.grad, other.grad, atol=1e-6)
    assert centres.weights.grad is not None
    assert head.W.grad is not None
    assert torch.allclose(centres.weights.grad.to_dense(), head.W.grad.T, atol=1e-6)


def test_a_share_is_the_softmax_over_those_drawn_and_has_their_gradient_only() -> None:
    centres, (embeddings, labels) = centres_of(0.05), batch()
    key = (0, 2, 5, 0)
    found = centres.losses(embeddings, labels, RULE, key)
    people, places, counts = centres.draw(labels, key)
    unit = nn.functional.normalize(centres.weights.detach())[people]
    wanted = row_losses(nn.functional.normalize(embeddings) @ unit.T, places, RULE, counts=counts)
    assert torch.allclose(found.losses, wanted.losses, rtol=1e-5)
    found.losses.sum().backward()  # type: ignore[no-untyped-call]
    gradient = centres.weights.grad
    assert gradient is not None
    assert gradient.is_sparse
    assert torch.equal(gradient.coalesce().indices()[0], people)


def test_the_others_sum_is_on_average_that_over_all_people() -> None:
    """The exponent of a loss less one is the others' sum over the photo's own."""
    centres, whole, (embeddings, labels) = centres_of(0.1), centres_of(1.0), batch()
    rule = MarginRule("cosface", 0.0, 4.0)
    sums = [centres.losses(embeddings, labels, rule, (step,)).losses.expm1().detach() for step in range(400)]
    wanted = whole.losses(embeddings, labels, rule, (0,)).losses.expm1().detach()
    found = torch.stack(sums)
    deviation = found.std(0) / 20  # of a mean of 400
    assert ((found.mean(0) - wanted).abs() < 4.5 * deviation).all()
    assert (deviation < 0.05 * wanted).all()


def test_a_process_without_a_drawn_person_still_takes_part() -> None:
    part = centres_of(1e-4, Ranks(1, 2), classes=20)
    people, places, _ = part.draw(torch.tensor([3, 4]), (0,))
    assert len(people) == 1
    assert places.tolist() == [-1, -1]


def test_state_comes_back_bit_for_bit_and_another_set_s_is_refused() -> None:
    centres, (embeddings, labels) = centres_of(0.2), batch()
    for step in range(3):
        centres.losses(embeddings, labels, RULE, (step,)).losses.mean().backward()  # type: ignore[no-untyped-call]
        centres.optimizer.step()
        centres.optimizer.zero_grad(set_to_none=True)
    state = {name: value.clone() for name, value in centres.state().items()}
    assert set(state) == {"weights", "first", "second", "last"}
    other = centres_of(0.2)
    other.restore(state)
    assert all(torch.equal(value, state[name]) for name, value in other.state().items())
    assert other.optimizer.steps == 3
    parts = [centres_of(0.2, Ranks(rank, 2)) for rank in range(2)]
    for part in parts:  # what one process wrote two can take
        part.restore(state)
    assert torch.equal(torch.cat([part.weights for part in parts]), state["weights"])
    with pytest.raises(ArchitectureError, match="centres are 1000x8, and here they are 999x8: resume with"):
        centres_of(0.2, classes=999).restore(state)
    with pytest.raises(ArchitectureError, match="centres are none"):
        other.restore({})


def test_fewer_people_than_processes_are_refused() -> None:
    with pytest.raises(DataError, match="there are 3 people for 4 processes"):
        centres_of(0.5, Ranks(0, 4), classes=3)


def test_the_goal_draws_by_its_moment_and_keeps_no_classifier() -> None:
    torch.manual_seed(0)
    goal = ArcFaceGoal(config_of(0.1), DIM, CLASSES, None)
    assert goal.sampled is not None
    goal.sampled.place(CPU, ALONE)
    assert not goal.state_dict()
    embeddings, labels = batch()
    losses = []
    for step in (1, 2, 1):
        goal.moment = Moment(0.0, (0, 1, step, 0))
        losses.append(goal(embeddings, labels)[0].item())
    assert losses[0] == losses[2] != losses[1]
    with pytest.raises(UsageError, match="no class head"):
        goal.logits(embeddings)
    with pytest.raises(UsageError, match="--closed keeps the classifier of all people"):
        config_of(0.1, closed=True)
