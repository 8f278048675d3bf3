"""Trainers without a run around them, on any device: some steps of one epoch, and what came of them."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from facedata import ClassManifest, PreparedSet
from facemodel.batches.people import TrainingPeople
from facemodel.batches.reader import CropReader
from facemodel.epochs.sampler import make_sampler
from facemodel.machine.ranks import ALONE, Ranks
from facemodel.network.model import input_spec, make_model
from facemodel.objective.objective import make_objective
from facemodel.recipes import fit_config
from facemodel.training.trainer import Trainer
from tests.support.tiny_fit import TINY

STEPS = 3

PLAIN: dict[str, Any] = {
    "optimizer": "sgd",
    "lr": 1e-3,
    "rows_per_epoch": 48,
    "photos_per_person": 3,
    "flip": True,
}
COSFACE: dict[str, Any] = {
    **PLAIN, "batches": "people", "loss": "cosface", "margin": 0.2, "scale": 8.0, "normalised": True,
}  # fmt: skip


class Trained(NamedTuple):
    """What some steps left.

    Attributes:
        loss: its mean over the rows.
        weights: by name, on the CPU; averages of BatchNorm too.
        trainer: what made them.
    """

    loss: float
    weights: dict[str, Tensor]
    trainer: Trainer

    def distance(self, other: Trained) -> float:
        """Return how far the weights are from another's, over how long those are."""
        apart = sum(
            float((value - other.weights[name]).square().sum()) for name, value in self._floats().items()
        )
        return float((apart / sum(float(value.square().sum()) for value in other._floats().values())) ** 0.5)

    def _floats(self) -> dict[str, Tensor]:
        return {name: value.double() for name, value in self.weights.items() if value.is_floating_point()}


def make_trainer(
    prepared: PreparedSet, device: torch.device, ranks: Ranks = ALONE, **options: Any
) -> Trainer:
    """Make one; the first weights depend on the options alone."""
    config = fit_config({**TINY, **options})
    training = TrainingPeople.of(ClassManifest.open(prepared.path, split="train"))
    model, _ = make_model(config, input_spec(config, prepared))
    objective = make_objective(config, model, training.names, training.counts)
    return Trainer(config, objective, training, device, ranks)


def train(some: Trainer, steps: int = STEPS, first: int = 0) -> Trained:
    """Train the steps of epoch 1 from ``first`` on; ``steps`` counts from the epoch's beginning."""
    plan = make_sampler(some.config, some.training).epoch(1)
    with CropReader(some.training.classes, workers=1) as reader:
        for done in some.steps(plan, 1, some.config.lr, reader, first):
            if done.step == steps:
                break
    loss = some.tally.mean("loss")
    if loss is None:
        raise RuntimeError("no step was made")
    weights = {name: value.detach().cpu().clone() for name, value in some.objective.state_dict().items()}
    return Trained(loss, weights, some)
