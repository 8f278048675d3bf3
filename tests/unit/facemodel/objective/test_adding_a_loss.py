"""A loss from outside: one assignment to the table of losses, and it trains, is saved and opens again."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from facedata.errors import UsageError
from facemodel import FitConfig, fit, open_model
from facemodel.errors import ModelError
from facemodel.loss_table import LOSSES, Loss
from facemodel.objective.goals import Goal, LossAndTerms
from facemodel.objective.losses import all_distances
from tests.support.history import read_csv
from tests.support.people_set import people_set
from tests.support.tiny_fit import TINY


class ContrastiveGoal(Goal):
    """Contrastive loss within a batch: one person's photos come together, others' stay a margin apart."""

    def forward(self, embeddings: Tensor, labels: Tensor) -> LossAndTerms:
        distances = all_distances(embeddings, "euclidean")
        same = labels[:, None] == labels[None, :]
        too_near = (self.config.margin - distances).clamp_min(0)
        return torch.where(same, distances, too_near).square().mean(), {
            "active": (too_near > 0).float().mean()
        }


OPTIONS = {**TINY, "batches": "people", "photos_per_person": 3, "loss": "contrastive", "epochs": 1}


def test_a_loss_is_added_by_one_assignment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    faces = people_set(tmp_path / "set").path
    with pytest.raises(UsageError, match="--loss is 'contrastive'; it takes one of triplet"):
        fit(faces, tmp_path / "run", **OPTIONS)
    monkeypatch.setitem(LOSSES, "contrastive", Loss({"people": ContrastiveGoal}, uses=("margin",)))
    assert fit(faces, tmp_path / "run", **OPTIONS).epochs == 1
    row = read_csv(tmp_path / "run" / "history.csv")[1]
    assert row.loss is not None
    assert 0 < row.loss < 9
    assert open_model(tmp_path / "run").spec.dim == 16
    # where the loss is not in the table its runs are refused
    monkeypatch.delitem(LOSSES, "contrastive")
    with pytest.raises(ModelError, match="--loss is 'contrastive'; it takes one of triplet"):
        open_model(tmp_path / "run")
    with pytest.raises(UsageError, match="--loss is 'contrastive'; it takes one of triplet"):
        fit(faces, tmp_path / "run", **OPTIONS, resume=True)


def test_a_row_says_what_the_loss_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LOSSES, "contrastive", Loss({"people": ContrastiveGoal}, most_margin=2.0))
    with pytest.raises(UsageError, match="--batches pairs trains with bce, not with --loss contrastive"):
        FitConfig(batches="pairs", loss="contrastive")
    with pytest.raises(UsageError, match="--loss contrastive allows at most 2"):
        FitConfig(batches="people", loss="contrastive", margin=3.0)
    with pytest.raises(UsageError, match="--closed keeps the loss's classifier, and this loss has none"):
        FitConfig(batches="people", loss="contrastive", closed=True)
