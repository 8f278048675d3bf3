"""Losses against slow loops in double precision, and against the libraries they replace or use."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from torch import nn

from facemodel.config import DISTANCES
from facemodel.objective.losses import (
    active_share,
    all_distances,
    class_weights,
    focal_loss,
    make_mined_triplet,
    make_miner,
    make_multi_similarity,
    row_distances,
    spread,
    triplet_losses,
)

DIM = 6


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def slow_distance(a: torch.Tensor, b: torch.Tensor, distance: str) -> float:
    pairs: list[tuple[float, float]] = list(zip(a.double().tolist(), b.double().tolist(), strict=True))
    square = sum((x - y) ** 2 for x, y in pairs)
    dot = sum(x * y for x, y in pairs)
    lengths = math.sqrt(sum(x * x for x, _ in pairs) * sum(y * y for _, y in pairs))
    found: dict[str, float] = {
        "euclidean": math.sqrt(square),
        "squared": square,
        "mean-squared": square / len(pairs),
        "cosine": 1 - dot / lengths,
    }
    return found[distance]


def slow_triplet(row: torch.Tensor, margin: float, distance: str) -> float:
    a, p, n = row
    return max(0.0, slow_distance(a, p, distance) - slow_distance(a, n, distance) + margin)


@pytest.mark.parametrize("distance", DISTANCES)
def test_distances_are_the_slow_loops(distance: str) -> None:
    left, right = numbers(5, DIM), numbers(5, DIM, seed=1)
    wanted = [slow_distance(a, b, distance) for a, b in zip(left, right, strict=True)]
    assert row_distances(left, right, distance).tolist() == pytest.approx(wanted, rel=1e-5)
    every = [[slow_distance(a, b, distance) for b in left] for a in left]
    assert np.allclose(all_distances(left, distance), every, atol=1e-5)


@pytest.mark.parametrize("distance", DISTANCES)
def test_the_gradient_is_finite_where_two_embeddings_are_one(distance: str) -> None:
    rows = numbers(2, 1, DIM).expand(2, 3, DIM).clone().requires_grad_()
    triplet_losses(rows, 0.3, distance).sum().backward()  # type: ignore[no-untyped-call]
    assert rows.grad is not None
    assert rows.grad.isfinite().all()


@pytest.mark.parametrize(
    ("margin", "distance"), [(1.0, "euclidean"), (0.3, "mean-squared"), (0.9, "squared")]
)
def test_triplets_are_the_slow_loops(margin: float, distance: str) -> None:
    """The margins and distances of systems A, B and C."""
    rows = numbers(20, 3, DIM)
    rows = nn.functional.normalize(rows, dim=2) if distance == "squared" else rows
    wanted = [slow_triplet(row, margin, distance) for row in rows]
    assert triplet_losses(rows, margin, distance).tolist() == pytest.approx(wanted, rel=1e-4, abs=1e-5)
    assert 0 < sum(one == 0 for one in wanted) < 20


def test_euclidean_triplets_are_torchs() -> None:
    rows = numbers(50, 3, 128)
    wanted = nn.TripletMarginLoss(margin=1.0, reduction="none")(*rows.unbind(1))
    assert torch.allclose(triplet_losses(rows, 1.0, "euclidean"), wanted, atol=1e-4)  # it adds 1e-6 per value


def test_a_class_weighs_inversely_to_its_photos_and_one_in_the_mean_over_photos() -> None:
    counts = np.array([40, 10, 0, 50])
    weights = class_weights(counts)
    assert weights.tolist() == pytest.approx([100 / 3 / 40, 100 / 3 / 10, 0, 100 / 3 / 50])
    assert float((weights * torch.from_numpy(counts)).sum() / 100) == pytest.approx(1)


def test_class_weights_stand_in_label_order() -> None:
    """Weights in the order of counts, as a Counter lists them, gave 0 of 902 right."""
    counts = np.array([3, 500, 20])  # the order by frequency is another one than by label
    weights = class_weights(counts)
    logits = torch.zeros(3, 3)
    alone = [float(focal_loss(logits[:1], torch.tensor([label]), 0.0, weights)) for label in range(3)]
    share = [one / math.log(3) * count for one, count in zip(alone, counts, strict=True)]
    assert share == pytest.approx([sum(counts) / 3] * 3)  # each class has the same say in an epoch
    assert max(range(3), key=alone.__getitem__) == 0


def test_weighted_cross_entropy_learns_a_rare_class() -> None:
    """The same defect seen from its end: with weights at the wrong labels the rare class is never named."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.tensor([0] * 6 + [1] * 300 + [2] * 60)
    centres = torch.tensor([[0.0, 1.0], [1.0, 0.0], [-1.0, 0.0]])
    points = centres[labels] + 0.7 * torch.randn(len(labels), 2, generator=generator)
    weights = class_weights(np.bincount(labels.numpy()))

    def recall(chosen: torch.Tensor) -> list[float]:
        layer = nn.Linear(2, 3)
        optimizer = torch.optim.Adam(layer.parameters(), lr=0.05)
        for _ in range(300):
            optimizer.zero_grad()
            focal_loss(layer(points), labels, 2.0, chosen).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        named = layer(points).argmax(1)
        return [float((named[labels == label] == label).float().mean()) for label in range(3)]

    right, wrong = recall(weights), recall(weights.flip(0).roll(1))
    assert min(right) > 0.4
    assert wrong[0] < right[0]


