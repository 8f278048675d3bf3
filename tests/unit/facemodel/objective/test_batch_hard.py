"""Batch-hard triplets: those of a slow loop, and no collapse where two labels of five are wrong."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from pytorch_metric_learning.miners import BatchEasyHardMiner
from torch import Tensor, nn

from facemodel.config import DISTANCES
from facemodel.objective.batch_hard import OWN_SHARE, STRANGER_SHARE, BatchHard
from facemodel.objective.losses import all_distances, make_mined_triplet, row_distances, spread
from facemodel.scoring.metrics import roc
from tests.benchmark.check_rows.planted import plant_swaps

Miner = Callable[[Tensor, Tensor], tuple[Tensor, Tensor, Tensor]]


def slow(embeddings: Tensor, labels: Tensor, distance: str) -> list[tuple[int, int, int]]:
    rows = range(len(labels))

    def d(a: int, b: int) -> float:
        return float(row_distances(embeddings[[a]], embeddings[[b]], distance))

    credible: dict[int, list[int]] = {}
    for a in rows:
        own = [p for p in rows if p != a and labels[p] == labels[a]]
        strangers = sorted(d(a, n) for n in rows if labels[n] != labels[a])
        limit = strangers[int(STRANGER_SHARE * (len(strangers) - 1))]
        nearest = min((d(a, p) for p in own), default=0.0)
        credible[a] = [p for p in own if d(a, p) <= limit or d(a, p) == nearest]
    usual = sorted(d(a, p) for a, those in credible.items() for p in those)
    least = usual[int(OWN_SHARE * (len(usual) - 1))]
    triplets = []
    for a, positives in credible.items():
        negatives = [n for n in rows if labels[n] != labels[a] and d(a, n) >= least]
        if positives and negatives:
            farthest = max(positives, key=lambda p: d(a, p))
            triplets.append((a, farthest, min(negatives, key=lambda n: d(a, n))))
    return triplets


@pytest.mark.parametrize("distance", DISTANCES)
def test_triplets_are_a_slow_loops(distance: str) -> None:
    for seed in range(3):
        generator = torch.Generator().manual_seed(seed)
        labels = torch.tensor([0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 3, 3, 4])  # the last is alone
        centres = torch.randn(5, 6, generator=generator)[labels]
        embeddings = centres + torch.randn(14, 6, generator=generator)
        found = torch.stack(BatchHard(distance)(embeddings, labels), 1).tolist()
        assert [tuple(row) for row in found] == slow(embeddings, labels, distance)


def test_photos_under_a_wrong_name_are_neither_positives_nor_negatives() -> None:
    # three people, far apart, with photos at the corners of a triangle whose sides are 1; in the middle
    # of the first two triangles lies a photo that has the other one's name
    corners = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.5, 0.75**0.5]])
    middles = torch.tensor([[20.0, 0.0], [0.0, 0.0]]) + corners.mean(0)
    where = torch.tensor([[0.0, 0.0], [20.0, 0.0], [60.0, 0.0]])
    at = torch.cat([(where[:, None] + corners).flatten(0, 1), middles])
    labels = torch.tensor([0, 0, 0, 1, 1, 1, 2, 2, 2, 0, 1])
    anchors, positives, negatives = BatchHard("euclidean")(at, labels)
    apart = all_distances(at, "euclidean")
    right = anchors < 9
    assert right.sum() == 9
    assert (apart[anchors, positives][right] < 2).all()
    assert (apart[anchors, negatives] > 15).all()
    same = labels[:, None] == labels
    farthest, nearest = apart.masked_fill(~same, 0).amax(1), apart.masked_fill(same, torch.inf).amin(1)
    assert (farthest[:6] > 15).all(), "what plain batch-hard takes"
    assert (nearest[:6] < 2).all()


def test_without_a_positive_or_another_person_there_is_nothing() -> None:
    for labels in (torch.arange(4), torch.zeros(4, dtype=torch.int64)):
        assert [len(rows) for rows in BatchHard("squared")(torch.randn(4, 3), labels)] == [0, 0, 0]


def painted(seed: int, people: int = 200) -> tuple[Tensor, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Photos as 64 numbers, of which 24 (in a fixed turn) are the person's, and the others anything."""
    rng, turn = np.random.default_rng(seed), np.random.default_rng(0)
    person = np.repeat(np.arange(people), 4)
    own = rng.standard_normal((people, 24))[person] + 0.5 * rng.standard_normal((len(person), 24))
    mixed = np.hstack([own, 1.5 * rng.standard_normal((len(person), 40))])
    mixed = mixed @ np.linalg.qr(turn.standard_normal((64, 64)))[0]
    return torch.tensor(mixed, dtype=torch.float32), person


def train(miner: Miner, share: float, steps: int = 120) -> tuple[float, float]:
    """Train a small network on squared distances at length one; return spread and AUC of other people."""
    torch.manual_seed(0)
    photos, true = painted(10)
    person = plant_swaps(true, share, 0).person if share else true
    net = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 16))
    optimizer, rng = torch.optim.Adam(net.parameters(), lr=1e-3), np.random.default_rng(0)
    loss = make_mined_triplet(0.3, "squared")
    of_person = [np.flatnonzero(person == one) for one in range(person.max() + 1)]
    for _ in range(steps):
        rows = np.concatenate([of_person[one][:4] for one in rng.permutation(len(of_person))[:16]])
        labels = torch.from_numpy(person[rows])
        embeddings = nn.functional.normalize(net(photos[rows]))
        optimizer.zero_grad()
        loss(embeddings, labels, miner(embeddings, labels)).backward()
        optimizer.step()
    strangers, theirs = painted(99, 100)
    with torch.no_grad():
        found = nn.functional.normalize(net(strangers))
    left, right = np.triu_indices(len(theirs), 1)
    alike = -torch.cdist(found, found).numpy()[left, right].astype(np.float64)
    return float(spread(found)), float(roc(alike, theirs[left] == theirs[right]).auc())


def test_wrong_labels_do_not_make_it_collapse() -> None:
    """With plain batch-hard, 40% of the labels exchanged shrink the embeddings to a fifth of their spread."""
    plain, its_auc = train(BatchEasyHardMiner(pos_strategy="hard", neg_strategy="hard"), 0.4)
    ours, auc = train(BatchHard("squared"), 0.4)
    assert plain < 0.25
    assert ours > 2 * plain
    assert auc > its_auc + 0.03