def test_focal_loss_is_the_slow_loops_and_cross_entropy_at_gamma_0() -> None:
    logits, labels = numbers(12, 4), torch.arange(12) % 4
    weights = torch.tensor([0.5, 2.0, 1.0, 0.1])
    p = torch.softmax(logits.double(), dim=1)[torch.arange(12), labels].tolist()
    wanted = [
        float(weights[label]) * (1 - one) ** 2 * -math.log(one) for one, label in zip(p, labels, strict=True)
    ]
    assert float(focal_loss(logits, labels, 2.0, weights)) == pytest.approx(sum(wanted) / 12, rel=1e-5)
    plain = nn.functional.cross_entropy(logits, labels)
    assert float(focal_loss(logits, labels, 0.0)) == pytest.approx(float(plain), rel=1e-6)


def test_focal_loss_has_a_finite_gradient_at_certainty() -> None:
    logits = torch.tensor([[100.0, -100.0]], requires_grad=True)
    focal_loss(logits, torch.tensor([0]), 0.5).backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def people(count: int, photos: int) -> torch.Tensor:
    return torch.arange(count).repeat_interleave(photos)


def slow_triplets(labels: torch.Tensor) -> list[tuple[int, int, int]]:
    rows = range(len(labels))
    return [
        (a, p, n)
        for a, p, n in itertools.product(rows, rows, rows)
        if a != p and labels[a] == labels[p] != labels[n]
    ]


def mined_triplet_loss(
    embeddings: torch.Tensor, labels: torch.Tensor, miner: str, margin: float, distance: str
) -> torch.Tensor:
    pick = make_miner(miner, margin, distance)
    mined = None if pick is None else pick(embeddings, labels)
    found: torch.Tensor = make_mined_triplet(margin, distance)(embeddings, labels, mined)
    return found


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("miner", ["none", "semihard"])
def test_mined_triplets_are_a_slow_loops(miner: str, distance: str) -> None:
    labels, embeddings, margin = people(4, 3), numbers(12, DIM, seed=5), 0.5

    def d(a: int, b: int) -> float:
        return slow_distance(embeddings[a], embeddings[b], distance)

    triplets = slow_triplets(labels)
    if miner == "semihard":
        triplets = [t for t in triplets if 0 < d(t[0], t[2]) - d(t[0], t[1]) <= margin]
    losses = [max(0.0, d(a, p) - d(a, n) + margin) for a, p, n in triplets]
    active = [one for one in losses if one > 0]
    found = mined_triplet_loss(embeddings, labels, miner, margin, distance)
    assert float(found) == pytest.approx(sum(active) / len(active), rel=1e-3)


def test_a_batch_without_a_triplet_to_mine_costs_nothing_and_has_a_gradient() -> None:
    embeddings = torch.zeros(4, DIM, requires_grad=True)
    loss = mined_triplet_loss(embeddings, people(2, 2), "semihard", 0.2, "euclidean")
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.item() == 0


def test_multi_similarity_falls_when_people_come_together() -> None:
    loss, labels = make_multi_similarity(0.2, "cosine"), people(4, 3)
    apart = numbers(12, DIM)
    together = numbers(4, DIM, seed=2).repeat_interleave(3, dim=0) + 0.01 * apart
    assert float(loss(together, labels)) < float(loss(apart, labels))


def test_the_active_share_is_a_slow_loops() -> None:
    labels, embeddings, margin = people(5, 3), numbers(15, 3, seed=7), 0.1
    embeddings = embeddings + 2 * numbers(5, 3, seed=8).repeat_interleave(3, dim=0)
    every = [t[:2] for t in slow_triplets(labels)]
    active = {
        t[:2] for t in slow_triplets(labels) if slow_triplet(embeddings[list(t)], margin, "euclidean") > 0
    }
    wanted = len(active) / len(set(every))
    assert 0 < wanted < 1
    assert float(active_share(embeddings, labels, margin, "euclidean")) == pytest.approx(wanted)


def test_spread_is_0_for_a_collapsed_batch_and_near_1_for_a_random_one() -> None:
    one = numbers(1, 32).expand(10, 32)
    assert float(spread(one)) < 1e-3
    assert float(spread(numbers(500, 32))) == pytest.approx(1, abs=0.01)
    assert float(spread(torch.zeros(4, 8))) == 0
